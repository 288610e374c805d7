"""`python -m console kpi`: the rates by a policy, from the database or from an exported file alone."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from cases import kpis, outcomes, recount
from cases.kpis import Policy, Rate, Report, Unit
from cases.outcomes import Excluded
from cases.pack import PackError
from cases.recount import Tampered
from runtime import clock, database
from runtime.city import City, CityError
from runtime.database import transaction
from runtime.settings import Settings

NO_DATA = "no data"
DAY = click.DateTime(["%Y-%m-%d"])
FROM = click.option("--from", "since", type=DAY, help="The first day; else the policy's month.")
UNTIL = click.option("--until", type=DAY, help="The day after the last one.")
GROUPED = click.option("--by", type=click.Choice(kpis.BY), default="department", show_default=True)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Figures for a program.")


class _PolicyFirst(click.Group):
    """`kpi 10-50-40` is short for `kpi report 10-50-40`."""

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = not arguments or arguments[0] in self.commands
        return super().resolve_command(context, arguments if known else ["report", *arguments])


@click.group("kpi", cls=_PolicyFirst)
def kpi() -> None:
    """The rates: what citizens said when they were asked whether it is solved."""


@kpi.command("policies")
def list_policies() -> None:
    """Print the policies there are."""
    with _errors():
        for code, policy in known_policies().items():
            click.echo(f"{code}  {policy.name['en']}  ({policy.source})")


@kpi.command("report")
@click.argument("policy_name", metavar="POLICY")
@FROM
@UNTIL
@GROUPED
@AS_JSON
def print_report(
    policy_name: str, since: datetime | None, until: datetime | None, by: str, as_json: bool
) -> None:
    """Reckon the rates from the database."""
    with _errors():
        policy = _policy(policy_name)
        begin, end = _period(policy, since, until, _city().time_zone)
        engine = database.engine(Settings.load().database_url)
        with transaction(engine) as session:
            report = outcomes.report(session, policy, by, begin, end)
            excluded = outcomes.excluded(session, begin, end)
    _print(Printed(policy, begin, end, report, excluded), as_json)


@kpi.command("recompute")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--policy", "policy_name", default="10-50-40", show_default=True)
@FROM
@UNTIL
@GROUPED
@AS_JSON
@click.option("--zone", help="Time zone of the days, like Europe/Paris; else the city's.")
def recompute(
    file: TextIO,
    policy_name: str,
    since: datetime | None,
    until: datetime | None,
    by: str,
    as_json: bool,
    zone: str | None,
) -> None:
    """Reckon the same figures from an exported FILE alone, and check that nobody changed it.

    FILE is what `python -m console export` printed, one case a line; `-` reads standard input. Figures
    come from the sealed histories alone. Says last, on standard error, the digest of all of them:
    where `python -m console verify` prints the same, no case was left out or sealed anew.
    """
    with _errors():
        policy = _policy(policy_name)
        begin, end = _period(policy, since, until, _zone(zone))
        found = recount.recount(_rows(file), by, begin, end)
    report = kpis.report(policy, found.said, found.handled)
    _print(Printed(policy, begin, end, report, found.excluded), as_json)
    click.echo(f"{found.cases} cases, no history was changed. {found.digest}", err=True)


def known_policies() -> dict[str, Policy]:
    """The policies shipped here, and the city's own in its folder `policies`."""
    own = Settings.load().city_folder / "policies"
    return {**kpis.policies(), **(kpis.policies(own) if own.is_dir() else {})}


def _policy(name: str) -> Policy:
    known = known_policies()
    if name not in known:
        raise click.ClickException(f"there is no policy {name!r}; there are {', '.join(known)}")
    return known[name]


def _period(
    policy: Policy, since: datetime | None, until: datetime | None, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """The days asked for, from midnight to midnight, or else the policy's present month."""
    begin, end = kpis.month(policy, clock.now().astimezone(zone).date(), zone)
    begin = _midnight(since.date(), zone) if since else begin
    end = _midnight(until.date(), zone) if until else (begin + timedelta(days=31) if since else end)
    if begin >= end:
        raise click.ClickException("the period ends before it begins")
    return begin, end


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _zone(name: str | None) -> ZoneInfo:
    if name is None:
        return _city().time_zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise click.ClickException(f"{name!r} is not a time zone like Europe/Paris") from None


def _city() -> City:
    return City.read(Settings.load().city_folder)


def _rows(file: TextIO) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, start=1):
        try:
            row = json.loads(line)
            row["history"], row["followups"], row["exclusions"], row["seal"], row["number"]
        except (ValueError, KeyError, TypeError):
            raise click.ClickException(
                f"line {number} is not a case as `export` prints it"
            ) from None
        yield row


@contextmanager
def _errors() -> Iterator[None]:
    """One clear line for what is wrong outside."""
    try:
        yield
    except (PackError, CityError, Tampered) as error:
        raise click.ClickException(str(error)) from None
    except UnicodeDecodeError:
        raise click.ClickException("the file is not UTF-8 text") from None
    except SQLAlchemyError as error:
        raise click.ClickException(f"the database cannot be read: {error}") from None


@dataclass(frozen=True)
class Printed:
    """One report, with what was excluded from it."""

    policy: Policy
    begin: datetime
    end: datetime
    report: Report
    excluded: Sequence[Excluded]


def _print(printed: Printed, as_json: bool) -> None:
    if as_json:
        json.dump(as_data(printed), sys.stdout, ensure_ascii=False, indent=2)
        click.echo()
        return
    out = Console(width=None if sys.stdout.isatty() else 160)
    out.print(_table(printed))
    if printed.excluded:
        out.print(_excluded(printed))


def _table(printed: Printed) -> Table:
    policy = printed.policy
    title = f"{policy.name['en']}, {printed.begin:%Y-%m-%d %H:%M} to {printed.end:%Y-%m-%d %H:%M}"
    table = Table(title=title)
    for heading in ("", "asked", "answered", "excluded", *policy.weights, "score", "rank"):
        table.add_column(heading, justify="left" if not heading else "right")
    for unit in (*printed.report.units, printed.report.together):
        table.add_row(*_cells(policy, unit))
    return table


def _excluded(printed: Printed) -> Table:
    table = Table(title="excluded")
    for heading in ("case", "department", "reason", "asked by", "approved by", "on"):
        table.add_column(heading)
    for one in printed.excluded:
        day = one.approved_at.astimezone(printed.begin.tzinfo).date()
        who = (one.asked_by, one.approved_by)
        # As text: what people wrote is no markup.
        cells = (one.number, one.department, one.reason, *who, str(day))
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _cells(policy: Policy, unit: Unit) -> list[str]:
    rates = [_cell(unit.rates[name], policy.decimals) for name in policy.weights]
    counts = [str(unit.asked), str(unit.valid), str(unit.excluded)]
    rank = str(unit.rank) if unit.rank else "-"
    return [unit.group, *counts, *rates, _score(policy, unit), rank]


def _score(policy: Policy, unit: Unit) -> str:
    if not policy.scores:
        return "-"
    shown = [kpis.figure(one, policy.decimals) for one in (unit.score, unit.low, unit.high)]
    if shown[0] is None:
        return NO_DATA
    return f"{shown[0]} ({shown[1]}-{shown[2]})" if shown[1] else shown[0]


def _cell(rate: Rate, decimals: int) -> str:
    share = kpis.percent(rate.share, decimals)
    if share is None:
        return NO_DATA
    low, high = kpis.percent(rate.low, decimals), kpis.percent(rate.high, decimals)
    return f"{share} ({low}-{high}), n {rate.n}" if low else f"{share}, n {rate.n}"


def as_data(printed: Printed) -> dict[str, Any]:
    """The report as plain JSON: figures as they are shown, None where there is no data."""
    policy, report = printed.policy, printed.report
    return {
        "policy": policy.name["en"],
        "from": printed.begin.isoformat(),
        "until": printed.end.isoformat(),
        "units": [_unit(policy, one) for one in report.units],
        "together": _unit(policy, report.together),
        "excluded": [
            {**asdict(one), "approved_at": one.approved_at.astimezone(UTC).isoformat()}
            for one in printed.excluded
        ],
    }


def _unit(policy: Policy, unit: Unit) -> dict[str, Any]:
    def rate(one: Rate) -> dict[str, Any]:
        shown = {"share": one.share, "low": one.low, "high": one.high}
        return {"n": one.n} | {k: kpis.percent(v, policy.decimals) for k, v in shown.items()}

    score = {"score": unit.score, "low": unit.low, "high": unit.high}
    return {
        "group": unit.group,
        "asked": unit.asked,
        "valid": unit.valid,
        "excluded": unit.excluded,
        "counts": dict(unit.counts),
        "rates": {name: rate(one) for name, one in unit.rates.items()},
        **{name: kpis.figure(one, policy.decimals) for name, one in score.items()},
        "rank": unit.rank,
    }
