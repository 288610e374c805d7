"""Reply templates: words that are written often, ready to be put into the form of an act.

They are shipped as data (`reply_templates.yaml`); a supervisor may write others in their place, or more.
What was written is a version that stays; what a case was told stands in its history anyway.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import String, false, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.errors import Refused
from cases.pack import LANGUAGES, STRICT, Code, Names, Pack
from cases.permissions import EDIT_TEMPLATES, Person, require
from cases.record import Record

FILE = Path(__file__).with_suffix(".yaml")
# The acts that have templates, and which blank of their form they fill.
ACTS: Mapping[str, str] = {
    "interim": "text",
    "resolve": "answer",
    "close": "note",
    "return": "words",
}
BLANKS = frozenset({"number", "department", "due"})
LONGEST_NAME, LONGEST_TEXT = 80, 2000
MOST = 200
_BLANK = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Template:
    """A template as it is now. `category`: only for cases of that category; None for all. `names` are in
    every language, `texts` in those in which there is one. `version` 0: as it is shipped."""

    code: str
    action: str
    category: str | None
    names: Mapping[str, str]
    texts: Mapping[str, str]
    version: int = 0
    withdrawn: bool = False


class Version(Record):
    """A template as somebody wrote it; the latest of a code is in force."""

    __tablename__ = "reply_template_versions"

    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(String(16))
    category: Mapped[str | None] = mapped_column(String(64))
    names: Mapped[dict[str, Any]]
    texts: Mapped[dict[str, Any]]
    withdrawn: Mapped[bool] = mapped_column(default=False, server_default=false())
    written_by: Mapped[str] = mapped_column(String(64))
    written_at: Mapped[datetime]

    @property
    def template(self) -> Template:
        return Template(
            *(self.code, self.action, self.category, self.names, self.texts),
            self.number,
            self.withdrawn,
        )


def _acted(action: str) -> str:
    if action not in ACTS:
        raise ValueError(f"there are templates for {', '.join(ACTS)} alone")
    return action


def _known_blanks(texts: Mapping[str, str]) -> Mapping[str, str]:
    if unknown := unknown_blanks(texts.values()):
        raise ValueError(f"nobody fills in {{{unknown}}}")
    return texts


class _Shipped(BaseModel):
    model_config = STRICT
    action: Annotated[str, AfterValidator(_acted)]
    category: Code | None = None
    name: Names
    text: Annotated[Names, AfterValidator(_known_blanks)]


class _File(Pack):
    templates: dict[Code, _Shipped] = Field(min_length=1)


@cache
def shipped() -> Mapping[str, Template]:
    """The templates that come with the program, by code. Raises PackError."""
    return {
        code: Template(code, one.action, one.category, one.name, one.text)
        for code, one in _File.read(FILE).templates.items()
    }


def unknown_blanks(texts: Iterable[str]) -> str | None:
    """The first blank that nobody fills in, if there is one."""
    found = (name for text in texts for name in _BLANK.findall(text))
    return next((name for name in found if name not in BLANKS), None)


def current(session: Session) -> list[Template]:
    """All templates as they are now, those withdrawn among them: by act, then in the order in which they
    came."""
    written = session.scalars(select(Version).order_by(Version.written_at, Version.number)).all()
    latest = {**shipped()}
    for one in written:
        latest[one.code] = one.template
    order = list(ACTS)
    return sorted(latest.values(), key=lambda one: order.index(one.action))


def for_case(session: Session, category: str | None) -> list[Template]:
    """Those that fit a case of this category, what is meant for the category alone first."""
    fitting = [
        one for one in current(session) if not one.withdrawn and one.category in (None, category)
    ]
    return sorted(fitting, key=lambda one: one.category is None)


def versions(session: Session, code: str) -> list[Version]:
    """What was written of one template, the latest first; what is shipped is none of them."""
    mine = select(Version).where(Version.code == code)
    return list(session.scalars(mine.order_by(Version.number.desc())))


def find(session: Session, code: str) -> Template | None:
    """The template of this code as it is now."""
    written = versions(session, code)
    return written[0].template if written else shipped().get(code)


def write(
    session: Session,
    template: Template,
    *,
    by: Person,
    now: datetime,
) -> Template:
    """The next version of a template, or a new one (with an empty `code`). `template.version`: the one
    that `by` had before them.

    Raises Refused: `forbidden`; `incomplete` without an act, a name in every language or any text;
    `unknown_blank`; `changed` when somebody else wrote meanwhile; `too_many`.
    """
    require(by.role, EDIT_TEMPLATES)
    _check(template)
    there = current(session)
    code = template.code or _new_code(template.action, {one.code for one in there})
    now_there = find(session, code)
    if now_there is None and len(there) >= MOST:
        raise Refused("too_many", most=MOST)
    if (now_there.version if now_there else 0) != template.version:
        raise Refused("changed", version=template.version)
    made = Version(
        code=code,
        number=template.version + 1,
        action=template.action,
        category=template.category,
        names={one: template.names[one][:LONGEST_NAME] for one in LANGUAGES},
        texts={
            one: template.texts[one][:LONGEST_TEXT] for one in LANGUAGES if template.texts.get(one)
        },
        withdrawn=template.withdrawn,
        written_by=by.actor,
        written_at=now,
    )
    session.add(made)
    session.flush()
    return made.template


def _check(template: Template) -> None:
    names = [one for one in LANGUAGES if template.names.get(one)]
    texts = [one for one in template.texts.values() if one]
    given = {
        "action": template.action in ACTS,
        "names": len(names) == len(LANGUAGES),
        "texts": texts,
    }
    if missing := [name for name, there in given.items() if not there]:
        raise Refused("incomplete", action="template", missing=missing)
    if (unknown := unknown_blanks(texts)) is not None:
        raise Refused("unknown_blank", blank=f"{{{unknown}}}")


def _new_code(action: str, taken: set[str]) -> str:
    return next(code for n in range(1, 10_000) if (code := f"{action}-{n}") not in taken)


def fill(text: str, facts: Mapping[str, str]) -> str:
    """The text with its blanks filled in; one whose fact is not known stays as a blank, to be seen."""
    return _BLANK.sub(lambda found: facts.get(found[1]) or found[0], text)
