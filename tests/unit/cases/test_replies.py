"""What the citizen is told: how it stands, and the one answer."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from cases import arrivals, clocks, followups, replies
from cases.notices import Notice
from cases.permissions import Person
from tests.unit.cases.conftest import NOW, TERMS, Records
from tests.unit.cases.scene import refused
from tests.unit.cases.test_referrals import HOUR, Desk

ANSWER = "The lamp was mended last night."


@pytest.fixture
def desk(records: Records) -> Iterator[Desk]:
    """A case that the highways department has accepted."""
    case, _ = records.message()
    desk = Desk(records, case).confirmed()
    desk.refer("hyd", "td")
    desk.accept("hyd")
    yield desk


def resolve(desk: Desk, by: Person, answer: str = ANSWER, outcome: str = "done") -> None:
    replies.resolve(desk.session, desk.case, answer, outcome, by=by, terms=TERMS, now=NOW + HOUR)


def test_an_interim_reply_stops_its_clock_and_no_other(desk: Desk) -> None:
    replies.interim(desk.session, desk.case, "Ordered.", by=desk.of("hyd"), now=NOW + HOUR)
    assert desk.case.status == "accepted"
    assert not desk.running("interim") and desk.running("resolve")


def test_an_interim_reply_has_words(desk: Desk) -> None:
    with refused("incomplete"):
        replies.interim(desk.session, desk.case, " ", by=desk.of("hyd"), now=NOW)


def test_only_the_lead_answers(desk: Desk) -> None:
    for by in (desk.of("td"), desk.desk(), desk.coordinator(), desk.leader()):
        with refused("forbidden"):
            resolve(desk, by)


def test_the_answer_stops_every_clock_but_the_call_backs(desk: Desk) -> None:
    resolve(desk, desk.of("hyd"))
    assert desk.case.status == "resolved"
    assert {clock.kind for clock in clocks.running(desk.session, desk.case.id)} == {"followup"}
    assert [row.state for row in followups.of_case(desk.session, desk.case.id)] == ["waiting"]
    assert desk.answers == [("hyd", "accepted"), ("td", "withdrawn")]


def test_the_caller_hears_of_it(desk: Desk) -> None:
    resolve(desk, desk.of("hyd"))
    assert desk.session.scalars(select(Notice.to).where(Notice.kind == "resolved")).all() == [
        "caller"
    ]


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [("", "done", "incomplete"), (ANSWER, "", "incomplete"), (ANSWER, "soon", "unknown_outcome")],
)
def test_an_answer_says_what_was_done_or_that_it_cannot_be(
    desk: Desk, answer: str, outcome: str, code: str
) -> None:
    with refused(code):
        resolve(desk, desk.of("hyd"), answer, outcome)


def test_every_reply_can_be_read_again(desk: Desk) -> None:
    replies.interim(desk.session, desk.case, "Ordered.", by=desk.of("hyd"), now=NOW)
    resolve(desk, desk.of("hyd"), outcome="cannot")
    given = replies.of_case(desk.session, desk.case.id)
    assert [(reply.text, reply.outcome) for reply in given] == [
        ("Ordered.", None),
        (ANSWER, "cannot"),
    ]


class TestInAWhistle:
    def test_the_coordinator_answers_where_nobody_arrived(self, desk: Desk) -> None:
        desk.blow(danger=False)
        resolve(desk, desk.coordinator())
        assert desk.case.status == "resolved"

    def test_the_coordinator_leaves_it_to_the_lead_where_somebody_did(self, desk: Desk) -> None:
        whistle = desk.blow(("bd", "hd"), danger=False)
        arrivals.arrive(desk.session, whistle, "bd", by=desk.of("bd"), now=NOW)
        with refused("forbidden"):
            resolve(desk, desk.coordinator())
        resolve(desk, desk.of(whistle.lead))
        assert desk.case.status == "resolved"

    def test_any_department_called_may_say_how_it_stands(self, desk: Desk) -> None:
        desk.blow(("bd", "hd"), danger=False)
        replies.interim(desk.session, desk.case, "We are there.", by=desk.of("bd"), now=NOW)
        with refused("forbidden"):
            replies.interim(desk.session, desk.case, "x", by=desk.of("lcsd"), now=NOW)
