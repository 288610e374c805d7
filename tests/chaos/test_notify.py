"""The process that sends notices: killed in the middle, without Redis, beside others like it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, select

from cases import contacts, notices
from cases.deliveries import Delivery
from runtime import clock
from runtime.database import transaction
from runtime.queues import Doorbell
from runtime.settings import CITIES
from tests.chaos.conftest import frozen
from tests.conftest import PROJECT
from tests.support.receivers import SECRET, Department
from tests.support.servers import Server
from watch import stuck

PATIENCE = 30.0


@pytest.fixture
def department() -> Iterator[Department]:
    with Department() as department:
        yield department


class Senders:
    """Processes that send notices of one hotline, as the supervisor starts them."""

    def __init__(self, database_url: str, redis_url: str, folder: Path, url: str) -> None:
        self.folder, self.processes = folder, list[subprocess.Popen[bytes]]()
        self.environment = {
            **os.environ,
            "CITY": str(_city(folder, url)),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "STATE_DIR": str(folder / "state"),
            "DATA_KEY": "a data key of the tests alone",
            "WEBHOOK_SECRETS": f"bd={SECRET}",
            **dict.fromkeys(("SMTP_URL", "MAIL_FROM", "SMS_FROM"), ""),
        }

    def start(self, holder: str = "beef") -> subprocess.Popen[bytes]:
        command = [sys.executable, "worker.py", "notify", str(self.folder / holder), holder]
        log = (self.folder / "log").open("ab")
        process = subprocess.Popen(command, cwd=PROJECT, env=self.environment, stderr=log)
        log.close()
        self.processes.append(process)
        return process

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


def _city(folder: Path, url: str) -> Path:
    city = folder / "city"
    city.mkdir()
    for file in (CITIES / "hongkong").iterdir():
        if file.name != contacts.FILE:
            (city / file.name).symlink_to(file)
    content = {"spec": 1, "departments": {"bd": {"webhook": {"url": url, "secret": "bd"}}}}
    (city / contacts.FILE).write_text(yaml.safe_dump(content))
    return city


@pytest.fixture
def senders(
    database_url: str, mortal_redis: Server, tmp_path: Path, department: Department
) -> Iterator[Senders]:
    senders = Senders(database_url, mortal_redis.url, tmp_path, department.url)
    yield senders
    senders.stop()


def tell(engine: Engine, dedupe: str = "1") -> None:
    with transaction(engine) as session:
        facts = {"what": "a scaffold burns"}
        to, now = "department:bd", clock.now()
        notices.post(session, "alert", to=to, case_id=None, facts=facts, dedupe=dedupe, now=now)


def statuses(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        return list(session.scalars(select(Delivery.status).order_by(Delivery.id)))


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_one_killed_while_it_sends_is_followed_by_one_that_sends_the_same_again(
    senders: Senders, engine: Engine, department: Department
) -> None:
    department.answers = ["hang"]
    tell(engine)
    first = senders.start()
    wait_until(lambda: len(department.got) == 1)
    first.kill()
    first.wait()
    # The supervisor starts the next one in its place, under the same name.
    senders.start()
    wait_until(lambda: statuses(engine) == ["sent"])
    assert len(department.ids) == 2 and len(set(department.ids)) == 1
    assert "may have been sent before" in senders.log()


@pytest.mark.parametrize("how", ["gone", "frozen", "there"])
def test_whatever_becomes_of_redis_each_is_sent_once(
    senders: Senders, engine: Engine, department: Department, mortal_redis: Server, how: str
) -> None:
    senders.start("beef"), senders.start("cafe")
    if how == "gone":
        mortal_redis.stop()
    for number in range(6):
        tell(engine, str(number))
    if how == "frozen":
        with frozen(mortal_redis):
            wait_until(lambda: statuses(engine) == ["sent"] * 6)
    wait_until(lambda: statuses(engine) == ["sent"] * 6)
    assert len(department.ids) == len(set(department.ids)) == 6


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_watch_rings_for_one_that_is_due_again(
    senders: Senders, engine: Engine, department: Department, mortal_redis: Server
) -> None:
    department.answers = [500]
    tell(engine)
    process = senders.start()
    wait_until(lambda: len(department.got) == 1 and statuses(engine) == ["waiting"])
    process.terminate()
    process.wait()
    doorbell = Doorbell(mortal_redis.url)
    wait_until(lambda: stuck.ring_again(engine, doorbell) == 1)
    # A bell that hangs is not doubled.
    stuck.ring_again(engine, doorbell)
    assert doorbell.depth("notify") == 1
    senders.start()
    wait_until(lambda: statuses(engine) == ["sent"])
    wait_until(lambda: doorbell.depth("notify") == 0)
    assert len(set(department.ids)) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_that_is_told_to_stop_ends_at_once(senders: Senders, engine: Engine) -> None:
    process = senders.start()
    wait_until(lambda: "ready" in senders.log())
    process.terminate()
    assert process.wait(timedelta(seconds=15).total_seconds()) == 0
