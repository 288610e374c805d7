"""One matter from end to end, each step checked by hand: two departments send it on, the whistle blows
by itself, three report in, it is answered, the citizen says it is not solved, and then that it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from cases import (
    arrivals,
    categories,
    clocks,
    departments,
    followups,
    history,
    places,
    referral_policy,
    referrals,
    replies,
    tasks,
    whistles,
)
from cases import case as case_module
from cases.arrivals import Seen
from cases.case import Case
from cases.clocks import Terms
from cases.errors import Refused
from cases.notices import Notice
from cases.permissions import SYSTEM, Person
from cases.whistles import Whistle
from runtime.city import City
from runtime.database import transaction
from runtime.settings import CITIES
from tests.unit.cases.conftest import Records
from tests.unit.cases.scene import Scene
from watch.clocks import go_round, of_city

FOLDER = CITIES / "hongkong"
TERMS = Terms.of_city(City.read(FOLDER))
KNOWN = departments.read(FOLDER)
KINDS = {one.code: one for one in categories.read(FOLDER, KNOWN)}
POLICY = referral_policy.read(FOLDER, [*KINDS.values()], KNOWN, places.read(FOLDER), "yue")
THREE = {"bd", "hd", "ld"}


def at(clock: str, day: int = 24) -> datetime:
    """A moment of that Tuesday in November 2026, or of another day, in the city's own time."""
    hour, minute = map(int, clock.split(":"))
    local = datetime(2026, 11, day, hour, minute, tzinfo=TERMS.time_zone)
    return local.astimezone(UTC)


@dataclass
class Story:
    """Each step is a transaction of its own."""

    engine: Engine
    case_id: int = 0

    def watch_until(self, clock: str) -> None:
        """One round of the watch."""
        go_round(of_city(self.engine, TERMS, POLICY), at(clock))

    @contextmanager
    def step(self) -> Iterator["Step"]:
        with transaction(self.engine) as session:
            yield Step(session, session.get_one(Case, self.case_id))


@dataclass
class Step:
    """The case at one moment, the people, and what is known of it."""

    session: Session
    case: Case

    def person(self, name: str) -> Person:
        scene = Scene(Records(self.session), self.case)
        people: dict[str, Callable[[], Person]] = {
            "desk": scene.desk,
            "coordinator": scene.coordinator,
        }
        return people[name]() if name in people else scene.of(name)

    def how(self, name: str, clock: str, day: int = 24) -> dict[str, Any]:
        return {"by": self.person(name), "now": at(clock, day), "terms": TERMS}

    @property
    def whistle(self) -> Whistle:
        found = whistles.open_of(self.session, self.case.id)
        assert found is not None
        return found

    def running(self) -> dict[tuple[str, str | None], datetime]:
        return {
            (one.kind, one.department): one.due_at
            for one in clocks.running(self.session, self.case.id)
        }

    def stands(self, status: str, owner: str, owners: set[str] | None = None) -> None:
        """Who has the case, as all who ask are told."""
        assert (self.case.status, self.case.owner) == (status, owner)
        assert set(whistles.owners(self.session, self.case)) == (owners or {owner})

    def told(self, kind: str) -> set[str]:
        mine = select(Notice.to).where(Notice.kind == kind)
        return {*self.session.scalars(mine)}


@pytest.fixture
def story(engine: Engine) -> Story:
    """A case about a scaffold, opened at half past nine, and people at work."""
    with transaction(engine) as session:
        case, _ = Records(session).message()
        step = Step(session, case)
        for name in ("desk", "coordinator", *THREE):
            step.person(name)
        return Story(engine, case.id)


def test_bounced_twice_whistled_answered_reopened_solved(story: Story) -> None:
    confirmed_and_referred(story)
    sent_on_once(story)
    sent_on_twice_so_that_the_whistle_blows(story)
    one_reports_in_by_the_link(story)
    the_lead_reports_in_and_one_does_not(story)
    the_last_one_comes_late(story)
    tasks_are_given_and_done(story)
    answered_and_scored(story)
    not_solved(story)
    solved(story)
    ended(story)
    the_record_says_all_of_it(story)


def confirmed_and_referred(story: Story) -> None:
    with story.step() as step:
        kind, version = KINDS["building-safety"], step.case.version
        how = step.how("desk", "09:33")
        case_module.confirm(step.session, step.case, kind, version=version, **how)
        step.stands("confirmed", "desk")
        how = step.how("desk", "09:35")
        referrals.refer(step.session, step.case, "bd", (), policy=POLICY, **how)
        step.stands("referred", "bd")
        assert step.running() == {
            ("accept", "bd"): at("10:05"),
            # A matter of danger: a day from the call.
            ("resolve", None): at("09:30", 25),
        }


def sent_on_once(story: Story) -> None:
    with story.step() as step:
        how = step.how("bd", "09:45")
        words = "The block is the housing authority's."
        referrals.give_back(step.session, step.case, "not-ours", words, "hd", policy=POLICY, **how)
        # Asked is another; who got it first still leads.
        step.stands("referred", "bd")
        assert step.running() == {
            ("accept", "hd"): at("10:15"),
            ("resolve", None): at("09:30", 25),
        }
        assert whistles.of_case(step.session, step.case.id) == []


def sent_on_twice_so_that_the_whistle_blows(story: Story) -> None:
    with story.step() as step:
        how = step.how("hd", "09:55")
        words = "The scaffold is a place of work."
        referrals.give_back(step.session, step.case, "not-ours", words, "ld", policy=POLICY, **how)
        step.stands("whistled", "bd", THREE)
        assert step.running() == {
            ("arrive", "bd"): at("10:25"),
            ("arrive", "hd"): at("10:25"),
            ("arrive", "ld"): at("10:25"),
            # Two hours from the call.
            ("interim", None): at("11:30"),
            ("resolve", None): at("09:30", 25),
        }
        whistle = step.whistle
        assert (whistle.blown_as, whistle.reason, whistle.blown_by) == (
            "rule",
            "second_return",
            "system",
        )
        assert whistle.coordinator == step.person("coordinator").actor
        assert step.told("whistle") == {f"department:{code}" for code in THREE}
        assert seen(step) == {code: (1, 0, 0, None) for code in THREE}


def one_reports_in_by_the_link(story: Story) -> None:
    with story.step() as step:
        to_ld = select(Notice).where(Notice.kind == "whistle", Notice.to == "department:ld")
        link = str(step.session.scalars(to_ld).one().facts["link"])
        token = link.rpartition("/")[2]
        found = arrivals.by_token(step.session, token)
        assert found is not None
        arrivals.arrive(step.session, *found, token=token, now=at("10:00"))
        step.stands("whistled", "bd", THREE)
        assert seen(step)["ld"] == (1, 1, 1, None)


def the_lead_reports_in_and_one_does_not(story: Story) -> None:
    with story.step() as step:
        bd = step.person("bd")
        arrivals.arrive(step.session, step.whistle, "bd", by=bd, now=at("10:10"))
        step.stands("whistled", "bd")
    story.watch_until("10:26")
    with story.step() as step:
        assert step.told("escalated") == {step.person("coordinator").actor, "role:supervisor"}
        assert step.told("overdue") == {"department:hd"}
        assert seen(step) == {"bd": (1, 1, 1, None), "hd": (1, 0, 0, None), "ld": (1, 1, 1, None)}


def the_last_one_comes_late(story: Story) -> None:
    with story.step() as step:
        hd = step.person("hd")
        arrivals.arrive(step.session, step.whistle, "hd", by=hd, now=at("10:40"))
        assert seen(step)["hd"] == (1, 1, 0, None)
        assert step.running() == {
            ("interim", None): at("11:30"),
            ("resolve", None): at("09:30", 25),
        }
        ended = {one.department: one.outcome for one in of_kind(step, "arrive")}
        assert ended == {"bd": "met", "hd": "late", "ld": "met"}


def tasks_are_given_and_done(story: Story) -> None:
    with story.step() as step:
        for code, text in (("ld", "Inspect the net."), ("hd", "Clear the stairs.")):
            how = step.how("bd", "10:45")
            whistles.give_task(step.session, step.whistle, code, text, **how)
        whistles.say(step.session, step.whistle, "Who has the key?", by=how["by"], now=how["now"])
        assert {k: v for k, v in step.running().items() if k[0] == "task"} == {
            ("task", "ld"): at("12:45"),
            ("task", "hd"): at("12:45"),
        }
        replies.interim(
            step.session, step.case, "We are there.", by=step.person("bd"), now=at("11:00")
        )
        assert [one.outcome for one in of_kind(step, "interim")] == ["met"]
    task_done(story, "ld", "11:30")
    story.watch_until("12:50")
    task_done(story, "hd", "13:00")
    with story.step() as step:
        assert "role:coordinator" in step.told("escalated")
        assert [task.late for task in tasks.of_case(step.session, step.case.id)] == [False, True]


def task_done(story: Story, department: str, clock: str) -> None:
    with story.step() as step:
        given = tasks.of_case(step.session, step.case.id)
        task = next(one for one in given if one.owner == department)
        by = step.person(department)
        tasks.done(step.session, task, "It is done.", by=by, now=at(clock))


def answered_and_scored(story: Story) -> None:
    with story.step() as step:
        with pytest.raises(Refused, match="forbidden"):
            how = step.how("hd", "14:00")
            replies.resolve(step.session, step.case, "It is safe.", "done", **how)
        how = step.how("bd", "14:00")
        replies.resolve(step.session, step.case, "The net is gone.", "done", **how)
        step.stands("resolved", "bd")
        # The citizen is asked by the end of the next working day.
        assert step.running() == {("followup", None): at("18:00", 25)}
        score = {"by": step.person("coordinator"), "now": at("14:10")}
        for code, points in (("bd", 4), ("hd", 2), ("ld", 5)):
            arrivals.score(step.session, step.whistle, code, points, "as it was", **score)
        assert seen(step) == {"bd": (1, 1, 1, 4.0), "hd": (1, 1, 0, 2.0), "ld": (1, 1, 1, 5.0)}


def not_solved(story: Story) -> None:
    with story.step() as step:
        say(step, "no", "16:00")
        # The whistle has not ended, so all who were called are back; the lead still leads.
        step.stands("whistled", "bd")
        assert step.running() == {("resolve", None): at("16:00", 25)}
        with pytest.raises(Refused, match="not_before_the_end"):
            whistles.leave(step.session, step.whistle, "ld")
        with pytest.raises(Refused, match="not_answered"):
            whistles.end(step.session, step.whistle, by=step.person("coordinator"), now=at("16:05"))


def solved(story: Story) -> None:
    with story.step() as step:
        how = step.how("bd", "10:00", 25)
        replies.resolve(step.session, step.case, "The stairs are free, too.", "done", **how)
        step.stands("resolved", "bd")
    with story.step() as step:
        say(step, "yes", "11:00", 25)
        step.stands("closed", "bd")
        assert step.running() == {}
        assert [one.outcome for one in of_kind(step, "resolve")] == ["regraded", "met", "met"]
        answers = [row.solved for row in followups.of_case(step.session, step.case.id)]
        assert answers == [False, True]


def ended(story: Story) -> None:
    with story.step() as step:
        by = step.person("coordinator")
        whistles.end(step.session, step.whistle, by=by, now=at("11:30", 25))
    with story.step() as step:
        (whistle,) = whistles.of_case(step.session, step.case.id)
        for code in THREE:
            whistles.leave(step.session, whistle, code)


def the_record_says_all_of_it(story: Story) -> None:
    with story.step() as step:
        lines = history.of_case(step.session, step.case.id)
        assert [line.action for line in lines] == [
            *("opened", "confirm", "refer", "return", "return", "blow", "owned_together"),
            *("arrive", "arrive", "lead", "not_arrived", "arrive"),
            *("task", "task", "interim", "task_done", "task_overdue", "task_done"),
            *("resolve", "score", "score", "score", "unsolved", "resolve", "solved"),
            "whistle_ended",
        ]
        by_system = {line.action for line in lines if line.actor == SYSTEM.actor}
        assert by_system == {
            *("opened", "blow", "owned_together", "arrive", "not_arrived", "task_overdue")
        }
        assert list(history.verify(step.session)) == []


def of_kind(step: Step, kind: str) -> list[clocks.Clock]:
    return [one for one in clocks.of_case(step.session, step.case.id) if one.kind == kind]


def seen(step: Step) -> dict[str, tuple[int, int, int, float | None]]:
    """By department: how often it was called, came, came in time, and how it was scored."""
    rows: list[Seen] = arrivals.scores(step.session, at("00:00"), at("00:00", 26))
    return {row.department: (row.called, row.arrived, row.in_time, row.mean) for row in rows}


def say(step: Step, is_solved: str, clock: str, day: int = 24) -> None:
    """What the citizen answers an agent on the telephone."""
    row = followups.of_case(step.session, step.case.id)[-1]
    given = {"contacted": "yes", "solved": is_solved}
    followups.answer(step.session, row.id, given, **step.how("desk", clock, day))
