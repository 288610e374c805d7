"""The monthly topic on its page: ranked, explained, as a file, chosen and undone."""

import csv
import io
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from cases import topics
from cases.notices import Notice
from cases.topics import MonthlyTopic
from cases.understanding import understand
from runtime import clock
from runtime.database import transaction
from tests.integration.console.test_alert_pages import MIND, NET
from tests.support.console_app import ConsoleHouse

LIFT = "大埔宏福苑部𨋢又壞咗，困咗人喺𨋢入面"
REASON = "棚網問題牽涉四個部門，要一次過處理。"


def last_month(house: ConsoleHouse) -> datetime:
    today = clock.now().astimezone(house.city.time_zone).date()
    return topics.period(topics.first_of(today, -1), house.city.time_zone)[0]


def told(house: ConsoleHouse, text: str, times: int, day: int) -> None:
    """So many calls of last month from as many callers, each understood."""
    house.now = last_month(house) + timedelta(days=day)
    for place in range(times):
        number = house.case(text, caller=f"+852{91000000 + day * 1000 + place}")
        found = house.stored(number)
        with transaction(house.engine) as session:
            understand(session, found.id, MIND, found.opened_at)


def problems(page: str) -> list[str]:
    """The keys that can be chosen, in their order."""
    options = page.partition('name="problem"')[2].partition("</select>")[0].split('<option value="')
    return [one.partition('"')[0] for one in options[1:] if not one.startswith('"')]


def given(house: ConsoleHouse, key: str, **said: str) -> dict[str, str]:
    month = f"{last_month(house):%Y-%m}"
    return {"month": month, "problem": key, "reason": REASON, "lead": "bd", **said}


def stored(house: ConsoleHouse) -> list[MonthlyTopic]:
    with transaction(house.engine) as session:
        found = list(session.scalars(select(MonthlyTopic).order_by(MonthlyTopic.id)))
        session.expunge_all()
    return found


def test_last_months_problems_are_ranked_with_n_and_how_it_was_reckoned(
    house: ConsoleHouse,
) -> None:
    told(house, NET, 6, day=3)
    told(house, LIFT, 5, day=4)
    page = house.signed_in("supervisor").get("/topics").text
    nets, lifts = page.index("大埔區", page.index('id="topics"')), page.index("升降機 ·")
    assert "n=6" in page and "n=5" in page and nets and lifts
    assert "四個名次相加" in page and "少於 5 宗的問題不排名" in page
    # Nobody called before: there is no month to compare with.
    assert "未有完整的月份可以比較" in page
    # All but the first at one place tell it again.
    assert "83.3" in page and "80.0" in page


def test_a_row_leads_to_the_list_of_the_same_cases(house: ConsoleHouse) -> None:
    told(house, NET, 6, day=3)
    boss = house.signed_in("supervisor")
    page = boss.get("/topics").text
    address = page.partition('<th scope="row"><a href="')[2].partition('"')[0]
    assert "共 6 宗" in boss.get(address.replace("&amp;", "&")).text


def test_another_month_and_another_order_are_asked_for_by_the_address(house: ConsoleHouse) -> None:
    told(house, NET, 6, day=3)
    boss = house.signed_in("supervisor")
    assert "沒有達 5 宗的問題" in boss.get("/topics?month=2020-01").text
    assert 'id="topics"' in boss.get("/topics?month=nonsense&order=nonsense").text
    assert 'value="growth" selected' in boss.get("/topics?order=growth").text
    assert boss.get("/topics?month=9999-12").status_code == 200


def test_few_cases_are_shown_and_not_ranked(house: ConsoleHouse) -> None:
    told(house, NET, 4, day=3)
    page = house.signed_in("supervisor").get("/topics").text
    assert "不排名的問題（" in page and 'id="few"' in page and problems(page) == []


def test_the_file_says_the_same_and_all_of_it(house: ConsoleHouse) -> None:
    told(house, NET, 6, day=3)
    told(house, LIFT, 2, day=4)
    boss = house.signed_in("supervisor")
    answer = boss.get("/topics.csv")
    assert answer.mimetype == "text/csv" and "topics-" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    first, last = rows[0], rows[-1]
    assert (first["rank"], first["hazard"], first["district"]) == ("1", "fire", "大埔區")
    assert (first["cases"], first["repeats"], first["repeat_share"]) == ("6", "5", "83.3")
    assert first["unresolved_share"] == "100.0" and first["place_volume"] == "1"
    # What is not known is empty.
    assert (first["before"], first["months_before"], first["growth"]) == ("", "0", "")
    assert (last["rank"], last["points"], last["cases"]) == ("", "", "2")


def test_a_supervisor_chooses_one_with_a_reason_and_who_leads_and_undoes_it(
    house: ConsoleHouse,
) -> None:
    told(house, NET, 6, day=3)
    boss = house.signed_in("supervisor")
    key = problems(boss.get("/topics").text)[0]
    assert boss.post("/topics/choose", **given(house, key)).status_code == 303
    page = boss.get("/topics").text
    assert REASON in page and "6 宗個案，其中重複 5 宗" in page and 'name="problem"' not in page
    (topic,) = stored(house)
    assert (topic.department, topic.month) == ("bd", f"{last_month(house):%Y-%m}")
    assert boss.post(f"/topics/{topic.id}/undo").status_code == 303
    page = boss.get("/topics").text
    assert "未選定專題" in page and "撤回。" in page
    assert boss.post(f"/topics/{topic.id}/undo").status_code == 409
    audit = house.signed_in("admin").get("/admin/audit").text
    assert "專題：" in audit and "大埔區" in audit


def test_the_department_that_leads_is_told_and_sees_it_on_its_own_page(house: ConsoleHouse) -> None:
    told(house, NET, 6, day=3)
    boss, officer = house.signed_in("supervisor"), house.officer("bd")
    key = problems(boss.get("/topics").text)[0]
    said = boss.post("/topics/choose", **given(house, key))
    assert "並會通知主辦部門" in boss.get(str(said.location)).text
    page = officer.get("/department").text
    assert "貴部門主辦的每月一題" in page and REASON in page and "hazard=fire" in page
    assert REASON not in house.officer("hyd").get("/department").text
    (topic,) = stored(house)
    boss.post(f"/topics/{topic.id}/undo")
    assert REASON not in officer.get("/department").text
    with transaction(house.engine) as session:
        notices = list(session.scalars(select(Notice).where(Notice.kind == "topic")))
        assert [one.to for one in notices] == ["department:bd", "department:bd"]
        text = house.office.house.write("topic", notices[0].facts, "en").body
    assert "Hazard: fire hazard" in text and "District: 大埔區" in text and "chosen: 6" in text
    assert "It is: chosen" in text and "Lead: Buildings Department" in text and REASON in text


def test_what_was_typed_stays_when_something_is_missing(house: ConsoleHouse) -> None:
    told(house, NET, 6, day=3)
    boss = house.signed_in("supervisor")
    key = problems(boss.get("/topics").text)[0]
    answer = boss.post("/topics/choose", **given(house, key, lead=""))
    assert answer.status_code == 422 and REASON in answer.text and stored(house) == []


def test_of_two_who_choose_the_second_is_told(house: ConsoleHouse) -> None:
    told(house, NET, 6, day=3)
    boss = house.signed_in("supervisor")
    key = problems(boss.get("/topics").text)[0]
    boss.post("/topics/choose", **given(house, key))
    answer = boss.post("/topics/choose", **given(house, key))
    assert answer.status_code == 409 and "要先撤回" in answer.text and len(stored(house)) == 1


def test_a_problem_that_is_not_ranked_cannot_be_chosen(house: ConsoleHouse) -> None:
    told(house, NET, 6, day=3)
    answer = house.signed_in("supervisor").post("/topics/choose", **given(house, "x|y|z"))
    assert answer.status_code == 422 and stored(house) == []


@pytest.mark.parametrize(
    ("role", "sees"),
    [("agent", 403), ("officer", 403), ("leader", 200), ("coordinator", 200), ("auditor", 200)],
)
def test_who_may_see_warnings_sees_it_and_only_supervisors_choose(
    house: ConsoleHouse, role: str, sees: int
) -> None:
    told(house, NET, 6, day=3)
    visitor = house.signed_in(role)
    answer = visitor.get("/topics")
    assert answer.status_code == sees and 'name="problem"' not in answer.text
    assert visitor.get("/topics.csv").status_code == sees
    assert visitor.post("/topics/choose", **given(house, "x")).status_code == 403
    assert visitor.post("/topics/1/undo").status_code == 403


def test_a_topic_there_is_not_cannot_be_undone(house: ConsoleHouse) -> None:
    assert house.signed_in("supervisor").post("/topics/99/undo").status_code == 404
