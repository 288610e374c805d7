"""The monthly topic: problems are counted, compared, ranked and chosen as somebody would with pencil and paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from cases import admin_history, calls, topics
from cases.browser_calls import BROWSER
from cases.case import Case
from cases.clusters import Cluster, Sighting
from cases.notices import Notice
from cases.readings import Reading
from cases.topics import MonthlyTopic, Problem, Report, Tally
from runtime.database import transaction
from tests.unit.cases.conftest import BOSS, KEY
from tests.unit.cases.scene import refused

ZONE = ZoneInfo("Asia/Hong_Kong")
NOVEMBER = date(2026, 11, 1)
AFTERWARDS = datetime(2026, 12, 5, 12, 0, tzinfo=ZONE)
LIFTS = Problem("lift", "lift", "大埔區")
REFUSE = Problem("refuse", "", "東區")
WATER = Problem("water-supply", "", "")


@dataclass
class Year:
    """Cases that were opened on a day, each with what was understood of it."""

    session: Session
    count: int = 0

    def case(
        self,
        day: datetime,
        problem: Problem = LIFTS,
        *,
        status: str = "received",
        caller: str = "",
        provider: str = "twilio",
        hazards: tuple[str, ...] = (),
        into: Case | None = None,
    ) -> Case:
        """A case of this problem; a caller of its own unless one is named."""
        self.count += 1
        call_id = calls.begin(
            self.session,
            f"CA{self.count}",
            provider=provider,
            caller=KEY.caller(caller or f"+8529{self.count:07d}"),
            called="1823",
            now=day,
        )
        opened = Case(
            call_id=call_id,
            number=str(self.count),
            status=status,
            opened_at=day,
            owner="desk",
            due_at=day,
            category=problem.category,
            category_alternatives=[],
            category_reasons=[],
            flags=[],
            merged_into=into.id if into else None,
        )
        self.session.add(opened)
        self.session.flush()
        kinds = hazards or ((problem.hazard,) if problem.hazard else ())
        reading = Reading(
            case_id=opened.id,
            of="x",
            read_at=day,
            places=[],
            district=problem.district,
            hazards=[{"kind": kind, "words": []} for kind in kinds],
            dangers=[],
        )
        self.session.add(reading)
        self.session.flush()
        return opened

    def cases(
        self, month: int, problem: Problem, number: int, closed: int = 0, day: int = 9
    ) -> list[Case]:
        """So many cases of a month of 2026, `closed` of them closed."""
        at = datetime(2026, month, day, 10, 0, tzinfo=ZONE)
        return [
            self.case(
                at + timedelta(minutes=place),
                problem,
                status="closed" if place < closed else "received",
            )
            for place in range(number)
        ]

    def together(self, *found: Case) -> None:
        """The same hazard at the same place."""
        at = [one.opened_at for one in found]
        cluster = Cluster(
            family="lift",
            place="宏福苑",
            district="大埔區",
            first_at=at[0],
            last_at=at[-1],
            cases=len(found),
        )
        self.session.add(cluster)
        self.session.flush()
        for one in found:
            sighting = Sighting(
                case_id=one.id,
                cluster_id=cluster.id,
                family="lift",
                caller=f"case:{one.id}",
                at=one.opened_at,
                evidence={},
            )
            self.session.add(sighting)
        self.session.flush()

    def report(self, now: datetime = AFTERWARDS, month: date = NOVEMBER) -> Report:
        return topics.report(self.session, month, ZONE, now)

    def three_problems(self) -> Report:
        """November and the three months before, of three problems."""
        for month in (8, 9, 10):
            self.cases(month, REFUSE, 10, closed=10, day=1)
            self.cases(month, LIFTS, 4, closed=4)
        lifts = self.cases(11, LIFTS, 8, closed=2)
        self.together(*lifts[:3])
        self.cases(11, REFUSE, 10, closed=8)
        self.cases(11, WATER, 5)
        return self.report()


@pytest.fixture
def year(engine: Engine) -> Iterator[Year]:
    """An empty year."""
    with transaction(engine) as session:
        yield Year(session)


def tallies(report: Report) -> dict[Problem, Tally]:
    return {one.problem: one for one in (*(r.tally for r in report.ranked), *report.few)}


# --- counting -------------------------------------------------------------------------------------------


def test_a_month_is_counted_by_problem_beside_the_three_months_before(year: Year) -> None:
    report = year.three_problems()
    assert report.compared == (date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1))
    assert report.cases == 23 and report.is_over and report.few == ()
    assert tallies(report) == {
        LIFTS: Tally(LIFTS, 8, (4, 4, 4), repeats=2, unresolved=6),
        REFUSE: Tally(REFUSE, 10, (10, 10, 10), repeats=0, unresolved=2),
        WATER: Tally(WATER, 5, (0, 0, 0), repeats=0, unresolved=5),
    }


def test_they_are_ranked_by_the_sum_of_four_places_and_equal_sums_by_the_number_of_cases(
    year: Year,
) -> None:
    # By volume 10, 8, 5; by growth new, +100 %, 0; repeats 2 of 8, 0, 0; unresolved 5 of 5, 6 of 8, 2 of 10.
    report = year.three_problems()
    assert [(one.problem, one.rank, one.points) for one in report.ranked] == [
        (LIFTS, 1, 2 + 2 + 1 + 2),
        (WATER, 2, 3 + 1 + 2 + 1),
        (REFUSE, 3, 1 + 3 + 2 + 3),
    ]
    first = report.ranked[0].places
    assert first == {"volume": 2, "growth": 2, "repeats": 1, "unresolved": 2}
    by = {name: topics.ordered(report.ranked, name)[0].problem for name in topics.MEASURES}
    assert by == {"volume": REFUSE, "growth": WATER, "repeats": LIFTS, "unresolved": WATER}


def test_growth_is_against_the_mean_of_the_months_before() -> None:
    assert Tally(LIFTS, 6, (2, 4, 6), 0, 0).growth == Fraction(1, 2)
    assert Tally(LIFTS, 6, (24,), 0, 0).growth == Fraction(-3, 4)
    new, unknown = Tally(LIFTS, 6, (0, 0), 0, 0), Tally(LIFTS, 6, (), 0, 0)
    assert new.growth is None and new.is_new
    assert unknown.growth is None and not unknown.is_new


def test_a_month_in_which_the_hotline_began_later_is_not_compared_with(year: Year) -> None:
    year.case(datetime(2026, 9, 2, 0, 0, tzinfo=ZONE))
    year.cases(11, LIFTS, 5)
    report = year.report()
    assert report.compared == (date(2026, 10, 1),)
    assert tallies(report)[LIFTS].before == (0,) and tallies(report)[LIFTS].is_new


def test_without_any_month_before_all_share_one_place_in_growth(year: Year) -> None:
    year.cases(11, LIFTS, 5)
    year.cases(11, WATER, 9)
    report = year.report()
    assert report.compared == ()
    assert {one.places["growth"] for one in report.ranked} == {1}


def test_months_begin_by_the_citys_clock(year: Year) -> None:
    year.case(datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC))
    year.case(datetime(2026, 10, 31, 16, 0, tzinfo=UTC))
    year.case(datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC))
    year.case(datetime(2026, 11, 30, 16, 0, tzinfo=UTC))
    assert year.report().cases == 2


def test_a_month_that_goes_on_is_compared_with_as_much_of_the_months_before(year: Year) -> None:
    year.cases(10, LIFTS, 1, day=1)
    year.cases(10, LIFTS, 3, day=9)
    year.cases(10, LIFTS, 7, day=20)
    year.cases(11, LIFTS, 5, day=9)
    report = year.report(now=datetime(2026, 11, 11, 0, 0, tzinfo=ZONE))
    assert not report.is_over
    assert tallies(report)[LIFTS].before == (4,)
    assert tallies(year.report())[LIFTS].before == (11,)


def test_a_case_with_two_hazards_belongs_to_both_problems_and_is_one_case(year: Year) -> None:
    year.case(datetime(2026, 11, 3, tzinfo=ZONE), hazards=("lift", "scaffold", "fire"))
    report = year.report()
    assert report.cases == 1
    # Nets and fire are one family.
    assert set(tallies(report)) == {LIFTS, Problem("lift", "fire", "大埔區")}


def test_what_nobody_understood_is_no_problem_and_what_came_from_a_browser_does_not_count(
    year: Year,
) -> None:
    day = datetime(2026, 11, 3, tzinfo=ZONE)
    year.case(day, Problem(None, "", "東區"))
    year.case(day, Problem(None, "gas", "東區"))
    year.case(day, LIFTS, provider=BROWSER)
    report = year.report()
    assert report.cases == 2
    assert set(tallies(report)) == {Problem(None, "gas", "東區")}


def test_fewer_than_five_are_shown_and_not_ranked(year: Year) -> None:
    year.cases(11, LIFTS, 4)
    year.cases(11, WATER, 5)
    report = year.report()
    assert [one.problem for one in report.ranked] == [WATER]
    assert [(one.problem, one.cases) for one in report.few] == [(LIFTS, 4)]


def test_a_repeat_is_merged_or_at_the_same_place_or_of_the_same_caller(year: Year) -> None:
    day = datetime(2026, 11, 3, tzinfo=ZONE)
    main = year.case(day)
    year.case(day + timedelta(hours=1), into=main, status="closed")
    year.case(day + timedelta(hours=2), caller="+85291111111")
    year.case(day + timedelta(hours=3), caller="+85291111111")
    year.together(main, year.case(day + timedelta(hours=4)))
    year.case(day + timedelta(hours=5))
    assert tallies(year.report())[LIFTS].repeats == 3


def test_the_same_caller_about_something_else_or_long_ago_repeats_nothing(year: Year) -> None:
    caller = "+85291111111"
    year.case(datetime(2026, 7, 31, 23, 0, tzinfo=ZONE), caller=caller)
    year.case(datetime(2026, 11, 3, tzinfo=ZONE), WATER, caller=caller)
    year.case(datetime(2026, 11, 4, tzinfo=ZONE), caller=caller)
    assert {one.repeats for one in tallies(year.report()).values()} == {0}


def test_callers_without_a_number_are_not_taken_for_one(year: Year) -> None:
    for day in (3, 4):
        year.case(datetime(2026, 11, day, tzinfo=ZONE), caller="anonymous")
    assert tallies(year.report())[LIFTS].repeats == 0


def test_a_merged_case_is_as_unresolved_as_its_main_case(year: Year) -> None:
    day = datetime(2026, 11, 3, tzinfo=ZONE)
    still_open = year.case(day, status="accepted")
    year.case(day, into=still_open, status="closed")
    done = year.case(day, status="resolved")
    year.case(day, into=done, status="closed")
    assert tallies(year.report())[LIFTS].unresolved == 2


def test_a_month_without_a_case_has_no_problems(year: Year) -> None:
    report = year.report()
    assert (report.cases, report.ranked, report.few, report.compared) == (0, (), (), ())


# --- choosing -------------------------------------------------------------------------------------------


def choose(year: Year, report: Report, key: str = LIFTS.key, **given: str) -> MonthlyTopic:
    said = {"reason": "困𨋢個案倍增。", "department": "emsd", **given}
    return topics.choose(year.session, report, key, **said, by=BOSS, now=AFTERWARDS)


def test_one_is_chosen_with_its_figures_a_reason_and_who_leads(year: Year) -> None:
    topic = choose(year, year.three_problems())
    assert (topic.month, topic.problem, topic.department) == ("2026-11", LIFTS, "emsd")
    assert topic.reason == "困𨋢個案倍增。" and topic.chosen_by == BOSS.actor
    assert topic.figures == {
        "rank": 1,
        "cases": 8,
        "before": [4, 4, 4],
        "repeats": 2,
        "unresolved": 6,
    }
    assert topics.standing(year.session, NOVEMBER) is topic
    (line,) = admin_history.of(year.session, "topic:2026-11")
    assert (line.action, line.actor) == ("topic_chosen", BOSS.actor)
    assert line.detail["department"] == "emsd" and line.detail["hazard"] == "lift"


def test_a_month_has_one_topic_until_it_is_undone_and_both_stay_on_record(year: Year) -> None:
    report = year.three_problems()
    topic = choose(year, report)
    with refused("topic_stands"):
        choose(year, report, WATER.key)
    topics.undo(year.session, topic, by=BOSS, now=AFTERWARDS)
    assert topics.standing(year.session, NOVEMBER) is None
    with refused("already"):
        topics.undo(year.session, topic, by=BOSS, now=AFTERWARDS)
    other = choose(year, report, WATER.key)
    assert topics.standing(year.session, NOVEMBER) is other
    assert [one.problem for one in topics.chosen(year.session)] == [WATER, LIFTS]
    done = [line.action for line in admin_history.of(year.session, "topic:2026-11")]
    assert done == ["topic_chosen", "topic_undone", "topic_chosen"]


@pytest.mark.parametrize("given", [{"reason": "  "}, {"department": ""}, {"key": "||"}])
def test_nothing_is_chosen_without_problem_reason_and_lead(
    year: Year, given: dict[str, str]
) -> None:
    with refused("incomplete"):
        choose(year, year.three_problems(), **given)
    assert topics.chosen(year.session) == []


def test_what_is_not_ranked_cannot_be_chosen(year: Year) -> None:
    year.cases(11, LIFTS, 4)
    with refused("no_such_problem"):
        choose(year, year.report())


# --- telling who leads ----------------------------------------------------------------------------------


def test_who_leads_is_told_of_the_choice_and_of_its_undoing_each_once(year: Year) -> None:
    topic = choose(year, year.three_problems())
    topics.undo(year.session, topic, by=BOSS, now=AFTERWARDS)
    chosen, undone = year.session.scalars(select(Notice).order_by(Notice.id))
    assert (chosen.kind, chosen.to, chosen.case_id) == ("topic", "department:emsd", None)
    assert chosen.facts == {
        "what": "2026-11：困𨋢個案倍增。",
        "category": "lift",
        "hazard": "lift",
        "place": "大埔區",
        "seen": 8,
        "state": "chosen",
        "lead": "emsd",
        "link": "/department#topics",
    }
    assert undone.to == "department:emsd" and undone.facts["state"] == "undone"


def test_nobody_is_told_of_what_was_refused(year: Year) -> None:
    with refused("incomplete"):
        choose(year, year.three_problems(), reason="")
    assert list(year.session.scalars(select(Notice))) == []


def test_a_department_leads_what_stands_of_the_last_three_months(year: Year) -> None:
    topic = choose(year, year.three_problems())
    for day in (date(2026, 11, 30), date(2027, 1, 31)):
        assert topics.led_by(year.session, "emsd", day) == [topic]
    assert topics.led_by(year.session, "emsd", date(2027, 2, 1)) == []
    assert topics.led_by(year.session, "hyd", date(2026, 12, 1)) == []
    topics.undo(year.session, topic, by=BOSS, now=AFTERWARDS)
    assert topics.led_by(year.session, "emsd", date(2026, 12, 1)) == []
