"""The outline of a recording."""

import io
import json
import wave

import pytest

from cases import peaks
from tests.support.console_app import mu_law_tone, tone
from tests.support.cost import processor_seconds


def pcm(samples: bytes, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setparams((channels, width, rate, 0, "NONE", ""))
            sound.writeframes(samples)
        return file.getvalue()


@pytest.mark.parametrize("sound", [tone(6), mu_law_tone(6)], ids=["PCM", "mu-law"])
def test_a_tone_is_as_loud_all_the_way(sound: bytes) -> None:
    drawn = peaks.of_wav(sound)
    assert drawn is not None and drawn.seconds == 6.0 and len(drawn.levels) == peaks.MOST
    loud = 9000 * 255 / 32768
    # A stretch of three milliseconds holds the top of the tone's wave, of 440 Hz, nearly always.
    assert max(drawn.levels) == pytest.approx(loud, abs=3)
    assert sorted(drawn.levels)[len(drawn.levels) // 2] > loud * 0.9


def test_it_shows_where_somebody_speaks() -> None:
    quiet, loud = b"\0\0" * 8000, b"\xff\x7f\x00\x80" * 4000
    drawn = peaks.of_wav(pcm(quiet + loud + quiet))
    assert drawn is not None
    third = peaks.MOST // 3
    assert max(drawn.levels[:third]) == 0 and min(drawn.levels[third + 2 : 2 * third]) == 255
    assert max(drawn.levels[-third:]) == 0


def test_of_two_channels_the_louder_counts() -> None:
    drawn = peaks.of_wav(pcm((b"\0\0" + b"\0\x40") * 8000, channels=2))
    assert drawn is not None and drawn.seconds == 1.0 and set(drawn.levels) == {128}


def test_eight_bits_and_a_law_are_read() -> None:
    drawn = peaks.of_wav(pcm(b"\x80\xff" * 4000, width=1))
    assert drawn is not None and set(drawn.levels) == {254}
    a_law = pcm(b"\xd5\xaa" * 4000, width=1).replace(
        b"\x10\x00\x00\x00\x01\x00", b"\x10\x00\x00\x00\x06\x00"
    )
    drawn = peaks.of_wav(a_law)
    assert drawn is not None and set(drawn.levels) == {252}


def test_a_very_short_sound_has_as_many_numbers_as_samples() -> None:
    drawn = peaks.of_wav(tone(0.01))
    assert drawn is not None and len(drawn.levels) == 80


@pytest.mark.parametrize(
    "data",
    [b"", b"ID3\x04not a WAV", tone(1)[:30], b"RIFF\0\0\0\0WAVEdata\xff\xff\xff\xff\0\0",
     pcm(b"\0\0\0" * 100, width=3)],
    ids=["nothing", "MP3", "cut in its head", "without a form", "24 bits"],
)  # fmt: skip
def test_anything_else_has_none(data: bytes) -> None:
    assert peaks.of_wav(data) is None


def test_a_sound_that_breaks_off_is_drawn_as_far_as_it_goes() -> None:
    drawn = peaks.of_wav(tone(2)[: 44 + 16000])
    assert drawn is not None and drawn.seconds == 1.0


def test_an_hour_is_drawn_in_no_time_and_in_few_bytes() -> None:
    hour = pcm(b"\x12\x34" * (8000 * 3600))
    assert processor_seconds(lambda: peaks.of_wav(hour)) < 2
    drawn = peaks.of_wav(hour)
    assert drawn is not None and len(drawn.as_json()) < 10_000
    assert json.loads(drawn.as_json())["seconds"] == 3600.0
