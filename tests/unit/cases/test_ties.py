"""Cases about the same matter: found beside each other, linked with a reason, or merged into one."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from cases import case as case_module
from cases import clocks, history, lifecycle, links, merges, recordings, replies, similar
from cases.case import Case
from cases.errors import Refused
from cases.notices import Notice
from cases.permissions import Person
from cases.readings import Reading
from cases.transcripts import Heard, finish
from runtime.database import transaction
from tests.unit.cases.conftest import BOSS, MEI, NOW, TERMS, Records
from tests.unit.cases.scene import refused
from tests.unit.cases.test_referrals import Desk

DAY = timedelta(days=1)


def said(
    records: Records,
    name: str,
    text: str = "",
    *,
    at: datetime = NOW,
    number: str | None = "+85291234567",
    place: str = "",
    category: str | None = None,
) -> Case:
    """A case of a caller in which this was heard."""
    call_id = records.call(name, number)
    recording = records.announce(call_id, provider_id=f"RE-{name}")
    case = case_module.open_for(records.session, call_id, TERMS, at)
    recordings.fetched(records.session, records.claim(recording), "sound", NOW)
    claim = records.claim(recording, "transcribe")
    heard = Heard(text, text, "yue", 1.0, (), 0.9, "e", "m")
    assert finish(records.session, claim, heard, (), NOW)
    case.category = category
    if place:
        found: dict[str, Any] = {"name": place, "confidence": 0.9}
        empty: dict[str, Any] = {"of": "", "read_at": NOW, "hazards": [], "dangers": []}
        row = {**empty, "case_id": case.id, "places": [found], "district": ""}
        records.session.execute(insert(Reading), [row])
    records.session.flush()
    return case


def reasons(session: Session, case: Case) -> dict[int, tuple[str, ...]]:
    return {one.case.id: one.reasons for one in similar.find(session, case)}


NOISY = "你好，我想投訴樓上裝修每晚鑽牆到半夜，小朋友瞓唔到覺，管理處又唔理"


class TestSimilarCases:
    """What is shown beside a case."""

    def test_are_those_of_the_same_caller_within_ninety_days(self, records: Records) -> None:
        old = said(records, "old", at=NOW - 91 * DAY)
        lately = said(records, "lately", at=NOW - 89 * DAY)
        said(records, "other", number="+85299999999")
        case = said(records, "now")
        assert reasons(records.session, case) == {lately.id: ("caller",)}
        assert old.id not in reasons(records.session, case)

    def test_are_none_for_a_withheld_number(self, records: Records) -> None:
        said(records, "one", number="anonymous")
        assert reasons(records.session, said(records, "two", number="anonymous")) == {}

    def test_are_those_of_the_same_place_and_category_within_a_fortnight(
        self, records: Records
    ) -> None:
        def there(name: str, category: str | None, at: datetime, text: str) -> Case:
            number = f"+8529{len(name):07d}"
            return said(
                records, name, text, at=at, number=number, place="海晴邨", category=category
            )

        case = there("a", "noise", NOW, "海晴邨好嘈")
        same = there("bb", "noise", NOW - 13 * DAY, "海晴邨嘅人夜晚開大電視")
        there("ccc", "noise", NOW - 15 * DAY, "海晴邨嘅狗成日吠")
        there("dddd", "refuse", NOW, "海晴邨垃圾冇人收")
        there("eeeee", "noise", NOW, "第二個邨")
        (found,) = similar.find(records.session, case)
        assert (found.case.id, found.reasons, found.place) == (same.id, ("place",), "海晴邨")

    def test_are_those_of_the_same_uncommon_words(self, records: Records) -> None:
        again = said(records, "again", NOISY.replace("你好，", "我要"), number="+85291111111")
        for n in range(12):
            said(records, f"{n}", f"你好，我想投訴第{n}件事，好多人講", number=f"+8529222222{n}")
        case = said(records, "case", NOISY, number="+85293333333")
        assert reasons(records.session, case) == {again.id: ("words",)}

    def test_are_first_those_with_more_reasons(self, records: Records) -> None:
        both = said(records, "both", NOISY)
        caller = said(records, "caller", "第二件事")
        assert [*reasons(records.session, said(records, "case", NOISY))] == [both.id, caller.id]
        assert reasons(records.session, both)[caller.id] == ("caller",)


@pytest.fixture
def two(records: Records) -> tuple[Case, Case]:
    return records.message("CA1")[0], records.message("CA2")[0]


def actions(session: Session, case: Case) -> list[str]:
    return [line.action for line in history.of_case(session, case.id)]


class TestALink:
    """Between two cases."""

    def test_is_seen_from_both_with_its_reason(
        self, records: Records, two: tuple[Case, Case]
    ) -> None:
        one, other = two
        links.link(records.session, one, str(other.number), " same pipe ", by=MEI, now=NOW)
        assert links.of_case(records.session, one.id) == [(other, "same pipe")]
        assert links.of_case(records.session, other.id) == [(one, "same pipe")]
        for here, there in ((one, other), (other, one)):
            line = history.of_case(records.session, here.id)[-1]
            assert (line.action, line.actor) == ("linked", MEI.actor)
            assert line.detail == {"number": there.number, "note": "same pipe"}

    def test_made_again_from_the_other_side_changes_nothing(
        self, records: Records, two: tuple[Case, Case]
    ) -> None:
        one, other = two
        links.link(records.session, one, str(other.number), "first", by=MEI, now=NOW)
        links.link(records.session, other, str(one.number), "second", by=BOSS, now=NOW)
        assert links.of_case(records.session, one.id) == [(other, "first")]
        assert actions(records.session, one).count("linked") == 1

    def test_is_taken_away_and_the_histories_tell(
        self, records: Records, two: tuple[Case, Case]
    ) -> None:
        one, other = two
        links.link(records.session, one, str(other.number), "so", by=MEI, now=NOW)
        for _ in range(2):
            links.unlink(records.session, other, str(one.number), by=MEI, now=NOW)
        assert links.of_case(records.session, one.id) == []
        for case in two:
            assert actions(records.session, case)[-2:] == ["linked", "unlinked"]

    def test_needs_another_case_and_a_reason_and_the_desk(
        self, records: Records, two: tuple[Case, Case]
    ) -> None:
        one, other = two
        session, number = records.session, str(other.number)
        for given, code in (
            (("1", "so"), "unknown_case"),
            ((str(one.number), "so"), "same_case"),
            ((number, " "), "incomplete"),
            (("", "so"), "incomplete"),
        ):
            with refused(code):
                links.link(session, one, *given, by=MEI, now=NOW)
        for by in (Person("agent:9", "auditor"), Person("agent:9", "officer", "hyd")):
            with refused("forbidden"):
                links.link(session, one, number, "so", by=by, now=NOW)


class TestAMerge:
    """Of one case into another, its main case."""

    @pytest.fixture
    def pair(self, records: Records) -> Iterator[tuple[Desk, Case]]:
        """A case at the desk, and the main case that it is merged into."""
        yield Desk(records, records.message("CA1")[0]), records.message("CA2")[0]

    def merge(self, desk: Desk, main: Case, **more: Any) -> None:
        how = {"by": desk.desk(), "version": desk.case.version, "now": NOW, **more}
        merges.merge(desk.session, desk.case, str(main.number), "the same leak", **how)
        desk.session.flush()

    def test_closes_the_one_and_is_seen_from_the_other(self, pair: tuple[Desk, Case]) -> None:
        desk, main = pair
        self.merge(desk, main)
        assert desk.case.status == lifecycle.CLOSED
        assert merges.main_of(desk.session, desk.case) is main
        assert merges.of_main(desk.session, main.id) == [desk.case]
        assert merges.main_of(desk.session, main) is main
        line = history.of_case(desk.session, desk.case.id)[-1]
        assert line.action == "merge"
        assert line.detail == {"into": main.number, "note": "the same leak", "was": "received"}
        line = history.of_case(desk.session, main.id)[-1]
        assert (line.action, line.detail["number"]) == ("merged_here", desk.case.number)
        assert not list(history.verify(desk.session))

    def test_stops_the_clocks_of_the_one_without_a_verdict(self, pair: tuple[Desk, Case]) -> None:
        desk, main = pair
        self.merge(desk, main)
        assert clocks.running(desk.session, desk.case.id) == []
        outcomes = {one.outcome for one in clocks.of_case(desk.session, desk.case.id)}
        assert outcomes == {clocks.WITHDRAWN}
        assert clocks.running(desk.session, main.id)

    def test_is_told_to_its_caller_and_so_is_the_answer(self, pair: tuple[Desk, Case]) -> None:
        desk, main = pair
        self.merge(desk, main)
        there = Desk(desk.records, main).confirmed()
        there.refer("hyd")
        there.accept("hyd")
        _resolve(there)
        told = desk.session.scalars(
            select(Notice.kind).where(Notice.case_id == desk.case.id, Notice.to == "caller")
        ).all()
        assert [*told] == ["merged", "resolved"]

    def test_is_undone_by_a_supervisor_who_reopens_it(self, pair: tuple[Desk, Case]) -> None:
        desk, main = pair
        self.merge(desk, main)
        how = {"by": BOSS, "terms": TERMS, "now": NOW + DAY, "version": desk.case.version}
        case_module.reopen(desk.session, desk.case, "another pipe", **how)
        desk.session.flush()
        assert desk.case.status == lifecycle.RECEIVED and desk.case.merged_into is None
        assert merges.of_main(desk.session, main.id) == []
        assert {one.kind for one in clocks.running(desk.session, desk.case.id)} == {
            *(clocks.DISPATCH, clocks.RESOLVE),
        }
        assert actions(desk.session, main)[-1] == "unmerged"
        self.merge(desk, main, now=NOW + 2 * DAY)
        assert desk.case.merged_into == main.id

    def test_is_of_two_cases_alone(self, pair: tuple[Desk, Case]) -> None:
        desk, main = pair
        third = Desk(desk.records, desk.records.message("CA3")[0])
        self.merge(desk, main)
        with refused("main_closed"):  # into one that is merged itself
            self.merge(third, desk.case)
        with refused("merged_already"):  # of one into which another is merged
            self.merge(Desk(desk.records, main), third.case)
        self.merge(third, main)
        assert merges.of_main(desk.session, main.id) == [desk.case, third.case]

    @pytest.mark.parametrize(
        ("number", "code"), [("1", "unknown_case"), ("", "incomplete"), ("itself", "same_case")]
    )
    def test_needs_another_case(self, pair: tuple[Desk, Case], number: str, code: str) -> None:
        desk, _ = pair
        into = str(desk.case.number) if number == "itself" else number
        with refused(code):
            merges.merge(
                *(desk.session, desk.case, into, "so"),
                by=MEI,
                version=desk.case.version,
                now=NOW,
            )
        assert desk.case.status == lifecycle.RECEIVED

    def test_is_not_into_a_closed_case(self, pair: tuple[Desk, Case]) -> None:
        desk, main = pair
        case_module.close(desk.session, main, "done", version=main.version, by=MEI, now=NOW)
        desk.session.flush()
        with refused("main_closed"):
            self.merge(desk, main)

    def test_is_not_of_a_case_that_a_department_has(self, pair: tuple[Desk, Case]) -> None:
        desk, main = pair
        desk.confirmed().refer("hyd")
        with refused("not_now"):
            self.merge(desk, main)
        self.merge(Desk(desk.records, main), desk.case)

    def test_is_not_for_who_decided_on_another_state_or_may_not(
        self, pair: tuple[Desk, Case]
    ) -> None:
        desk, main = pair
        with refused("changed"):
            self.merge(desk, main, version=desk.case.version - 1)
        with refused("forbidden"):
            self.merge(desk, main, by=Person("agent:9", "auditor"))


def _resolve(desk: Desk) -> None:
    by = desk.of("hyd")
    replies.resolve(desk.session, desk.case, "Mended.", "done", by=by, terms=TERMS, now=NOW + DAY)


def test_two_merges_into_each_other_at_the_same_moment_never_wait(engine: Engine) -> None:
    """Who comes second is told that somebody is at it, not kept waiting."""
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite lets one write at a time")
    with transaction(engine) as session:
        records = Records(session)
        ids = [records.message(name)[0].id for name in ("CA1", "CA2")]
    with transaction(engine) as first, transaction(engine) as second:
        one = first.get_one(Case, ids[0], with_for_update={"key_share": True})
        two = second.get_one(Case, ids[1], with_for_update={"key_share": True})
        with pytest.raises(Refused) as no:
            merges.merge(first, one, str(two.number), "so", by=MEI, version=one.version, now=NOW)
        assert no.value.code == "in_hand"
