"""What a city's people changed: drafts, editions made of them, and the way back."""

import pytest
from sqlalchemy.orm import Session

from cases import editions
from cases.editions import CATEGORIES, CLOCKS, DEPARTMENTS, ROUTING, Version
from cases.permissions import Person
from tests.unit.cases.conftest import BOSS, MEI, NOW, Records
from tests.unit.cases.scene import refused

ADA = Person("agent:9", "admin")


@pytest.fixture
def session(records: Records) -> Session:
    return records.session


def draft(
    session: Session, text: str, name: str = CATEGORIES, made_from: Version | None = None
) -> Version:
    before = made_from or editions.working(session, name)
    made_from_id = before.id if before else None
    return editions.draft(session, name, text, made_from_id, by=ADA, now=NOW)


def publish(session: Session, *ids: int, by: Person = ADA, note: str = "asked for") -> int:
    plan = editions.plan(session, ids)
    return editions.publish(session, plan, note, by=by, now=NOW).number


def test_the_folder_alone_is_edition_0(session: Session) -> None:
    assert editions.newest(session) == 0
    assert editions.texts(session, 0) == {}
    assert editions.working(session, CATEGORIES) is None


def test_a_draft_is_in_force_once_it_is_published(session: Session) -> None:
    made = draft(session, "one")
    assert made.is_draft and editions.newest(session) == 0
    assert publish(session, made.id) == 1
    assert editions.newest(session) == 1
    assert editions.texts(session, 1) == {CATEGORIES: "one"}
    assert not made.is_draft and editions.drafts(session) == []


def test_each_edition_keeps_what_it_said(session: Session) -> None:
    publish(session, draft(session, "one").id)
    publish(session, draft(session, "clocks", CLOCKS).id)
    publish(session, draft(session, "two").id)
    told = [editions.texts(session, number) for number in (1, 2, 3)]
    assert told == [
        {CATEGORIES: "one"},
        {CATEGORIES: "one", CLOCKS: "clocks"},
        {CATEGORIES: "two", CLOCKS: "clocks"},
    ]


def test_several_files_change_together(session: Session) -> None:
    kinds, clocks = draft(session, "kinds"), draft(session, "clocks", CLOCKS)
    publish(session, kinds.id, clocks.id)
    assert editions.texts(session, 1) == {CATEGORIES: "kinds", CLOCKS: "clocks"}


def test_a_file_has_one_draft_at_most(session: Session) -> None:
    first = draft(session, "one")
    second = draft(session, "two")
    assert (first.number, second.number, second.made_from) == (1, 2, first.id)
    assert [one.id for one in editions.drafts(session)] == [second.id]
    assert first.text == "one" and first.dropped_at == NOW


def test_a_draft_that_is_given_up_leaves_what_is_in_force(session: Session) -> None:
    publish(session, draft(session, "one").id)
    editions.drop(session, draft(session, "two").id, by=ADA, now=NOW)
    working = editions.working(session, CATEGORIES)
    assert working is not None and working.text == "one"
    with refused("unknown_version"):
        editions.drop(session, working.id, by=ADA, now=NOW)


def test_going_back_is_an_edition_of_its_own(session: Session) -> None:
    publish(session, draft(session, "one").id)
    publish(session, draft(session, "two").id)
    plan = editions.plan_back(session, 1)
    made = editions.publish(session, plan, "two was wrong", by=ADA, now=NOW)
    assert (made.number, made.back_to) == (3, 1)
    assert editions.texts(session, 3) == {CATEGORIES: "one"}


def test_one_can_go_back_to_the_installed_folder(session: Session) -> None:
    publish(session, draft(session, "one").id)
    editions.publish(session, editions.plan_back(session, 0), "as it was", by=ADA, now=NOW)
    assert editions.texts(session, 2) == {}
    assert editions.working(session, CATEGORIES) is None


def test_an_earlier_version_can_be_published_once_more(session: Session) -> None:
    first = draft(session, "one")
    publish(session, first.id)
    publish(session, draft(session, "two").id)
    publish(session, first.id)
    assert editions.texts(session, 3) == {CATEGORIES: "one"}


def test_a_draft_can_be_tried_in_its_files_place(session: Session) -> None:
    publish(session, draft(session, "one").id, draft(session, "clocks", CLOCKS).id)
    trial = draft(session, "two")
    told = editions.texts(session, 1, trial.id)
    assert told == {CATEGORIES: "two", CLOCKS: "clocks"}
    with pytest.raises(LookupError):
        editions.texts(session, 1, 999)
    with pytest.raises(LookupError):
        editions.texts(session, 7)


def test_who_changes_a_text_that_was_changed_meanwhile_is_told(session: Session) -> None:
    first = draft(session, "one")
    draft(session, "two", made_from=first)
    with refused("changed_since"):
        draft(session, "three", made_from=first)


def test_of_two_who_publish_on_the_same_edition_one_is_told(session: Session) -> None:
    mine, other = draft(session, "one"), draft(session, "clocks", CLOCKS)
    plan = editions.plan(session, [mine.id])
    publish(session, other.id)
    with refused("changed_since"):
        editions.publish(session, plan, "mine", by=ADA, now=NOW)


@pytest.mark.parametrize(
    ("by", "name", "no"),
    [
        (MEI, CATEGORIES, "forbidden"),
        (MEI, ROUTING, "forbidden"),
        (BOSS, DEPARTMENTS, "forbidden"),
        (ADA, "city.yaml", "unknown_file"),
        (ADA, "../other/city.yaml", "unknown_file"),
    ],
)
def test_who_may_not_change_a_file_is_refused(
    session: Session, by: Person, name: str, no: str
) -> None:
    with refused(no):
        editions.draft(session, name, "text", None, by=by, now=NOW)


def test_a_supervisor_changes_the_routing_and_publishes_it_alone(session: Session) -> None:
    rules = editions.draft(session, ROUTING, "rules", None, by=BOSS, now=NOW)
    kinds = draft(session, "kinds")
    with refused("forbidden"):
        publish(session, rules.id, kinds.id, by=BOSS)
    assert publish(session, rules.id, by=BOSS) == 1


def test_to_publish_needs_a_word_of_why_and_something_new(session: Session) -> None:
    made = draft(session, "one")
    with refused("incomplete"):
        publish(session, made.id, note="  ")
    publish(session, made.id)
    with refused("unchanged"):
        publish(session, made.id)
    with refused("unknown_version"):
        publish(session, 999)
