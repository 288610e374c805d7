"""The demonstration's calls through the whole ear: sound in, text out, by the real library."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from rapidfuzz.distance import Levenshtein

from cases.transcripts import Heard
from runtime.city import City
from runtime.settings import Settings
from tests.unit.transcription.conftest import tone, wav
from transcription.audio import SAMPLE_RATE, Samples, one_voice, read
from transcription.language import Evidence
from transcription.quality import bare
from transcription.recogniser import Recogniser, Request, open_recogniser

DEMO = Path(__file__).parents[3] / "demo"
CHECKPOINT = DEMO / "model" / "hotline.pt"
CALLS = yaml.safe_load((DEMO / "calls" / "calls.yaml").read_text("utf-8"))
SPOKEN = {call["file"]: call for call in CALLS if call["says"]}
MOST_ERRORS = 0.10

pytestmark = pytest.mark.skipif(not CHECKPOINT.exists(), reason="no checkpoint")


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    settings = Settings(
        _env_file=None,
        city="hongkong",
        whisper_model=str(CHECKPOINT),
        state_dir=tmp_path_factory.mktemp("state"),
    )
    return open_recogniser(settings, City.read(settings.city_folder), print)


def sound(file: str) -> bytes:
    return (DEMO / "calls" / file).read_bytes()


def error_rate(says: str, heard: str) -> float:
    """Wrong characters as a share of those said, whatever the script, case and punctuation."""
    return Levenshtein.distance(bare(says), bare(heard)) / len(bare(says))


@pytest.mark.parametrize("file", SPOKEN)
def test_a_call_is_heard_in_its_language(
    ear: Recogniser, file: str, record_property: Callable[[str, object], None]
) -> None:
    heard = ear.hear(sound(file))

    assert heard is not None
    errors = error_rate(SPOKEN[file]["says"], heard.text)
    record_property("character_error_rate", errors)
    assert heard.language == SPOKEN[file]["language"]
    assert errors <= MOST_ERRORS, heard.text
    assert heard.flags == ()


@pytest.mark.parametrize("file", SPOKEN)
def test_times_are_in_order_and_within_the_recording(ear: Recogniser, file: str) -> None:
    heard = ear.hear(sound(file))

    assert heard is not None
    times = [moment for segment in heard.segments for moment in (segment.start, segment.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < 1.5
    assert times[-1] <= read(sound(file)).seconds


def test_the_citys_script_is_written_and_what_was_heard_is_kept(ear: Recogniser) -> None:
    heard = ear.hear(sound("cmn-water.wav"))

    assert heard is not None
    assert "水管" in heard.raw_text
    assert "沒有水" in heard.text and "没有水" in heard.raw_text


def test_a_call_in_which_nobody_speaks_has_no_text(ear: Recogniser) -> None:
    assert ear.hear(sound("silence.wav")) is None
    assert ear.hear(wav(tone(440, 5, rate=8000))) is None


def test_the_same_call_gives_the_same_text(ear: Recogniser) -> None:
    assert ear.hear(sound("yue-scaffold.wav")) == ear.hear(sound("yue-scaffold.wav"))


def voice(file: str) -> Samples:
    return one_voice(read(sound(file))).samples


def silence(seconds: float) -> Samples:
    hiss = np.random.default_rng(0).normal(0, 1e-4, round(seconds * SAMPLE_RATE))
    return hiss.astype(np.float32)


def test_a_call_that_begins_in_cantonese_and_goes_on_in_mandarin_and_english(
    ear: Recogniser,
) -> None:
    files = ("yue-scaffold.wav", "cmn-water.wav", "en-street-lamp.wav")
    call = np.concatenate([voice(file) for file in files])

    heard = ear.hear(wav(call, SAMPLE_RATE), evidence=Evidence(flow="yue"))

    assert heard is not None
    assert list(dict.fromkeys(it.language for it in heard.segments)) == ["yue", "cmn", "en"]
    for file in files:
        language = SPOKEN[file]["language"]
        mine = "".join(it.text for it in heard.segments if it.language == language)
        assert error_rate(SPOKEN[file]["says"], mine) <= MOST_ERRORS, mine


@pytest.mark.parametrize("file", ["cmn-water.wav", "yue-cut-off.wav"])
def test_after_minutes_of_silence_times_are_exact(ear: Recogniser, file: str) -> None:
    alone = ear.hear(sound(file))
    call = np.concatenate([silence(70), voice(file), silence(95), voice(file), silence(30)])

    heard = ear.hear(wav(call, SAMPLE_RATE))

    assert alone is not None and heard is not None
    words = [word for segment in alone.segments for word in segment.words]
    later = [word for segment in heard.segments for word in segment.words]
    length = len(voice(file)) / SAMPLE_RATE
    second = 70 + length + 95
    expected = [word.start + shift for shift in (70.0, second) for word in words]
    assert len(later) == 2 * len(words)
    assert [word.start for word in later] == pytest.approx(expected, abs=0.3)


def test_both_sides_of_a_call_are_heard_on_their_own_although_they_speak_at_once(
    ear: Recogniser,
) -> None:
    caller, agent = voice("yue-scaffold.wav"), voice("en-street-lamp.wav")
    both = np.zeros((max(len(caller), len(agent)), 2), np.float32)
    both[: len(caller), 0] = caller
    both[: len(agent), 1] = agent

    heard = ear.hear(wav(both, SAMPLE_RATE))

    assert heard is not None
    assert error_rate(SPOKEN["yue-scaffold.wav"]["says"], heard.text) <= MOST_ERRORS
    assert (heard.language, {it.channel for it in heard.segments}) == ("yue", {0, 1})
    other = "".join(it.text for it in heard.segments if it.channel == 1)
    assert error_rate(SPOKEN["en-street-lamp.wav"]["says"], other) <= MOST_ERRORS


def test_calls_heard_together_say_what_they_say_alone(ear: Recogniser) -> None:
    together = ear.hear_all([Request(sound(file)) for file in SPOKEN])

    for file, heard in zip(SPOKEN, together, strict=True):
        alone = ear.hear(sound(file))
        assert isinstance(heard, Heard) and alone is not None
        assert (heard.text, heard.flags) == (alone.text, alone.flags)


def test_every_character_has_its_word(ear: Recogniser) -> None:
    for file in SPOKEN:
        heard = ear.hear(sound(file))
        assert heard is not None
        for segment in heard.segments:
            assert "".join(word.text for word in segment.words) == segment.text.replace(" ", "")
            times = [it for word in segment.words for it in (word.start, word.end)]
            assert times == sorted(times)
            assert segment.start <= times[0] and times[-1] <= segment.end
