"""How a city refers its cases: `routing.yaml` and `referral.yaml` of its folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from cases import categories, departments, places, routing
from cases.categories import OTHER, Category
from cases.departments import Department
from cases.pack import STRICT, Code, Coded, Names, Pack
from cases.places import Places
from cases.routing import Routing

FILE = "referral.yaml"
# Why a whistle is blown by rule here, as `whistles` calls it.
RETURN, SILENCE = "second_return", "second_silence"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Reason:
    """A reason for which a department may return a case."""

    code: Code
    name: Names

    def __hash__(self) -> int:
        return hash(self.code)


def _for_each_rule(matters: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
    if set(matters) != {RETURN, SILENCE}:
        raise ValueError(f"must be given for {RETURN} and {SILENCE}")
    return matters


class _File(Pack):
    """`matters`: what a whistle says that a rule blew; `{category}` and `{number}` are filled in."""

    reasons: Annotated[dict[Code, Reason], Coded]
    refusals_before_whistle: Annotated[int, Field(ge=1, le=9)]
    matters: Annotated[Mapping[str, Names], AfterValidator(_for_each_rule)]


@plain_dataclass(frozen=True)
class ReferralPolicy:
    """A city's rules of referral. `refusals`: with so many returns and silences, in all, since a
    person referred the case, the whistle blows. `language`: in which it says why."""

    routing: Routing
    reasons: Mapping[str, Reason]
    refusals: int
    matters: Mapping[str, Mapping[str, str]]
    language: str

    def matter(self, reason: str, category: str | None, number: str | None) -> str:
        """What a whistle says that is blown for this reason."""
        known = self.routing.categories.get(category or OTHER)
        name = known.name[self.language] if known else str(category)
        return self.matters[reason][self.language].format(category=name, number=number)


def read(
    folder: Path,
    categories: Collection[Category],
    departments: Collection[Department],
    places: Places,
    language: str,
) -> ReferralPolicy:
    """The rules of the city kept in `folder`, whose own language this is. Raises PackError."""
    file = _File.read(folder / FILE)
    return ReferralPolicy(
        routing=routing.read(folder, categories, departments, places),
        reasons=file.reasons,
        refusals=file.refusals_before_whistle,
        matters=file.matters,
        language=language,
    )


class CityOfRules(Protocol):
    """What a city tells of itself here: where its data are, and its languages, its own one first."""

    @property
    def folder(self) -> Path: ...
    @property
    def languages(self) -> Sequence[str]: ...


def of_city(city: CityOfRules) -> ReferralPolicy:
    """The rules of a city, with all that they speak of read from its folder. Raises PackError."""
    known = departments.read(city.folder)
    kinds = categories.read(city.folder, known)
    return read(city.folder, kinds, known, places.read(city.folder), city.languages[0])
