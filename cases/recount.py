"""The rates from an exported file alone, by anyone: counted from what every case's sealed history says.

Nothing else in the file is believed. Where its other columns tell another story than the sealed lines,
or a line is not as it was sealed, the file was changed, and that is said instead of a figure.
Whoever changes a line can seal all that follow anew; the digest shows that, compared with the one that
`python -m console verify` printed.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, NamedTuple

from cases.calls import TELEPHONE
from cases.case import DESK
from cases.export import moment
from cases.followups import ANSWERED
from cases.history import NO_SEAL, sealed
from cases.kpis import ALL, Handled, Said
from cases.lifecycle import CLOSED
from cases.outcomes import ASKED, NONE, Excluded

Line = Mapping[str, Any]
# Lines that say how a resolution ended, and what each means of "is it solved?".
ANSWERS = {"solved": True, "unsolved": False, "not_reached": None}


class Tampered(ValueError):
    """A line of an exported file is not what was exported. One line: which case, and what."""


class Answer(NamedTuple):
    """How the follow-up of one resolution ended. solved: None when nobody was reached."""

    resolution: int
    at: datetime
    department: str | None
    solved: bool | None
    contacted: bool | None
    satisfied: str | None


class Granted(NamedTuple):
    """One exclusion that was granted: the fields of `Excluded`, but for the case's number."""

    department: str
    reason: str
    asked_by: str
    approved_by: str
    approved_at: datetime


@dataclass
class Account:
    """What became of one case: all that a rate needs to know of it. desk: no department ever had it.

    channel: how the caller reached us; from a browser it counts in no rate.
    The last four serve only while the history is read; the other columns do not tell them.
    """

    number: str | None = None
    opened_at: str | None = None
    channel: str = TELEPHONE
    category: str | None = None
    district: str | None = None
    seat: str | None = None
    closed: bool = False
    merged_into: str | None = None
    desk: bool = True
    answers: list[Answer] = field(default_factory=list)
    granted: list[Granted] = field(default_factory=list)
    began_at: datetime | None = field(default=None, compare=False)
    referred: bool = field(default=False, compare=False)
    reopened: bool = field(default=False, compare=False)
    wish: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Recount:
    """The counts that `outcomes.said`, `handled` and `excluded` take from a database; how many cases
    the file holds, and the digest of their histories, as `history.digest` reckons it."""

    said: Counter[Said]
    handled: Counter[Handled]
    excluded: list[Excluded]
    cases: int
    digest: str


def recount(
    rows: Iterable[Mapping[str, Any]], by: str, since: datetime, until: datetime
) -> Recount:
    """Count exported rows, in whatever order. by: one of `kpis.BY`. Raises Tampered."""
    found = Recount(Counter(), Counter(), [], 0, "")
    heads: dict[int, str] = {}
    for row in rows:
        account = checked(row)
        if row["id"] in heads:
            raise Tampered(f"case {row['number']}: it is in the file twice")
        heads[row["id"]] = f"{row['id']} {len(row['history'])} {row['seal']}\n"
        _count(found, row["number"], account, by, (since, until))
    found.excluded.sort(key=lambda one: (one.approved_at, one.number))
    whole = hashlib.sha256("".join(heads[number] for number in sorted(heads)).encode())
    return replace(found, cases=len(heads), digest=whole.hexdigest())


def _count(
    found: Recount, number: str, account: Account, by: str, period: tuple[datetime, datetime]
) -> None:
    if account.channel != TELEPHONE:
        return
    out = bool(account.granted)
    answers = [one for one in account.answers if _within(one.at, period)]
    for answer in answers:
        found.said[_said(answer, _group(account, by, answer.department), out)] += 1
    own = account.closed and account.merged_into is None
    if own and _within(account.began_at, period):
        first_call = account.desk and not account.reopened
        found.handled[Handled(_group(account, by, DESK), first_call, out)] += 1
    for one in account.granted:
        if answers or _within(one.approved_at, period):
            found.excluded.append(Excluded(number, *one))


def _within(moment: datetime | None, period: tuple[datetime, datetime]) -> bool:
    return moment is not None and period[0] <= moment < period[1]


def _said(answer: Answer, group: str, out: bool) -> Said:
    if answer.solved is None:
        return Said(group, False, None, None, None, out)
    return Said(group, True, answer.contacted, answer.solved, answer.satisfied, out)


def _group(account: Account, by: str, department: str | None) -> str:
    groups = {
        "department": department,
        "category": account.category,
        "district": account.district,
        "seat": account.seat,
        "city": ALL,
    }
    return groups[by] or NONE


# --- is it what was exported? ------------------------------------------------------------------------


def checked(row: Mapping[str, Any]) -> Account:
    """What the sealed lines of one exported case say, where its columns say the same. Raises Tampered."""
    number = row.get("number")
    try:
        lines: list[Line] = [{**line, "at": _moment(line["at"])} for line in row["history"]]
        _check_seals(lines, row["id"], row["seal"])
        account = _by_history(lines)
        _compare(account, _by_columns(row))
    except Tampered as error:
        raise Tampered(f"case {number}: {error}") from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise Tampered(f"case {number}: it is not as it was exported ({what})") from None
    return account


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment


def _check_seals(lines: list[Line], case_id: int, head: str) -> None:
    seal = NO_SEAL
    for place, line in enumerate(lines, start=1):
        plain = {name: line[name] for name in ("at", "actor", "action", "detail")}
        seal = sealed(seal, {**plain, "case_id": case_id})
        if seal != line["seal"]:
            raise Tampered(f"line {place} of its history was changed")
    if seal != head:
        raise Tampered("lines are missing at the end of its history")


def _compare(history: Account, columns: Account) -> None:
    for one in fields(Account):
        if one.compare and getattr(history, one.name) != getattr(columns, one.name):
            raise Tampered(f"its {one.name} is not what its history says")


def _by_columns(row: Mapping[str, Any]) -> Account:
    return Account(
        number=row["number"],
        opened_at=row["opened_at"],
        channel=row.get("channel", TELEPHONE),
        category=row["category"] if row["category_confirmed"] else None,
        district=row["district"],
        seat=row["seat"],
        closed=row["status"] == CLOSED,
        merged_into=row.get("merged_into"),
        desk=row["owner"] == DESK,
        answers=[_answer(one) for one in row["followups"] if one["state"] in ASKED],
        granted=[_granted(one) for one in row["exclusions"] if one["approved"]],
    )


def _answer(one: Mapping[str, Any]) -> Answer:
    reached = one["state"] == ANSWERED
    said = [one[name] if reached else None for name in ("solved", "contacted", "satisfied")]
    return Answer(one["resolution"], _moment(one["ended_at"]), one["department"], *said)


def _granted(one: Mapping[str, Any]) -> Granted:
    at = _moment(one["decided_at"])
    return Granted(one["department"], one["reason"], one["asked_by"], one["decided_by"], at)


# --- what each line of a history says ------------------------------------------------------------------


def _by_history(lines: list[Line]) -> Account:
    account = Account()
    for line in lines:
        if tell := _TELLS.get(line["action"]):
            tell(account, line)
    return account


def _opened(account: Account, line: Line) -> None:
    account.began_at, account.number = line["at"], line["detail"]["number"]
    account.opened_at = moment(line["at"])
    account.channel = line["detail"].get("channel", TELEPHONE)


def _confirmed(account: Account, line: Line) -> None:
    account.category = line["detail"]["category"]


def _referred(account: Account, line: Line) -> None:
    if not account.referred:
        account.district = line["detail"]["district"]
    account.referred, account.desk = True, False


def _whistled(account: Account, line: Line) -> None:
    account.desk = False


def _taken(account: Account, line: Line) -> None:
    account.seat = line["detail"]["leader"]


def _answered(account: Account, line: Line) -> None:
    solved, detail = ANSWERS[line["action"]], line["detail"]
    said = (solved, detail.get("contacted"), detail.get("satisfied"))
    account.answers.append(Answer(detail["resolution"], line["at"], detail["department"], *said))
    account.closed = solved is not False


def _closed(account: Account, line: Line) -> None:
    account.closed = True


def _merged(account: Account, line: Line) -> None:
    account.closed, account.merged_into = True, line["detail"]["into"]


def _reopened(account: Account, line: Line) -> None:
    account.closed, account.reopened, account.merged_into = False, True, None


def _wished(account: Account, line: Line) -> None:
    account.wish = {**line["detail"], "asked_by": line["actor"]}


def _grant(account: Account, line: Line) -> None:
    wish = account.wish
    account.granted.append(
        Granted(wish["department"], wish["reason"], wish["asked_by"], line["actor"], line["at"])
    )


_TELLS: Mapping[str, Callable[[Account, Line], None]] = {
    "opened": _opened,
    "confirm": _confirmed,
    "refer": _referred,
    "blow": _whistled,
    "taken": _taken,
    **dict.fromkeys(ANSWERS, _answered),
    "close": _closed,
    "merge": _merged,
    "reopen": _reopened,
    "exclusion_asked": _wished,
    "exclusion_granted": _grant,
}
