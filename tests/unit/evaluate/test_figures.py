"""A report says what a city must know, and two reports say which way is better."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from evaluate import figures, scores
from evaluate.calibrating import calibrate
from evaluate.comparison import compare
from evaluate.corpora import Recording
from evaluate.figures import Report
from evaluate.kept import Said
from evaluate.scores import Judged
from evaluate.way import Way
from transcription.calibration import Calibration

WAY = Way("openai-whisper", "turbo", "hongkong")
SET = [
    Recording("a.wav", Path("a.wav"), "水管爆了。", "cmn", "li"),
    Recording("b.wav", Path("b.wav"), "The lift is broken", "en", "ann"),
    Recording("c.wav", Path("c.wav"), "部lift壞咗", "yue", "chan"),
    Recording("d.wav", Path("d.wav"), ""),
]
HEARD = [
    Said("a.wav", "clean", "heard", "水管包了", "cmn", "m", ("low_confidence",),
         (("水", 0.9, "cmn"), ("管", 0.9, "cmn"), ("包", 0.2, "cmn"), ("了", 0.9, "cmn")), 2.0, 1.0),
    Said("b.wav", "clean", "heard", "the left is broken.", "en", "m", (), (), 2.0, 1.0),
    Said("c.wav", "clean", "heard", "部lift壞咗", "cmn", "m", (), (), 2.0, 1.0),
    Said("d.wav", "clean", "heard", "謝謝觀看", "cmn", "m", (), (), 30.0, 1.0),
]  # fmt: skip


def told(said: list[Said], calibration: Calibration | None = None) -> Report:
    clips, words = scores.clips(SET, said), scores.judged(SET, said)
    return figures.report(Path("set"), WAY, "m", clips, words, calibration or Calibration.none())


def rates(report: Report) -> dict[str, float]:
    return {f"{row.language} {row.measure}": row.rate for row in report.rows}


def test_chinese_counts_characters_english_words_and_a_mix_both() -> None:
    assert rates(told(HEARD)) == {
        "yue CER": 0.0,
        "cmn CER": 25.0,
        "en WER": 25.0,
        "en CER": 6.67,
        "mixed MER": 0.0,
        "all MER": 16.67,
    }


def test_strict_rates_count_marks_and_script_too() -> None:
    strict = {row.language: row.strict_rate for row in told(HEARD).rows if row.measure != "CER"}
    assert strict["en"] == 75.0


def test_what_is_invented_where_nobody_speaks_is_counted_by_the_minute() -> None:
    (quiet,) = told(HEARD).silence
    assert (quiet.clips, quiet.with_text, quiet.characters, quiet.per_minute) == (1, 1, 4, 8.0)


def test_flags_are_held_against_the_errors() -> None:
    (flags,) = told(HEARD).flags
    assert (flags.flagged, flags.clips, flags.inside, flags.outside) == (1, 3, 25.0, 12.5)


def test_the_models_own_doubt_is_held_against_the_errors_too() -> None:
    doubt = {one.below: one for one in told(HEARD[:1]).doubts}
    assert (doubt[0.7].doubted, doubt[0.8].doubted) == (0, 1)
    assert (doubt[0.8].clips, doubt[0.8].inside, doubt[0.7].outside) == (1, 25.0, 25.0)


def test_languages_taken_for_another_are_told() -> None:
    nobody = [*HEARD[:1], Said("b.wav", "clean", "silence"), *HEARD[2:]]
    assert told(nobody).confusion == {
        "yue": {"cmn": 1},
        "cmn": {"cmn": 1},
        "en": {"nothing": 1},
    }


def test_belief_is_held_against_the_words() -> None:
    found = {one.language: one for one in told(HEARD).belief}["cmn"]
    assert found.words == 4
    assert (found.bins[9].words, found.bins[9].right) == (3, 1.0)
    assert (found.bins[2].words, found.bins[2].right) == (1, 0.0)
    assert found.ece == pytest.approx((3 * 0.1 + 0.2) / 4)


def test_a_recording_that_could_not_be_heard_counts_as_missing_and_is_named() -> None:
    broken = [Said("a.wav", "clean", "not audio: a web page"), *HEARD[1:]]
    report = told(broken)
    assert rates(report)["cmn CER"] == 100.0
    assert report.not_heard == {"a.wav": "not audio: a web page"}


def test_a_report_is_read_again_as_it_was_written(tmp_path: Path) -> None:
    report = told(HEARD)
    report.write(tmp_path / "deep" / "report.json")
    assert Report.read(tmp_path / "deep" / "report.json") == report


@pytest.mark.parametrize("content", ["", "{}", "[1]"])
def test_another_file_is_no_report(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ValueError, match="is no report of ours"):
        Report.read(tmp_path / "x.json")


def test_two_ways_are_compared_on_what_both_heard() -> None:
    better = [replace(HEARD[0], text="水管爆了"), *HEARD[2:]]
    found = {f"{one.language} {one.measure}": one for one in compare(told(HEARD), told(better))}
    assert "en WER" not in found
    assert found["cmn CER"].clips == 1
    assert (found["cmn CER"].first, found["cmn CER"].second) == (25.0, 0.0)
    assert found["cmn CER"].difference.points == -25.0


def test_runs_by_different_rules_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different rules"):
        compare(told(HEARD), replace(told(HEARD), normalisation="0"))


def boastful(speakers: int, words: int) -> list[Judged]:
    """Words that are right half as often as the model believes."""
    dice = Random(2)
    beliefs = [(n % speakers, dice.random()) for n in range(speakers * words)]
    return [Judged(f"s{s}", "clean", "yue", b, dice.random() < b / 2) for s, b in beliefs]


def test_calibrating_on_some_speakers_helps_with_the_others() -> None:
    found = calibrate("m", boastful(30, 100))
    assert found.before[0].ece > 0.2
    assert found.after[0].ece < 0.05
    assert found.before[0].words == found.after[0].words == 3000


def test_no_speaker_is_judged_by_what_he_said_himself() -> None:
    sure = [Judged("one", "clean", "yue", 0.9, False)] * 300
    rest = [Judged(f"s{n}", "clean", "yue", 0.9, True) for n in range(300)]
    found = calibrate("m", [*sure, *rest])
    believed = max(found.after[0].bins, key=lambda one: one.words)
    assert believed.confidence > 0.9
    assert believed.right < 0.15


def test_too_few_words_calibrate_nothing() -> None:
    with pytest.raises(ValueError, match="80 words are too few"):
        calibrate("m", boastful(4, 20))
