"""Leaders at the hotline's seat: the roster, whose cases are whose, and what became of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from cases import agents, duty
from cases.agents import Agent
from cases.case import Case
from cases.duty import Seat
from cases.errors import Refused
from cases.followups import Followup
from cases.permissions import Person
from runtime.database import transaction
from tests.unit.cases.conftest import NOW, Records
from tests.unit.cases.scene import Scene

HOUR = timedelta(hours=1)
ADMIN = Person("agent:1", "admin")


@pytest.fixture
def scene(records: Records) -> Scene:
    case, _ = records.message()
    return Scene(records, case)


def row(scene: Scene, person: Person) -> Agent:
    number = agents.id_of(person.actor)
    assert number is not None
    return scene.session.get_one(Agent, number)


def sits(scene: Scene, person: Person, since: datetime, until: datetime, **seat: str) -> Seat:
    leader = row(scene, person)
    return duty.add(scene.session, leader, since, until, by=ADMIN, now=NOW, **seat)


def test_a_leader_is_on_duty_from_the_beginning_and_no_longer_at_the_end(scene: Scene) -> None:
    seat = sits(scene, scene.leader(), NOW, NOW + HOUR)
    at = [
        duty.on_duty(scene.session, NOW + after)
        for after in (-timedelta(seconds=1), timedelta(0), HOUR - timedelta(seconds=1), HOUR)
    ]
    assert at == [None, seat, seat, None]


def test_one_follows_the_other_without_a_gap(scene: Scene) -> None:
    first = sits(scene, scene.leader(), NOW, NOW + HOUR)
    second = sits(scene, scene.person("another", "leader"), NOW + HOUR, NOW + 2 * HOUR)
    assert duty.on_duty(scene.session, NOW + HOUR) == second
    assert duty.roster(scene.session, NOW, NOW + 2 * HOUR) == [first, second]
    assert duty.roster(scene.session, NOW + HOUR, NOW + 2 * HOUR) == [second]


@pytest.mark.parametrize(
    ("since", "until"),
    [(-1, 1), (0, 2), (0.5, 0.6), (1.5, 3), (-1, 3)],
    ids=["before", "same", "within", "after", "around"],
)
def test_no_two_sit_at_one_seat_at_once(scene: Scene, since: float, until: float) -> None:
    sits(scene, scene.leader(), NOW, NOW + 2 * HOUR)
    other = scene.person("another", "leader")
    with pytest.raises(Refused) as refused:
        sits(scene, other, NOW + since * HOUR, NOW + until * HOUR)
    assert refused.value.code == "seat_taken"
    assert refused.value.details["name"] == "one who leads"


def test_a_second_seat_is_another_seat(scene: Scene) -> None:
    sits(scene, scene.leader(), NOW, NOW + HOUR)
    other = sits(scene, scene.person("another", "leader"), NOW, NOW + HOUR, name="district")
    assert duty.on_duty(scene.session, NOW, "district") == other


@pytest.mark.parametrize("role", ["agent", "supervisor", "admin", "officer", "coordinator"])
def test_only_a_leader_sits_there(scene: Scene, role: str) -> None:
    with pytest.raises(Refused) as refused:
        sits(scene, scene.person("no leader", role), NOW, NOW + HOUR)
    assert refused.value.code == "not_a_leader"


def test_a_time_ends_after_it_began(scene: Scene) -> None:
    with pytest.raises(Refused) as refused:
        sits(scene, scene.leader(), NOW, NOW)
    assert refused.value.code == "ends_before_it_begins"


def test_the_leader_on_duty_takes_a_case_once(scene: Scene) -> None:
    seat = sits(scene, scene.leader(), NOW, NOW + HOUR)
    for _ in range(2):
        assert duty.take(scene.session, scene.case, by=scene.leader(), now=NOW) == seat
    assert scene.case.seat_id == seat.id
    assert scene.lines("taken") == [
        {"seat": "leader", "seat_id": seat.id, "leader": "one who leads"}
    ]
    assert duty.cases_of(scene.session, seat.leader_id) == [scene.case]


def test_who_is_not_on_duty_takes_nothing(scene: Scene) -> None:
    sits(scene, scene.leader(), NOW, NOW + HOUR)
    for person, now in (
        (scene.leader(), NOW + HOUR),
        (scene.person("another", "leader"), NOW),
        (scene.desk(), NOW),
    ):
        with pytest.raises(Refused) as refused:
            duty.take(scene.session, scene.case, by=person, now=now)
        assert refused.value.code == "not_on_duty"
    assert scene.case.seat_id is None


def test_a_case_that_one_leader_took_is_not_taken_by_the_next(scene: Scene) -> None:
    other = scene.person("another", "leader")
    sits(scene, scene.leader(), NOW, NOW + HOUR)
    sits(scene, other, NOW + HOUR, NOW + 2 * HOUR)
    duty.take(scene.session, scene.case, by=scene.leader(), now=NOW)
    with pytest.raises(Refused) as refused:
        duty.take(scene.session, scene.case, by=other, now=NOW + HOUR)
    assert refused.value.code == "seat_has_it"


def test_a_case_that_nobody_took_is_no_leaders(scene: Scene) -> None:
    sits(scene, scene.leader(), NOW, NOW + HOUR)
    assert scene.session.get_one(Case, scene.case.id).seat_id is None
    assert duty.cases_of(scene.session, row(scene, scene.leader()).id) == []


def test_what_became_of_a_leaders_cases_is_what_the_citizens_last_answered(scene: Scene) -> None:
    seat = sits(scene, scene.leader(), NOW, NOW + HOUR)
    duty.take(scene.session, scene.case, by=scene.leader(), now=NOW)
    (one,) = duty.became(scene.session, seat.leader_id)
    assert (one.number, one.status, one.solved) == (scene.case.number, "received", None)
    for resolution, solved in ((1, False), (2, True)):
        answered(scene, resolution, solved)
    (one,) = duty.became(scene.session, seat.leader_id)
    assert (one.contacted, one.solved, one.satisfied) == (True, True, "fairly")


def answered(scene: Scene, resolution: int, solved: bool) -> None:
    row = Followup(
        case_id=scene.case.id,
        resolution=resolution,
        department="bd",
        state="answered",
        contacted=True,
        solved=solved,
        satisfied="fairly" if solved else "no",
        next_try_at=NOW,
        resolved_at=NOW,
    )
    scene.session.add(row)
    scene.session.flush()


def test_two_who_write_the_roster_at_once_do_not_seat_two(engine: Engine) -> None:
    with transaction(engine) as session:
        records = Records(session)
        scene = Scene(records, records.message()[0])
        leaders = [agents.id_of(scene.person(f"leader {n}", "leader").actor) for n in range(4)]

    def seat(leader_id: int | None) -> bool:
        try:
            with transaction(engine) as session:
                leader = session.get_one(Agent, leader_id)
                duty.add(session, leader, NOW, NOW + HOUR, by=ADMIN, now=NOW)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(seat, leaders)].count(True) == 1
