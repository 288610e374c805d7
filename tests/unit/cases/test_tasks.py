"""Tasks and leaders' instructions: given, due, done with words, and climbing when they are late."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from cases import clocks, tasks
from cases.clocks import Clock
from cases.notices import Notice
from cases.permissions import Person
from cases.tasks import Task
from tests.unit.cases.conftest import MINUTE, NOW, TERMS, Records
from tests.unit.cases.scene import Scene, refused

SAID = "Look at the net today."
DAY = timedelta(days=1)


@pytest.fixture
def scene(records: Records) -> Scene:
    case, _ = records.message()
    return Scene(records, case)


def give(scene: Scene, by: Person, **how: object) -> Task:
    more: dict[str, object] = {"by": by, "terms": TERMS, "now": NOW, **how}
    return tasks.give(scene.session, scene.case, "bd", SAID, **more)  # type: ignore[arg-type]


def instruct(scene: Scene, **how: object) -> Task:
    return give(scene, scene.leader(), kind="instruction", until=NOW + DAY, **how)


def clock_of(scene: Scene) -> Clock:
    return next(c for c in clocks.of_case(scene.session, scene.case.id) if c.kind == "task")


def told(scene: Scene, kind: str) -> list[str]:
    mine = select(Notice.to).where(Notice.kind == kind).order_by(Notice.id)
    return list(scene.session.scalars(mine))


def test_a_task_has_an_owner_a_clock_a_line_and_a_notice(scene: Scene) -> None:
    task = give(scene, scene.desk())
    assert task.due_at == clock_of(scene).due_at > NOW
    assert told(scene, "task") == ["department:bd"]
    (line,) = scene.lines("task")
    assert (line["owner"], line["text"]) == ("bd", SAID)
    assert tasks.of_case(scene.session, scene.case.id) == [task]
    assert tasks.open_of(scene.session, ["bd"]) == [task]


def test_a_task_is_due_when_it_was_said_to_be(scene: Scene) -> None:
    assert give(scene, scene.desk(), until=NOW + DAY).due_at == NOW + DAY
    with refused("too_soon"):
        give(scene, scene.desk(), until=NOW)


def test_who_only_reads_or_has_no_part_gives_no_task(scene: Scene) -> None:
    for by in (scene.person("one who reads", "auditor"), scene.of("td")):
        with refused("forbidden"):
            give(scene, by)


def test_a_task_says_what_is_to_be_done(scene: Scene) -> None:
    with refused("incomplete"):
        tasks.give(scene.session, scene.case, "bd", " ", by=scene.desk(), terms=TERMS, now=NOW)


def test_an_instruction_is_a_leaders(scene: Scene) -> None:
    task = instruct(scene)
    assert (task.kind, task.given_by) == ("instruction", scene.leader().actor)
    assert told(scene, "instruction") == ["department:bd"]
    for by in (scene.desk(), scene.coordinator(), scene.of("bd")):
        with refused("forbidden"):
            give(scene, by, kind="instruction")
    assert tasks.of_case(scene.session, scene.case.id, "instruction") == [task]


def test_done_needs_words_and_the_leader_hears_of_it(scene: Scene) -> None:
    task = instruct(scene)
    finish = partial(tasks.done, scene.session, task, now=NOW + MINUTE)
    with refused("incomplete"):
        finish(" ", by=scene.of("bd"))
    with refused("forbidden"):
        finish("done", by=scene.of("td"))
    with refused("forbidden"):
        finish("done", by=scene.desk())
    finish("The net is gone.", by=scene.of("bd"))
    assert (task.words, task.done_by, task.late) == (
        "The net is gone.",
        scene.of("bd").actor,
        False,
    )
    assert scene.running("task") == {}
    assert told(scene, "instruction") == ["department:bd", scene.leader().actor]
    (line,) = scene.lines("instruction_done")
    assert line["words"] == "The net is gone."
    assert tasks.open_of(scene.session, ["bd"]) == []


def test_what_is_done_twice_was_done_the_first_time(scene: Scene) -> None:
    task = give(scene, scene.desk())
    for number in (1, 2):
        now = NOW + number * MINUTE
        tasks.done(scene.session, task, f"done {number}", by=scene.of("bd"), now=now)
    assert (task.words, task.done_at) == ("done 1", NOW + MINUTE)
    assert len(scene.lines("task_done")) == 1


def test_what_is_overdue_climbs_once(scene: Scene) -> None:
    task = instruct(scene)
    for _ in range(2):
        tasks.overdue(scene.session, clock_of(scene), NOW + DAY + MINUTE)
    assert told(scene, "escalated") == ["role:coordinator", scene.leader().actor]
    assert len(scene.lines("instruction_overdue")) == 1
    tasks.done(scene.session, task, "at last", by=scene.of("bd"), now=NOW + 2 * DAY)
    assert task.late is True


def test_what_is_done_does_not_climb(scene: Scene) -> None:
    task = instruct(scene)
    tasks.done(scene.session, task, "at once", by=scene.of("bd"), now=NOW + MINUTE)
    tasks.overdue(scene.session, clock_of(scene), NOW + DAY + MINUTE)
    assert told(scene, "escalated") == []
