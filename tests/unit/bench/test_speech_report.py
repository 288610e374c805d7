"""What the table of `make bench-speech` claims, and when it must not claim anything."""

from pathlib import Path

from bench import speech_report
from bench.speech_contestants import Outcome, Plain
from bench.speech_recordings import calls, messages
from bench.speech_report import PLAIN, Report, Row, Turn

TEXT = "同一句"


def row(name: str, seconds: list[float], text: str = TEXT) -> Row:
    turns = [Turn({1: [Outcome(it, text)]}, cpu_seconds=it, peak_bytes=10**9) for it in seconds]
    return Row(Plain(name, Path("model.pt"), Path("folder")), turns)


def report(*rows: Row) -> Report:
    return Report("base", rows, {1: messages(1)}, {it.name: 0.0 for it in rows}, TEXT)


def test_the_ratio_is_the_median_of_the_ratios_round_by_round() -> None:
    plain, ours = row(PLAIN, [8.0, 40.0, 9.0]), row("openai, full", [4.0, 10.0, 3.0])
    assert ours.ratio(plain) == 3.0  # of 2, 4 and 3: a round that was slow was slow for both


def test_a_target_is_met_or_not_in_words() -> None:
    told = speech_report.verdicts(
        report(row(PLAIN, [8.0]), row("openai, full", [2.0]), row("fast, cut", [1.0]))
    )
    assert any("openai, full: 4.00" in line and line.endswith("is met") for line in told)
    assert any("fast, cut: 8.00" in line and line.endswith("NOT met") for line in told)


def test_texts_of_different_length_are_not_comparable() -> None:
    equal = report(row(PLAIN, [8.0]), row("openai, full", [2.0]))
    unequal = report(row(PLAIN, [8.0]), row("openai, full", [2.0], text=TEXT + "多"))
    assert speech_report.equal_texts(equal)
    assert not speech_report.equal_texts(unequal)
    assert "NOT COMPARABLE" in speech_report.verdicts(unequal)[0]


def test_the_markdown_has_a_column_for_every_queue_and_a_line_for_everybody() -> None:
    drawn = speech_report.markdown(report(row(PLAIN, [8.0]), row("openai, full", [2.0])))
    table = [line for line in drawn.splitlines() if line.startswith("|")]
    assert "1 waiting, s" in table[0]
    assert [line.split(" | ")[0] for line in table[2:]] == [f"| {PLAIN}", "| openai, full"]


def test_messages_are_five_to_twenty_seconds_long_and_all_different() -> None:
    some = messages(16)
    assert (some[0].seconds, some[-1].seconds) == (5.0, 20.0)
    assert len({it.data for it in some}) == 16


def test_what_is_said_in_the_demonstrations_calls_is_known() -> None:
    assert all(it.says and it.seconds > 5 for it in calls())


def test_a_busy_machine_is_told() -> None:
    quiet = report(row(PLAIN, [8.0]))
    disturbed = Turn({1: [Outcome(8.0, TEXT)]}, 8.0, 10**9, others_seconds=6.0)
    busy = report(Row(quiet.measure.contestant, [disturbed]))
    assert not any("NOT QUIET" in line for line in speech_report.verdicts(quiet))
    assert any(
        "0.75 processors" in line and "NOT QUIET" in line for line in speech_report.verdicts(busy)
    )
