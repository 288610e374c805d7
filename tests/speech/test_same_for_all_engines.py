"""What every speech engine promises, whichever library or server does the work.

Each is given the demonstration's calls and the demonstration's model: openai-whisper as it is,
CTranslate2 with the same model in int8 (with whole windows, and with windows cut to the speech), and
a real transcription server, a process of its own. The text of the calls is the same to the letter.
"""

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rapidfuzz.distance import Levenshtein

from runtime.settings import Settings
from tests.support.transcription_server import Handle, transcription_server
from transcription.audio import SAMPLE_RATE, Samples, one_voice, read
from transcription.engines import faster_whisper, openai_whisper, remote
from transcription.engines.interface import Clip, Engine, Hypothesis, Result, Unheard

pytest.importorskip("ctranslate2")

DEMO = Path(__file__).parents[2] / "demo"
CHECKPOINT = str(DEMO / "model" / "hotline.pt")
HONG_KONG = ("yue", "cmn", "en")
CALLS: list[dict[str, str]] = yaml.safe_load((DEMO / "calls" / "calls.yaml").read_text("utf-8"))
SPOKEN = [call for call in CALLS if call["says"]]
MOST_ERRORS = 0.10
"""The share of wrong characters that a demonstration call may have."""

Subject = tuple[Engine, Callable[[], None]]


def nothing() -> None:
    """Nothing has to be done for it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    with transcription_server(tmp_path_factory.mktemp("server")) as handle:
        yield handle


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(
    scope="module", params=["openai-whisper", "faster-whisper", "faster-whisper, cut", "remote"]
)
def engine(request: pytest.FixtureRequest, models: Path) -> Engine:
    if request.param == "openai-whisper":
        return openai_whisper.load(CHECKPOINT, HONG_KONG, models)
    if request.param == "remote":
        server: Handle = request.getfixturevalue("server")
        chosen = Settings(whisper_engine="remote", whisper_url=server.url, whisper_model="hotline")
        return remote.load(chosen, HONG_KONG, lambda line: None)
    windows: Any = "cut" if request.param.endswith("cut") else "full"
    return faster_whisper.load(CHECKPOINT, HONG_KONG, models, windows=windows)


def samples(call: dict[str, str]) -> Samples:
    return one_voice(read((DEMO / "calls" / call["file"]).read_bytes())).samples


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """What was said in the demonstration's calls, as the flow expects it."""
    return [Clip(samples(call), expecting(call["language"])) for call in SPOKEN]


def expecting(language: str) -> dict[str, float]:
    """The flow's word for a language, which is not the last one."""
    return {it: 0.8 if it == language else 0.1 for it in HONG_KONG}


def said(results: list[Result]) -> list[Hypothesis]:
    assert all(isinstance(result, Hypothesis) for result in results), results
    return [result for result in results if isinstance(result, Hypothesis)]


def characters(text: str) -> str:
    """Letters, characters and figures alone."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LN")


def test_the_calls_are_understood(engine: Engine, clips: list[Clip]) -> None:
    for call, heard in zip(SPOKEN, said(engine.hear(clips)), strict=True):
        truth = characters(call["says"])
        wrong = Levenshtein.distance(truth, characters(heard.text)) / len(truth)
        print(f"{engine.name}, {call['file']}: {wrong:.1%} wrong: {heard.text}")
        assert wrong <= MOST_ERRORS


def test_the_text_is_that_of_the_reference(engine: Engine, clips: list[Clip], models: Path) -> None:
    reference = openai_whisper.load(CHECKPOINT, HONG_KONG, models)

    texts = [characters(heard.text) for heard in said(engine.hear(clips))]

    assert texts == [characters(heard.text) for heard in said(reference.hear(clips))]


def test_the_language_of_each_call_is_told(engine: Engine, clips: list[Clip]) -> None:
    languages = [heard.language for heard in said(engine.hear(clips))]

    assert languages == [call["language"] for call in SPOKEN]


def test_the_results_are_in_the_order_of_the_clips(engine: Engine, clips: list[Clip]) -> None:
    there = [heard.text for heard in said(engine.hear(clips))]
    back = [heard.text for heard in said(engine.hear(clips[::-1]))]

    assert len(set(there)) == len(clips)
    assert back == there[::-1]


def test_clips_heard_together_say_what_they_say_alone(engine: Engine, clips: list[Clip]) -> None:
    alone = said([engine.hear([clip])[0] for clip in clips])

    for one, other in zip(said(engine.hear(clips)), alone, strict=True):
        assert (one.text, one.language) == (other.text, other.language)
        assert one.mean_log_probability == pytest.approx(other.mean_log_probability, rel=0.02)


def test_more_clips_than_a_batch_are_all_heard(engine: Engine, clips: list[Clip]) -> None:
    many = [clips[index % 2] for index in range(engine.batch + 1)]

    texts = [heard.text for heard in said(engine.hear(many))]

    assert texts == [texts[index % 2] for index in range(len(many))]


def test_the_same_clip_always_says_the_same(engine: Engine, clips: list[Clip]) -> None:
    """Also where the text is in doubt, and a second reading is made."""
    noise = np.random.default_rng(1).normal(0, 0.1, 5 * SAMPLE_RATE).astype(np.float32)
    doubtful = [*clips[:1], Clip(noise)]

    assert engine.hear(doubtful) == engine.hear(doubtful)


def test_a_clip_that_cannot_be_heard_fails_alone(
    engine: Engine, clips: list[Clip], request: pytest.FixtureRequest
) -> None:
    too_long = Clip(np.zeros(31 * SAMPLE_RATE, np.float32), clips[0].prior)
    if engine.name == "remote":
        server: Handle = request.getfixturevalue("server")
        server.misbehave(status=400, body="too long", longer_than=30.0)

    first, bad, last = engine.hear([clips[0], too_long, clips[1]])

    assert isinstance(bad, Unheard) and bad.reason
    assert said([first, last]) == said(engine.hear(clips[:2]))


def test_no_clips_are_no_results(engine: Engine) -> None:
    assert engine.hear([]) == []


def test_where_nobody_speaks_there_is_no_text_or_it_is_known_to_be_none(engine: Engine) -> None:
    (silence,) = (Clip(samples(call)) for call in CALLS if not call["says"])

    (heard,) = said(engine.hear([silence]))

    assert not heard.text or heard.no_speech_probability > 0.6


def test_words_add_up_to_the_text_and_follow_one_another(engine: Engine, clips: list[Clip]) -> None:
    for clip, heard in zip(clips, said(engine.hear(clips)), strict=True):
        for line in heard.lines:
            told = "".join(word.text for word in line.words)
            times = [at for word in line.words for at in (word.start, word.end)]
            assert characters(told) == characters(line.text)
            assert times == sorted(times)
            assert line.start <= times[0] and times[-1] <= line.end
        assert heard.lines[-1].end <= len(clip.samples) / SAMPLE_RATE + 0.01


def test_a_prompt_is_taken(engine: Engine, clips: list[Clip]) -> None:
    """The demonstration's model was trained with earlier sentences before some; they change little."""
    prompted = [Clip(clip.samples, clip.prior, "海晴邨、陽光小區") for clip in clips[:2]]

    for plain, heard in zip(said(engine.hear(clips[:2])), said(engine.hear(prompted)), strict=True):
        assert heard.language == plain.language
        assert heard.text
