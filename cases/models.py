"""The models that were taught what a city's matters are about: versions, and which of them is in service.

A version is never altered, and the choice of one is a line that is only added: to go back is to choose an earlier
one once more, or the seed words (`None`), which are there before anything was taught. The newest choice counts,
from the next guess on and in every process: each asks which it is and reads a model when there is another.

The weights are kept in our own database as plain numbers (`learned`): nothing in them can be run.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ForeignKey, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import admin_history, permissions
from cases.accesses import OPERATOR
from cases.errors import Refused
from cases.permissions import EDIT_CITY, Person
from cases.record import Id, Record

if TYPE_CHECKING:
    from cases.learned import Model

log = logging.getLogger(__name__)


class Version(Record):
    """One model. `source`: the name of the file it was taught from; `rows`: how many there were;
    `figures`: what it was worth on texts that it was not taught; `digest`: of the weights."""

    __tablename__ = "models"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(128))
    rows: Mapped[int]
    figures: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))
    weights: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class Choice(Record):
    """From `chosen_at` on, this model guesses; none: the seed words do."""

    __tablename__ = "model_choices"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    model_id: Mapped[int | None] = mapped_column(Id, ForeignKey("models.id"))
    chosen_at: Mapped[datetime]
    chosen_by: Mapped[str] = mapped_column(String(64))


def keep(
    session: Session,
    model: Model,
    *,
    source: str,
    rows: int,
    figures: Mapping[str, Any],
    by: Person,
    now: datetime,
) -> Version:
    """Keep a model as one more version; it is not in service by that."""
    _require(by)
    weights = model.to_bytes()
    made = Version(
        made_at=now,
        made_by=by.actor,
        source=source[-128:],
        rows=rows,
        figures=dict(figures),
        digest=hashlib.sha256(weights).hexdigest(),
        weights=weights,
    )
    session.add(made)
    session.flush()
    admin_history.add(session, "model_made", now, by=by, about=f"model:{made.id}", rows=rows)
    return made


def choose(session: Session, number: int | None, *, by: Person, now: datetime) -> None:
    """Put a version into service; None: the seed words. Nothing where it is already.

    Raises Refused: `forbidden`; `unknown_model` where there is no such version, or it cannot be read.
    """
    _require(by)
    if number is not None and _readable(session, number) is None:
        raise Refused("unknown_model", model=number)
    if number == chosen(session):
        return
    session.add(Choice(model_id=number, chosen_at=now, chosen_by=by.actor))
    session.flush()
    about = f"model:{number}" if number is not None else "model:words"
    admin_history.add(session, "model_chosen", now, by=by, about=about)


def before(session: Session) -> int | None:
    """What was in service before what is now. Raises Refused("no_model_before") where nothing was chosen yet."""
    newest = select(Choice.model_id).order_by(Choice.id.desc())
    found = list(session.scalars(newest.limit(2)))
    if not found:
        raise Refused("no_model_before")
    return found[1] if len(found) > 1 else None


def chosen(session: Session) -> int | None:
    """The version in service; None while the seed words are."""
    return session.scalars(select(Choice.model_id).order_by(Choice.id.desc()).limit(1)).first()


def in_service(session: Session) -> Model | None:
    """The model that guesses now; None: the seed words do. One that cannot be read is logged and does not
    keep a case waiting."""
    newest = (
        select(Version.digest)
        .select_from(Choice)
        .outerjoin(Version, Version.id == Choice.model_id)
        .order_by(Choice.id.desc())
        .limit(1)
    )
    digest = session.scalars(newest).first()
    return None if digest is None else _by_digest(session, digest)


def versions(session: Session) -> list[Version]:
    """Every version, the newest first, without its weights."""
    return list(session.scalars(select(Version).order_by(Version.id.desc())))


def _readable(session: Session, number: int) -> Model | None:
    digest = session.scalars(select(Version.digest).where(Version.id == number)).first()
    return None if digest is None else _by_digest(session, digest)


# Models this process has read, by what is in them: two versions at most, the one in service and the one before.
_READ: dict[str, Model | None] = {}
_MOST_READ: Final = 2


def _by_digest(session: Session, digest: str) -> Model | None:
    if digest not in _READ:
        weights = session.scalars(select(Version.weights).where(Version.digest == digest)).first()
        for oldest in list(_READ)[: 1 - _MOST_READ]:
            _READ.pop(oldest, None)
        _READ[digest] = _opened(weights or b"")
    return _READ[digest]


def _opened(weights: bytes) -> Model | None:
    # Imported here so that a process without a model does not pay for NumPy.
    from cases.learned import BadModel, Model

    try:
        return Model.of_bytes(weights)
    except BadModel as error:
        log.error("the model in service cannot be read, the seed words guess: %s", error)
        return None


def _require(by: Person) -> None:
    if by != OPERATOR:
        permissions.require(by.role, EDIT_CITY)
