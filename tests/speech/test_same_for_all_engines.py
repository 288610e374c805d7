"""What every speech engine promises, whichever library or server does the work.

Each is given the demonstration's calls and the demonstration's model: openai-whisper as it is,
CTranslate2 with the same model in int8 (with whole windows, and with windows cut to the speech), and
a real transcription server, a process of its own. The text of the calls is the same to the letter.
"""

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import whisper
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

WHISPER_CODES = {"yue": "yue", "cmn": "zh", "en": "en"}


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


@pytest.fixture(scope="module")
def heard(engine: Engine, clips: list[Clip]) -> list[Hypothesis]:
    """What the engine says of the calls, all given at once."""
    return said(engine.hear(clips))


@pytest.fixture(scope="module")
def plain() -> list[str]:
    """What openai-whisper itself says of the calls, without anything of ours."""
    model = whisper.load_model(CHECKPOINT, device="cpu")
    return [
        model.transcribe(samples(it), language=WHISPER_CODES[it["language"]], fp16=False)["text"]
        for it in SPOKEN
    ]


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


def test_the_calls_are_understood(engine: Engine, heard: list[Hypothesis]) -> None:
    for call, one in zip(SPOKEN, heard, strict=True):
        truth = characters(call["says"])
        wrong = Levenshtein.distance(truth, characters(one.text)) / len(truth)
        print(f"{engine.name}, {call['file']}: {wrong:.1%} wrong: {one.text}")
        assert wrong <= MOST_ERRORS


def test_the_text_is_that_of_openai_whisper_itself(
    heard: list[Hypothesis], plain: list[str]
) -> None:
    assert [characters(one.text) for one in heard] == [characters(text) for text in plain]


def test_the_language_of_each_call_is_told(heard: list[Hypothesis]) -> None:
    assert [one.language for one in heard] == [call["language"] for call in SPOKEN]


def test_clips_heard_alone_in_another_order_say_the_same_in_their_places(
    engine: Engine, clips: list[Clip], heard: list[Hypothesis]
) -> None:
    alone = said([engine.hear([clip])[0] for clip in clips[::-1]])

    assert len({one.text for one in alone}) == len(clips)
    for one, other in zip(heard, alone[::-1], strict=True):
        assert (one.text, one.language) == (other.text, other.language)
        assert one.mean_log_probability == pytest.approx(other.mean_log_probability, rel=0.02)


def test_more_clips_than_a_batch_are_all_heard(engine: Engine, clips: list[Clip]) -> None:
    short = [Clip(clip.samples[: 3 * SAMPLE_RATE], clip.prior) for clip in clips[:2]]
    many = [short[index % 2] for index in range(engine.batch + 1)]

    texts = [one.text for one in said(engine.hear(many))]

    assert texts == [texts[index % 2] for index in range(len(many))]


def test_a_clip_always_says_the_same(
    engine: Engine, clips: list[Clip], heard: list[Hypothesis]
) -> None:
    assert engine.hear(clips) == heard


def test_a_clip_that_cannot_be_heard_fails_alone(
    engine: Engine, clips: list[Clip], heard: list[Hypothesis], request: pytest.FixtureRequest
) -> None:
    too_long = Clip(np.zeros(31 * SAMPLE_RATE, np.float32), clips[0].prior)
    if engine.name == "remote":
        server: Handle = request.getfixturevalue("server")
        server.misbehave(status=400, body="too long", longer_than=30.0)

    first, bad, last = engine.hear([clips[0], too_long, clips[1]])

    assert isinstance(bad, Unheard) and bad.reason
    assert [one.text for one in said([first, last])] == [one.text for one in heard[:2]]


def test_no_clips_are_no_results(engine: Engine) -> None:
    assert engine.hear([]) == []


def test_where_nobody_speaks_there_is_no_text_or_it_is_known_to_be_none(engine: Engine) -> None:
    (silence,) = (Clip(samples(call)) for call in CALLS if not call["says"])

    (nobody,) = said(engine.hear([silence]))

    assert not nobody.text or nobody.no_speech_probability > 0.6


def test_words_add_up_to_the_text_and_follow_one_another(
    clips: list[Clip], heard: list[Hypothesis]
) -> None:
    for clip, one in zip(clips, heard, strict=True):
        for line in one.lines:
            told = "".join(word.text for word in line.words)
            times = [at for word in line.words for at in (word.start, word.end)]
            assert characters(told) == characters(line.text)
            assert times == sorted(times)
            assert line.start <= times[0] and times[-1] <= line.end
        assert one.lines[-1].end <= len(clip.samples) / SAMPLE_RATE + 0.01


def test_words_to_expect_are_taken_and_do_not_appear_by_themselves(
    engine: Engine, clips: list[Clip]
) -> None:
    prompt = "海晴邨、陽光小區、噴水池"
    told = [Clip(clip.samples, clip.prior, prompt) for clip in clips[:2]]

    for call, one in zip(SPOKEN, said(engine.hear(told)), strict=False):
        assert one.language == call["language"]
        assert one.text and "噴水池" not in one.text
