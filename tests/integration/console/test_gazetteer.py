"""A gazetteer is imported by a command, and every process that runs takes it up."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cases import editions, readings
from cases.readings import Reader
from console.__main__ import commands
from runtime.city import City
from runtime.database import transaction
from runtime.settings import Settings
from runtime.shelf import Shelf, Standing
from tests.support.console_app import ConsoleHouse

Run = Callable[..., Result]
SHEET = "name,aliases,kind,district,lat,lon\n藍灣街,Blue Bay Street,street,大埔區,22.45,114.17\n"
SAID = "喂我想講藍環街有個窿"


@pytest.fixture
def settings(
    house: ConsoleHouse, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    for name, value in {"DATABASE_URL": database_url, "STATE_DIR": str(tmp_path)}.items():
        monkeypatch.setitem(os.environ, name, value)
    yield Settings.load()


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Run:
    def run(sheet: str, *options: str) -> Result:
        file = tmp_path / "own.csv"
        file.write_text(sheet, encoding="utf-8")
        return CliRunner().invoke(commands, ["gazetteer", "import", str(file), *options])

    return run


@pytest.fixture
def worker(house: ConsoleHouse, settings: Settings) -> Standing[Reader]:
    """What a worker that understands stands on."""

    def reader(edition: str, folder: Path) -> Reader:
        return Reader.of_city(folder, City.read(folder).languages)

    return Standing(Shelf(settings, house.engine, editions), reader)


def where(worker: Standing[Reader]) -> list[str]:
    return [one.name for one in worker.now.places(SAID, "yue")]


def test_running_workers_find_what_was_imported(run: Run, worker: Standing[Reader]) -> None:
    assert "藍灣街" not in where(worker)
    done = run(SHEET)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("1 places imported, ") and "edition 1" in done.output
    assert worker.look()
    assert where(worker)[0] == "藍灣街"
    assert worker.now.places("彌敦道有個窿", "yue")[0].name == "彌敦道"


def test_with_a_mistake_nothing_at_all_is_imported(run: Run, worker: Standing[Reader]) -> None:
    done = run(SHEET + "綠灣街,,lane,大埔區,,\n")
    assert done.exit_code == 1
    assert "line 3, column kind: 'lane' is none of" in done.output
    assert not worker.look()


def test_what_is_only_checked_changes_nothing(run: Run, worker: Standing[Reader]) -> None:
    assert "1 places are well" in run(SHEET, "--check").output
    assert not worker.look()


def test_replacing_keeps_the_districts_alone(run: Run, worker: Standing[Reader]) -> None:
    done = run(SHEET, "--replace")
    assert done.exit_code == 0, done.output
    worker.look()
    assert worker.now.places("彌敦道有個窿", "yue") == ()
    assert worker.now.places("我喺大埔區", "yue")[0].kind == "district"
    assert worker.now.places("藍灣街", "yue")[0].confidence > readings.LIKELY


def test_a_second_import_adds_to_the_first(run: Run, worker: Standing[Reader]) -> None:
    run(SHEET)
    run("name\n綠灣里\n")
    worker.look()
    assert where(worker)[0] == "藍灣街"
    assert worker.now.places("我住綠灣里", "yue")[0].name == "綠灣里"


def test_the_console_shows_the_import_and_goes_back(house: ConsoleHouse, run: Run) -> None:
    run(SHEET)
    admin = house.signed_in("admin", "ada")
    assert "1 places of own.csv" in admin.get("/admin/city").text
    review = admin.get("/admin/city/review?back_to=0")
    assert "places.csv" in review.text
    with transaction(house.engine) as session:
        on = str(editions.newest(session))
    done = admin.post("/admin/city/publish", on=on, back_to="0", note="a wrong list")
    assert done.status_code == 303, done.text
    with transaction(house.engine) as session:
        assert editions.in_force(session, editions.PLACES) is None
