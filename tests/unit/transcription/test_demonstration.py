"""The demonstration's calls through the whole ear: sound in, text out, by the real library."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from rapidfuzz.distance import Levenshtein

from runtime.city import City
from runtime.settings import Settings
from tests.unit.transcription.conftest import tone, wav
from transcription.audio import read
from transcription.quality import bare
from transcription.recogniser import Recogniser, open_recogniser

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
