"""`python -m console model`: taught from a file, in service at once, and back again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select, update

from cases import admin_history, models, transcripts
from cases.errors import Refused
from cases.models import Version
from cases.permissions import Person
from console.__main__ import commands
from runtime.database import transaction
from tests.conftest import environment
from tests.support.labelled import plainly, rows, write
from tests.unit.cases.conftest import MEI, NOW, Records
from tests.unit.cases.test_training import KINDS, KNOWN, half_wrong
from tests.unit.cases.test_transcripts import heard

ADMIN = Person("agent:9", "admin")
Run = Callable[..., Result]


@pytest.fixture
def run(engine: Engine, database_url: str, tmp_path: Path) -> Run:
    def run(*arguments: str) -> Result:
        with environment(DATABASE_URL=database_url, CITY="hongkong", STATE_DIR=str(tmp_path)):
            return CliRunner().invoke(commands, ["model", *arguments])

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "year.csv", list(plainly(KNOWN)), "text", "category", "date")


def test_a_file_teaches_a_model_that_is_in_service_from_the_next_guess_on(
    run: Run, file: Path, engine: Engine
) -> None:
    said = "海晴邨，夜晚裝修好嘈，瞓唔到"
    result = run("train", str(file))
    assert result.exit_code == 0, result.output
    assert "Version 1 is in service: it guesses from now on." in result.output
    with transaction(engine) as session:
        records = Records(session)
        case, claim = records.ready_to_hear()
        assert transcripts.finish(session, claim, heard(said, language="yue"), KINDS, NOW)
        model = models.in_service(session)
        assert model is not None
        assert case.category == "noise"
        assert case.category_confidence == pytest.approx(model.shares(said)["noise"])
        assert case.category_reasons and all(one in said for one in case.category_reasons)


def test_a_worse_one_is_refused_unless_it_is_wanted(run: Run, file: Path, tmp_path: Path) -> None:
    assert run("train", str(file)).exit_code == 0
    bad = write(tmp_path / "bad.csv", [(row.text, row.category) for row in half_wrong()])
    refused = run("train", str(bad))
    assert refused.exit_code == 1
    assert "worse than what is in service" in refused.output
    assert "2" not in _versions(run)
    wanted = run("train", str(bad), "--even-if-worse")
    assert "Version 2 is in service ALTHOUGH IT IS WORSE" in wanted.output
    assert _versions(run) == {"1": False, "2": True, "words": False}


def _versions(run: Run) -> dict[str, bool]:
    lines = [line.split("│")[1:] for line in run("versions").output.splitlines() if "│" in line]
    return {cells[1].strip(): "in service" in cells[0] for cells in lines}


def test_back_is_what_was_there_before_and_words_are_always_there(run: Run, file: Path) -> None:
    assert "ever in service" in run("back").output
    run("train", str(file))
    assert "The seed words are in service" in run("back").output
    assert "Version 1 is in service" in run("back").output
    assert "The seed words are" in run("use", "words").output
    assert "Version 1 is" in run("use", "1").output
    assert run("use", "7").exit_code == 1 and "no version 7" in run("use", "7").output
    assert run("use", "x").exit_code == 1


def test_categories_the_city_lacks_are_named_and_left_out_only_if_wanted(
    run: Run, tmp_path: Path
) -> None:
    all_rows = write(
        tmp_path / "all.csv",
        [*((row.text, row.category) for row in rows()), ("大象", "elephants")],
    )
    refused = run("train", str(all_rows))
    assert refused.exit_code == 1
    assert "column category: the city has no 'elephants' (1 rows)" in refused.output
    kept = run("train", str(all_rows), "--skip-unknown", "--dry-run")
    assert kept.exit_code == 0 and "These rows are left out" in kept.output
    assert _versions(run) == {"words": True}


def test_a_file_that_is_wrong_is_told_by_line_and_column(run: Run, tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.csv", [("a", "noise"), ("", "noise")])
    assert "bad.csv, line 3, column text: is empty" in run("train", str(bad)).output
    few = write(tmp_path / "few.csv", [(f"{one}", "noise") for one in range(10)])
    assert run("train", str(few)).exit_code == 1


def test_one_that_cannot_be_read_leaves_the_seed_words_in_service(
    run: Run, file: Path, engine: Engine
) -> None:
    run("train", str(file))
    with transaction(engine) as session:
        session.execute(update(Version).values(weights=b"spoilt", digest="other"))
    with transaction(engine) as session:
        assert models.chosen(session) == 1
        assert models.in_service(session) is None
        with pytest.raises(Refused, match="unknown_model"):
            models.choose(session, 1, by=ADMIN, now=NOW)


def test_only_who_may_change_the_city_may_choose_and_it_is_written_down(
    run: Run, file: Path, engine: Engine
) -> None:
    run("train", str(file))
    with transaction(engine) as session, pytest.raises(Refused, match="forbidden"):
        models.choose(session, None, by=MEI, now=NOW)
    with transaction(engine) as session:
        models.choose(session, None, by=ADMIN, now=NOW)
        models.choose(session, None, by=ADMIN, now=NOW)
    with transaction(engine) as session:
        [line] = admin_history.of(session, "model:words")
        assert (line.actor, line.action) == ("agent:9", "model_chosen")
        [version] = session.scalars(select(Version))
        assert version.figures["stratified"]["accuracy"] > 0.9
