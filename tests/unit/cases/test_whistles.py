"""The whistle: all are called at once, own the case together until one leads, are scored, and stay."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from cases import arrivals, asked, clocks, history, referrals, task_forces, tasks, whistles
from cases import case as case_module
from cases.agents import Agent
from cases.arrivals import Seen
from cases.errors import Refused
from cases.notices import Notice
from cases.permissions import SYSTEM, Person
from cases.whistles import Called, Whistle
from runtime.database import transaction
from tests.unit.cases.conftest import MINUTE, NOW, TERMS, Records
from tests.unit.cases.scene import MATTER, THREE, Scene, refused


@pytest.fixture
def scene(records: Records) -> Scene:
    case, _ = records.message()
    return Scene(records, case)


def arrive(scene: Scene, whistle: Whistle, department: str, after: timedelta = MINUTE) -> Called:
    by = scene.of(department)
    return arrivals.arrive(scene.session, whistle, department, by=by, now=NOW + after)


def answered(scene: Scene, whistle: Whistle) -> None:
    given = {"answer": "the net is gone", "outcome": "done"}
    lead = scene.of(whistle.lead)
    case_module.act(scene.session, scene.case, "resolve", given, by=lead, version=None, now=NOW)


def notices_of(scene: Scene, kind: str) -> list[Notice]:
    mine = select(Notice).where(Notice.kind == kind).order_by(Notice.id)
    return list(scene.session.scalars(mine))


def told(scene: Scene, kind: str) -> list[str]:
    return [one.to for one in notices_of(scene, kind)]


# Who blows it, and who is called


def test_every_department_is_called_at_once_each_with_a_notice_and_a_clock(scene: Scene) -> None:
    whistle = scene.blow()
    assert (scene.case.status, scene.case.owner, whistle.matter) == ("whistled", "bd", MATTER)
    assert [one.department for one in whistles.called(scene.session, whistle.id)] == [*THREE]
    assert told(scene, "whistle") == [f"department:{code}" for code in THREE]
    assert scene.running("arrive") == dict.fromkeys(THREE, NOW + timedelta(minutes=30))


def test_in_danger_the_citizen_is_answered_sooner_too_and_never_later(scene: Scene) -> None:
    later = NOW + timedelta(days=2)
    scene.blow(danger=True, now=later)
    assert scene.case.due_at == later + timedelta(hours=24)
    scene.blow(danger=True, now=later + timedelta(hours=5))
    assert scene.case.due_at == later + timedelta(hours=24)
    assert list(scene.running("resolve").values()) == [scene.case.due_at]


def test_without_danger_there_is_a_working_day(scene: Scene) -> None:
    scene.blow(danger=False)
    due = set(scene.running("arrive").values())
    # From a Tuesday's morning to the end of Wednesday.
    assert {moment.astimezone(TERMS.time_zone).date().isoformat() for moment in due} == {
        "2026-11-25"
    }


@pytest.mark.parametrize("reason", whistles.RULES)
def test_a_rule_blows_it_and_says_which(scene: Scene, reason: str) -> None:
    whistle = scene.blow_by_rule(reason)
    assert (whistle.blown_as, whistle.reason, whistle.blown_by) == ("rule", reason, "system")
    (line,) = scene.lines("blow")
    assert (line["blown_as"], line["reason"], line["matter"]) == ("rule", reason, MATTER)


def test_a_leader_blows_it(scene: Scene) -> None:
    whistle = scene.blow(by=scene.leader(), blown_as="leader")
    assert (whistle.blown_as, whistle.blown_by) == ("leader", scene.leader().actor)


def test_a_district_office_blows_it_and_anybody_of_it_scores(scene: Scene) -> None:
    by = scene.person("one of the district", "officer", "had", district=True)
    other = scene.person("another of the district", "officer", "had", district=True)
    whistle = scene.blow(by=by, blown_as="district")
    assert (whistle.blown_as, whistle.blown_department) == ("district", "had")
    arrive(scene, whistle, "bd")
    score(scene, whistle, "bd", by=other)


@pytest.mark.parametrize(
    ("role", "blown_as"),
    [("agent", "leader"), ("agent", "district"), ("leader", "agent"), ("coordinator", "leader")],
)
def test_nobody_blows_it_as_somebody_else(scene: Scene, role: str, blown_as: str) -> None:
    by = scene.person("somebody", role)
    with refused("forbidden"):
        scene.blow(by=by, blown_as=blown_as)


@pytest.mark.parametrize(("blown_as", "reason"), [("rule", ""), ("rule", "a mood"), ("moon", "")])
def test_a_rule_that_is_none_is_a_mistake_in_the_code(
    scene: Scene, blown_as: str, reason: str
) -> None:
    with pytest.raises(ValueError, match="no whistle is blown"):
        scene.blow(by=SYSTEM, blown_as=blown_as, reason=reason)


def test_who_only_reads_may_not_blow_it(scene: Scene) -> None:
    auditor = scene.person("one who reads", "auditor")
    with refused("forbidden"):
        scene.blow(by=auditor)
    assert scene.case.status == "received"


def test_it_needs_somebody_to_call(scene: Scene) -> None:
    with refused("incomplete"):
        scene.blow(())


def test_a_department_named_twice_is_called_once(scene: Scene) -> None:
    scene.blow(("bd", "hd", "bd"))
    assert told(scene, "whistle") == ["department:bd", "department:hd"]


def test_who_got_it_first_leads_and_is_called_even_if_not_named(scene: Scene) -> None:
    scene.case.owner = "ld"
    whistle = scene.blow()
    assert whistle.lead == "ld"
    assert set(scene.running("arrive")) == {"ld", *THREE}


def test_another_can_be_named_to_lead(scene: Scene) -> None:
    assert scene.blow(lead="fsd").lead == "fsd"
    assert scene.case.owner == "fsd"


def test_blown_again_it_calls_those_who_are_not_there_yet(scene: Scene) -> None:
    whistle = scene.blow(("bd", "hd"))
    for department in ("bd", "hd"):
        arrive(scene, whistle, department)
    answered(scene, whistle)
    for action, by in (("solved", scene.desk()), ("reopen", scene.coordinator())):
        given = {"note": "it is back"}
        case_module.act(scene.session, scene.case, action, given, by=by, version=None, now=NOW)
    assert scene.blow(("hd", "fsd")) is whistle
    assert told(scene, "whistle") == [f"department:{code}" for code in ("bd", "hd", "fsd")]
    assert set(scene.running("arrive")) == {"fsd"}


def test_the_desk_has_done_its_part_and_the_citizen_is_to_hear_how_it_stands(scene: Scene) -> None:
    scene.blow()
    kinds = {clock.kind for clock in clocks.running(scene.session, scene.case.id)}
    assert kinds == {"arrive", "interim", "resolve"}


def test_who_is_called_need_not_accept_what_it_was_asked(scene: Scene) -> None:
    scene.case.status = "confirmed"
    who = {"by": scene.desk(), "terms": TERMS, "now": NOW}
    referrals.refer(scene.session, scene.case, "bd", ("hd", "td"), **who)
    scene.blow(("bd", "hd"))
    assert set(scene.running("accept")) == {"td"}
    assert [one.department for one in asked.open_of_case(scene.session, scene.case.id)] == ["td"]


# Until one leads


def test_all_who_were_called_own_it_together_on_the_record(scene: Scene) -> None:
    coordinator = scene.coordinator()
    whistle = scene.blow()
    assert whistles.owners(scene.session, scene.case) == THREE
    assert scene.lines("owned_together") == [
        {
            "departments": [*THREE],
            "coordinator": coordinator.actor,
            "coordinator_name": "one who coordinates",
        }
    ]
    assert whistle.coordinator == coordinator.actor


def test_a_supporting_department_that_arrives_does_not_yet_lead(scene: Scene) -> None:
    whistle = scene.blow()
    arrive(scene, whistle, "hd")
    assert whistles.owners(scene.session, scene.case) == THREE


def test_the_lead_that_arrives_owns_it_alone(scene: Scene) -> None:
    whistle = scene.blow()
    arrive(scene, whistle, "bd")
    assert whistles.owners(scene.session, scene.case) == ("bd",)
    assert scene.lines("lead") == [{"department": "bd", "was": "bd"}]


def test_another_that_has_arrived_takes_the_lead(scene: Scene) -> None:
    whistle = scene.blow()
    lead = partial(whistles.lead, scene.session, whistle, now=NOW)
    with refused("not_arrived"):
        lead("hd", by=scene.of("hd"))
    arrive(scene, whistle, "hd")
    with refused("forbidden"):
        lead("hd", by=scene.of("fsd"))
    lead("hd", by=scene.of("hd"))
    assert (whistle.lead, scene.case.owner) == ("hd", "hd")
    assert whistles.owners(scene.session, scene.case) == ("hd",)
    arrive(scene, whistle, "fsd")
    with refused("has_lead"):
        lead("fsd", by=scene.of("fsd"))
    lead("fsd", by=scene.coordinator())
    assert whistles.owners(scene.session, scene.case) == ("fsd",)


def test_a_case_without_a_whistle_has_the_owner_it_has(scene: Scene) -> None:
    assert whistles.owners(scene.session, scene.case) == ("desk",)


def test_the_coordinator_is_the_one_with_the_fewest_open_whistles(records: Records) -> None:
    first = Scene(records, records.message("CA1")[0])
    coordinators = [first.person(name, "coordinator").actor for name in ("a", "b")]
    have = [Scene(records, records.message(f"CA{n}")[0]).blow().coordinator for n in range(2, 5)]
    assert have == [coordinators[0], coordinators[1], coordinators[0]]


def test_where_nobody_coordinates_it_is_who_blew_it(scene: Scene) -> None:
    assert scene.blow().coordinator == scene.desk().actor


def test_where_a_rule_blew_it_and_nobody_coordinates_it_is_who_supervises(scene: Scene) -> None:
    supervisor = scene.person("one who supervises", "supervisor")
    assert scene.blow_by_rule().coordinator == supervisor.actor


def test_one_who_was_switched_off_coordinates_nothing(scene: Scene) -> None:
    scene.coordinator()
    scene.session.query(Agent).update({"active": False})
    assert scene.blow().coordinator == scene.desk().actor


# Reporting in


def test_an_arrival_is_recorded_and_its_clock_stops(scene: Scene) -> None:
    scene.coordinator()
    whistle = scene.blow()
    one = arrive(scene, whistle, "hd", timedelta(minutes=29))
    assert (one.arrived_at, one.arrived_by) == (NOW + timedelta(minutes=29), scene.of("hd").actor)
    assert one.late is False
    assert scene.lines("arrive") == [{"department": "hd", "late": False, "by_link": False}]
    assert set(scene.running("arrive")) == {"bd", "fsd"}
    assert told(scene, "whistle_joined") == [scene.coordinator().actor, scene.desk().actor]


def test_arriving_twice_changes_nothing(scene: Scene) -> None:
    whistle = scene.blow()
    arrive(scene, whistle, "hd")
    other = scene.person("another of hd", "officer", "hd")
    again = arrivals.arrive(scene.session, whistle, "hd", by=other, now=NOW + 9 * MINUTE)
    assert (again.arrived_at, again.arrived_by) == (NOW + MINUTE, scene.of("hd").actor)
    assert len(scene.lines("arrive")) == 1


@pytest.mark.parametrize(("after", "late"), [(30, False), (30.1, True)])
def test_it_is_late_after_its_clock(scene: Scene, after: float, late: bool) -> None:
    assert arrive(scene, scene.blow(), "hd", after * MINUTE).late is late


def test_an_officer_reports_in_for_the_own_department_only(scene: Scene) -> None:
    whistle = scene.blow()
    for by in (scene.of("fsd"), scene.desk(), scene.leader()):
        with refused("forbidden"):
            arrivals.arrive(scene.session, whistle, "hd", by=by, now=NOW)
    arrivals.arrive(scene.session, whistle, "hd", by=scene.coordinator(), now=NOW)


def test_who_was_not_called_does_not_arrive(scene: Scene) -> None:
    with refused("not_called"):
        arrive(scene, scene.blow(), "td")


def test_one_tap_on_the_notices_link_reports_in(scene: Scene) -> None:
    whistle = scene.blow()
    links = {one.to: str(one.facts["link"]) for one in notices_of(scene, "whistle")}
    token = links["department:hd"].rpartition("/")[2]
    assert arrivals.by_token(scene.session, token) == (whistle, "hd")
    one = arrivals.arrive(scene.session, whistle, "hd", token=token, now=NOW)
    assert one.arrived_by == "department:hd"
    assert one.token_digest == hashlib.sha256(token.encode()).hexdigest()
    assert scene.lines("arrive") == [{"department": "hd", "late": False, "by_link": True}]
    assert len(set(links.values())) == 3


def test_a_wrong_token_opens_nothing(scene: Scene) -> None:
    whistle = scene.blow()
    (link, *_) = [str(one.facts["link"]) for one in notices_of(scene, "whistle")]
    tokens = ("x", link.rpartition("/")[2])
    for token in tokens:
        with refused("forbidden"):
            arrivals.arrive(scene.session, whistle, "hd", token=token, now=NOW)
    assert arrivals.by_token(scene.session, "x") is None


def test_a_department_that_is_late_still_owns_its_share(scene: Scene) -> None:
    scene.coordinator()
    whistle = scene.blow()
    due = NOW + 31 * MINUTE
    clock = next(c for c in clocks.running(scene.session, scene.case.id) if c.department == "hd")
    for _ in range(2):
        arrivals.late(scene.session, clock, due)
    assert told(scene, "escalated") == [scene.coordinator().actor, "role:supervisor"]
    assert scene.lines("not_arrived") == [{"department": "hd"}]
    assert "hd" in whistles.owners(scene.session, scene.case)
    assert arrive(scene, whistle, "hd", 40 * MINUTE).late is True


def test_who_has_arrived_is_not_late_any_more(scene: Scene) -> None:
    whistle = scene.blow()
    clock = next(c for c in clocks.running(scene.session, scene.case.id) if c.department == "hd")
    arrive(scene, whistle, "hd")
    arrivals.late(scene.session, clock, NOW + 31 * MINUTE)
    assert scene.lines("not_arrived") == []


# The thread, and the sub-tasks


def test_all_who_were_called_speak_in_one_thread(scene: Scene) -> None:
    whistle = scene.blow()
    for by in (scene.of("bd"), scene.of("hd"), scene.desk(), scene.coordinator()):
        whistles.say(scene.session, whistle, f"{by.department} is here", by=by, now=NOW)
    said = whistles.thread(scene.session, whistle.id)
    assert [line.department for line in said] == ["bd", "hd", None, None]
    assert said[0].text == "bd is here"


def test_who_has_no_part_in_it_says_nothing(scene: Scene) -> None:
    whistle = scene.blow()
    for by in (scene.of("td"), scene.person("one who reads", "auditor")):
        with refused("forbidden"):
            whistles.say(scene.session, whistle, "x", by=by, now=NOW)
    with refused("incomplete"):
        whistles.say(scene.session, whistle, " ", by=scene.desk(), now=NOW)


@pytest.mark.parametrize(
    "statement", ["UPDATE whistle_lines SET text = 'no'", "DELETE FROM whistle_lines"]
)
def test_the_database_itself_refuses_to_change_the_thread(engine: Engine, statement: str) -> None:
    with transaction(engine) as session:
        records = Records(session)
        scene = Scene(records, records.message()[0])
        whistles.say(session, scene.blow(), "we come", by=scene.of("bd"), now=NOW)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))


def give_task(scene: Scene, whistle: Whistle, owner: str, by: Person) -> tasks.Task:
    return whistles.give_task(
        scene.session, whistle, owner, "Take the net down", by=by, terms=TERMS, now=NOW
    )


def test_a_sub_task_has_an_owner_that_was_called_and_a_clock(scene: Scene) -> None:
    whistle = scene.blow()
    task = give_task(scene, whistle, "hd", scene.of("bd"))
    assert (task.owner, task.whistle_id) == ("hd", whistle.id)
    assert scene.running("task") == {"hd": task.due_at}
    with refused("not_called"):
        give_task(scene, whistle, "td", scene.of("bd"))
    with refused("forbidden"):
        give_task(scene, whistle, "bd", scene.of("hd"))
    give_task(scene, whistle, "hd", scene.of("hd"))


# Scoring, and the end


def score(scene: Scene, whistle: Whistle, code: str, points: int = 4, **who: Person) -> None:
    by = who.get("by", scene.desk())
    arrivals.score(scene.session, whistle, code, points, "came at once", by=by, now=NOW)


def test_the_blower_scores_each_arrival(scene: Scene) -> None:
    whistle = scene.blow()
    one = arrive(scene, whistle, "hd")
    score(scene, whistle, "hd", 5)
    assert (one.points, one.words, one.scored_by) == (5, "came at once", scene.desk().actor)
    assert scene.lines("score") == [{"department": "hd", "points": 5, "words": "came at once"}]
    with refused("scored_already"):
        score(scene, whistle, "hd", 1)
    with refused("not_arrived"):
        score(scene, whistle, "fsd")


@pytest.mark.parametrize("points", [0, 6, -1])
def test_points_are_one_to_five(scene: Scene, points: int) -> None:
    whistle = scene.blow()
    arrive(scene, whistle, "hd")
    with refused("bad_points"):
        score(scene, whistle, "hd", points)


def test_nobody_else_scores(scene: Scene) -> None:
    whistle = scene.blow()
    arrive(scene, whistle, "hd")
    for by in (scene.coordinator(), scene.of("bd"), scene.person("another", "agent")):
        with refused("not_the_blower"):
            score(scene, whistle, "hd", by=by)


def test_where_a_rule_blew_it_the_coordinator_scores(scene: Scene) -> None:
    scene.coordinator()
    whistle = scene.blow_by_rule()
    arrive(scene, whistle, "hd")
    with refused("not_the_blower"):
        score(scene, whistle, "hd", by=scene.desk())
    score(scene, whistle, "hd", by=scene.coordinator())


def test_where_the_blower_is_no_longer_here_the_coordinator_scores(scene: Scene) -> None:
    scene.coordinator()
    whistle = scene.blow()
    arrive(scene, whistle, "hd")
    blower = scene.session.scalars(select(Agent).where(Agent.name == "one at the desk")).one()
    blower.active = False
    scene.session.flush()
    score(scene, whistle, "hd", by=scene.coordinator())


def test_nobody_scores_the_own_department(scene: Scene) -> None:
    scene.coordinator()
    scene.case.status, scene.case.owner = "accepted", "bd"
    whistle = scene.blow(by=scene.of("bd"))
    for code in ("bd", "hd"):
        arrive(scene, whistle, code)
    score(scene, whistle, "hd", by=scene.of("bd"))
    with refused("own_arrival"):
        score(scene, whistle, "bd", by=scene.of("bd"))
    score(scene, whistle, "bd", by=scene.coordinator())


def test_no_one_leaves_before_the_end(scene: Scene) -> None:
    whistle = scene.blow(("bd",))
    arrive(scene, whistle, "bd")
    leave = partial(whistles.leave, scene.session, whistle, "bd")
    with refused("not_before_the_end"):
        leave()
    answered(scene, whistle)
    score(scene, whistle, "bd")
    with refused("not_before_the_end"):
        leave()
    whistles.end(scene.session, whistle, by=scene.desk(), now=NOW)
    leave()


def test_the_end_needs_an_answer_and_every_arrival_scored(scene: Scene) -> None:
    scene.coordinator()
    whistle = scene.blow()
    for code in ("bd", "hd"):
        arrive(scene, whistle, code)
    end = partial(whistles.end, scene.session, whistle, now=NOW)
    with refused("not_answered"):
        end(by=scene.coordinator())
    answered(scene, whistle)
    score(scene, whistle, "bd")
    with pytest.raises(Refused) as no:
        end(by=scene.coordinator())
    assert (no.value.code, no.value.details) == ("not_scored", {"departments": ["hd"]})
    score(scene, whistle, "hd")
    for by in (scene.of("bd"), scene.of("hd"), scene.person("another", "agent")):
        with refused("forbidden"):
            end(by=by)
    end(by=scene.coordinator())
    assert (whistle.ended_at, whistle.ended_by) == (NOW, scene.coordinator().actor)
    with refused("whistle_ended"):
        end(by=scene.coordinator())
    with refused("whistle_ended"):
        arrive(scene, whistle, "fsd")


def test_who_never_came_is_scored_absent_by_the_system(scene: Scene) -> None:
    whistle = scene.blow(("bd", "hd"))
    arrive(scene, whistle, "bd")
    answered(scene, whistle)
    score(scene, whistle, "bd")
    whistles.end(scene.session, whistle, by=scene.desk(), now=NOW)
    absent = scene.session.get_one(Called, (whistle.id, "hd"))
    assert (absent.scored_by, absent.points, absent.arrived_at) == ("system", None, None)
    assert scene.lines("whistle_ended") == [{"absent": ["hd"]}]
    assert scene.running("arrive") == {}


def test_both_scores_are_there_for_the_rates(records: Records) -> None:
    begin, end = NOW - MINUTE, NOW + timedelta(days=1)
    for number, minutes, points in ((1, 5, 5), (2, 40, 2), (3, None, None)):
        scene = Scene(records, records.message(f"CA{number}")[0])
        whistle = scene.blow(("bd", "hd"))
        if minutes and points:
            arrive(scene, whistle, "hd", minutes * MINUTE)
            score(scene, whistle, "hd", points)
    assert arrivals.scores(records.session, begin, end) == [
        Seen("bd", called=3, waiting=3, arrived=0, in_time=0, mean=None, n=0),
        Seen("hd", called=3, waiting=1, arrived=2, in_time=1, mean=3.5, n=2),
    ]
    assert arrivals.scores(records.session, end, end + MINUTE) == []


# What lasts


MEMBERS = [("bd", "Ms Chan"), ("bd", "Mr Lee"), ("td", "")]
REVIEW = datetime(2026, 12, 24, tzinfo=UTC).date()


def test_a_task_force_lasts_after_the_answer_and_has_a_day_on_which_it_is_reviewed(
    scene: Scene,
) -> None:
    whistle = scene.blow(("bd",))
    task_forces.form(scene.session, whistle, MEMBERS, REVIEW, by=scene.desk(), terms=TERMS, now=NOW)
    members = task_forces.members_of(scene.session, whistle.id)
    assert [(one.department, one.name) for one in members] == sorted(MEMBERS)
    assert told(scene, "whistle") == ["department:bd", "department:td"]
    (due,) = scene.running("review").values()
    assert due.astimezone(TERMS.time_zone).date() == REVIEW
    arrive(scene, whistle, "bd")
    answered(scene, whistle)
    assert set(scene.running("review")) == {None}
    assert whistles.open_of(scene.session, scene.case.id) is whistle


def test_a_review_says_what_was_found_and_when_the_next_one_is(scene: Scene) -> None:
    whistle = scene.blow(("bd",))
    how = {"by": scene.desk(), "terms": TERMS, "now": NOW}
    following = REVIEW + timedelta(days=30)
    look = partial(task_forces.review, scene.session, whistle, "two left", following, **how)
    with refused("not_a_task_force"):
        look()
    task_forces.form(scene.session, whistle, MEMBERS, REVIEW, **how)
    look()
    (due,) = scene.running("review").values()
    assert due.astimezone(TERMS.time_zone).date() == following
    assert scene.lines("review") == [
        {"words": "two left", "was_on": "2026-12-24", "next_on": "2027-01-23"}
    ]


def test_only_who_blew_it_or_coordinates_forms_a_task_force(scene: Scene) -> None:
    whistle = scene.blow()
    form = partial(task_forces.form, scene.session, whistle, MEMBERS, terms=TERMS, now=NOW)
    with refused("forbidden"):
        form(REVIEW, by=scene.of("bd"))
    with refused("too_soon"):
        form(NOW.date() - timedelta(days=1), by=scene.coordinator())
    form(REVIEW, by=scene.coordinator())


def test_a_review_that_nobody_held_is_told_to_who_coordinates(scene: Scene) -> None:
    scene.coordinator()
    whistle = scene.blow(("bd",))
    how = {"by": scene.desk(), "terms": TERMS, "now": NOW}
    task_forces.form(scene.session, whistle, MEMBERS, REVIEW, **how)
    (clock,) = [c for c in clocks.running(scene.session, scene.case.id) if c.kind == "review"]
    for _ in range(2):
        task_forces.overdue(scene.session, clock, clock.due_at + MINUTE)
    assert told(scene, "overdue") == [scene.coordinator().actor]


# At the same moment


def test_two_who_report_in_for_one_department_at_once_are_one_arrival(engine: Engine) -> None:
    with transaction(engine) as session:
        records = Records(session)
        scene = Scene(records, records.message()[0])
        whistle_id = scene.blow().id
        people = [scene.person(f"officer {n}", "officer", "bd") for n in range(4)]

    def report(by: Person) -> str | None:
        with transaction(engine) as session:
            whistle = session.get_one(Whistle, whistle_id)
            return arrivals.arrive(session, whistle, "bd", by=by, now=NOW + MINUTE).arrived_by

    with ThreadPoolExecutor(4) as pool:
        names = {*pool.map(report, people)}
    assert len(names) == 1
    with transaction(engine) as session:
        case_id = session.get_one(Whistle, whistle_id).case_id
        actions = [line.action for line in history.of_case(session, case_id)]
    assert (actions.count("arrive"), actions.count("lead")) == (1, 1)
