"""From answer to beep in under twelve seconds, all languages together."""

import shutil
import subprocess
import wave
from pathlib import Path

import pytest

from callflows.checker import LONGEST_GREETING, greeting_seconds
from callflows.engine import GREETING_PAUSE
from callflows.events import Ringing
from callflows.flow import Callflow
from callflows.pace import seconds
from tests.flows.walk import Walk

needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="needs espeak-ng")


def spoken(text: str, language: str, folder: Path) -> float:
    """Seconds that espeak-ng takes at its default rate, silence at the end included."""
    file = folder / "said.wav"
    subprocess.run(["espeak-ng", "-v", language, "-w", file, "--", text], check=True)
    with wave.open(str(file)) as sound:
        return sound.getnframes() / sound.getframerate()


def test_the_estimate_is_under_twelve_seconds(callflow: Callflow) -> None:
    assert 6 < greeting_seconds(callflow) < LONGEST_GREETING


@needs_espeak
def test_a_real_voice_needs_under_twelve_seconds(callflow: Callflow, tmp_path: Path) -> None:
    walk = Walk(callflow)
    walk.hear(Ringing())
    total = sum(spoken(text, language, tmp_path) for language, text in walk.texts())
    assert total + GREETING_PAUSE < LONGEST_GREETING


@needs_espeak
@pytest.mark.parametrize("key", ["nothing_heard", "more_or_anew", "goodbye", "desk_empty"])
def test_the_estimate_is_close_to_a_real_voice(
    hongkong: Callflow, tmp_path: Path, key: str
) -> None:
    for language in hongkong.languages:
        text = hongkong.prompts.fill(key, language, {})[0].text
        assert seconds(text, language) == pytest.approx(spoken(text, language, tmp_path), rel=0.2)
