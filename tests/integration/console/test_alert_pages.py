"""What the calls add up to, on its pages: seen, acknowledged, whistled, judged."""

from datetime import timedelta

from sqlalchemy import select

from cases import alerts
from cases.alerts import Alert, Found
from cases.understanding import understand
from runtime import clock
from runtime.city import City
from runtime.database import transaction
from runtime.settings import CITIES
from tests.support.console_app import ConsoleHouse
from watch.understanding import mind_of

NET = "我住大埔宏福苑，外牆啲棚網好易着火"
MIND = mind_of(City.read(CITIES / "hongkong"))


def raised(house: ConsoleHouse) -> int:
    """Three callers told of one scaffold: the alert's id."""
    for caller in ("+85291230001", "+85291230002", "+85291230003"):
        number = house.case(NET, caller=caller)
        found = house.stored(number)
        with transaction(house.engine) as session:
            understand(session, found.id, MIND, found.opened_at)
    with transaction(house.engine) as session:
        return session.scalars(select(Alert.id)).one()


def stored(house: ConsoleHouse, alert_id: int) -> Alert:
    with transaction(house.engine) as session:
        alert = session.get_one(Alert, alert_id)
        session.expunge_all()
    return alert


def test_the_list_tells_place_and_figures_and_what_nobody_has_seen(house: ConsoleHouse) -> None:
    raised(house)
    page = house.signed_in("supervisor").get("/alerts").text
    assert "宏福苑" in page and "見到 3 宗" in page and "未確認" in page


def test_the_page_shows_the_cases_behind_it_with_numbers_masked(house: ConsoleHouse) -> None:
    alert = raised(house)
    page = house.signed_in("leader").get(f"/alerts/{alert}").text
    assert page.count("棚網好易着火") == 3 and "91230001" not in page


def test_it_is_acknowledged_with_words_and_only_once(house: ConsoleHouse) -> None:
    alert = raised(house)
    boss = house.signed_in("supervisor")
    empty = boss.post(f"/alerts/{alert}/acknowledge", words=" ")
    assert empty.status_code == 422
    assert boss.post(f"/alerts/{alert}/acknowledge", words="已派人巡查").status_code == 303
    assert "已派人巡查" in boss.get(f"/alerts/{alert}").text
    again = house.signed_in("coordinator").post(f"/alerts/{alert}/acknowledge", words="我都睇到")
    assert again.status_code == 409
    assert stored(house, alert).climbs_at is None


def test_it_becomes_a_whistle_with_one_form(house: ConsoleHouse) -> None:
    alert = raised(house)
    boss = house.signed_in("coordinator")
    assert "宏福苑" in boss.get(f"/alerts/{alert}").text
    blown = boss.post(f"/alerts/{alert}/whistle", matter="棚網", departments="bd", danger="1")
    assert blown.status_code == 303 and "/whistles/" in blown.location
    kept = stored(house, alert)
    assert kept.whistle_id and kept.acknowledged_at
    assert f"/whistles/{kept.whistle_id}" in boss.get(f"/alerts/{alert}").text


def test_a_whistle_for_nobody_is_refused_and_keeps_what_was_typed(house: ConsoleHouse) -> None:
    alert = raised(house)
    refused = house.signed_in("supervisor").post(f"/alerts/{alert}/whistle", matter="塊網就嚟跌")
    assert refused.status_code == 422 and "塊網就嚟跌" in refused.text
    assert stored(house, alert).whistle_id is None


def test_the_verdicts_are_the_record_of_the_method(house: ConsoleHouse) -> None:
    alert = raised(house)
    boss = house.signed_in("supervisor")
    assert "沒有數據" in boss.get("/alerts").text
    assert boss.post(f"/alerts/{alert}/judge", verdict="perhaps").status_code == 422
    assert boss.post(f"/alerts/{alert}/judge", verdict="false").status_code == 303
    assert "100%" in boss.get("/alerts").text


def test_it_is_dismissed_as_false_with_a_reason_and_is_acknowledged_by_that(
    house: ConsoleHouse,
) -> None:
    alert = raised(house)
    boss = house.signed_in("supervisor")
    assert boss.post(f"/alerts/{alert}/dismiss", words=" ").status_code == 422
    assert boss.post(f"/alerts/{alert}/dismiss", words="同一演習").status_code == 303
    kept = stored(house, alert)
    assert (kept.verdict, kept.words, kept.climbs_at) == ("false", "同一演習", None)
    assert kept.acknowledged_by and kept.acknowledged_by == kept.judged_by
    assert "誤報" in boss.get(f"/alerts/{alert}").text
    assert house.signed_in("auditor").post(f"/alerts/{alert}/dismiss", words="x").status_code == 403


def test_what_was_said_when_it_was_acknowledged_stays(house: ConsoleHouse) -> None:
    alert = raised(house)
    boss = house.signed_in("supervisor")
    boss.post(f"/alerts/{alert}/acknowledge", words="已派人巡查")
    boss.post(f"/alerts/{alert}/dismiss", words="是演習")
    assert stored(house, alert).words == "已派人巡查\n是演習"


def test_the_list_names_the_cases_behind_and_how_often_the_method_was_false(
    house: ConsoleHouse,
) -> None:
    alert = raised(house)
    boss = house.signed_in("supervisor")
    page = boss.get("/alerts").text
    assert page.count('class="number" href="/cases/') == 3 and "未有已判定" in page
    assert f"/alerts/{alert}?do=whistle" in page
    assert f"/alerts/{alert}?do=" not in house.signed_in("auditor").get("/alerts").text


def test_a_rise_in_what_callers_speak_of_is_named_by_it(house: ConsoleHouse) -> None:
    case = house.stored(house.case(NET))
    about = {"family": "fire", "hazard": "scaffold", "district": "大埔區", "day": "2026-11-22"}
    rise = Found("surge", "EARS C2", about, 12, 1.5, 1e-8, [case.id], "spoken-of")
    with transaction(house.engine) as session:
        alert = alerts.raise_once(session, rise, clock.now())
        assert alert is not None
        number = alert.id
    boss = house.signed_in("supervisor")
    for page in ("/alerts", f"/alerts/{number}", f"/alerts/{number}?do=whistle"):
        assert "大埔區：棚架及棚網" in boss.get(page).text


def test_without_warnings_the_list_says_so(house: ConsoleHouse) -> None:
    assert "暫時沒有預警" in house.signed_in("supervisor").get("/alerts").text


def test_agents_and_officers_do_not_see_them_and_auditors_only_read(house: ConsoleHouse) -> None:
    alert = raised(house)
    assert house.signed_in("agent").get("/alerts").status_code == 403
    assert house.signed_in("officer").get(f"/alerts/{alert}").status_code == 403
    auditor = house.signed_in("auditor")
    assert auditor.get(f"/alerts/{alert}").status_code == 200
    assert auditor.post(f"/alerts/{alert}/acknowledge", words="x").status_code == 403


def test_the_board_counts_hazards_by_place(house: ConsoleHouse) -> None:
    house.now -= timedelta(days=1)
    raised(house)
    page = house.signed_in("supervisor").get("/hazards").text
    assert "宏福苑" in page and "大埔區" in page


def test_an_alert_there_is_not_is_no_page(house: ConsoleHouse) -> None:
    assert house.signed_in("supervisor").get("/alerts/99").status_code == 404


def test_a_case_shows_by_which_words_it_is_seen_together_with_others(house: ConsoleHouse) -> None:
    raised(house)
    number = house.case(NET)
    found = house.stored(number)
    with transaction(house.engine) as session:
        understand(session, found.id, MIND, found.opened_at)
    page = house.signed_in("supervisor").get(f"/cases/{number}").text
    assert "根據甚麼合併觀察" in page and "同一地名" in page and "<q>棚網</q>" in page


def test_a_sham_fix_stands_in_the_list_and_can_be_asked_for(house: ConsoleHouse) -> None:
    house.case(NET, flags=("sham_fix",))
    boss = house.signed_in("supervisor")
    assert 'flag sham_fix">假性整改' in boss.get("/cases").text
    assert "假性整改</span>" not in boss.get("/cases?flag=danger").text
