"""Commands for the people who run the hotline: `python -m console --help`."""

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from cases import (
    accesses,
    agents,
    case,
    departments,
    duty,
    editions,
    export,
    history,
    people,
    reindex,
    signins,
)
from cases.accesses import OPERATOR
from cases.agents import Agent
from cases.duty import Seat
from cases.errors import Refused
from cases.history import Broken
from cases.pack import PackError
from cases.permissions import ROLES, SYSTEM
from console import gazetteer, kpi, model
from runtime import clock, database
from runtime.city import City, CityError
from runtime.database import transaction
from runtime.settings import Settings
from runtime.shelf import Shelf

T = TypeVar("T")

WORDS = {
    "bad_name": "a name has 1 to {most} printable characters",
    "known_name": "there is an agent {name!r} already; `new-password` gives a new password",
    "bad_email": "{email!r} is no address like name@city.example",
    "unknown_name": "there is no agent {name!r}",
    "needs_department": "an officer works for a department, and nobody else does (--department)",
    "unknown_department": "there is no department {department!r}; there are: {known}",
    "too_short": "a password needs at least {least} characters",
    "too_long": "a password may have at most {most} characters",
    "holds_name": "a password must not contain the agent's name",
    "too_simple": "a password needs more than a few different characters",
    "same_password": "that is the password already",
    "not_a_leader": "{name!r} is no leader (add-agent NAME --role leader)",
    "ends_before_it_begins": "a time at the seat ends after it begins",
    "seat_taken": "{name!r} sits at the seat {seat!r} at that time; see `duty list`",
}


@click.group()
def commands() -> None:
    """Agents of the console, the export of cases, the proof of their history, rates, and the model."""


commands.add_command(kpi.kpi)
commands.add_command(model.model)
commands.add_command(gazetteer.gazetteer)


@commands.command("add-agent")
@click.argument("name")
@click.option("--role", type=click.Choice(list(ROLES)), help="What the agent may do; agent if new.")
@click.option("--department", help="Whom an officer works for: a code of departments.yaml.")
@click.option(
    "--one-time",
    is_flag=True,
    help="Print a one-time password instead of asking for one; an agent who is there gets a new one.",
)
def add_agent(name: str, role: str | None, department: str | None, one_time: bool) -> None:
    """Add an agent who may sign in to the console."""
    chosen = (
        None if one_time else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )

    def add(session: Session) -> str | None:
        _check_department(department)
        there = agents.by_name(session, name)
        if one_time and there:
            if role:
                people.give_role(session, there, role, department, by=OPERATOR, now=clock.now())
            there.active = True
            return people.new_password(session, there, by=OPERATOR, now=clock.now())
        agent, password = people.add(
            session, name, role or "agent", by=OPERATOR, now=clock.now(), department=department
        )
        if chosen is None:
            return password
        agents.choose_password(agent, chosen)
        return None

    _tell_password(_do(add))


@commands.command("new-password")
@click.argument("name")
def new_password(name: str) -> None:
    """Print a one-time password for an agent and end the agent's sign-ins."""
    now = clock.now()
    _tell_password(_do(lambda s: people.new_password(s, _known(s, name), by=OPERATOR, now=now)))


@commands.command("reset-two-factor")
@click.argument("name")
def reset_two_factor(name: str) -> None:
    """Ask an agent for no code at the next sign-in: the telephone it came from is lost."""
    now = clock.now()
    _do(lambda s: people.reset_second_factor(s, _known(s, name), by=OPERATOR, now=now))


@commands.command("sign-in-link")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(list(ROLES)), default="agent", help="If the agent is new."
)
def sign_in_link(name: str, role: str) -> None:
    """Print a link that signs NAME in, once, within half an hour; the agent is added if need be.

    Only for a hotline on this machine alone: its PUBLIC_BASE_URL is loopback.
    """
    settings = Settings.load()
    if not settings.is_of_this_machine:
        raise click.ClickException("sign-in links are for a PUBLIC_BASE_URL on loopback only")

    def make(session: Session) -> str:
        agent = agents.by_name(session, name)
        if agent is None:
            agent, _ = agents.add(session, name, role, clock.now())
        if agent.one_time_until is not None:
            # Nobody is to be asked for a password that nobody was given.
            agents.choose_password(agent, secrets.token_urlsafe(24))
        agent.active = True
        return signins.link(session, agent, clock.now())

    click.echo(f"{settings.public_base_url}/sign-in/{_do(make)}")


@commands.command("set-email")
@click.argument("name")
@click.argument("address", default="")
def set_email(name: str, address: str) -> None:
    """Send an agent's notices to this address; without one, nowhere."""
    now = clock.now()
    _do(lambda s: people.give_email(s, _known(s, name), address, by=OPERATOR, now=now))


@commands.command("switch-off")
@click.argument("name")
def switch_off(name: str) -> None:
    """End an agent's sign-ins and let no new one begin. The agent's history stays."""
    now = clock.now()
    _do(lambda s: people.switch_off(s, _known(s, name), by=OPERATOR, now=now))


@commands.group("duty")
def duty_roster() -> None:
    """The leaders' seat: who sits there when, and what became of the cases they took.

    Times are the city's own, like 2026-11-24T09:00.
    """


LOCAL = click.DateTime(["%Y-%m-%dT%H:%M"])
SEAT = click.option("--seat", default=duty.SEAT, help="Which seat, where there are several.")


@duty_roster.command("add")
@click.argument("name")
@click.argument("since", metavar="FROM", type=LOCAL)
@click.argument("until", type=LOCAL)
@SEAT
def add_to_roster(name: str, since: datetime, until: datetime, seat: str) -> None:
    """Put the leader NAME at the seat from FROM to UNTIL."""
    zone = _city().time_zone
    times = since.replace(tzinfo=zone), until.replace(tzinfo=zone)

    def add(session: Session) -> None:
        leader = _known(session, name)
        duty.add(session, leader, *times, by=SYSTEM, now=clock.now(), name=seat)

    _do(add)


@duty_roster.command("list")
@click.option("--days", default=14, show_default=True, help="So many days from now.")
def list_roster(days: int) -> None:
    """Print who sits at the seats from now on."""
    zone, now = _city().time_zone, clock.now()

    def read(session: Session) -> list[str]:
        seats = duty.roster(session, now, now + timedelta(days=days))
        names = agents.names(session, {seat.leader_id for seat in seats})
        return [_line(seat, names[seat.leader_id], zone) for seat in seats]

    for line in _do(read):
        click.echo(line)


def _line(seat: Seat, name: str, zone: ZoneInfo) -> str:
    since, until = seat.begins_at.astimezone(zone), seat.ends_at.astimezone(zone)
    return f"{since:%Y-%m-%dT%H:%M}  {until:%Y-%m-%dT%H:%M}  {seat.name}  {name}"


@duty_roster.command("cases")
@click.argument("name")
def leaders_cases(name: str) -> None:
    """Print what became of the cases the leader NAME took, one JSON object a line."""
    for one in _do(lambda session: duty.became(session, _known(session, name).id)):
        row = {**asdict(one), "opened_at": one.opened_at.isoformat()}
        click.echo(json.dumps(row, ensure_ascii=False))


@commands.command("verify")
@click.argument("number", required=False)
def verify(number: str | None) -> None:
    """Check that no history was changed behind the database's back; of one case, or of all.

    Names the first broken line of each case and ends with status 1. Otherwise prints one digest of
    all histories: kept elsewhere, it shows later whether what follows still begins like this.
    """
    with _readable(), transaction(_engine()) as session:
        broken = list(history.verify(session, _case_id(session, number)))
        numbers = case.numbers(session, {one.case_id for one in broken})
        whole = history.digest(session)
    for one in broken:
        click.echo(_where_broken(numbers.get(one.case_id) or str(one.case_id), one))
    if broken:
        sys.exit(1)
    click.echo(f"No history was changed. {whole}")


@commands.command("export")
def export_cases() -> None:
    """Print every case, one JSON object a line. The log of accesses tells of it."""
    engine, last, noted = _engine(), 0, None
    while True:
        with _readable(), transaction(engine) as session:
            batch = export.batch(session, after=last)
            noted = _note_export(session, [row["id"] for row in batch.rows], noted)
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.rows)
        if batch.last is None:
            break
        last = batch.last


def _note_export(session: Session, case_ids: list[int], noted: int | None) -> int | None:
    """One line for the whole export, before its first row is printed."""
    if noted is not None:
        accesses.also(session, noted, case_ids)
        return noted
    now, detail = clock.now(), {"page": "export", "format": "jsonl"}
    return accesses.note(session, accesses.EXPORTED, case_ids, OPERATOR, now, **detail)


@commands.command("reindex")
def reindex_cases() -> None:
    """Make every case findable by what is said and written of it, however old it is.

    Needed once after an upgrade from a version that had no search. People work on meanwhile.
    """
    engine, last = _engine(), 0
    with _readable(), transaction(engine) as session:
        count = case.count(session)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("cases", total=count)
        while True:
            with _readable(), transaction(engine) as session:
                following = reindex.batch(session, after=last)
            if following is None:
                break
            last = following
            progress.update(task, advance=reindex.BATCH, refresh=True)
    click.echo(f"{count} cases can be found.")


def _case_id(session: Session, number: str | None) -> int | None:
    if number is None:
        return None
    found = case.by_number(session, number)
    if found is None:
        raise click.ClickException(f"there is no case {number}")
    return found.id


def _where_broken(number: str, broken: Broken) -> str:
    if broken.entry_id is None:
        return f"case {number}: line {broken.line} and what followed it is missing"
    return (
        f"case {number}: line {broken.line} ({broken.action}, entry {broken.entry_id}) "
        "is not what was written there"
    )


def _check_department(code: str | None) -> None:
    if code is None:
        return
    try:
        shelf = Shelf(Settings.load(), _engine(), editions)
        known = [one.code for one in departments.read(shelf.current()) if not one.retired]
    except PackError as error:
        raise click.ClickException(str(error)) from None
    if code not in known:
        raise Refused("unknown_department", department=code, known=", ".join(known))


def _known(session: Session, name: str) -> Agent:
    agent = agents.by_name(session, name)
    if agent is None:
        raise Refused("unknown_name", name=name)
    return agent


def _tell_password(password: str | None) -> None:
    if password:
        click.echo("One-time password, good for 72 hours:", err=True)
        click.echo(password)


def _do(work: Callable[[Session], T]) -> T:
    try:
        with _readable(), transaction(_engine()) as session:
            return work(session)
    except Refused as no:
        words = WORDS[no.code].format(**{"most": agents.NAME_LENGTH, **no.details})
        raise click.ClickException(words) from None


def _city() -> City:
    try:
        return City.read(Settings.load().city_folder)
    except CityError as error:
        raise click.ClickException(str(error)) from None


def _engine() -> Engine:
    return database.engine(Settings.load().database_url)


@contextmanager
def _readable() -> Iterator[None]:
    """A database that is away or not migrated ends in one line that says so."""
    try:
        yield
    except SQLAlchemyError as error:
        first = str(error).splitlines()[0]
        raise click.ClickException(f"{first} (was `make migrate` run?)") from None


if __name__ == "__main__":
    commands()
