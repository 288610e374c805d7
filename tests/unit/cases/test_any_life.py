"""Whatever is done with a case, in whatever order: somebody owns it, a clock runs, there is a way on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cases import (
    arrivals,
    clocks,
    delays,
    followups,
    history,
    lifecycle,
    referrals,
    replies,
    whistles,
)
from cases import case as case_module
from cases.asked import Referral
from cases.case import DESK
from cases.errors import Refused
from cases.permissions import SYSTEM, Person
from tests.unit.cases.conftest import NOW, TERMS, Records
from tests.unit.cases.test_referrals import KINDS, POLICY, Desk

DEPARTMENTS = ("hyd", "hd", "td", "landsd", "had", "fsd")
Act = Callable[[], object]


@dataclass
class Life(Desk):
    """A case, and everything that anybody may try with it at this moment."""

    now: object = NOW
    done: list[str] = field(default_factory=list)

    def boss(self) -> Person:
        return self.person("one who supervises", "supervisor")

    def district(self) -> Person:
        return self.person("one of the district", "officer", "had", district=True)

    def everybody(self) -> list[Person]:
        officers = [self.of(department) for department in DEPARTMENTS]
        return [self.desk(), self.boss(), self.coordinator(), self.leader(), *officers]

    def live(self, choices: list[int]) -> None:
        """At each moment do one of the things that can be done; after each, all is well."""
        for choice in choices:
            ways = self._ways_by_name()
            name = sorted(ways)[choice % len(ways)]
            act = ways[name][choice // len(ways) % len(ways[name])]
            self.now += timedelta(hours=choice % 5)  # type: ignore[operator]
            try:
                with self.session.begin_nested():
                    act()
                self.done.append(name)
            except Refused as no:
                self.done.append(f"{name}: {no.code}")
            self.session.flush()
            self.is_well()

    def _ways_by_name(self) -> dict[str, list[Act]]:
        by_name: dict[str, list[Act]] = {}
        for name, act in self.ways():
            by_name.setdefault(name, []).append(act)
        return by_name

    def ways(self) -> Iterator[tuple[str, Act]]:
        case, how = self.case, {"by": self.boss(), "terms": TERMS, "now": self.now}
        for action in lifecycle.actions(case.status):
            yield from (
                (action, act) for act in getattr(self, f"_{action}", lambda _: ())(dict(how))
            )
        yield from (("time", act) for act in self._time())
        yield from (("whistle", act) for act in self._whistle())

    # --- what each action of the table is, in all the ways that differ ---------------------------------

    def _confirm(self, how: dict) -> Iterator[Act]:
        for code in ("street-lamp", "fire-safety"):
            yield lambda code=code: case_module.confirm(
                self.session, self.case, KINDS[code], version=self.case.version, **how
            )

    def _close(self, how: dict) -> Iterator[Act]:
        how.pop("terms")
        yield lambda: case_module.close(
            self.session, self.case, "told", version=self.case.version, **how
        )

    def _reopen(self, how: dict) -> Iterator[Act]:
        yield lambda: case_module.reopen(
            self.session, self.case, "again", version=self.case.version, **how
        )

    def _refer(self, how: dict) -> Iterator[Act]:
        for lead, supporting in (("hyd", ()), ("hd", ("td", "hyd")), (None, ("landsd",))):
            yield lambda lead=lead, supporting=supporting: referrals.refer(
                self.session, self.case, lead, supporting, policy=POLICY, reason="so", **how
            )

    def _accept(self, how: dict) -> Iterator[Act]:
        for department in DEPARTMENTS:
            mine = {**how, "by": self.of(department)}
            yield lambda mine=mine: referrals.accept(self.session, self.case, **mine)

    _join = _accept

    def _return(self, how: dict) -> Iterator[Act]:
        for at, department in enumerate(DEPARTMENTS):
            for named in (DEPARTMENTS[at - 1], DEPARTMENTS[at - 2]):
                yield lambda department=department, named=named: self.give_back(
                    department,
                    named,
                    now=self.now,  # type: ignore[arg-type]
                )

    def _blow(self, how: dict) -> Iterator[Act]:
        blowers = {
            "agent": [self.desk(), self.coordinator(), self.of(self.case.owner)],
            "leader": [self.leader()],
            "district": [self.district()],
        }
        for blown_as, people in blowers.items():
            for by in people:
                yield lambda by=by, blown_as=blown_as: whistles.blow(
                    self.session,
                    self.case,
                    "matter",
                    ("td", "hd"),
                    danger=False,
                    blown_as=blown_as,
                    by=by,
                    terms=TERMS,
                    now=self.now,
                )

    def _interim(self, how: dict) -> Iterator[Act]:
        how.pop("terms")
        for department in DEPARTMENTS:
            mine = {**how, "by": self.of(department)}
            yield lambda mine=mine: replies.interim(self.session, self.case, "so far", **mine)

    def _resolve(self, how: dict) -> Iterator[Act]:
        for by in [self.coordinator(), *map(self.of, DEPARTMENTS)]:
            mine = {**how, "by": by}
            yield lambda mine=mine: replies.resolve(
                self.session, self.case, "answer", "done", **mine
            )

    def _extend(self, how: dict) -> Iterator[Act]:
        for clock in clocks.running(self.session, self.case.id):
            until = clock.due_at + timedelta(days=1)
            more = {"department": clock.department, **how}
            yield lambda kind=clock.kind, until=until, more=more: delays.extend(
                self.session, self.case, kind, until, "late", **more
            )

    def _suspend(self, how: dict) -> Iterator[Act]:
        until = self.now + timedelta(days=9)  # type: ignore[operator]
        yield lambda: delays.suspend(self.session, self.case, until, "rests", **how)

    def _resume(self, how: dict) -> Iterator[Act]:
        yield lambda: delays.resume(self.session, self.case, **how)

    def _solved(self, how: dict) -> Iterator[Act]:
        how["by"] = self.desk()
        for row in followups.of_case(self.session, self.case.id)[-1:]:
            for solved in ("yes", "no"):
                yield lambda row=row, solved=solved: followups.answer(
                    self.session, row.id, {"solved": solved}, **how
                )

    def _not_reached(self, how: dict) -> Iterator[Act]:
        for row in followups.of_case(self.session, self.case.id)[-1:]:
            yield lambda row=row: followups.give_up(
                self.session,
                row.id,
                by=self.desk(),
                now=self.now,  # type: ignore[arg-type]
            )

    # --- what no person does ---------------------------------------------------------------------------

    def _time(self) -> Iterator[Act]:
        """Clocks run out, with what the watch then does."""
        for clock in clocks.running(self.session, self.case.id):
            rule = {
                "accept": referrals.on_silence(TERMS, POLICY),
                "arrive": arrivals.late,
                "suspension": lambda s, c, now: delays.suspension_over(s, c, now, TERMS),
            }.get(clock.kind)
            if rule:
                yield lambda rule=rule, clock=clock: self._run_out(rule, clock)

    def _run_out(self, rule: Callable[..., None], clock: clocks.Clock) -> None:
        self.now = max(self.now, clock.due_at + timedelta(seconds=1))  # type: ignore[type-var]
        rule(self.session, clock, self.now)

    def _whistle(self) -> Iterator[Act]:
        whistle = whistles.open_of(self.session, self.case.id)
        if whistle is None:
            return
        how = {"now": self.now}
        for one in whistles.called(self.session, whistle.id):
            by = self.of(one.department)
            yield lambda one=one, by=by: arrivals.arrive(
                self.session, whistle, one.department, by=by, **how
            )
            yield lambda one=one: arrivals.score(
                self.session, whistle, one.department, 3, "came", by=self._blower(whistle), **how
            )
        yield lambda: whistles.end(self.session, whistle, by=self.coordinator(), **how)

    def _blower(self, whistle: whistles.Whistle) -> Person:
        known = [*self.everybody(), self.district()]
        return next((one for one in known if one.actor == whistle.blown_by), self.coordinator())

    # --- what must hold --------------------------------------------------------------------------------

    def is_well(self) -> None:
        case, done = self.case, self.done
        assert case.owner == DESK or case.owner in POLICY.routing.departments, done
        if case.status != "closed":
            assert clocks.running(self.session, case.id), ("no clock runs", case.status, done)
            assert self._way_on(), ("no way on", case.status, done)
        assert (case.status in ("received", "confirmed")) <= (case.owner == DESK), done
        self._is_due_when_its_clock_is()
        assert not list(history.verify(self.session, case.id)), done
        rows = referrals.of_case(self.session, case.id)
        if case.status == "referred":
            self._those_asked_have_a_clock([row for row in rows if row.answer is None])

    def _way_on(self) -> bool:
        """Somebody whose move it is may do something that leads out of where the case stands."""
        status = self.case.status
        movers = [
            parts
            for by in [*self.everybody(), self.of(self.case.owner), SYSTEM]
            if (parts := case_module.parts(self.session, self.case, by))
            & {*lifecycle.moves(status)}
        ]
        return any(
            lifecycle.may(parts, status, row.action)
            for row in lifecycle.TRANSITIONS
            if status in row.sources and {*row.targets} - {status, "same"}
            for parts in movers
        )

    def _is_due_when_its_clock_is(self) -> None:
        due = [
            clock.due_at
            for clock in clocks.running(self.session, self.case.id)
            if clock.kind == "resolve"
        ]
        open_ = self.case.status not in ("suspended", "resolved", "closed")
        assert due == ([self.case.due_at] if open_ else []), self.done

    def _those_asked_have_a_clock(self, asked: list[Referral]) -> None:
        assert "lead" in {row.role for row in asked}, self.done
        waiting = {row.department for row in asked}
        assert set(self.running("accept")) == waiting, self.done


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example([3] * 30)
@example([7] * 30)
@given(choices=st.lists(st.integers(0, 400), min_size=5, max_size=30))
def test_no_sequence_of_actions_leaves_a_case_alone(engine: Engine, choices: list[int]) -> None:
    with Session(engine) as session:
        records = Records(session)
        case, _ = records.message()
        Life(records, case).live(choices)
        session.rollback()
