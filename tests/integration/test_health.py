"""What operators and their monitors ask, and the answer that needs nothing."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from app import create_app
from demo.house import free_port
from runtime.settings import Settings
from tests.integration.telephone import BASE, Exchange
from tests.support.servers import Server


def ready(hotline: Exchange) -> tuple[int, dict[str, object]]:
    response = hotline.app.test_client().get("/readyz")
    return response.status_code, response.get_json()


def test_a_process_that_answers_is_alive(exchange: Exchange) -> None:
    assert exchange.app.test_client().get("/healthz").status_code == 200


def test_a_hotline_with_its_database_is_ready(exchange: Exchange) -> None:
    assert ready(exchange) == (
        200,
        {"ready": True, "database": "ok", "queue": "none", "spool": 0},
    )


def test_a_hotline_with_redis_is_ready_with_it_and_without(
    settings: Callable[..., Settings], redis: Server
) -> None:
    assert ready(Exchange(create_app(settings(redis_url=redis.url))))[1]["queue"] == "ok"
    away = f"redis://127.0.0.1:{free_port()}/0"
    code, found = ready(Exchange(create_app(settings(redis_url=away))))
    assert (code, found["queue"], found["database"]) == (200, "away", "ok")


def test_a_database_nobody_migrated_is_not_ready(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    new = Exchange(create_app(settings(database_url=f"sqlite:///{tmp_path}/new.sqlite3")))
    code, found = ready(new)
    assert (code, found["database"]) == (503, "behind")


def test_without_its_database_a_hotline_is_alive_but_not_ready(
    settings: Callable[..., Settings],
) -> None:
    nowhere = f"postgresql+psycopg://whistle@127.0.0.1:{free_port()}/whistle"
    dark = Exchange(create_app(settings(database_url=nowhere)))
    assert dark.app.test_client().get("/healthz").status_code == 200
    line = dark.line()
    line.answer()
    code, found = ready(dark)
    assert (code, found["database"], found["spool"]) == (503, "away", 1)


@pytest.mark.parametrize("query", ["", "?said=1"])
def test_the_fallback_is_the_same_bytes_with_and_without_a_database(
    settings: Callable[..., Settings], query: str
) -> None:
    nowhere = f"postgresql+psycopg://whistle@127.0.0.1:{free_port()}/whistle"
    answers = set()
    for hotline in (create_app(settings()), create_app(settings(database_url=nowhere))):
        for fields in ({"ErrorCode": "11200"}, {"CallSid": "no id"}, {}):
            webhook = Exchange(hotline).line().webhook(f"/voice/fallback{query}", **fields)
            response = Exchange(hotline).post(webhook.path, webhook.form)
            assert response.status_code == 200
            answers.add(response.data)
    (body,) = answers
    tags = [element.tag for element in ET.fromstring(body)]
    assert ("Record" in tags) == (query == "")


def test_a_message_left_at_the_fallback_is_a_case(exchange: Exchange) -> None:
    line = exchange.line()
    line.go("/voice/fallback", ErrorCode="11200")
    line.speak()
    exchange.send(line.callback(turn=1))
    assert (line.told.cases, line.told.recordings) == (1, ("announced",))
    assert line.told.caller == "+852 9*****67"


def test_the_fallback_leads_only_to_itself_and_to_the_recordings_address(
    exchange: Exchange,
) -> None:
    record = exchange.line().go("/voice/fallback").find("Record")
    assert record is not None
    assert record.attrib["action"] == f"{BASE}/voice/fallback?said=1"
    assert record.attrib["recordingStatusCallback"].startswith(f"{BASE}/voice/recording")
