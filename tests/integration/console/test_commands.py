"""The commands: agents are added, and cases come out as lines of JSON."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cases import agents, case, duty, export, recordings, search, signins
from cases.permissions import Person
from cases.transcripts import Slot
from console.__main__ import commands
from runtime import clock
from runtime.database import transaction
from tests.support.console_app import LAMP, PASSWORD, SCAFFOLD, ConsoleHouse

Run = Callable[..., Result]


@pytest.fixture
def run(house: ConsoleHouse, database_url: str, tmp_path: Path) -> Run:
    """Runs a command of `python -m console` on the house's database."""
    environment = {"DATABASE_URL": database_url, "STATE_DIR": str(tmp_path)}

    def run(*arguments: str, type_in: str | None = None) -> Result:
        return CliRunner(env=environment).invoke(commands, arguments, input=type_in)

    return run


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_one_time_password_is_all_that_is_printed_and_opens_the_door(
    house: ConsoleHouse, run: Run
) -> None:
    password = run("add-agent", "mei", "--role", "admin", "--one-time").stdout.strip()
    assert house.visitor().sign_in("mei", password).location == "/new-password"


def test_asked_again_the_agent_keeps_the_role_and_gets_a_new_password(
    house: ConsoleHouse, run: Run
) -> None:
    old = run("add-agent", "mei", "--role", "supervisor", "--one-time").stdout.strip()
    new = run("add-agent", "mei", "--one-time").stdout.strip()
    assert house.visitor().sign_in("mei", old).status_code == 422
    visitor = house.visitor()
    visitor.sign_in("mei", new)
    visitor.post("/new-password", password=PASSWORD, again=PASSWORD)
    assert "主管" in visitor.get("/cases").text


def test_a_password_can_be_typed_in_instead(house: ConsoleHouse, run: Run) -> None:
    result = run("add-agent", "mei", type_in=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0 and PASSWORD not in result.output
    assert house.visitor().sign_in("mei").location == "/"


def test_a_bad_password_adds_nobody(house: ConsoleHouse, run: Run) -> None:
    refused = run("add-agent", "mei", type_in="short\nshort\n")
    assert refused.exit_code == 1 and "at least 12 characters" in refused.output
    assert house.visitor().sign_in("mei", "short").status_code == 422


def test_mistakes_are_answered_in_one_line(run: Run) -> None:
    run("add-agent", "mei", "--one-time")
    twice = run("add-agent", "Mei", type_in=f"{PASSWORD}\n{PASSWORD}\n")
    assert twice.exit_code == 1 and "there is an agent" in twice.output
    unknown = run("switch-off", "nobody")
    assert unknown.exit_code == 1 and "no agent 'nobody'" in unknown.output
    assert run("add-agent", "mei", "--role", "emperor").exit_code == 2


def test_an_agent_switched_off_is_out_at_once(house: ConsoleHouse, run: Run) -> None:
    visitor = house.signed_in(name="mei")
    run("switch-off", "mei")
    assert visitor.get("/cases").location == "/sign-in"


def test_a_new_password_ends_the_agents_sign_ins(house: ConsoleHouse, run: Run) -> None:
    visitor = house.signed_in(name="mei")
    password = run("new-password", "mei").stdout.strip()
    assert visitor.get("/cases").location == "/sign-in"
    assert house.visitor().sign_in("mei", password).location == "/new-password"


class TestTheExport:
    def test_has_one_line_for_each_case_and_nothing_else(
        self, house: ConsoleHouse, run: Run
    ) -> None:
        made = [house.case(*SCAFFOLD), house.case(), house.case(*LAMP, language="en")]
        assert [line["number"] for line in lines(run("export"))] == made

    def test_tells_all_that_outside_programs_rely_on(self, house: ConsoleHouse, run: Run) -> None:
        number = house.case(*SCAFFOLD, flags=("hung_up",))
        (line,) = lines(run("export"))
        case = house.stored(number)
        assert line["status"] == "received" and line["language"] == "yue"
        assert line["transcript"] == "".join(SCAFFOLD)
        assert line["category"] == "fire-safety" and 0 < line["category_confidence"] < 1
        assert line["caller_masked"] == "+852 9*****67"
        assert line["call_id"] == "CA" + "1".zfill(32)
        sid = "RE" + "1".zfill(32)
        told = {"provider_id": sid, "status": "transcribed", "seconds": 6.0}
        assert line["recordings"] == [told]
        assert line["flags"] == ["hung_up"]
        assert line["opened_at"] == export.moment(case.opened_at) and line["opened_at"][-1] == "Z"
        assert line["transcribed_at"] > line["ended_at"] > line["opened_at"]
        assert line["due_at"] and line["owner"] == "desk" and line["department"] == "fsd"
        assert line["category_reasons"] and line["category_alternatives"]

    def test_tells_the_masked_text_and_what_was_found_in_it(self, one_house: ConsoleHouse) -> None:
        slot = Slot("number", "六一二三四五六七", "61234567", 1.0, 3.0, 0.8)
        one_house.case("我電話係六一二三四五六七", slots=(slot,), masked_text="我電話係[phone]")
        with transaction(one_house.engine) as session:
            (row,) = export.batch(session).rows
        assert row["transcript"] == "我電話係六一二三四五六七"
        assert row["masked_transcript"] == "我電話係[phone]"
        recording = row["recordings"][0]["provider_id"]
        assert row["slots"] == [{**asdict(slot), "recording": recording}]

    def test_has_no_transcript_while_there_is_none(self, house: ConsoleHouse, run: Run) -> None:
        house.case()
        (line,) = lines(run("export"))
        assert line["transcript"] is None and line["category"] is None
        assert line["masked_transcript"] is None and line["slots"] == []
        assert line["flags"] == ["transcript_pending"]

    def test_never_tells_a_callers_number(self, house: ConsoleHouse, run: Run) -> None:
        house.case(*SCAFFOLD)
        assert "91234567" not in run("export").stdout

    def test_names_a_recording_by_its_address_when_it_has_no_id(
        self, house: ConsoleHouse, run: Run
    ) -> None:
        house.case()
        with transaction(house.engine) as session:
            row = session.get_one(recordings.Recording, 1)
            row.provider_id, row.url = None, "https://media.example/recordings/REabc/?x=1"
        (line,) = lines(run("export"))
        assert line["recordings"][0]["provider_id"] == "REabc"

    def test_takes_three_queries_a_batch_and_misses_nothing(
        self, house: ConsoleHouse, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = [house.case(*LAMP, language="en") for _ in range(7)]
        with transaction(house.engine) as session:
            first = export.batch(session, limit=3)
            second = export.batch(session, after=first.last or 0, limit=3)
            third = export.batch(session, after=second.last or 0, limit=3)
        rows = [*first.rows, *second.rows, *third.rows]
        assert [row["number"] for row in rows] == made and third.last is None

    def test_of_an_empty_hotline_is_empty(self, house: ConsoleHouse, run: Run) -> None:
        assert run("export").stdout == ""

    def test_of_a_database_that_was_never_made_says_so(self, tmp_path: Path) -> None:
        environment = {"DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite3"}
        result = CliRunner(env=environment).invoke(commands, ["export"])
        assert result.exit_code == 1 and "make migrate" in result.stderr
        assert result.stdout == ""


def test_leaders_are_put_at_the_seat_in_the_citys_own_time(run: Run) -> None:
    run("add-agent", "chan", "--role", "leader", "--one-time")
    today = date.today() + timedelta(days=1)
    since, until = f"{today}T09:00", f"{today}T12:00"
    assert run("duty", "add", "Chan", since, until).exit_code == 0
    assert run("duty", "list").stdout.split() == [since, until, "leader", "chan"]
    again = run("duty", "add", "chan", f"{today}T11:00", f"{today}T13:00")
    assert again.exit_code == 1 and "'chan' sits at the seat 'leader'" in again.output
    assert run("duty", "add", "nobody", since, until).exit_code == 1
    assert run("duty", "add", "chan", "nine", "ten").exit_code == 2


def test_only_leaders_are_put_at_the_seat(run: Run) -> None:
    run("add-agent", "mei", "--one-time")
    refused = run("duty", "add", "mei", "2026-11-24T09:00", "2026-11-24T12:00")
    assert refused.exit_code == 1 and "'mei' is no leader" in refused.output


def test_what_became_of_a_leaders_cases_is_printed(house: ConsoleHouse, run: Run) -> None:
    run("add-agent", "chan", "--role", "leader", "--one-time")
    number = house.case(*SCAFFOLD)
    with transaction(house.engine) as session:
        leader, now = agents.by_name(session, "chan"), house.now
        assert leader is not None
        who = Person(agents.actor(leader.id), "leader")
        duty.add(session, leader, now, now + timedelta(hours=1), by=who, now=now)
        found = case.by_number(session, number)
        assert found is not None
        duty.take(session, found, by=who, now=now)
    (row,) = lines(run("duty", "cases", "chan"))
    assert (row["number"], row["status"], row["solved"]) == (number, "received", None)


def test_an_agents_notices_go_to_the_address_given_and_nowhere_without(
    house: ConsoleHouse, run: Run
) -> None:
    house.agent("mei")

    def address() -> str | None:
        with transaction(house.engine) as session:
            agent = agents.by_name(session, "mei")
            return agent.email if agent else ""

    assert run("set-email", "mei", "mei@city.example").exit_code == 0
    assert address() == "mei@city.example"
    wrong = run("set-email", "mei", "mei")
    assert wrong.exit_code == 1 and "'mei' is no address" in wrong.output
    assert run("set-email", "mei").exit_code == 0
    assert address() is None


def test_the_search_is_made_anew_for_all_cases(house: ConsoleHouse, run: Run) -> None:
    made = [house.case(*SCAFFOLD) for _ in range(3)]
    with transaction(house.engine) as session:
        search.forget(session, range(1, 4))
    visitor = house.signed_in()
    assert made[0] not in visitor.get("/cases?q=棚網").text
    done = run("reindex")
    assert done.exit_code == 0 and "3 cases can be found." in done.stdout
    assert all(number in visitor.get("/cases?q=棚網").text for number in made)


@pytest.fixture
def local(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The commands of a hotline on this machine alone."""
    monkeypatch.setenv("PUBLIC_BASE_URL", "http://127.0.0.1:8000")
    return run


def link_path(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout.strip().removeprefix("http://127.0.0.1:8000")


def test_a_sign_in_link_opens_the_door_once_and_soon(
    house: ConsoleHouse, local: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = link_path(local("sign-in-link", "newcomer"))
    visitor = house.visitor()
    assert visitor.get(path).location == "/"
    assert visitor.get("/cases").status_code == 200
    assert house.visitor().get(path).status_code == 410
    assert house.visitor().get("/sign-in/made-up").status_code == 410
    late = link_path(local("sign-in-link", "newcomer"))
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + signins.LINK_LASTS + timedelta(seconds=1))
    assert house.visitor().get(late).status_code == 410


def test_a_link_ends_with_the_agent(house: ConsoleHouse, local: Run) -> None:
    path = link_path(local("sign-in-link", "newcomer"))
    local("switch-off", "newcomer")
    assert house.visitor().get(path).status_code == 410


def test_the_token_of_a_link_is_none_of_a_browser(house: ConsoleHouse, local: Run) -> None:
    token = link_path(local("sign-in-link", "newcomer")).rpartition("/")[2]
    with transaction(house.engine) as session:
        assert signins.find(session, token, clock.now()) is None
        assert signins.find(session, f"link:{token}", clock.now()) is None


def test_a_hotline_that_others_reach_gives_no_link(
    one_house: ConsoleHouse, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://hotline.example")
    assert run("sign-in-link", "mei").exit_code == 1


def test_a_password_that_was_chosen_stays(house: ConsoleHouse, local: Run) -> None:
    house.agent("mei")
    local("sign-in-link", "mei")
    assert house.visitor().sign_in("mei").location == "/"
