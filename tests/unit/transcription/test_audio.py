"""What a recording may look like, and what becomes of it."""

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import soundfile

from tests.unit.transcription.conftest import SOUNDS, tone, wav
from transcription import audio
from transcription.audio import SAMPLE_RATE, NotAudio, one_voice, read

BEEP = tone(440, 2.0, rate=8000)


def loudest_hertz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / len(samples)


def with_sizes(data: bytes, size: int) -> bytes:
    """The same WAV file with its two length fields overwritten, as a cut stream leaves them."""
    at = data.index(b"data") + 4
    field = struct.pack("<I", size)
    return data[:4] + field + data[8:at] + field + data[at + 4 :]


READABLE = {
    "PCM": wav(BEEP),
    "mu-law": wav(BEEP, subtype="ULAW"),
    "A-law": wav(BEEP, subtype="ALAW"),
    "GSM": wav(BEEP, subtype="GSM610"),
    "ADPCM": wav(BEEP, subtype="IMA_ADPCM"),
    "24 bit": wav(BEEP, subtype="PCM_24"),
    "8 bit": wav(BEEP, subtype="PCM_U8"),
    "float": wav(BEEP, subtype="FLOAT"),
    "48 kHz": wav(tone(440, 2.0, rate=48000), rate=48000),
    "11.025 kHz": wav(tone(440, 2.0, rate=11025), rate=11025),
    "stereo": wav(np.stack([BEEP, BEEP], axis=1)),
    "MP3": wav(BEEP, subtype="MPEG_LAYER_III", container="MP3"),
    "FLAC": wav(BEEP, container="FLAC"),
    "Ogg": wav(BEEP, subtype="VORBIS", container="OGG"),
    "size fields 0": with_sizes(wav(BEEP), 0),
    "size fields 0xFFFFFFFF": with_sizes(wav(BEEP), 0xFFFFFFFF),
    "mu-law, size fields 0": with_sizes(wav(BEEP, subtype="ULAW"), 0),
}


@pytest.mark.parametrize("kind", READABLE)
def test_every_kind_of_recording_becomes_the_same_sound(kind: str) -> None:
    sound = one_voice(read(READABLE[kind]))

    assert sound.seconds == pytest.approx(2.0, abs=0.15)
    assert loudest_hertz(sound.samples) == pytest.approx(440, abs=2)
    assert np.abs(sound.samples).max() == pytest.approx(0.3, abs=0.06)
    assert not sound.cut


USELESS = {
    "empty": (b"", "empty"),
    "all zero bytes": (bytes(4096), "empty"),
    "a web page named .wav": (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
    "an error in JSON": (b'{"code": 20404, "message": "not found"}', "web page"),
    "plain words": (b"The requested resource was not found", "unknown format"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "unknown format"),
    "a header cut off": (wav(BEEP)[:20], "without sound"),
    "a header alone": (wav(BEEP)[:44], "without sound"),
    "a header that promises more": (with_sizes(wav(BEEP), 32000)[:44], "without sound"),
    "an MP3 header alone": (READABLE["MP3"][:60], "without sound"),
    "a rate no speech has": (wav(BEEP, rate=300), "sample rate"),
    "six channels": (wav(np.stack([BEEP] * 6, axis=1)), "channels"),
}


@pytest.mark.parametrize("kind", USELESS)
def test_what_is_no_recording_is_refused_with_its_reason(kind: str) -> None:
    data, reason = USELESS[kind]

    with pytest.raises(NotAudio, match=reason):
        read(data)


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(NotAudio, match="more than the 1000"):
        read(READABLE["PCM"], max_bytes=1000)


@pytest.mark.parametrize("kind", ["PCM", "mu-law", "MP3"])
def test_a_recording_that_breaks_off_is_heard_up_to_there(kind: str) -> None:
    whole = READABLE[kind]

    sound = read(whole[: len(whole) // 2])

    assert 0.7 < sound.seconds < 1.2
    assert loudest_hertz(sound.samples) == pytest.approx(440, abs=5)


def test_an_mp3_that_is_in_order_puts_no_errors_into_the_log(
    speech: Callable[[str], bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    sentence = read(speech("yue")).samples[::2]
    call = wav(np.tile(sentence, 10), subtype="MPEG_LAYER_III", container="MP3")
    capfd.readouterr()

    assert read(call).seconds == pytest.approx(len(sentence) / 800, abs=0.2)

    assert capfd.readouterr().err == ""


def test_a_recording_of_an_hour_is_read_to_its_end() -> None:
    hour = wav(np.zeros(3600 * 8000, np.int16), container="FLAC")

    sound = read(hour)

    assert not sound.cut
    assert sound.seconds == 3600


def test_a_recording_longer_than_can_be_heard_is_cut_and_says_so() -> None:
    sound = read(READABLE["PCM"], max_seconds=1.5)

    assert sound.cut
    assert sound.seconds == 1.5


def test_a_moment_of_sound_is_sound() -> None:
    assert read(wav(tone(440, 0.2, rate=8000))).seconds == pytest.approx(0.2)


def test_numbers_that_are_none_become_silence_and_overshoots_are_clipped() -> None:
    broken = np.array([np.nan, np.inf, -np.inf, 7.0] * 4000, np.float32)

    samples = read(wav(broken, rate=SAMPLE_RATE, subtype="FLOAT")).samples

    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1.0


def test_resampling_leaves_no_image_of_the_speech_above_four_kilohertz() -> None:
    samples = read(wav(tone(3000, 2.0, rate=8000))).samples[1600:-1600]

    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    above = power[len(power) // 2 :].max() / power.max()
    assert 10 * np.log10(above) < -60


def test_overdriven_speech_leaves_no_image_either(speech: Callable[[str], bytes]) -> None:
    sentence = 2 * read(speech("yue")).samples[::2]
    overdriven = np.clip(10 * sentence, -1, 1)

    samples = read(wav(overdriven)).samples

    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    above = power[len(power) * 9 // 16 :].sum() / power.sum()
    assert 10 * np.log10(above) < -50


def test_two_channels_are_mixed_or_taken_one_by_one() -> None:
    other = tone(1000, 2.0, rate=8000)
    sound = read(wav(np.stack([BEEP, other], axis=1)))

    assert loudest_hertz(one_voice(sound, 0).samples) == pytest.approx(440, abs=2)
    assert loudest_hertz(one_voice(sound, 1).samples) == pytest.approx(1000, abs=2)
    assert np.abs(one_voice(sound).samples).max() == pytest.approx(0.3, abs=0.06)


def test_two_channels_that_cancel_each_other_out_are_not_lost() -> None:
    upside_down = read(wav(np.stack([BEEP, -BEEP], axis=1)))

    assert np.abs(one_voice(upside_down).samples).max() == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize("offset", [-0.5, 0.5])
def test_a_recording_off_centre_is_put_right(offset: float) -> None:
    loud = tone(440, 2.0, rate=8000, level=0.6)  # and so clipped on one side

    samples = one_voice(read(wav(loud + np.float32(offset)))).samples

    assert abs(samples.mean()) < 0.02
    assert loudest_hertz(samples) == pytest.approx(440, abs=2)


def test_the_hum_of_the_mains_is_taken_out_and_nothing_else() -> None:
    seconds = 40.0  # several of the blocks it is done in
    voice, hum = tone(440, seconds, level=0.2), tone(50, seconds, level=0.5)

    samples = one_voice(read(wav(voice + hum, rate=SAMPLE_RATE))).samples

    away_from_the_ends = slice(SAMPLE_RATE, -SAMPLE_RATE)
    assert np.abs(samples - voice)[away_from_the_ends].max() < 0.005


def test_a_telephone_line_without_a_header_is_not_taken_for_mp3() -> None:
    silent = b"\xff" * 8000

    with pytest.raises(NotAudio, match="unknown format"):
        read(silent)


def test_a_very_quiet_caller_is_raised_and_silence_is_not() -> None:
    quiet = one_voice(read(wav(tone(440, 1.0, rate=8000, level=0.02))))
    nothing = one_voice(read(wav(np.zeros(8000))))

    assert 0.25 < np.abs(quiet.samples).max() < 0.35
    assert not nothing.samples.any()


def test_a_loud_beep_elsewhere_does_not_keep_a_quiet_caller_down() -> None:
    beep, caller = tone(1000, 1.0, rate=8000, level=0.9), tone(440, 1.0, rate=8000, level=0.02)
    sound = one_voice(read(wav(np.concatenate([beep, caller]))))

    quiet = audio.excerpt(sound, [(1100, 1900)])

    assert np.abs(sound.samples[17600:30400]).max() < 0.03
    assert 0.25 < np.abs(quiet.samples).max() < 0.35


def test_pieces_are_cut_and_joined_to_the_sample() -> None:
    ramp = np.arange(-16000, 16000, dtype=np.int16)
    sound = read(wav(ramp, rate=SAMPLE_RATE))

    joined = audio.excerpt(sound, [(100, 200), (1500, 1600)])

    whole = sound.samples
    expected = np.concatenate([whole[1600:3200], whole[24000:25600]])
    assert np.array_equal(joined.samples, expected)


def test_no_program_has_to_be_installed() -> None:
    """With an empty PATH, and so without ffmpeg and ffprobe, everything is still read."""
    program = (
        "import sys; from transcription.audio import *;"
        "print(excerpt(one_voice(read(sys.stdin.buffer.read())), [(0, 500)]).seconds)"
    )
    for kind in ("MP3", "mu-law", "size fields 0"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            input=READABLE[kind],
            capture_output=True,
            env={**os.environ, "PATH": ""},
            check=False,
        )
        assert (done.stdout, done.stderr) == (b"0.5\n", b"")


def test_the_sounds_of_these_tests_are_what_a_telephone_delivers() -> None:
    for file in SOUNDS.glob("*.wav"):
        with soundfile.SoundFile(io.BytesIO(file.read_bytes())) as sound:
            assert (sound.samplerate, sound.subtype) == (8000, "ULAW")
