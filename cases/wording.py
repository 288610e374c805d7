"""What notices say: the texts of `notices.yaml`, filled in for one reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from cases import hazards
from cases.deliveries import Channel
from cases.lifecycle import DESK
from cases.notices import FACTS, KINDS
from cases.pack import STRICT, Names, Pack

if TYPE_CHECKING:
    from cases.categories import Category
    from cases.departments import Department

FILE = Path(__file__).with_suffix("").with_name("notices.yaml")
PLACEHOLDERS = frozenset({*FACTS, "hotline", "city"})
# What there is for every notice about a case, so that no subject has a hole in it.
ALWAYS = frozenset({"number", "hotline", "city", "link"})
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
# Seven digits and more in a row, as telephone and identity numbers are written, spaces between them or
# not. Kept out of what leaves the house: people type them into matters and tasks all the same.
_LONG_NUMBER = re.compile(r"\+?\d(?:[ \-‐–()]{0,2}\d){6,}")


def _wait(text: object) -> object:
    found = re.fullmatch(r"(\d+)([smh])", str(text))
    if not found:
        raise ValueError(f"{text!r} is not like 5s, 30m or 2h")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _known(text: str) -> str:
    if unknown := placeholders(text) - PLACEHOLDERS:
        raise ValueError(f"nobody fills in {', '.join(sorted(unknown))}")
    return text


def placeholders(text: str) -> frozenset[str]:
    """What a text wants to be told."""
    return frozenset(_PLACEHOLDER.findall(text))


def _all_known(texts: Mapping[str, str]) -> Mapping[str, str]:
    return {language: _known(text) for language, text in texts.items()}


Texts = Annotated[Names, AfterValidator(_all_known)]
Waits = Annotated[
    tuple[Annotated[timedelta, BeforeValidator(_wait)], ...], Field(min_length=1, max_length=20)
]


class Wording(BaseModel):
    """What one kind of notice says. `short`: what a text message says between subject and link."""

    model_config = STRICT
    subject: Texts
    body: Texts
    short: Texts | None = None


class Words(Pack):
    """All that is written in `notices.yaml`."""

    waits: dict[Channel, Waits]
    moment: Names
    day: Names
    words: dict[str, dict[str, Names]]
    texts: dict[str, Wording]

    @model_validator(mode="after")
    def _complete(self) -> Words:
        if missing := sorted({*KINDS} ^ {*self.texts}):
            raise ValueError(f"texts of {missing[0]} are missing, or nobody posts them")
        return self

    def wait(self, channel: Channel, attempts: int) -> timedelta | None:
        """How long to wait after so many tries that failed; None when it is given up."""
        waits = self.waits[channel]
        return waits[attempts - 1] if attempts <= len(waits) else None

    def tries(self, channel: Channel) -> int:
        """How often it is tried, all in all."""
        return len(self.waits[channel]) + 1


@cache
def words() -> Words:
    """The texts that are shipped."""
    return Words.read(FILE)


@dataclass(frozen=True)
class Text:
    """What one reader reads. `short`: as a text message."""

    subject: str
    body: str
    short: str


@dataclass(frozen=True)
class House:
    """Who writes: the hotline's number and city, its clock, where its pages are, and the names of those
    who own cases and of what cases are about."""

    city: Mapping[str, str]
    hotline: str
    zone: ZoneInfo
    base_url: str
    departments: Mapping[str, Mapping[str, str]]
    categories: Mapping[str, Mapping[str, str]]

    def write(self, kind: str, facts: Mapping[str, object], language: str) -> Text:
        """A notice of this kind for one reader. facts: of FACTS; `link` is complete already."""
        wording, told = words().texts[kind], self._told(facts, language)
        subject = _filled(wording.subject[language], told) or ""
        body = _lines(wording.body[language], told)
        more = _lines(wording.short[language], told) if wording.short else ""
        return Text(subject, body, "\n".join(filter(None, (subject, more, told.get("link")))))

    def _told(self, facts: Mapping[str, object], language: str) -> dict[str, str]:
        told = {"hotline": self.hotline, "city": self.city[language]}
        for name in FACTS:
            if (value := facts.get(name)) is not None and value != "":
                told[name] = self._in_words(name, value, language)
        return told

    def _in_words(self, name: str, value: object, language: str) -> str:
        text = str(value)
        if name == "due_at":
            moment = datetime.fromisoformat(text).astimezone(self.zone)
            return moment.strftime(words().moment[language])
        if name in ("department", "owner", "lead"):
            return self.departments.get(text, {}).get(language, text)
        if name == "category":
            return self.categories.get(text, {}).get(language, text)
        if name == "hazard":
            known = hazards.kinds().get(text)
            return known.name[language] if known else text
        if name in words().words:
            return words().words[name].get(text.lower(), {}).get(language, text)
        return mask_numbers(text) if name == "what" else text


class CityOfNotices(Protocol):
    """What notices need to know of a city."""

    @property
    def name(self) -> Mapping[str, str]: ...
    @property
    def hotline(self) -> str: ...
    @property
    def time_zone(self) -> ZoneInfo: ...
    @property
    def desk(self) -> Mapping[str, str]: ...


def house(
    base_url: str, city: CityOfNotices, kinds: Iterable[Category], known: Iterable[Department]
) -> House:
    """Who writes the notices of a city with these categories and departments."""
    return House(
        city=city.name,
        hotline=city.hotline,
        zone=city.time_zone,
        base_url=base_url,
        departments={**{one.code: one.name for one in known}, DESK: city.desk},
        categories={one.code: one.name for one in kinds},
    )


def mask_numbers(text: str) -> str:
    """The text without anything that could be a telephone or identity number."""
    return _LONG_NUMBER.sub("***", " ".join(text.split()))


def _lines(wanted: str, told: Mapping[str, str]) -> str:
    """The lines with their facts, without those of which one is not known."""
    lines = (_filled(line, told) for line in wanted.splitlines())
    return "\n".join(line for line in lines if line is not None)


def _filled(line: str, told: Mapping[str, str]) -> str | None:
    """The line with its facts; None if one of them is not known."""
    if not placeholders(line) <= told.keys():
        return None
    return _PLACEHOLDER.sub(lambda found: told[found[1]], line)
