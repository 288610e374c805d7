"""Who is on duty for a hazard: put there on the board, told first, shown beside the alert."""

from sqlalchemy import select

from cases.agents import Agent
from cases.hazard_duty import HazardDuty
from cases.notices import Notice
from runtime.database import transaction
from tests.integration.console.test_alert_pages import raised
from tests.support.console_app import ConsoleHouse


def person(house: ConsoleHouse, name: str, role: str = "coordinator") -> int:
    house.agent(name, role)
    with transaction(house.engine) as session:
        return session.scalars(select(Agent.id).where(Agent.name == name)).one()


def test_a_supervisor_puts_somebody_on_duty_whom_the_alert_is_told_first(
    house: ConsoleHouse,
) -> None:
    ada = person(house, "ada")
    boss = house.signed_in("supervisor")
    assert "無人當值" in boss.get("/hazards").text
    assert boss.post("/hazards/fire/duty", person=ada).status_code == 303
    board = boss.get("/hazards").text
    assert "<li>ada" in board and "已加入當值" in board
    alert = raised(house)
    with transaction(house.engine) as session:
        told = select(Notice.to).where(Notice.kind == "alert")
        assert list(session.scalars(told)) == [f"agent:{ada}"]
    page = boss.get(f"/alerts/{alert}").text
    assert "ada" in page and "已輪到" in page and "未確認則於" in page
    assert page.index("ada") < page.index("未確認則於")


def test_somebody_is_taken_off_again(house: ConsoleHouse) -> None:
    ada = person(house, "ada")
    boss = house.signed_in("supervisor")
    boss.post("/hazards/fire/duty", person=ada)
    with transaction(house.engine) as session:
        duty = session.scalars(select(HazardDuty.id)).one()
    assert boss.post(f"/hazards/duty/{duty}/remove").status_code == 303
    assert "<li>ada" not in boss.get("/hazards").text
    assert boss.post(f"/hazards/duty/{duty}/remove").status_code == 404
    audit = house.signed_in("admin").get("/admin/audit").text
    assert "當值隱患：" in audit and "不再當值隱患：" in audit


def test_what_cannot_be_is_said_on_the_board(house: ConsoleHouse) -> None:
    ada, eve = person(house, "ada"), person(house, "eve", "agent")
    boss = house.signed_in("supervisor")
    boss.post("/hazards/fire/duty", person=ada)
    again = boss.post("/hazards/fire/duty", person=ada)
    assert again.status_code == 422 and "已在當值" in again.text
    unable = boss.post("/hazards/fire/duty", person=eve)
    assert unable.status_code == 422 and "不能確認預警" in unable.text
    for nonsense in ("", "x", "999"):
        assert boss.post("/hazards/fire/duty", person=nonsense).status_code == 422
    assert boss.post("/hazards/dragons/duty", person=ada).status_code == 404


def test_who_reads_the_board_without_the_roster_sees_names_and_no_buttons(
    house: ConsoleHouse,
) -> None:
    ada = person(house, "ada")
    house.signed_in("supervisor").post("/hazards/fire/duty", person=ada)
    leader = house.signed_in("leader")
    board = leader.get("/hazards").text
    assert "<li>ada" in board and "/duty" not in board.partition("<main")[2]
    assert leader.post("/hazards/fire/duty", person=ada).status_code == 403
    assert leader.post("/hazards/duty/1/remove").status_code == 403
