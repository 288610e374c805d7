"""The house keeps its own rules: what imports what, what is written where, and what is said of it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.settings import Settings
from tests.conftest import PROJECT

BIN = Path(sys.executable).parent
EDGES_AND_FOUNDATIONS = (
    "ivr",
    "transcription",
    "console",
    "watch",
    "callflows",
    "cases",
    "runtime",
)


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def files() -> list[Path]:
    """Every file of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [PROJECT / name for name in names if (PROJECT / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for file in files():
        try:
            yield file.relative_to(PROJECT), file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def production() -> Iterator[tuple[Path, str]]:
    """The code that runs at a hotline."""
    for file, text in texts():
        if file.suffix == ".py" and file.parts[0].removesuffix(".py") in (
            *EDGES_AND_FOUNDATIONS,
            "app",
            "worker",
            "migrations",
        ):
            yield file, text


def test_edges_and_foundations_import_only_what_they_may() -> None:
    run(str(BIN / "lint-imports"))


def test_the_code_is_clean() -> None:
    run(str(BIN / "ruff"), "check", ".")


def test_the_code_is_formatted() -> None:
    run(str(BIN / "ruff"), "format", "--check", ".")


def test_the_types_hold() -> None:
    run(str(BIN / "mypy"))


@pytest.mark.parametrize("process", ["app", "worker"])
def test_only_the_process_that_listens_loads_the_speech_model(process: str) -> None:
    heavy = "{'torch', 'whisper', 'numpy'}"
    run(sys.executable, "-c", f"import sys, {process}; assert not {heavy} & set(sys.modules)")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    page = PROJECT / "docs" / "settings.md"
    assert f"`{name.upper()}`" in page.read_text(encoding="utf-8")


def test_no_city_is_named_in_code() -> None:
    cities = [folder.name for folder in (PROJECT / "cities").iterdir() if folder.is_dir()]
    assert len(cities) >= 2
    named = re.compile("|".join([*cities, "hong[ -_]kong", "北京", "香港"]), re.IGNORECASE)
    assert [str(file) for file, text in production() if named.search(text)] == []


def test_commit_and_rollback_stand_in_one_place() -> None:
    ends = re.compile(r"\.(commit|rollback)\(")
    found = {file.as_posix() for file, text in production() if ends.search(text)}
    assert found <= {"runtime/database.py", "migrations/env.py"}


def test_only_the_clock_asks_the_clock() -> None:
    asks = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(")
    found = {file.as_posix() for file, text in production() if asks.search(text)}
    assert found <= {"runtime/clock.py"}


def test_a_status_is_written_in_cases_only() -> None:
    writes = re.compile(r"\b(case|call|recording|row)\.status = ")
    assert {file.parts[0] for file, text in production() if writes.search(text)} <= {"cases"}


def test_every_package_begins_with_a_docstring_and_nothing_else() -> None:
    for file, text in production():
        if file.name == "__init__.py":
            assert re.fullmatch(r'"""[^"]+"""\n', text), file


def test_nothing_but_the_project_is_named_in_the_project() -> None:
    foreign = re.compile(
        "(?<![\\w.])/wor" + "k/|" + "/tmp/" + "w/|PIP_" + "INDEX_URL|index" + "-url"
    )
    assert [str(file) for file, text in texts() if foreign.search(text)] == []


def test_no_secret_is_in_the_project() -> None:
    secrets = re.compile(r"BEGIN [A-Z ]*PRIVATE KEY|\bSK[0-9a-f]{32}\b|\bAKIA[0-9A-Z]{16}\b")
    assert [str(file) for file, text in texts() if secrets.search(text)] == []
