"""Nobody passes a case on in silence: who is asked accepts, or says who should have it, or is heard of."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from cases import case as case_module
from cases import categories, clocks, departments, history, places, referral_policy, referrals
from cases.asked import Referral
from cases.case import Case
from cases.clocks import Clock
from cases.errors import Refused
from cases.notices import Notice
from cases.permissions import SYSTEM
from cases.referral_policy import ReferralPolicy
from runtime.database import transaction
from runtime.settings import CITIES
from tests.unit.cases.conftest import NOW, TERMS, Records
from tests.unit.cases.scene import Scene, refused

HOUR = timedelta(hours=1)
WORDS = "The lamp stands on the estate's own ground."
_FOLDER = CITIES / "hongkong"
_KNOWN = departments.read(_FOLDER)
KINDS = {one.code: one for one in categories.read(_FOLDER, _KNOWN)}
POLICY: ReferralPolicy = referral_policy.read(
    _FOLDER, [*KINDS.values()], _KNOWN, places.read(_FOLDER), "yue"
)


@dataclass
class Desk(Scene):
    """A case about a street lamp, and what is done with it in these tests."""

    def confirmed(self, category: str = "street-lamp") -> "Desk":
        kind, by = KINDS[category], self.desk()
        version = self.case.version
        case_module.confirm(
            self.session, self.case, kind, version=version, by=by, terms=TERMS, now=NOW
        )
        self.session.flush()
        return self

    def refer(
        self, lead: str | None = "hyd", *supporting: str, now: datetime = NOW, reason: str = ""
    ) -> list[Referral]:
        return referrals.refer(
            self.session,
            self.case,
            lead,
            supporting,
            by=self.desk(),
            terms=TERMS,
            policy=POLICY,
            now=now,
            reason=reason,
        )

    def accept(self, department: str, now: datetime = NOW) -> Referral:
        by = self.of(department)
        return referrals.accept(self.session, self.case, by=by, terms=TERMS, now=now)

    def give_back(
        self,
        department: str,
        named: str,
        *,
        reason: str = "not-ours",
        words: str = WORDS,
        now: datetime = NOW,
    ) -> Referral:
        return referrals.give_back(
            self.session,
            self.case,
            reason,
            words,
            named,
            by=self.of(department),
            terms=TERMS,
            policy=POLICY,
            now=now,
        )

    def stay_silent(self, department: str) -> datetime:
        """The department's time to accept runs out; when it did."""
        (clock,) = [
            one
            for one in clocks.running(self.session, self.case.id)
            if (one.kind, one.department) == ("accept", department)
        ]
        at = clock.due_at + timedelta(seconds=1)
        referrals.silence(self.session, clock, at, TERMS, POLICY)
        return at

    @property
    def waiting(self) -> list[tuple[str, str]]:
        """Who is asked and has not answered, and in which role."""
        rows = referrals.of_case(self.session, self.case.id)
        return [(one.department, one.role) for one in rows if one.answer is None]

    @property
    def answers(self) -> list[tuple[str, str | None]]:
        return [
            (one.department, one.answer) for one in referrals.of_case(self.session, self.case.id)
        ]

    def told(self, kind: str) -> list[str]:
        """To whom notices of this kind went."""
        return list(self.session.scalars(select(Notice.to).where(Notice.kind == kind)))


@pytest.fixture
def desk(records: Records) -> Iterator[Desk]:
    """A case that the desk has just confirmed."""
    case, _ = records.message()
    yield Desk(records, case).confirmed()


class TestAReferral:
    def test_asks_the_lead_and_the_supporting_ones_each_with_a_clock_of_its_own(
        self, desk: Desk
    ) -> None:
        desk.refer("hyd", "landsd", "td")
        assert desk.case.status == "referred"
        assert desk.waiting == [("hyd", "lead"), ("landsd", "support"), ("td", "support")]
        assert set(desk.running("accept")) == {"hyd", "landsd", "td"}
        assert desk.told("referred") == ["department:hyd", "department:landsd", "department:td"]

    def test_ends_the_desks_clock_and_leaves_the_citizens(self, desk: Desk) -> None:
        desk.refer()
        assert not desk.running("dispatch") and desk.running("resolve")

    def test_makes_who_gets_it_first_the_owner(self, desk: Desk) -> None:
        assert desk.case.owner == "desk"
        desk.refer("hyd")
        assert desk.case.owner == "hyd"

    def test_without_a_department_asks_the_one_of_the_days_rule_and_keeps_the_rule(
        self, desk: Desk
    ) -> None:
        (referral,) = desk.refer(None)
        assert (referral.department, referral.rule) == ("hyd", "category:street-lamp")
        assert referral.why["en"] == "The department of the category"
        assert desk.lines("refer")[0]["rule"] == "category:street-lamp"

    def test_to_a_department_a_person_chose_names_no_rule(self, desk: Desk) -> None:
        (referral,) = desk.refer("td")
        assert (referral.rule, referral.why) == (None, {})

    def test_needs_a_category_that_a_person_confirmed(self, records: Records) -> None:
        case, _ = records.message()
        with refused("not_now"):
            Desk(records, case).refer()

    def test_goes_to_no_department_that_there_is_not(self, desk: Desk) -> None:
        with refused("unknown_department"):
            desk.refer("ministry-of-magic")

    def test_is_made_by_no_department(self, desk: Desk) -> None:
        with refused("forbidden"):
            referrals.refer(
                desk.session, desk.case, "hyd", (), by=desk.of("td"), terms=TERMS, now=NOW
            )

    def test_names_each_department_once(self, desk: Desk) -> None:
        desk.refer("hyd", "td", "hyd", "td")
        assert desk.waiting == [("hyd", "lead"), ("td", "support")]


class TestAcceptance:
    def test_is_one_act(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.accept("hyd", NOW + HOUR)
        assert (desk.case.status, desk.case.owner) == ("accepted", "hyd")
        assert set(desk.running("accept")) == {"td"}

    def test_starts_the_clock_of_the_interim_reply_as_the_citizen_counts(self, desk: Desk) -> None:
        desk.refer()
        desk.accept("hyd", NOW + 24 * HOUR)
        (due,) = desk.running("interim").values()
        assert due == TERMS.workdays.add(TERMS.promises.span("ordinary", "interim"), NOW)

    def test_of_support_leaves_the_case_to_the_lead(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.accept("td")
        assert (desk.case.status, desk.case.owner) == ("referred", "hyd")
        desk.accept("hyd")
        assert desk.answers == [("hyd", "accepted"), ("td", "accepted")]

    def test_of_support_may_come_after_the_leads(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.accept("hyd")
        desk.accept("td")
        assert desk.case.status == "accepted" and not desk.waiting

    def test_is_only_for_who_was_asked(self, desk: Desk) -> None:
        desk.refer("hyd")
        with refused("forbidden"):
            desk.accept("td")

    def test_is_given_once(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.accept("hyd")
        with refused("forbidden"):
            desk.accept("hyd")

    def test_is_no_persons_at_the_desk(self, desk: Desk) -> None:
        desk.refer("hyd")
        with refused("forbidden"):
            referrals.accept(desk.session, desk.case, by=desk.desk(), terms=TERMS, now=NOW)

    def test_too_late_is_late_on_the_clock(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.accept("hyd", NOW + timedelta(days=30))
        (clock,) = [c for c in clocks.of_case(desk.session, desk.case.id) if c.kind == "accept"]
        assert clock.outcome == "late"


class TestAReturn:
    def test_goes_at_once_to_the_department_it_names(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        returned = desk.give_back("hyd", "hd")
        assert desk.case.status == "referred"
        assert desk.waiting == [("td", "support"), ("hd", "lead")]
        asked = referrals.of_case(desk.session, desk.case.id)[-1]
        assert (asked.rule, asked.why["en"]) == (f"return:{returned.id}", WORDS)
        assert asked.asked_by == "system" and asked.round == 1
        assert set(desk.running("accept")) == {"td", "hd"}

    def test_leaves_the_lead_to_who_got_it_first_until_another_accepts(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.give_back("hyd", "hd")
        assert desk.case.owner == "hyd"
        desk.accept("hd")
        assert desk.case.owner == "hd"

    @pytest.mark.parametrize("missing", ["reason", "words", "named"])
    def test_needs_a_reason_words_and_a_name(self, desk: Desk, missing: str) -> None:
        desk.refer("hyd")
        given = {"reason": "not-ours", "words": WORDS, "named": "hd", missing: ""}
        with pytest.raises(Refused) as no:
            desk.give_back("hyd", given["named"], reason=given["reason"], words=given["words"])
        assert no.value.code == "incomplete"
        assert no.value.details["missing"] == [{"named": "department"}.get(missing, missing)]
        assert desk.waiting == [("hyd", "lead")]

    def test_words_are_more_than_blanks(self, desk: Desk) -> None:
        desk.refer("hyd")
        with refused("incomplete"):
            desk.give_back("hyd", "hd", words=" \n\t")

    def test_has_a_reason_of_the_citys_list(self, desk: Desk) -> None:
        desk.refer("hyd")
        with refused("unknown_reason"):
            desk.give_back("hyd", "hd", reason="we are busy")

    def test_names_another_department_and_one_that_there_is(self, desk: Desk) -> None:
        desk.refer("hyd")
        with refused("names_itself"):
            desk.give_back("hyd", "hyd")
        with refused("unknown_department"):
            desk.give_back("hyd", "nobody")

    def test_is_only_for_who_was_asked(self, desk: Desk) -> None:
        desk.refer("hyd")
        with refused("forbidden"):
            desk.give_back("td", "hd")

    def test_comes_too_late_after_acceptance(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.accept("hyd")
        with refused("forbidden"):
            desk.give_back("hyd", "hd")

    def test_of_support_asks_the_named_one_to_support(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.accept("hyd")
        desk.give_back("td", "hkpf")
        assert (desk.case.status, desk.case.owner) == ("accepted", "hyd")
        assert desk.waiting == [("hkpf", "support")]

    def test_of_support_that_names_the_lead_asks_nobody_anew(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.give_back("td", "hyd")
        assert desk.waiting == [("hyd", "lead")]

    def test_that_names_a_supporting_one_asks_it_to_lead(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.give_back("hyd", "td")
        assert desk.waiting == [("td", "lead")]
        assert list(desk.running("accept")) == ["td"]


class TestSilence:
    def test_is_no_answer_it_is_recorded_and_told_to_those_above(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.stay_silent("hyd")
        assert desk.case.status == "referred" and desk.waiting == [("hyd", "lead")]
        assert desk.lines("silence") == [{"department": "hyd"}]
        assert set(desk.told("escalated")) == {
            "role:supervisor",
            "role:coordinator",
            "department:hyd",
        }

    def test_is_asked_about_once_more_with_a_new_clock(self, desk: Desk) -> None:
        desk.refer("hyd")
        before = desk.running("accept")["hyd"]
        desk.stay_silent("hyd")
        assert desk.running("accept")["hyd"] > before
        desk.accept("hyd")
        assert desk.case.status == "accepted"

    def test_counts_once_however_many_watch(self, desk: Desk) -> None:
        desk.refer("hyd")
        (clock,) = [c for c in clocks.running(desk.session, desk.case.id) if c.kind == "accept"]
        for _ in range(3):
            referrals.silence(desk.session, clock, clock.due_at, TERMS, POLICY)
        assert len(desk.lines("silence")) == 1 and desk.case.status == "referred"

    def test_of_who_has_answered_meanwhile_is_none(self, desk: Desk) -> None:
        desk.refer("hyd")
        (clock,) = [c for c in clocks.running(desk.session, desk.case.id) if c.kind == "accept"]
        desk.accept("hyd")
        referrals.silence(desk.session, clock, clock.due_at, TERMS, POLICY)
        assert not desk.lines("silence")

    def test_of_support_leaves_the_case_where_it_is(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.accept("hyd")
        desk.stay_silent("td")
        assert desk.case.status == "accepted" and desk.waiting == [("td", "support")]


class TestTheSecondRefusal:
    def test_of_two_returns_calls_all_who_were_asked_or_named(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.give_back("hyd", "hd")
        desk.give_back("hd", "landsd")
        assert desk.case.status == "whistled"
        assert set(desk.running("arrive")) == {"hyd", "td", "hd", "landsd"}
        (blown,) = desk.lines("blow")
        assert (blown["blown_as"], blown["reason"]) == ("rule", "second_return")
        assert str(desk.case.number) in str(blown["matter"]) and "街燈" in str(blown["matter"])

    def test_of_two_silences_blows(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.stay_silent("hyd")
        desk.stay_silent("hyd")
        assert desk.case.status == "whistled"
        assert desk.lines("blow")[0]["reason"] == "second_silence"

    def test_of_a_silence_and_a_return_blows(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.stay_silent("hyd")
        desk.give_back("hyd", "hd")
        assert desk.case.status == "whistled"
        assert desk.lines("blow")[0]["reason"] == "second_return"

    def test_of_a_return_and_a_silence_blows(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.give_back("hyd", "hd")
        desk.stay_silent("hd")
        assert desk.case.status == "whistled"

    def test_leaves_who_got_it_first_in_the_lead(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.give_back("hyd", "hd")
        desk.give_back("hd", "landsd")
        assert desk.case.owner == "hyd"

    def test_lets_nobody_wait_for_an_acceptance(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.give_back("hyd", "hd")
        desk.give_back("td", "hkpf")
        assert not desk.waiting and not desk.running("accept")
        with refused("forbidden"):
            desk.accept("hd")

    def test_is_counted_from_when_a_person_last_referred_it(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.give_back("hyd", "hd")
        desk.accept("hd")
        desk.refer("landsd", reason="The ground is the government's.")
        desk.give_back("landsd", "hyd")
        assert desk.case.status == "referred"
        desk.give_back("hyd", "landsd")
        assert desk.case.status == "whistled"

    def test_is_known_to_be_danger_where_the_matter_is(self, records: Records) -> None:
        case, _ = records.message()
        desk = Desk(records, case).confirmed("fire-safety")
        desk.refer("fsd")
        desk.give_back("fsd", "bd")
        desk.give_back("bd", "fsd", now=NOW + HOUR)
        assert desk.lines("blow")[0]["danger"] is True
        assert desk.running("arrive")["bd"] == NOW + HOUR + timedelta(minutes=30)


class TestReferredAgain:
    def test_a_case_needs_a_reason_and_keeps_its_owner_meanwhile(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.accept("hyd")
        with refused("incomplete"):
            desk.refer("hd")
        desk.refer("hd", reason="It stands on the estate.")
        assert (desk.case.status, desk.case.owner) == ("referred", "hyd")
        desk.accept("hd")
        assert (desk.case.status, desk.case.owner) == ("accepted", "hd")

    def test_asks_no_longer_who_was_asked_before(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.accept("hyd")
        desk.refer("hd", "hyd", reason="It stands on the estate.")
        assert desk.waiting == [("hd", "lead"), ("hyd", "support")]
        assert ("td", "withdrawn") in desk.answers
        assert set(desk.running("accept")) == {"hd", "hyd"}


def test_a_whistle_blown_meanwhile_lets_the_lead_that_was_asked_go(desk: Desk) -> None:
    desk.refer("hyd")
    desk.blow(("hyd", "hd"), danger=False)
    assert desk.answers == [("hyd", "withdrawn")] and not desk.running("accept")


def test_a_department_sees_what_it_was_asked(desk: Desk) -> None:
    desk.refer("hyd", "td")
    assert [
        (referral.role, case.number)
        for referral, case in referrals.open_of_department(desk.session, "td")
    ] == [("support", desk.case.number)]
    desk.accept("td")
    assert referrals.open_of_department(desk.session, "td") == []


class TestTwoAtOnce:
    def test_the_second_gets_what_changed_and_loses_no_word(self, desk: Desk) -> None:
        desk.refer("hyd")
        desk.session.flush()
        seen, line = desk.case.version, history.of_case(desk.session, desk.case.id)[-1].id
        desk.accept("hyd")
        desk.session.flush()
        with pytest.raises(Refused) as no:
            referrals.give_back(
                desk.session,
                desk.case,
                "not-ours",
                WORDS,
                "hd",
                by=desk.of("hyd"),
                terms=TERMS,
                policy=POLICY,
                now=NOW,
                version=seen,
            )
        assert no.value.code == "changed"
        news = [e for e in history.of_case(desk.session, desk.case.id) if e.id > line]
        assert [(entry.action, entry.actor) for entry in news] == [("accept", desk.of("hyd").actor)]

    def test_an_act_that_leaves_the_status_is_a_change_as_well(self, desk: Desk) -> None:
        desk.refer("hyd", "td")
        desk.session.flush()
        seen = desk.case.version
        desk.accept("td")
        desk.session.flush()
        with pytest.raises(Refused) as no:
            referrals.accept(
                desk.session, desk.case, by=desk.of("hyd"), terms=TERMS, now=NOW, version=seen
            )
        assert no.value.code == "changed"
        assert no.value.details["version"] == desk.case.version

    def test_two_watchers_on_one_silence_count_it_once(self, engine: Engine) -> None:
        with transaction(engine) as session:
            case, _ = Records(session).message()
            desk = Desk(Records(session), case).confirmed()
            desk.refer("hyd")
            clock_id = next(c.id for c in clocks.running(session, case.id) if c.kind == "accept")
        for _ in range(2):
            with transaction(engine) as session:
                clock = session.get_one(Clock, clock_id)
                referrals.silence(session, clock, clock.due_at, TERMS, POLICY)
        with transaction(engine) as session:
            assert session.scalars(select(Case)).one().status == "referred"


def test_the_system_itself_can_refer_and_begins_no_new_round(desk: Desk) -> None:
    (referral,) = referrals.refer(
        desk.session, desk.case, None, (), by=SYSTEM, terms=TERMS, policy=POLICY, now=NOW
    )
    assert (referral.asked_by, referral.round) == ("system", 1)
