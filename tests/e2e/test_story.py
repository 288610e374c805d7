"""One matter through the whole hotline: a citizen phones, two departments send it on, the whistle blows
by itself, three report in, and the citizen, rung back, says first that it is not solved, and then that
it is. Web, workers, watch and provider are as they are; the desk and the departments act by the rules.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select

from cases import arrivals, clocks, followups, history, referrals, replies, whistles
from cases import case as case_module
from cases.case import Case
from cases.clocks import Clock
from cases.notices import Notice
from cases.permissions import Person
from cases.whistles import Whistle
from console import office
from console.languages import EN, Wording
from console.office import Office
from console.who import who
from console.words import Words
from demo import events
from demo.caller import hang_up, picks_up, press
from demo.scenario import Scenario
from runtime import clock, database
from runtime.city import City
from runtime.database import transaction
from runtime.settings import Settings
from tests.support import ringing
from tests.support.hotline import Hotline
from tests.support.hotline import hotline as whole_hotline
from tests.support.servers import postgres_server, redis_server
from tests.unit.cases.conftest import Records
from tests.unit.cases.scene import Scene

CITIZEN = "+85251234567"
CONSOLE = [sys.executable, "-m", "console"]
DANGER = timedelta(hours=24)
PATIENCE = 60.0
ALL_THREE = {"fsd", "bd", "hd"}
FSD, BD = "Fire Services Department", "Buildings Department"
HD = "Hong Kong Housing Authority and Housing Department"
NO_DATA = {"n": 0, "share": None, "low": None, "high": None}


@dataclass
class Step:
    """The case in one transaction, and the people around it."""

    session: database.Session
    case: Case
    office: Office

    def person(self, name: str) -> Person:
        scene = Scene(Records(self.session), self.case)
        known: Mapping[str, Callable[[], Person]] = {
            "desk": scene.desk,
            "coordinator": scene.coordinator,
        }
        return known[name]() if name in known else scene.of(name)

    def by(self, name: str) -> dict[str, Any]:
        """Who acts, now, on the city's terms."""
        return {"by": self.person(name), "now": clock.now(), "terms": self.office.terms}

    @property
    def whistle(self) -> Whistle:
        found = whistles.open_of(self.session, self.case.id)
        assert found is not None
        return found

    def stands(self, status: str, *owners: str) -> None:
        assert self.case.status == status
        assert set(whistles.owners(self.session, self.case)) == {*owners}

    def runs(self, *wanted: str) -> None:
        """Exactly these clocks run; each with the department it is for, if it is for one."""
        running = clocks.running(self.session, self.case.id)
        assert {f"{one.kind} {one.department or ''}".strip() for one in running} == {*wanted}

    def resolve_clock(self) -> Clock:
        running = clocks.running(self.session, self.case.id)
        (one,) = (one for one in running if one.kind == clocks.RESOLVE)
        return one


@dataclass
class Story:
    hotline: Hotline
    engine: Engine
    office: Office
    case_id: int = 0
    number: str = ""
    lines_read: int = 0

    @contextmanager
    def step(self) -> Iterator[Step]:
        with transaction(self.engine) as session:
            yield Step(session, session.get_one(Case, self.case_id), self.office)

    def tells(self, *wanted: str) -> None:
        """What the history says since it was last read: who did what, in the words of the console."""
        words = Words(Wording(EN), self.office)
        with self.step() as step:
            # What the hotline understands by itself comes whenever it comes, between any two.
            said = ("danger_heard", "joined_others")
            whole = history.of_case(step.session, self.case_id)
            lines = [line for line in whole if line.action not in said]
            names = who(step.session, (line.actor for line in lines))
            told = [f"{words.actor(line.actor, names)}: {words.event(line)}" for line in lines]
        assert told[self.lines_read :] == [*wanted]
        self.lines_read = len(told)

    def wait_for(self, status: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            with self.step() as step:
                is_now = step.case.status
            if is_now == status:
                return
            assert time.monotonic() < deadline, f"still {is_now}"
            self.hotline.house.check()
            time.sleep(0.2)

    def console(self, *arguments: str) -> str:
        """What a command of the console prints."""
        return self.hotline.house.run(arguments[0], [*CONSOLE, *arguments])

    def rates(self) -> dict[str, Any]:
        """The rates by 10-50-40, the same from the database and from the exported file alone."""
        file = self.hotline.house.state / "cases.jsonl"
        file.write_text(self.console("export"), encoding="utf-8")
        today, day = clock.now().astimezone(self.office.terms.time_zone).date(), timedelta(days=1)
        days = ("--from", str(today - day), "--until", str(today + 2 * day), "--json")
        ours: dict[str, Any] = json.loads(self.console("kpi", "report", "10-50-40", *days))
        assert ours == json.loads(self.console("kpi", "recompute", str(file), *days))
        return ours


@pytest.fixture(scope="module", params=["sqlite", "postgres and redis"])
def story(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """An empty hotline that may ring back at any hour."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("story")
        settings = {
            "CITY": str(ringing.city(folder)),
            "OUTBOUND_CALLS": "1",
            "OUTBOUND_NUMBER": "+85221231823",
        }
        if request.param != "sqlite":
            settings["DATABASE_URL"] = stack.enter_context(postgres_server()).url
            settings["REDIS_URL"] = stack.enter_context(redis_server()).url
        hotline = stack.enter_context(whole_hotline(folder / "state", settings))
        hotline.house.start_watch()
        yield _story(stack, hotline)


def _story(stack: ExitStack, hotline: Hotline) -> Story:
    chosen = {
        name.lower(): value
        for name, value in hotline.house.environment.items()
        if name.lower() in Settings.model_fields
    }
    settings = Settings(_env_file=None, **chosen)  # type: ignore[arg-type,call-arg]
    engine = database.engine(settings.database_url)
    stack.callback(engine.dispose)
    return Story(hotline, engine, office.install(settings, engine, City.read(settings.city_folder)))


def test_nobody_passes_it_on_in_silence(story: Story, scripted: Mapping[str, Scenario]) -> None:
    nobody_was_asked_yet(story)
    a_citizen_phones(story, scripted["yue-scaffold"])
    the_desk_confirms_and_refers(story)
    sent_on_once(story)
    sent_on_twice_so_that_the_whistle_blows(story)
    one_reports_in_with_one_tap(story)
    the_others_report_in(story)
    scored_and_resolved(story)
    rung_back_it_is_not_solved(story)
    resolved_and_rung_again_it_is_solved(story)
    the_whistle_ends_and_nothing_was_changed(story)


def nobody_was_asked_yet(story: Story) -> None:
    rates = story.rates()
    # An empty denominator is no data: neither 0 nor 100, and no score.
    assert rates["units"] == []
    assert rates["together"]["rates"] == dict.fromkeys(
        ("contacted", "solved", "satisfied"), NO_DATA
    )
    assert rates["together"]["score"] is None


def a_citizen_phones(story: Story, scenario: Scenario) -> None:
    call = story.hotline.ring(*scenario.acts, caller=CITIZEN)
    row = story.hotline.finished(call)
    story.case_id, story.number = row["id"], row["number"]
    with story.step() as step:
        for name in ("desk", "coordinator", *ALL_THREE):
            step.person(name)
        assert step.case.language == "yue"
        step.stands("received", "desk")
        step.runs("dispatch", "resolve")
    story.tells("system: Case opened", "system: Recording transcribed")


def the_desk_confirms_and_refers(story: Story) -> None:
    with story.step() as step:
        kind, version = story.office.categories["fire-safety"], step.case.version
        case_module.confirm(step.session, step.case, kind, version=version, **step.by("desk"))
        step.stands("confirmed", "desk")
        step.runs("dispatch", "resolve")
    with story.step() as step:
        referrals.refer(
            step.session, step.case, None, (), policy=story.office.policy, **step.by("desk")
        )
        step.stands("referred", "fsd")
        step.runs("accept fsd", "resolve")
        # A matter of danger: a day from the call, however long the desk took.
        assert step.resolve_clock().due_at == step.case.opened_at + DANGER
    story.tells(
        "one at the desk: Category “Fire safety and scaffold netting” confirmed",
        f"one at the desk: Referred to {FSD} in the lead; in support: –",
    )


def sent_on_once(story: Story) -> None:
    gives_back(story, "fsd", "A net on a scaffold is building works.", names="bd")
    with story.step() as step:
        # Another is asked; who got it first leads until somebody has accepted.
        step.stands("referred", "fsd")
        step.runs("accept bd", "resolve")
        assert whistles.open_of(step.session, step.case.id) is None
    story.tells(
        f"one of fsd ({FSD}): Returned (Not within our powers): "
        f"A net on a scaffold is building works.; names {BD}"
    )


def sent_on_twice_so_that_the_whistle_blows(story: Story) -> None:
    gives_back(story, "bd", "The estate is the housing authority's.", names="hd")
    with story.step() as step:
        step.stands("whistled", *ALL_THREE)
        step.runs("arrive fsd", "arrive bd", "arrive hd", "interim", "resolve")
        assert step.whistle.lead == "fsd"
        assert step.whistle.coordinator == step.person("coordinator").actor
    matter = f"個案{story.number}（消防安全、棚網）被退單兩次，請各部門報到，當面說清由誰辦理。"
    story.tells(
        f"one of bd ({BD}): Returned (Not within our powers): "
        f"The estate is the housing authority's.; names {HD}",
        f"system: Whistle blown: {matter}; called: {FSD}, {BD}, {HD}",
        f"system: Owned together by {FSD}, {BD}, {HD}; coordinator: one who coordinates",
    )


def gives_back(story: Story, department: str, words: str, names: str) -> None:
    with story.step() as step:
        referrals.give_back(
            step.session,
            step.case,
            "not-ours",
            words,
            names,
            policy=story.office.policy,
            **step.by(department),
        )


def one_reports_in_with_one_tap(story: Story) -> None:
    with story.step() as step:
        to_hd = select(Notice).where(Notice.kind == "whistle", Notice.to == "department:hd")
        link = str(step.session.scalars(to_hd).one().facts["link"])
    with httpx.Client(
        base_url=story.hotline.house.address, headers={"Accept-Language": "en"}
    ) as browser:
        page = browser.get(link)
        assert page.status_code == 200 and "Report in" in page.text
        # A program that looks at links has reported nobody in.
        assert arrived(story) == set()
        story.tells()
        proof = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert proof is not None
        page = browser.post(link, data={"csrf_token": proof[1]})
        assert page.status_code == 200 and "Thank you" in page.text
        assert arrived(story) == {"hd"}
    with story.step() as step:
        # One is there, and not the lead: all three still have it.
        step.stands("whistled", *ALL_THREE)
        step.runs("arrive fsd", "arrive bd", "interim", "resolve")
    story.tells(f"system: {HD} reported in by the link of its notice")


def arrived(story: Story) -> set[str]:
    with story.step() as step:
        there = whistles.called(step.session, step.whistle.id)
        return {one.department for one in there if one.arrived_at is not None}


def the_others_report_in(story: Story) -> None:
    for department in ("bd", "fsd"):
        with story.step() as step:
            by = step.person(department)
            arrivals.arrive(step.session, step.whistle, department, by=by, now=clock.now())
    with story.step() as step:
        step.stands("whistled", "fsd")
        step.runs("interim", "resolve")
    story.tells(
        f"one of bd ({BD}): {BD} reported in",
        f"one of fsd ({FSD}): {FSD} reported in",
        f"one of fsd ({FSD}): {FSD} leads",
    )


def scored_and_resolved(story: Story) -> None:
    with story.step() as step:
        # A rule blew it, so it is the coordinator who says how each came.
        how = {"by": step.person("coordinator"), "now": clock.now()}
        for department, points in (("fsd", 4), ("bd", 2), ("hd", 5)):
            arrivals.score(step.session, step.whistle, department, points, "As seen.", **how)
    story.tells(
        f"one who coordinates: Arrival of {FSD} scored 4: As seen.",
        f"one who coordinates: Arrival of {BD} scored 2: As seen.",
        f"one who coordinates: Arrival of {HD} scored 5: As seen.",
    )
    # The citizen's telephone: at the first ring 1, 2, 3, at the second 1, 1, 1.
    rings = (picks_up(*map(press, keys), hang_up()) for keys in ("123", "111"))
    story.hotline.exchange.when_rung(CITIZEN, *rings)
    resolves(story, "The net was taken down.")


def resolves(story: Story, answer: str) -> None:
    """The lead answers; now the hotline is to ask the citizen."""
    with story.step() as step:
        replies.resolve(step.session, step.case, answer, "done", **step.by("fsd"))
        step.stands("resolved", "fsd")
        step.runs("followup")


def rung_back_it_is_not_solved(story: Story) -> None:
    story.wait_for("whistled")
    with story.step() as step:
        (row,) = followups.of_case(step.session, step.case.id)
        assert (row.contacted, row.solved, row.satisfied) == (True, False, "no")
        assert (row.by, row.department) == ("voice", "fsd")
        # Back to the whistle, which is still open; who led it leads.
        step.stands("whistled", "fsd")
        step.runs("resolve")
        fresh = step.resolve_clock()
        assert fresh.set_at == row.ended_at
        assert step.case.due_at == fresh.due_at == fresh.set_at + DANGER
        assert "reopened" in step.case.flags
    story.tells(
        f"one of fsd ({FSD}): Answered: The net was taken down.",
        "system: Follow-up: the citizen says it is not solved; it goes back",
    )
    rates = story.rates()
    # One answer: of 1, 1 was contacted, 0 say it is solved, 0 are satisfied. 95 % of such samples
    # (Wilson, z2 = 3.8415): 1 of 1 from 1 / (1 + z2) = 20.7 % up, 0 of 1 up to z2 / (1 + z2) = 79.3 %.
    # 10 x 1 + 50 x 0 + 40 x 0 = 10.
    says(
        rates,
        "fsd",
        n=1,
        contacted="100.0 (20.7-100.0)",
        solved="0.0 (0.0-79.3)",
        satisfied="0.0 (0.0-79.3)",
        score="10.0",
    )


def resolved_and_rung_again_it_is_solved(story: Story) -> None:
    resolves(story, "The new net does not burn, and the stairs are free.")
    story.wait_for("closed")
    with story.step() as step:
        _, row = followups.of_case(step.session, step.case.id)
        assert (row.contacted, row.solved, row.satisfied) == (True, True, "very")
        step.stands("closed", "fsd")
        step.runs()
    story.tells(
        f"one of fsd ({FSD}): Answered: The new net does not burn, and the stairs are free.",
        "system: Follow-up: the citizen says it is solved",
    )
    rates = story.rates()
    # Two answers; that it is solved now does not undo that it was not: 2 of 2 contacted, 1 of 2
    # solved, 1 of 2 satisfied. 2 of 2: from 1 / (1 + z2 / 2) = 34.2 % up; 1 of 2: the half, give or
    # take 1.96 x sqrt(0.25 / 2 + z2 / 16) / (1 + z2 / 2) = 40.5 points.
    # 10 x 1 + 50 x 1/2 + 40 x 1/2 = 55.
    says(
        rates,
        "fsd",
        n=2,
        contacted="100.0 (34.2-100.0)",
        solved="50.0 (9.5-90.5)",
        satisfied="50.0 (9.5-90.5)",
        score="55.0",
    )
    story.hotline.exchange.settle()
    first, second = story.hotline.exchange.rung(CITIZEN)
    for call in (first, second):
        assert not call.trouble
        assert {one.language for one in call.of(events.Hears)} == {"yue"}


def says(rates: dict[str, Any], department: str, *, n: int, score: str, **wanted: str) -> None:
    """One department has answers, `n` of them, too few to be ranked; there is nobody else."""
    (unit,) = rates["units"]
    assert (unit["group"], unit["asked"], unit["valid"], unit["excluded"]) == (department, n, n, 0)
    shown = {
        name: "{share} ({low}-{high})".format_map(rate) for name, rate in unit["rates"].items()
    }
    assert shown == wanted
    assert (unit["score"], unit["rank"]) == (score, None)
    assert rates["together"]["score"] == score


def the_whistle_ends_and_nothing_was_changed(story: Story) -> None:
    with story.step() as step:
        by = step.person("coordinator")
        whistles.end(step.session, step.whistle, by=by, now=clock.now())
    with story.step() as step:
        step.stands("closed", "fsd")
    story.tells("one who coordinates: Whistle ended; never came: –")
    assert story.console("verify").startswith("No history was changed.")
