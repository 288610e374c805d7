"""A word's confidence is how often words like it are right."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.calibration import Calibration, CalibrationError, beside, fit

PROBABILITIES = st.floats(0, 1, allow_nan=False)


def boastful(count: int = 4000) -> list[tuple[float, bool]]:
    """Words of a model that believes twice as much as is true."""
    dice = Random(1)
    given = [dice.random() for _ in range(count)]
    return [(p, dice.random() < p / 2) for p in given]


def test_without_a_calibration_a_probability_passes_as_it_is() -> None:
    assert Calibration.none().confidence("yue", 0.37) == 0.37


def test_a_boast_is_cut_to_what_it_is_worth() -> None:
    calibration = fit("model", {"yue": boastful()})
    for probability in (0.2, 0.5, 0.8):
        assert calibration.confidence("yue", probability) == pytest.approx(
            probability / 2, abs=0.05
        )


def test_a_language_nobody_measured_stays_as_it_is() -> None:
    calibration = fit("model", {"yue": boastful(), "en": boastful(50)})
    assert calibration.confidence("cmn", 0.8) == 0.8
    assert calibration.confidence("en", 0.8) == 0.8


@given(st.lists(st.tuples(PROBABILITIES, st.booleans()), min_size=200, max_size=300), st.data())
def test_more_belief_never_means_less_confidence(
    words: list[tuple[float, bool]], data: st.DataObject
) -> None:
    calibration = fit("model", {"en": words})
    less, more = sorted([data.draw(PROBABILITIES), data.draw(PROBABILITIES)])
    low, high = calibration.confidence("en", less), calibration.confidence("en", more)
    assert 0.0 < low <= high < 1.0


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "hotline.calibration.json"
    calibration = fit("hotline.pt@fb949af22836", {"yue": boastful(), "en": boastful()})
    calibration.write(file)
    assert Calibration.read(file, "hotline.pt@fb949af22836") == calibration


def test_no_file_is_no_calibration(tmp_path: Path) -> None:
    assert Calibration.read(tmp_path / "none.json", "turbo") == Calibration.none()


def test_another_models_calibration_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hotline.calibration.json"
    fit("hotline.pt@fb949af22836", {"yue": boastful()}).write(file)
    with pytest.raises(CalibrationError, match=r"made for hotline.pt@fb949af22836, not for turbo"):
        Calibration.read(file, "turbo")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"version": 2, "model": "m", "curves": {}}',
        '{"version": 1, "model": "m"}',
        '{"version": 1, "model": "m", "curves": {"yue": [[0.1, 0.5], [0.9, 0.4]]}}',
        '{"version": 1, "model": "m", "curves": {"yue": [[0.1, 0.5], [0.9, 1.4]]}}',
        '{"version": 1, "model": "m", "curves": {"yue": [[0.1]]}}',
    ],
)
def test_a_broken_file_says_so_and_what_to_do(tmp_path: Path, content: str) -> None:
    file = tmp_path / "broken.json"
    file.write_text(content)
    with pytest.raises(CalibrationError, match=r"broken.json cannot be used: .*make it anew"):
        Calibration.read(file)


def test_a_calibration_lies_beside_its_checkpoint(tmp_path: Path) -> None:
    assert beside(Path("models/hotline.pt")) == Path("models/hotline.calibration.json")
    assert beside(tmp_path) == tmp_path / "calibration.json"
