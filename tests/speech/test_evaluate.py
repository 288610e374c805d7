"""`evaluate speech` on the smallest set, with the demonstration's model: from files to figures."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from evaluate.__main__ import main
from transcription.calibration import Calibration, beside

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "evaluate" / "sample"
MODEL = str(ROOT / "demo" / "model" / "hotline.pt")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["speech", *map(str, arguments)])


def options(folder: Path) -> list[str | Path]:
    return [
        *("--model", MODEL, "--city", "hongkong", "--processes", "1"),
        *("--results", folder / "heard.jsonl", "--json", folder / "report.json"),
    ]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("evaluated")
    return folder, run(SAMPLE, *options(folder))


def row(folder: Path, language: str) -> dict[str, float]:
    rows = json.loads((folder / "report.json").read_text())["rows"]
    return next(one for one in rows if one["language"] == language)


def told(result: Result) -> str:
    """What a run printed, but for the processor time, which is another one every time."""
    return re.sub(r"[\d.]+ s of processor", "", result.output)


def test_every_recording_is_heard_and_scored(evaluated: tuple[Path, Result]) -> None:
    folder, result = evaluated
    assert result.exit_code == 0, result.output
    clips = json.loads((folder / "report.json").read_text())["clips"]
    assert len(clips) == len(list(SAMPLE.glob("*.wav"))) == 26
    assert row(folder, "all")["clips"] == 23


def test_sentences_it_never_met_are_mostly_understood(evaluated: tuple[Path, Result]) -> None:
    for language in ("yue", "en"):
        assert row(evaluated[0], language)["rate"] < 25


def test_people_are_not_understood_by_a_model_that_never_heard_one(
    evaluated: tuple[Path, Result],
) -> None:
    clips = json.loads((evaluated[0] / "report.json").read_text())["clips"]
    for clip in (clip for clip in clips if clip["name"].startswith("aishell")):
        substituted, deleted, inserted, wanted = clip["edits"]["characters"]
        assert substituted + deleted + inserted >= 0.8 * wanted


def test_nothing_is_heard_where_nobody_speaks(evaluated: tuple[Path, Result]) -> None:
    (quiet,) = json.loads((evaluated[0] / "report.json").read_text())["silence"]
    assert (quiet["clips"], quiet["with_text"]) == (3, 0)


def test_the_worst_are_shown_and_no_progress_is_in_a_log(evaluated: tuple[Path, Result]) -> None:
    output = evaluated[1].output
    assert "aishell-BAC009S0724W0121.wav clean cmn" in output
    assert "━" not in output and "\r" not in output


def test_a_second_run_hears_nothing_again(evaluated: tuple[Path, Result]) -> None:
    folder, first = evaluated
    kept = (folder / "heard.jsonl").read_text()
    again = run(SAMPLE, *options(folder))
    assert (folder / "heard.jsonl").read_text() == kept
    assert again.output == first.output


def test_a_stopped_run_goes_on_where_it_was(evaluated: tuple[Path, Result], tmp_path: Path) -> None:
    lines = (evaluated[0] / "heard.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "heard.jsonl").write_text("".join(lines[:-2]))
    result = run(SAMPLE, *options(tmp_path))
    heard = (tmp_path / "heard.jsonl").read_text().splitlines(keepends=True)
    assert heard[: len(lines) - 2] == lines[:-2]
    assert len(heard) == len(lines)
    assert told(result) == told(evaluated[1])


def test_ctrl_c_stops_at_once_and_keeps_what_was_heard(tmp_path: Path) -> None:
    heard = tmp_path / "heard.jsonl"
    command = [sys.executable, "-m", "evaluate", "speech", str(SAMPLE)]
    command += map(str, [*options(tmp_path), "--processes", "2"])
    command += ["--degrade", "clean,ulaw,noise10,noise5,white5"]
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True) as process:
        while process.poll() is None and not heard.is_file():
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=20) == 1
    kept = heard.read_text().splitlines()
    assert 0 < len(kept) < 26 * 5
    assert all(json.loads(line)["outcome"] for line in kept)


def test_two_ways_are_shown_side_by_side(tmp_path: Path) -> None:
    result = run(SAMPLE, *options(tmp_path), "--limit", 4, "--against", "prompt=names")
    assert result.exit_code == 0, result.output
    assert "prompt names" in result.output
    assert "B - A" in result.output


def test_reports_are_compared_and_become_tables(evaluated: tuple[Path, Result]) -> None:
    report = str(evaluated[0] / "report.json")
    same = CliRunner().invoke(main, ["compare", report, report])
    assert same.exit_code == 0, same.output
    assert "+0.00 to +0.00" in same.output
    table = CliRunner().invoke(main, ["table", report]).output.splitlines()
    assert table[0].startswith("| condition | yue CER | cmn CER | en WER | en CER |")
    assert table[2].startswith("| `clean` | ")
    assert len(table) == 3


def test_a_file_that_is_no_report_is_said_to_be_none() -> None:
    for command in (["table", MODEL], ["compare", MODEL, MODEL]):
        result = CliRunner().invoke(main, command)
        assert (result.exit_code, "is no report of ours" in result.output) == (1, True)


def test_two_processes_hear_what_one_does(evaluated: tuple[Path, Result], tmp_path: Path) -> None:
    one = json.loads((evaluated[0] / "report.json").read_text())["clips"]
    result = run(SAMPLE, *options(tmp_path), "--limit", 10, "--processes", 2)
    assert result.exit_code == 0, result.output
    both = {clip["name"]: clip["heard"] for clip in one}
    for clip in json.loads((tmp_path / "report.json").read_text())["clips"]:
        assert clip["heard"] == both[clip["name"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: is not there"),
        ([SAMPLE, "--degrade", "underwater"], "'underwater' is not one of clean, telephone"),
        ([SAMPLE, "--model", "nothing.pt"], "no speech model: there is no file nothing.pt"),
        ([SAMPLE, "--model", "nothing.pt", "--processes", "2"], "there is no file nothing.pt"),
        ([SAMPLE, "--city", "atlantis"], "there is no city 'atlantis'"),
        ([SAMPLE, "--limit", "1", "--against", "windows=blue"], "--against 'windows=blue': write"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    arguments: list[str | Path], said: str, tmp_path: Path
) -> None:
    result = run("--results", tmp_path / "heard.jsonl", "--processes", "1", *arguments)
    assert result.exit_code == 1
    assert said in result.output
    assert len(result.output.splitlines()) == 1


def test_the_demonstrations_model_comes_with_its_own_calibration() -> None:
    model = Path(MODEL)
    label = f"{model.name}@{hashlib.sha256(model.read_bytes()).hexdigest()[:12]}"
    calibration = Calibration.read(beside(model), label)
    assert set(calibration.curves) == {"yue", "cmn", "en"}
