"""Forms as data: what an act asks for. One template draws them all and gives back what was typed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

LONGEST = 4000
LONGEST_LINE = 200

Kind = Literal["line", "words", "choice", "choices", "pick", "date", "moment", "tick"]
Options = Iterable[tuple[str, str]]
# Texts ready to be put into a field, in groups: the group's name, and of each its code, name and words.
Ready = tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]
# What was entered: a text, or for `choices` several codes.
Given = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One thing a form asks for.

    `line` and `words` are text, short and long; `choice` is one of a list, `pick` one of a few that
    are all in sight, `choices` any number; `date` a day, `moment` a day and a time in the city;
    `tick` yes or nothing. `value`: what stands there before anybody types. `most`: characters of a long
    text. `ready`: texts that can be put into it by choosing them.
    """

    name: str
    kind: Kind = "words"
    options: tuple[tuple[str, str], ...] = ()
    needed: bool = True
    value: Any = ""
    most: int = LONGEST
    ready: Ready = ()

    def text(self, code: str) -> str:
        """The ready text of this code; nothing if there is none."""
        return next((text for _, texts in self.ready for one, _, text in texts if one == code), "")


@dataclass(frozen=True)
class Form:
    """What an act asks for. An act without fields is a button. `why`: a line of the city's own words
    that stands above the fields."""

    action: str
    fields: tuple[Field, ...] = ()
    why: str = ""


def choice(name: str, options: Options, *, needed: bool = True, value: str = "") -> Field:
    return Field(name, "choice", tuple(options), needed, value)


def pick(name: str, options: Options, *, needed: bool = True, value: str = "") -> Field:
    return Field(name, "pick", tuple(options), needed, value)


def choices(
    name: str, options: Options, *, needed: bool = True, value: Iterable[str] = ()
) -> Field:
    return Field(name, "choices", tuple(options), needed, tuple(value))


def read(form: Form, sent: MultiDict[str, str]) -> Given:
    """What was entered. What is not among a field's options counts as nothing."""
    return {field.name: _value(field, sent) for field in form.fields}


def _value(field: Field, sent: MultiDict[str, str]) -> Any:
    allowed = {code for code, _ in field.options}
    if field.kind == "choices":
        return [code for code in dict.fromkeys(sent.getlist(field.name)) if code in allowed]
    text = plain(sent.get(field.name, ""))
    if field.kind in ("choice", "pick"):
        return text if text in allowed else ""
    return text[: field.most if field.kind == "words" else LONGEST_LINE]


def plain(text: str) -> str:
    """The text as it is stored. PostgreSQL keeps every character but one."""
    return text.replace("\0", "").strip()


def filled(form: Form, given: Mapping[str, Any]) -> Form:
    """The same form with what was entered standing in it."""
    fields = tuple(replace(one, value=given.get(one.name, one.value)) for one in form.fields)
    return Form(form.action, fields, form.why)


def inserted(form: Form, given: Given, sent: Mapping[str, str]) -> Given:
    """What was entered, with the ready text that was chosen for one of the fields put behind it."""
    name = sent.get("insert", "")
    field = next((one for one in form.fields if one.name == name), None)
    text = field.text(sent.get("template", "")) if field else ""
    if not text:
        return given
    whole = f"{given[name]}\n{text}" if given[name] else text
    return {**given, name: whole[:LONGEST]}


def day(text: str) -> date | None:
    """The day a `date` field names, if it is one."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year < 9999 else None


def moment(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment a `moment` field names, by the city's clock, if it is one."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is not None or not 1970 <= found.year < 9999:
        return None
    return found.replace(tzinfo=zone)


def end_of_day(text: str, zone: ZoneInfo, ends: time) -> datetime | None:
    """When the working day ends that a `date` field names."""
    found = day(text)
    return None if found is None else datetime.combine(found, ends, zone)
