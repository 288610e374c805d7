"""The outline of any recording that can be read."""

import io

import numpy as np
import pytest
import soundfile

from cases import peaks
from tests.unit.transcription.conftest import tone, wav
from transcription import outline
from transcription.audio import NotAudio


def test_it_is_the_same_as_the_quick_one_of_a_wav() -> None:
    samples = np.concatenate([tone(440, 12.0, 8000, 0.5), np.zeros(8000, np.float32)])
    slow, quick = outline.of(wav(samples, 8000)), peaks.of_wav(wav(samples, 8000))
    assert quick is not None and slow.seconds == quick.seconds == 13.0
    assert len(slow.levels) == 1300 and max(slow.levels) == pytest.approx(max(quick.levels), abs=2)
    assert max(slow.levels[1210:]) == 0 and min(slow.levels[:1190]) > 100


def test_an_mp3_has_one_too() -> None:
    file = io.BytesIO()
    soundfile.write(file, tone(440, 3.0, 16000, 0.5), 16000, format="MP3")
    drawn = outline.of(file.getvalue())
    assert drawn.seconds == pytest.approx(3.0, abs=0.1) and max(drawn.levels) > 100


def test_ten_minutes_have_two_thousand_numbers() -> None:
    drawn = outline.of(wav(np.full(8000 * 600, 0.25, np.float32), 8000))
    assert len(drawn.levels) == peaks.MOST and set(drawn.levels) == {64}


def test_what_is_no_sound_has_none() -> None:
    for data in (b"", b"<html>", wav(np.zeros(0, np.float32))):
        with pytest.raises(NotAudio):
            outline.of(data)
