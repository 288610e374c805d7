"""A city is changed in the console while the hotline runs: web, worker and watch go by it without a restart."""

import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import httpx

from demo.scenario import Scenario
from tests.support.hotline import Hotline, has_transcript, hotline

PATIENCE = 60.0
PASSWORD = "four unrelated words here"
NEW = {
    "code": "lamps-anew",
    "name_yue": "新路燈事宜",
    "name_cmn": "新路灯事宜",
    "name_en": "Lamps anew",
    "department": "emsd",
    "grade": "danger",
    "urgent": "1",
    "words_yue": "街燈=10",
    "words_cmn": "路灯=10",
    "words_en": "street lamp=10",
}


class Browser:
    """Somebody at the real web process, without a screen."""

    def __init__(self, running: Hotline, name: str) -> None:
        agent = ["-m", "console", "add-agent", name, "--role", "admin", "--one-time"]
        python = running.house.run("agent", [sys.executable, *agent])
        self.client = httpx.Client(
            base_url=running.house.address, headers={"Accept-Language": "en"}, timeout=30
        )
        self.page = self.client.get("/sign-in").text
        self.post("/sign-in", name=name, password=python.strip().splitlines()[-1])
        self.get("/new-password")
        self.post("/new-password", password=PASSWORD, again=PASSWORD)

    def get(self, path: str) -> str:
        self.page = self.client.get(path, follow_redirects=True).text
        return self.page

    def post(self, path: str, **form: str) -> httpx.Response:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.page)
        assert found, self.page
        return self.client.post(path, data={"csrf_token": found[1], **form})


def eventually(wish: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not wish():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s"
        time.sleep(0.3)


def test_a_category_is_published_and_every_process_goes_by_it(
    tmp_path: Path, scripted: Mapping[str, Scenario]
) -> None:
    with hotline(tmp_path / "state") as running:
        running.house.start_watch()
        admin = Browser(running, "ada")
        with closing(admin.client):
            before = _said(running, scripted)
            assert before["category"] == "street-lamp"
            admin.get("/admin/categories/new")
            assert admin.post("/admin/categories/new", **NEW).status_code == 303
            review = admin.get("/admin/city/review")
            on = re.search(r'name="on" value="(\d+)"', review)
            assert on
            sent = admin.post("/admin/city/publish", on=on[1], note="lamps have their own desk")
            assert sent.status_code == 303
            eventually(lambda: "Lamps anew" in admin.get("/cases"))
            for name in ("worker", "watch"):
                eventually(lambda name=name: _took_up(running, name))  # type: ignore[misc]
            after = _said(running, scripted)
            assert after["category"] == "lamps-anew"
            running.house.check()


def _took_up(running: Hotline, name: str) -> bool:
    return "edition 1 of the city is in force" in running.house.log(name).read_text()


def _said(running: Hotline, scripted: Mapping[str, Scenario]) -> Mapping[str, object]:
    """The case of somebody who phones about a street lamp."""
    scenario = scripted["en-street-lamp"]
    call = running.ring(*scenario.acts, caller=scenario.caller, delivery=scenario.delivery)
    return running.wait_for(call, has_transcript, seconds=120)
