"""What a city's people changed in the console: versions of its files, and editions made of them.

A *version* is one text of one file of the city's folder; it is never altered. It begins as a draft. An
*edition* says which version of which files is in force; the newest one counts, and a file it does not
name is the folder's own. To publish is to add an edition, and so is going back to an earlier one. Edition
0 is the folder as it was installed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, Text, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import permissions
from cases.errors import Refused
from cases.permissions import EDIT_CITY, EDIT_ROUTING, Person
from cases.record import Id, Record

DEPARTMENTS, CATEGORIES, CLOCKS = "departments.yaml", "categories.yaml", "clocks.yaml"
CLOSURES, ROUTING, REFERRAL = "closures.yaml", "routing.yaml", "referral.yaml"
SOUNDS = "prompts/sounds.yaml"
PROMPTS = {language: f"prompts/{language}.yaml" for language in ("yue", "cmn", "en")}
FLOWS = {flow: f"flows/{flow}.yaml" for flow in ("hotline", "followup")}
# The files that may be changed, and who may.
MAY: Mapping[str, str] = {
    **dict.fromkeys((DEPARTMENTS, CATEGORIES, CLOCKS, CLOSURES, REFERRAL, SOUNDS), EDIT_CITY),
    **dict.fromkeys((*PROMPTS.values(), *FLOWS.values()), EDIT_CITY),
    ROUTING: EDIT_ROUTING,
}
LONGEST = 1_000_000
"""Characters of one file that is changed in the console."""
PLACES = "places.csv"
# Files that are no text to edit: they are imported whole. Who may go back to an earlier one.
IMPORTED: Mapping[str, str] = {PLACES: EDIT_CITY}


class Version(Record):
    """One text of one file. `number` counts the file's versions from 1. `made_from`: the version whose
    text was changed, none for the folder's own. A draft is neither published nor dropped."""

    __tablename__ = "city_versions"
    __table_args__ = (Index("uq_city_versions_name", "name", "number", unique=True),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    number: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)
    made_from: Mapped[int | None] = mapped_column(Id)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]

    @property
    def is_draft(self) -> bool:
        return self.published_at is None and self.dropped_at is None


class Edition(Record):
    """Which version (by id) of which files is in force from `published_at` until the next edition.
    `back_to`: the earlier edition that this one says again."""

    __tablename__ = "city_editions"

    number: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    versions: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(Text)
    back_to: Mapped[int | None] = mapped_column(Id)
    published_by: Mapped[str] = mapped_column(String(64))
    published_at: Mapped[datetime]


@dataclass(frozen=True)
class Plan:
    """What would be in force: to be proof-read, then published. `on`: the edition it was made on."""

    on: int
    versions: Mapping[str, int]
    texts: Mapping[str, str]
    changed: frozenset[str]
    back_to: int | None = None


# --- what is in force -------------------------------------------------------------------------------


def newest(session: Session) -> int:
    """The number of the edition in force; 0 while the folder alone counts."""
    return session.scalar(select(func.max(Edition.number))) or 0


def texts(session: Session, number: int, *trials: int) -> dict[str, str]:
    """The texts of an edition by file, with these versions (drafts to be tried) in their files' places.

    Raises LookupError when there is no such edition or version.
    """
    ids = {*_ids(session, number).values(), *trials}
    found = {one.id: one for one in session.scalars(select(Version).where(Version.id.in_(ids)))}
    if ids - found.keys():
        raise LookupError(f"there is no version {sorted(ids - found.keys())[0]}")
    texts = {one.name: one.text for key, one in found.items() if key not in trials}
    return texts | {found[key].name: found[key].text for key in trials}


def _ids(session: Session, number: int) -> dict[str, int]:
    if not number:
        return {}
    edition = session.get(Edition, number)
    if edition is None:
        raise LookupError(f"there is no edition {number}")
    return dict(edition.versions)


def in_force(session: Session, name: str) -> Version | None:
    """The version of a file that is in force; None where the folder's own is."""
    found = _ids(session, newest(session)).get(name)
    return session.get_one(Version, found) if found else None


def editions(session: Session, limit: int = 50) -> list[Edition]:
    """The last editions, the newest first."""
    return list(session.scalars(select(Edition).order_by(Edition.number.desc()).limit(limit)))


def versions(session: Session, name: str) -> list[Version]:
    """Every version of a file, the newest first."""
    wanted = select(Version).where(Version.name == name)
    return list(session.scalars(wanted.order_by(Version.number.desc())))


# --- drafts ----------------------------------------------------------------------------------------


def drafts(session: Session, names: Collection[str] = MAY.keys()) -> list[Version]:
    """What was changed and not yet published: at most one draft a file."""
    open_ones = select(Version).where(Version.published_at.is_(None), Version.dropped_at.is_(None))
    return list(session.scalars(open_ones.where(Version.name.in_(names)).order_by(Version.name)))


def working(session: Session, name: str) -> Version | None:
    """What one goes on from: the file's draft, else what is in force (None: the folder's own)."""
    return next(iter(drafts(session, (name,))), None) or in_force(session, name)


def draft(
    session: Session, name: str, text: str, made_from: int | None, *, by: Person, now: datetime
) -> Version:
    """Keep a changed text as the file's draft; a draft before it is dropped.

    made_from: the version whose text was changed. Raises Refused: `unknown_file`, `forbidden`,
    `file_too_long`, `changed_since` when somebody else's change came in between.
    """
    _require(name, by)
    if len(text) > LONGEST:
        raise Refused("file_too_long", most=LONGEST)
    before = working(session, name)
    if (before.id if before else None) != made_from:
        raise Refused("changed_since", file=name)
    number = 1 + (session.scalar(select(func.max(Version.number)).filter_by(name=name)) or 0)
    made = Version(
        name=name, number=number, text=text, made_from=made_from, made_by=by.actor, made_at=now
    )
    if before is not None and before.is_draft:
        before.dropped_at = now
    session.add(made)
    _flush(session, name)
    return made


def drop(session: Session, version_id: int, *, by: Person, now: datetime) -> Version:
    """Give a draft up. Raises Refused: `unknown_version` when it is no draft, `forbidden`."""
    found = session.get(Version, version_id)
    if found is None or not found.is_draft:
        raise Refused("unknown_version")
    _require(found.name, by)
    found.dropped_at = now
    return found


def _require(name: str, by: Person) -> None:
    needed = MAY.get(name) or IMPORTED.get(name)
    if needed is None:
        raise Refused("unknown_file", file=name)
    permissions.require(by.role, needed)


# --- publishing ------------------------------------------------------------------------------------


def plan(session: Session, ids: Iterable[int]) -> Plan:
    """The edition in force with these versions in their files' places. Raises
    Refused("unknown_version")."""
    on = newest(session)
    chosen = list(session.scalars(select(Version).where(Version.id.in_(list(ids)))))
    if not chosen:
        raise Refused("unknown_version")
    wanted = {**_ids(session, on), **{one.name: one.id for one in chosen}}
    return _plan(session, on, wanted)


def plan_back(session: Session, number: int) -> Plan:
    """What an earlier edition said, once more. Raises Refused("unknown_version")."""
    try:
        wanted = _ids(session, number)
    except LookupError:
        raise Refused("unknown_version") from None
    return _plan(session, newest(session), wanted, number)


def _plan(session: Session, on: int, wanted: Mapping[str, int], back_to: int | None = None) -> Plan:
    before = _ids(session, on)
    found = session.scalars(select(Version).where(Version.id.in_(wanted.values())))
    changed = {name for name in {*before, *wanted} if before.get(name) != wanted.get(name)}
    return Plan(on, wanted, {one.name: one.text for one in found}, frozenset(changed), back_to)


def publish(session: Session, plan: Plan, note: str, *, by: Person, now: datetime) -> Edition:
    """Put a plan that was proof-read in force, with a word of why.

    Raises Refused: `forbidden`, `incomplete` without a note, `unchanged`, `changed_since` when
    another edition came in between.
    """
    for name in plan.changed:
        _require(name, by)
    if not note.strip():
        raise Refused("incomplete", action="publish", missing=["note"])
    if not plan.changed:
        raise Refused("unchanged")
    return _publish(session, plan, note, by=by, now=now)


def _publish(session: Session, plan: Plan, note: str, *, by: Person, now: datetime) -> Edition:
    if newest(session) != plan.on:
        raise Refused("changed_since")
    made = Edition(
        number=plan.on + 1,
        versions=dict(plan.versions),
        note=note.strip(),
        back_to=plan.back_to,
        published_by=by.actor,
        published_at=now,
    )
    session.add(made)
    for one in session.scalars(select(Version).where(Version.id.in_(plan.versions.values()))):
        one.published_at = one.published_at or now
        one.dropped_at = None
    _flush(session, None)
    return made


def bring(session: Session, name: str, text: str, *, by: Person, now: datetime) -> Plan:
    """A version of an imported file, and the plan that would put it in force with everything else as it is.
    Whoever may run commands on the machine may do so. Raises Refused: `unknown_file`, `changed_since`."""
    if name not in IMPORTED:
        raise Refused("unknown_file", file=name)
    number = 1 + (session.scalar(select(func.max(Version.number)).filter_by(name=name)) or 0)
    made = Version(
        name=name, number=number, text=text, made_from=None, made_by=by.actor, made_at=now
    )
    session.add(made)
    _flush(session, name)
    return plan(session, [made.id])


def put_in_force(session: Session, plan: Plan, note: str, *, by: Person, now: datetime) -> Edition:
    """Publish a plan of nothing but imported files that was proof-read. Raises Refused: `changed_since`."""
    if not plan.changed <= IMPORTED.keys():
        raise Refused("forbidden", permission=EDIT_CITY)
    return _publish(session, plan, note, by=by, now=now)


def _flush(session: Session, name: str | None) -> None:
    """Of two at the same moment one is told that the other was first."""
    try:
        session.flush()
    except IntegrityError:
        raise Refused("changed_since", **({"file": name} if name else {})) from None
