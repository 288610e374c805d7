"""Who a matter is for: rules with dates and places, rulings, and which of several counts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from cases import categories, departments, places, referral_policy, referrals, routing, transcripts
from cases.categories import Category
from cases.departments import Department
from cases.pack import PackError
from cases.permissions import Person
from cases.places import Place, Places
from cases.routing import NOWHERE, Route, Routing, Rule, Where
from cases.script import fold, to_script
from cases.transcripts import Heard, Segment, Slot
from runtime.settings import CITIES
from tests.unit.cases.conftest import BOSS, MEI, NOW, TERMS, Records
from tests.unit.cases.scene import refused
from tests.unit.cases.test_referrals import POLICY, Desk

CODES = sorted(file.parent.name for file in CITIES.glob("*/routing.yaml"))
NAMES = {"yue": "理由", "cmn": "理由", "en": "reason"}
DAY = date(2026, 11, 24)


def place(kind: str, name: str, district: str = "") -> Place:
    return Place(kind, dict.fromkeys(("yue", "cmn", "en"), (name,)), district, None, None)


ESTATE, DISTRICT = place("estate", "德朗邨", "九龍城區"), place("district", "九龍城區", "九龍城區")


def rule(code: str, department: str, **more: object) -> Rule:
    given = {"starts": date(2026, 1, 1), "reason": NAMES, "category": "street-lamp", **more}
    return Rule(code=code, department=department, **given)  # type: ignore[arg-type]


@dataclass
class Rules:
    """Some rules, and a session for rulings."""

    records: Records

    def route(
        self,
        *rules: Rule,
        where: Where = NOWHERE,
        day: date = DAY,
        category: str | None = "street-lamp",
    ) -> Route:
        routing_ = replace(POLICY.routing, rules=rules)
        return routing.department_for(self.records.session, routing_, category, where, day)

    def rule(self, department: str, **more: object) -> routing.Ruling:
        given = {"by": BOSS, "now": NOW, "starts": DAY, **more}
        return routing.rule(
            self.records.session,
            POLICY.routing,
            "street-lamp",
            department,
            "Said in writing.",
            **given,  # type: ignore[arg-type]
        )


@pytest.fixture
def rules(records: Records) -> Rules:
    return Rules(records)


class TestARule:
    def test_of_no_place_is_for_every_place(self, rules: Rules) -> None:
        assert rules.route(rule("one", "td"), where=Where.of(ESTATE)).rule == "one"

    @pytest.mark.parametrize(
        ("day", "department"),
        [
            (date(2026, 6, 30), "hyd"),
            (date(2026, 7, 1), "td"),
            (date(2026, 12, 31), "td"),
            (date(2027, 1, 1), "hyd"),
        ],
    )
    def test_holds_from_its_first_day_to_its_last(
        self, rules: Rules, day: date, department: str
    ) -> None:
        one = rule("one", "td", starts=date(2026, 7, 1), ends=date(2026, 12, 31))
        assert rules.route(one, day=day).department == department

    def test_without_any_the_categorys_own_department_counts(self, rules: Rules) -> None:
        route = rules.route()
        assert (route.department, route.rule) == ("hyd", "category:street-lamp")

    def test_that_is_nearer_counts_before_one_that_is_newer(self, rules: Rules) -> None:
        newer = rule("everywhere", "td", starts=date(2026, 11, 1))
        kind = rule("estates", "hd", kind="estate")
        district = rule("district", "had", place="九龍城區")
        there = rule("there", "landsd", place="德朗邨")
        where = Where.of(ESTATE)
        assert rules.route(newer, kind, where=where).rule == "estates"
        assert rules.route(newer, kind, district, where=where).rule == "district"
        assert rules.route(newer, kind, district, there, where=where).rule == "there"
        assert rules.route(newer, kind, district, there).rule == "everywhere"

    def test_that_is_newer_counts_of_two_as_near(self, rules: Rules) -> None:
        old, new = rule("old", "td"), rule("new", "hd", starts=date(2026, 5, 1))
        assert rules.route(old, new).rule == rules.route(new, old).rule == "new"

    def test_of_a_category_counts_before_one_of_all(self, rules: Rules) -> None:
        everything = rule("all", "had", category=None)
        assert rules.route(everything, rule("lamps", "td")).rule == "lamps"
        assert rules.route(everything, category="noise").rule == "all"

    def test_that_is_for_elsewhere_does_not_count(self, rules: Rules) -> None:
        assert rules.route(rule("there", "td", place="德朗邨")).rule == "category:street-lamp"

    @pytest.mark.parametrize("category", [None, "of-another-year"])
    def test_of_a_matter_nobody_knows_is_the_one_of_what_is_left(
        self, rules: Rules, category: str | None
    ) -> None:
        assert rules.route(category=category).rule == "category:other"

    def test_before_any_there_is_none(self, rules: Rules) -> None:
        with refused("no_rule"):
            rules.route(day=date(2025, 12, 31))


class TestARuling:
    def test_counts_from_its_day_on(self, rules: Rules) -> None:
        ruling = rules.rule("hd", starts=DAY + timedelta(days=1))
        assert rules.route().department == "hyd"
        after = rules.route(day=DAY + timedelta(days=1))
        assert (after.department, after.rule) == ("hd", f"ruling:{ruling.id}")
        assert after.why["en"] == after.why["yue"] == "Said in writing."

    def test_counts_up_to_its_last_day(self, rules: Rules) -> None:
        rules.rule("hd", ends=DAY)
        assert rules.route().department == "hd"
        assert rules.route(day=DAY + timedelta(days=1)).department == "hyd"

    def test_counts_before_a_rule_as_near(self, rules: Rules) -> None:
        rules.rule("hd", place="德朗邨")
        file = rule("there", "td", place="德朗邨")
        assert rules.route(file, where=Where.of(ESTATE)).department == "hd"

    def test_for_everywhere_leaves_the_rule_of_a_place(self, rules: Rules) -> None:
        rules.rule("landsd")
        assert rules.route(rule("x", "hd", kind="estate"), where=Where.of(ESTATE)).rule == "x"

    def test_may_be_for_a_district(self, rules: Rules) -> None:
        rules.rule("had", place="九龍城區")
        assert rules.route(where=Where.of(ESTATE)).department == "had"
        assert rules.route(where=Where.of(DISTRICT)).department == "had"
        assert rules.route().department == "hyd"

    def test_made_later_counts_of_two(self, rules: Rules) -> None:
        rules.rule("hd")
        rules.rule("td")
        assert rules.route().department == "td"
        assert [one.department for one in routing.rulings(rules.records.session)] == ["td", "hd"]

    def test_is_made_by_who_may(self, rules: Rules) -> None:
        for by in (MEI, Person("agent:3", "officer", "hyd"), Person("agent:4", "leader")):
            with refused("forbidden"):
                rules.rule("hd", by=by)

    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"place": "Atlantis"}, "unknown_place"),
            ({"ends": DAY - timedelta(days=1)}, "ends_before_it_begins"),
        ],
    )
    def test_names_what_there_is(self, rules: Rules, more: dict[str, object], code: str) -> None:
        with refused(code):
            rules.rule("hd", **more)
        with refused("unknown_department"):
            rules.rule("ministry-of-magic")


class TestARulingAndTheCases:
    @pytest.fixture
    def desk(self, records: Records) -> Iterator[Desk]:
        case, _ = records.message()
        yield Desk(records, case).confirmed()

    def test_the_old_ones_keep_the_rule_of_their_day(self, desk: Desk) -> None:
        (old,) = desk.refer(None)
        routing.rule(
            desk.session,
            POLICY.routing,
            "street-lamp",
            "hd",
            "All lamps are one department's now.",
            by=BOSS,
            now=NOW,
            starts=DAY + timedelta(days=1),
        )
        case, _ = desk.records.message("CA2")
        new = Desk(desk.records, case).confirmed()
        (referral,) = new.refer(None, now=NOW + timedelta(days=1))
        assert referral.department == "hd" and str(referral.rule).startswith("ruling:")
        (kept,) = referrals.of_case(desk.session, desk.case.id)
        assert (kept.id, kept.department, kept.rule) == (old.id, "hyd", "category:street-lamp")
        assert kept.why["en"] == "The department of the category"

    def test_the_day_is_the_citys_own(self, desk: Desk) -> None:
        starts = (NOW.astimezone(TERMS.time_zone) + timedelta(days=1)).date()
        routing.rule(
            desk.session, POLICY.routing, "street-lamp", "hd", "x", by=BOSS, now=NOW, starts=starts
        )
        late = NOW.replace(hour=16)  # past midnight there, the same day in UTC
        assert referrals.route_of(desk.session, desk.case, POLICY, TERMS, late).department == "hd"


class TestThePlace:
    @pytest.mark.parametrize(
        ("said", "department"),
        [(["德朗邨"], "hd"), (["彌敦道88號"], "hyd"), (["唔知邊度"], "hyd"), ([], "hyd")],
    )
    def test_is_the_one_the_caller_named(
        self, records: Records, said: list[str], department: str
    ) -> None:
        case, claim = records.ready_to_hear()
        slots = tuple(Slot("place", value, value, 0.0, 1.0, 0.9) for value in said)
        hear(records, claim, slots)
        desk = Desk(records, case).confirmed()
        (referral,) = desk.refer(None)
        assert referral.department == department
        assert (referral.place is not None) == (department == "hd" or said == ["彌敦道88號"])

    def test_with_a_known_district_counts_before_others(self, records: Records) -> None:
        case, claim = records.ready_to_hear()
        here = Places.of([place("street", "彌敦道"), ESTATE])
        spoken = [Slot("place", word, word, 0.0, 1.0, 0.9) for word in ("彌敦道", "德朗邨")]
        hear(records, claim, tuple(spoken))
        assert routing.where_is(records.session, case, here).name == "德朗邨"


def hear(records: Records, claim: object, slots: tuple[Slot, ...]) -> None:
    heard = Heard(
        text="樓下街燈壞咗",
        raw_text="樓下街燈壞咗",
        language="yue",
        language_probability=0.9,
        segments=(Segment(0.0, 1.0, "樓下街燈壞咗", 0.9),),
        confidence=0.9,
        engine="openai-whisper",
        model="small",
        slots=slots,
    )
    kinds = tuple(POLICY.routing.categories.values())
    assert transcripts.finish(records.session, claim, heard, kinds, NOW)  # type: ignore[arg-type]


class TestTheFile:
    def known(self, code: str) -> tuple[tuple[Category, ...], tuple[Department, ...], Places]:
        folder = CITIES / code
        there = departments.read(folder)
        return categories.read(folder, there), there, places.read(folder)

    @pytest.mark.parametrize("code", CODES)
    def test_of_every_city_can_be_read_and_says_why(self, code: str) -> None:
        policy = referral_policy.read(CITIES / code, *self.known(code), "cmn")
        texts = [
            *(one.reason for one in policy.routing.rules),
            *(one.name for one in policy.reasons.values()),
            *policy.matters.values(),
            policy.routing.reason,
        ]
        for names in texts:
            assert names["cmn"] == fold(names["cmn"])
            assert names["yue"] == to_script(names["yue"], "hk")
        assert policy.refusals == 2

    def test_every_city_has_one(self) -> None:
        assert sorted(file.parent.name for file in CITIES.glob("*/city.yaml")) == CODES

    @pytest.mark.parametrize(
        ("entry", "said"),
        [
            ("department: nobody", "rules.x.department: there is no 'nobody'"),
            ("department: td, category: magic", "rules.x.category: there is no 'magic'"),
            ("department: td, place: Atlantis", "rules.x.place: 'Atlantis' is not in places.csv"),
            ("department: td, kind: castle", "rules.x.kind: there is no 'castle'"),
            (
                "department: td, kind: estate, place: 德朗邨",
                "rules.x.kind: a rule is for a place or for a kind of places, not both",
            ),
            ("department: td, ends: 2025-12-31", "rules.x.ends: is before it starts"),
            ("department: td, colour: red", "rules.x.colour: is not a field of this file"),
            ("category: noise", "rules.x.department: is missing"),
        ],
    )
    def test_a_mistake_in_it_is_one_line(self, tmp_path: Path, entry: str, said: str) -> None:
        why = "{yue: 理由, cmn: 理由, en: reason}"
        (tmp_path / "routing.yaml").write_text(
            f"spec: 1\ndefault: {{starts: 2026-01-01, reason: {why}}}\n"
            f"rules: {{x: {{starts: 2026-01-01, reason: {why}, {entry}}}}}",
            "utf-8",
        )
        with pytest.raises(PackError) as caught:
            routing.read(tmp_path, *self.known("hongkong"))
        message = str(caught.value)
        assert message.startswith(f"{tmp_path / 'routing.yaml'}: {said}") and "\n" not in message


def test_the_rules_of_a_city_without_extra_ones_are_its_categories() -> None:
    bare: Routing = replace(POLICY.routing, rules=())
    assert {one.department for one in bare.categories.values()} <= bare.departments
