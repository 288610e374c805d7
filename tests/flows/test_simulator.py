"""The terminal telephone and the drawing: the same data, for people."""

from pathlib import Path

import pytest

from callflows import diagram
from callflows.flow import Callflow
from callflows.reader import FLOWS, load_city
from callflows.simulator import Call, HangsUp, Said, edge, main, parse

ROOT = Path(__file__).parents[2]


def played(callflow: Callflow, *lines: str, answers: list[str] | None = None) -> str:
    """What the terminal shows of a call in which these lines are typed, and then nothing more."""
    typed, shown = iter(lines), []

    def ask(_: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    Call(callflow, edge(answers or [], None), ask, shown.append, ear="en").play()
    return "\n".join(shown)


def test_a_message_and_its_number(hongkong: Callflow) -> None:
    shown = played(hongkong, "say 8", "")
    assert "[recorded 8 s]" in shown
    assert shown.count("5, 0, 7. 3, 0, 4. 4, 6, 2.") == 2
    assert shown.endswith("Thank you for calling. Goodbye.\n-- the call is over --")


def test_only_the_language_asked_for_is_shown(hongkong: Callflow) -> None:
    assert "錄音" not in played(hongkong, "h")


def test_silence_all_along(hongkong: Callflow) -> None:
    shown = played(hongkong, *[""] * 9)
    assert "[case_number? unknown]\n   [missed_case? known]" in shown
    assert "we will call you back" in shown


def test_a_chosen_answer(hongkong: Callflow) -> None:
    shown = played(hongkong, "0", answers=["office_hours=closed"])
    assert "Our staff are not on duty" in shown


def test_hanging_up_in_mid_sentence(hongkong: Callflow) -> None:
    assert played(hongkong, "say 3 h").endswith("[recorded 3 s]\n-- the call is over --")


def test_progress(hongkong: Callflow) -> None:
    assert "Status: being dealt with" in played(hongkong, "*", "507304462#", "1823")


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("", ""),
        ("0", "0"),
        ("say 8", Said(8, None)),
        ("say 2.5 #", Said(2.5, "#")),
        ("h", HangsUp()),
        ("what", None),
    ],
)
def test_what_a_typed_line_means(line: str, meaning: object) -> None:
    assert parse(line) == meaning


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("office_hour=open", "did you mean office_hours?"),
        ("office_hours=opne", "did you mean open?"),
    ],
)
def test_a_misspelt_answer(answer: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--city", str(ROOT / "cities/hongkong"), "--answer", answer]) == 2
    assert said in capsys.readouterr().err


def test_docs_flows_is_what_the_data_draws() -> None:
    cities = sorted(file.parent for file in (ROOT / "cities").glob("*/city.yaml"))
    drawn = diagram.page(
        (str(city.relative_to(ROOT)), name, load_city(city, name))
        for city in cities
        for name in FLOWS
    )
    assert (ROOT / "docs/flows.md").read_text(encoding="utf-8") == drawn, "run `make docs`"


def test_the_drawing_has_every_step_and_every_way(hongkong: Callflow) -> None:
    drawing = diagram.mermaid(hongkong.flow)
    for name, step in hongkong.flow.steps.items():
        assert f"<b>{name}</b>" in drawing
        for _, to in step.ways():
            assert any(
                line.startswith(f"  s_{name} ") and line.endswith(f" s_{to}")
                for line in drawing.split("\n")
            )
