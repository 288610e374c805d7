"""A case is understood as soon as it has a text, joined with what it belongs with, and raised in time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from cases import alerts, case, categories, clusters, departments, history, readings, transcripts
from cases.alerts import Alert
from cases.case import Case
from cases.clusters import Sighting
from cases.errors import Refused
from cases.notices import Notice
from cases.permissions import Person
from cases.readings import Reader
from cases.transcripts import Heard, Segment
from cases.understanding import Mind, understand
from runtime.settings import CITIES
from tests.unit.cases.conftest import BOSS, NOW, TERMS, Records

DAY = timedelta(days=1)
READER = Reader.of_city(CITIES / "hongkong", ("yue", "cmn", "en"))
MIND = Mind(READER, TERMS)
KINDS = categories.read(CITIES / "hongkong", departments.read(CITIES / "hongkong"))
LEADER = Person("agent:7", "leader")

NET = "我住大埔宏福苑，外牆啲棚網好易着火"
STAIRS = "宏福苑條後樓梯堆滿雜物"
SMOKING = "大埔宏福苑啲工人喺棚度食煙"
LAMP = "宏福苑門口盞街燈壞咗"


@dataclass
class City:
    """Calls that come in, each understood at once."""

    records: Records
    calls: int = 0
    cases: list[Case] = field(default_factory=list)

    def hears(self, text: str, day: int = 0, caller: str | None = None) -> Case:
        """A call on this day from a number of its own, and what was understood of it."""
        self.calls += 1
        now = NOW + day * DAY
        number = caller or f"+8529123{self.calls:04d}"
        call_id = self.records.call(f"CA{self.calls}", number)
        recording = self.records.announce(call_id, provider_id=f"RE{self.calls}")
        opened = case.open_for(self.records.session, call_id, TERMS, now, ["transcript_pending"])
        from cases import recordings

        recordings.fetched(self.records.session, self.records.claim(recording), "sound", now)
        claim = self.records.claim(recording, "transcribe", now)
        assert transcripts.finish(self.records.session, claim, heard(text), KINDS, now)
        self.understands(opened, now)
        self.cases.append(opened)
        return opened

    def understands(self, opened: Case, now: datetime = NOW) -> bool:
        self.records.session.flush()
        return understand(self.records.session, opened.id, MIND, now)

    def alerts(self) -> list[Alert]:
        return list(self.records.session.scalars(select(Alert).order_by(Alert.id)))

    def notices(self, kind: str) -> list[str]:
        wanted = select(Notice.to).where(Notice.kind == kind).order_by(Notice.id)
        return list(self.records.session.scalars(wanted))

    def told(self, kind: str) -> Mapping[str, object]:
        """What the first notice of this kind says."""
        wanted = select(Notice.facts).where(Notice.kind == kind).order_by(Notice.id).limit(1)
        return self.records.session.scalars(wanted).one()

    def lines(self, opened: Case) -> list[str]:
        return [line.action for line in history.of_case(self.records.session, opened.id)]


def heard(text: str) -> Heard:
    return Heard(
        text=text,
        raw_text=text,
        language="yue",
        language_probability=0.99,
        segments=(Segment(0.0, 5.0, text, 0.9),),
        confidence=0.9,
        engine="e",
        model="m",
    )


@pytest.fixture
def city(records: Records) -> Iterator[City]:
    yield City(records)


def test_a_case_is_read_once_and_again_when_its_text_changes(city: City) -> None:
    one = city.hears(NET)
    reading = readings.of_case(city.records.session, one.id)
    assert reading is not None
    assert reading.places[0]["name"] == "宏福苑" and reading.places[0]["district"] == "大埔區"
    assert {told["kind"] for told in reading.hazards} == {"scaffold", "fire"}
    assert city.understands(one) is False
    readings.forget(city.records.session, one.id)
    assert readings.unread(city.records.session) == [one.id]
    assert city.understands(one) is True
    assert city.lines(one).count("joined_others") == 0


def test_danger_is_told_at_once_to_who_is_on_call_and_only_once(city: City) -> None:
    one = city.hears("大埔宏福苑着火啦，有人困咗喺入面")
    assert "danger" in one.flags
    assert city.notices("danger") == ["role:supervisor", "role:coordinator", "department:desk"]
    assert "danger_heard" in city.lines(one)
    readings.forget(city.records.session, one.id)
    city.understands(one)
    assert len(city.notices("danger")) == 3


def test_no_danger_no_bell(city: City) -> None:
    one = city.hears(NET)
    assert "danger" not in one.flags and city.notices("danger") == []


def test_the_same_hazard_at_one_place_is_joined_across_words_and_categories(city: City) -> None:
    cases = [city.hears(NET), city.hears(STAIRS, 3), city.hears(SMOKING, 9)]
    session = city.records.session
    (cluster,) = {
        one.id: one for made in cases for one in clusters.of_case(session, made.id)
    }.values()
    assert (cluster.family, cluster.place, cluster.cases) == ("fire", "宏福苑", 3)
    told = clusters.sightings(session, cluster.id)
    assert [one.case_id for one in told] == [made.id for made in cases]
    assert all(one.evidence["place"]["said"] and one.evidence["hazards"] for one in told)
    assert "joined_others" in city.lines(cases[1])


def test_another_hazard_or_another_place_is_not_joined(city: City) -> None:
    city.hears(NET)
    assert clusters.of_case(city.records.session, city.hears(LAMP).id) == []
    elsewhere = city.hears("沙田第一城外牆啲棚網好易着火")
    assert all(one.cases == 1 for one in clusters.of_case(city.records.session, elsewhere.id))


def test_a_district_alone_is_no_place_to_join_at(city: City) -> None:
    city.hears("大埔區啲棚網好易着火")
    assert city.records.session.scalars(select(Sighting)).all() == []


def test_after_ninety_days_of_silence_it_begins_anew(city: City) -> None:
    city.hears(NET)
    late = city.hears(NET, 95)
    (cluster,) = clusters.of_case(city.records.session, late.id)
    assert cluster.cases == 1


def test_three_repeats_by_two_callers_are_an_alert_with_its_figures(city: City) -> None:
    city.hears(NET)
    city.hears(STAIRS, 3)
    assert city.alerts() == []
    third = city.hears(SMOKING, 9)
    (alert,) = city.alerts()
    assert (alert.kind, alert.seen, alert.cases[-1]) == ("hazard", 3, third.id)
    assert alert.subject == {"family": "fire", "place": "宏福苑", "district": "大埔區"}
    assert 0 < alert.expected < 0.1 and alert.probability < 0.001
    assert city.notices("alert") == ["role:supervisor"]
    told = {"hazard": "fire", "place": "宏福苑", "seen": 3, "link": f"/alerts/{alert.id}"}
    assert city.told("alert") == told
    city.hears(NET, 10)
    assert len(city.alerts()) == 1


def test_one_caller_alone_is_no_alert_however_often(city: City) -> None:
    for day in range(5):
        city.hears(NET, day, caller="+85291230000")
    assert city.alerts() == []


def test_an_alert_that_grows_to_twice_as_many_is_raised_again(city: City) -> None:
    for day in range(6):
        city.hears(NET, day)
    assert [alert.seen for alert in city.alerts()] == [3, 6]


def test_what_is_usual_at_a_place_is_no_alert(city: City) -> None:
    """A lift that is told of every week for a year is no news when it is told of three times a month."""
    for week in range(52):
        city.hears("大埔宏福苑部升降機又壞咗", week * 7)
    early = [alert for alert in city.alerts() if alert.raised_at < NOW + 120 * DAY]
    assert len(city.alerts()) == len(early)


def test_an_alert_nobody_acknowledges_climbs_and_one_acknowledged_does_not(city: City) -> None:
    for day in range(3):
        city.hears(NET, day)
    (alert,) = city.alerts()
    session = city.records.session
    raised = alert.raised_at
    assert alerts.climb(session, raised + timedelta(minutes=29)) == 0
    assert alerts.climb(session, raised + timedelta(minutes=30)) == 1
    assert city.notices("alert") == ["role:supervisor", "role:coordinator"]
    with pytest.raises(Refused, match="incomplete"):
        alerts.acknowledge(session, alert, " ", by=LEADER, now=raised)
    alerts.acknowledge(session, alert, "已派人巡查", by=LEADER, now=raised + timedelta(hours=1))
    assert alerts.climb(session, raised + timedelta(days=9)) == 0
    with pytest.raises(Refused, match="already"):
        alerts.acknowledge(session, alert, "我都睇到", by=BOSS, now=raised)
    assert alert.acknowledged_by == LEADER.actor


def test_it_climbs_to_the_top_and_no_further(city: City) -> None:
    for day in range(3):
        city.hears(NET, day)
    for hour in range(1, 9):
        alerts.climb(city.records.session, NOW + 2 * DAY + timedelta(hours=hour))
    assert city.notices("alert") == ["role:supervisor", "role:coordinator", "role:leader"]


def test_what_alerts_came_to_is_the_record_of_their_method(city: City) -> None:
    for day in range(6):
        city.hears(NET, day)
    session = city.records.session
    assert [(one.raised, one.judged, one.false_share) for one in alerts.record(session)] == [
        (2, 0, None)
    ]
    first, second = city.alerts()
    alerts.judge(session, first, "right", by=BOSS, now=NOW)
    alerts.judge(session, second, "false", by=BOSS, now=NOW)
    (one,) = alerts.record(session)
    assert (one.method, one.raised, one.judged, one.false_share) == ("repeats", 2, 2, 0.5)
    with pytest.raises(Refused, match="unknown_verdict"):
        alerts.judge(session, first, "maybe", by=BOSS, now=NOW)


def test_the_same_again_after_it_was_called_done_is_a_sham_fix(city: City) -> None:
    first = city.hears(NET)
    session = city.records.session
    case.close(session, first, "已處理", version=first.version, by=BOSS, now=NOW + DAY)
    session.flush()
    assert first.status == "closed"
    again = city.hears(STAIRS, 5)
    session.refresh(first)
    assert first.status == "received" and {"sham_fix", "reopened"} <= set(first.flags)
    assert "reopen" in city.lines(first)
    assert "sham_fix" not in again.flags


def test_a_fix_that_held_for_long_was_none(city: City) -> None:
    first = city.hears(NET)
    case.close(city.records.session, first, "已處理", version=first.version, by=BOSS, now=NOW + DAY)
    city.records.session.flush()
    city.hears(STAIRS, 95)
    city.records.session.refresh(first)
    assert first.status == "closed"


def test_a_place_corrected_takes_the_case_out_of_its_cluster(city: City) -> None:
    city.hears(NET)
    moved = city.hears(NET, 1)
    session = city.records.session
    reading = readings.of_case(session, moved.id)
    assert reading is not None
    place = {**reading.places[0], "name": "別處", "district": "別區", "lat": 1.0, "lon": 1.0}
    reading.places = [place]
    clusters.join(session, moved, reading, joined_days=90, near_metres=150)
    assert [one.cases for one in session.scalars(select(clusters.Cluster))] == [1, 1]


def test_what_is_seen_together_says_by_which_words_and_how_far_apart(city: City) -> None:
    first, second = city.hears(NET), city.hears(STAIRS, 3)
    (shared,) = clusters.together(city.records.session, second.id)
    assert shared.cluster.cases == 2 and shared.own.number == second.number
    assert shared.own.said == "宏福苑" and "樓梯堆滿雜物" in "".join(shared.own.words)
    (other,) = shared.others
    assert (other.number, other.how, other.by_name, other.apart) == (first.number, "exact", True, 0)
    assert "棚網" in other.words
    assert clusters.together(city.records.session, city.hears(LAMP).id) == []
