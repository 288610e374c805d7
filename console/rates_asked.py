"""What an address of the rates asks for: a policy, whose rates, which days, and where."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import cast, get_args
from zoneinfo import ZoneInfo

from flask import request
from sqlalchemy.orm import Session

from cases import kpis, outcomes
from cases.kpis import BY, Policy, Report, Span
from cases.outcomes import Period
from console import forms, list_address
from console.office import Office
from runtime import clock

# How long a period may be; `days`: from the first day that is named to the last.
DAYS = "days"
LENGTHS = (*get_args(Span), DAYS)
# So many months are shown beside one another.
MONTHS = 12


@dataclass(frozen=True)
class Wanted:
    """What the address asks for: which policy, whose rates, and from which day to which, both counted.
    `since`, `until`: the same as moments, by when the policy's months begin. `length`: one of LENGTHS.
    `district`: only what lies there; empty for all of the city."""

    name: str
    policy: Policy
    by: str
    first: date
    last: date
    since: datetime
    until: datetime
    length: str
    district: str
    zone: ZoneInfo

    @property
    def query(self) -> dict[str, str]:
        """The figures, as an address of a program names them."""
        first, last = self.first.isoformat(), self.last.isoformat()
        return {"policy": self.name, "by": self.by, "first": first, "last": last}

    def at(self, **changes: str) -> dict[str, str]:
        """The same on a page, but for `changes`; what is empty is left out."""
        asked = {**self.query, "span": self.length, "district": self.district, **changes}
        return {name: text for name, text in asked.items() if text}

    @property
    def period(self) -> Period:
        return self.since, self.until

    @property
    def earlier(self) -> dict[str, str] | None:
        """The period before; None where the days are one's own."""
        return None if self.length == DAYS else self._around(self.first - timedelta(days=1))

    @property
    def later(self) -> dict[str, str] | None:
        """The period after, unless it has not begun."""
        over = self.until <= clock.now()
        return self._around(self.last + timedelta(days=1)) if over and self.length != DAYS else None

    def _around(self, day: date) -> dict[str, str]:
        return self.at(first=day.isoformat(), last="")

    @property
    def months(self) -> list[Period]:
        """The policy's months that end with the one in which the period ends."""
        return kpis.months(self.policy, self.last, self.zone, MONTHS)


@cache
def policies() -> dict[str, Policy]:
    return kpis.policies()


def asked_for(office: Office) -> Wanted:
    """What the address says wrongly is left out rather than complained about."""
    known, asked = policies(), request.args
    name = asked.get("policy", "")
    name = name if name in known else next(iter(known))
    by = asked["by"] if asked.get("by") in BY else BY[0]
    district = asked.get("district", "")
    district = district if district in list_address.districts(office) else ""
    length = _length()
    since, until = _days(office, known[name], length)
    first, last = since.date(), until.date() - timedelta(days=1)
    zone = office.city.time_zone
    return Wanted(name, known[name], by, first, last, since, until, length, district, zone)


def _length() -> str:
    """As it is named; else own days where one is named; else the month."""
    asked = request.args
    if asked.get("span") in LENGTHS:
        return asked["span"]
    return (
        DAYS if forms.day(asked.get("first", "")) or forms.day(asked.get("last", "")) else "month"
    )


def _days(office: Office, policy: Policy, length: str) -> Period:
    """The period of that length around the first day that is named, or around today."""
    zone, asked = office.city.time_zone, request.args
    today = clock.now().astimezone(zone).date()
    first, last = (forms.day(asked.get(name, "")) for name in ("first", "last"))
    if length in kpis.SPANS:
        return kpis.span(policy, cast(Span, length), first or today, zone)
    since, until = kpis.month(policy, today, zone)
    first = first or since.date()
    last = max(first, last or until.date() - timedelta(days=1))
    begins = policy.period.begins_at
    return (
        datetime.combine(first, begins, zone),
        datetime.combine(last + timedelta(days=1), begins, zone),
    )


def reckoned(records: Session, wanted: Wanted) -> Report:
    """Every unit's figures."""
    return outcomes.report(records, wanted.policy, wanted.by, *wanted.period, wanted.district)


def by_month(records: Session, wanted: Wanted) -> list[Report]:
    """The same of each of the months."""
    return outcomes.trend(records, wanted.policy, wanted.by, wanted.months, wanted.district)
