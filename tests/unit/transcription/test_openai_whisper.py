"""The real openai-whisper, on the demonstration's model and on checkpoints with random weights."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import whisper

from tests.unit.transcription.conftest import tone
from transcription.audio import SAMPLE_RATE, Samples, one_voice, read
from transcription.checkpoint import open_model
from transcription.engines import openai_whisper
from transcription.engines.interface import Clip, Hypothesis, Mixed, Result, Unheard
from transcription.engines.openai_whisper import OpenAIWhisper, load
from transcription.engines.whisper import TOO_LONG, Whisper, frames

Speech = Callable[[str], bytes]
HONG_KONG = ("yue", "cmn", "en")
DEMO = Path(__file__).parents[3] / "demo"
DEMONSTRATION = DEMO / "model" / "hotline.pt"
CALLS = {"yue": "yue-scaffold", "cmn": "cmn-water", "en": "en-street-lamp"}


@pytest.fixture(scope="module")
def engine(model_with_yue: Path, tmp_path_factory: pytest.TempPathFactory) -> Whisper:
    """Random weights: it babbles, and so takes every way out."""
    return load(str(model_with_yue), HONG_KONG, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Whisper:
    return load(str(DEMONSTRATION), HONG_KONG, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def sounds() -> dict[str, Samples]:
    """The first sentence of each of the demonstration's calls."""
    return {language: heard(name)[: round(4.7 * SAMPLE_RATE)] for language, name in CALLS.items()}


def heard(name: str) -> Samples:
    return one_voice(read((DEMO / "calls" / f"{name}.wav").read_bytes())).samples


@pytest.fixture(scope="module")
def clips(speech: Speech) -> list[Clip]:
    """Clips that differ, so that a result in the wrong place shows."""
    return [
        Clip(one_voice(read(speech(it))).samples[: SAMPLE_RATE * 3], {it: 1.0}) for it in HONG_KONG
    ]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The languages the library is really asked to decode in, one a call."""
    languages: list[str] = []
    decode = OpenAIWhisper.decode

    def listen_in(self: OpenAIWhisper, features: object, code: str, *rest: object) -> object:
        languages.append(code)
        return decode(self, features, code, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenAIWhisper, "decode", listen_in)
    yield languages


def believing(monkeypatch: pytest.MonkeyPatch, **shares: float) -> None:
    """Let the model believe in languages as told."""
    monkeypatch.setattr(OpenAIWhisper, "languages", lambda _, clips: [shares for _ in clips])


def same(results: list[Result], expected: list[Result]) -> bool:
    """The same words, and the same figures but for the last digit, which the batch decides."""

    def figures(said: Result) -> list[float]:
        assert isinstance(said, Hypothesis)
        return [said.language_probability, said.mean_log_probability, said.heard_until]

    return [a.text for a in results] == [b.text for b in expected] and all(  # type: ignore[union-attr]
        figures(a) == pytest.approx(figures(b), rel=1e-3)
        for a, b in zip(results, expected, strict=True)
    )


def test_every_clip_has_one_result_in_its_place(engine: Whisper, clips: list[Clip]) -> None:
    alone = [engine.hear([clip])[0] for clip in clips]

    assert same(engine.hear(clips), alone)
    assert same(engine.hear(clips[::-1]), alone[::-1])
    assert not same(alone[::-1], alone)
    assert engine.hear([]) == []


def test_more_clips_than_fit_in_a_batch_keep_their_order(
    engine: Whisper, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = engine.hear(clips)
    monkeypatch.setattr(engine._backend, "batch", 2)

    assert same(engine.hear(clips), whole)


def test_a_clip_that_is_too_long_takes_no_other_with_it(engine: Whisper, clips: list[Clip]) -> None:
    too_long = Clip(np.zeros(31 * SAMPLE_RATE, np.float32))

    results = engine.hear([clips[0], too_long, clips[1]])

    assert same([results[0], results[2]], engine.hear([clips[0], clips[1]]))
    assert results[1] == Unheard(TOO_LONG)


@pytest.mark.parametrize("step", ["encode", "languages", "decode"])
def test_a_batch_that_does_not_fit_into_memory_is_taken_in_smaller_ones(
    step: str, engine: Whisper, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = [Clip(clip.samples, {"yue": 1.0}) for clip in clips]
    whole = engine.hear(alike)
    work = getattr(OpenAIWhisper, step)

    def small_memory(self: OpenAIWhisper, some: list[object], *rest: object) -> object:
        if len(some) > 1:
            raise torch.OutOfMemoryError("no room")
        return work(self, some, *rest)

    monkeypatch.setattr(OpenAIWhisper, step, small_memory)
    assert same(engine.hear(alike), whole)


def test_a_clip_the_library_cannot_decode_fails_alone(
    engine: Whisper, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = OpenAIWhisper.encode

    def picky(self: OpenAIWhisper, some: list[Samples], windows: str) -> object:
        if any(samples is clips[1].samples for samples in some):
            raise RuntimeError("shape is invalid")
        return encode(self, some, windows)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenAIWhisper, "encode", picky)
    results = engine.hear(clips)

    assert results[1] == Unheard("RuntimeError: shape is invalid")
    assert all(isinstance(results[index], Hypothesis) for index in (0, 2))


def test_only_the_citys_languages_are_decoded(
    engine: Whisper, clips: list[Clip], asked: list[str]
) -> None:
    results = engine.hear([Clip(clip.samples) for clip in clips])

    assert set(asked) <= {"yue", "zh", "en"}
    assert {result.language for result in results} <= set(HONG_KONG)  # type: ignore[union-attr]


def test_a_model_of_99_languages_is_never_asked_for_cantonese(
    model_without_yue: Path, tmp_path: Path, clips: list[Clip], asked: list[str]
) -> None:
    said: list[str] = []
    old = load(str(model_without_yue), HONG_KONG, tmp_path, said.append)

    old.hear([Clip(clip.samples, {"yue": 1.0}) for clip in clips])

    assert not old.knows_yue
    assert asked and "yue" not in asked
    assert "knows no Cantonese" in said[-1]


def test_a_model_that_knows_cantonese_is_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, engine: Whisper, clips: list[Clip], asked: list[str]
) -> None:
    believing(monkeypatch, yue=0.9, zh=0.05, en=0.05)
    engine.hear(clips[:1])

    assert set(asked) == {"yue"}


def test_a_language_in_doubt_is_decided_by_what_the_text_is_worth(
    monkeypatch: pytest.MonkeyPatch, trained: Whisper, sounds: dict[str, Samples], asked: list[str]
) -> None:
    """The model hesitates and leans to the wrong side; the reading in the right language is the
    likelier one."""
    believing(monkeypatch, yue=0.45, zh=0.55, en=0.0)
    (said,) = trained.hear([Clip(sounds["yue"])])

    assert sorted(asked[:2]) == ["yue", "zh"]
    assert isinstance(said, Hypothesis)
    assert said.language == "yue"


def test_a_language_beyond_doubt_is_decoded_once(
    trained: Whisper, sounds: dict[str, Samples], asked: list[str]
) -> None:
    trained.hear([Clip(sounds["cmn"])])

    assert asked == ["zh"]


def test_a_clip_is_encoded_once_however_often_it_is_decoded(
    engine: Whisper, clips: list[Clip], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []
    encode = OpenAIWhisper._encoded
    monkeypatch.setattr(
        OpenAIWhisper, "_encoded", lambda self, mels: encoded.append(1) or encode(self, mels)
    )
    believing(monkeypatch, yue=0.9, zh=0.1)
    engine.hear(clips[:1])

    assert len(asked) == 2  # random weights babble, so there was a second try
    assert len(encoded) == 1


def spliced(*sounds: Samples) -> tuple[Samples, tuple[tuple[float, float], ...]]:
    """Sounds one after the other, and where each lies, in seconds."""
    ends = np.cumsum([len(sound) for sound in sounds]) / SAMPLE_RATE
    starts = [0.0, *ends[:-1]]
    return np.concatenate(sounds), tuple(zip(starts, ends.tolist(), strict=True))


def test_a_clip_in_two_languages_is_given_back_to_be_heard_in_parts(
    trained: Whisper, sounds: dict[str, Samples]
) -> None:
    samples, parts = spliced(sounds["yue"], sounds["cmn"])

    (result,) = trained.hear([Clip(samples, parts=parts)])

    assert isinstance(result, Mixed)
    assert [max(part, key=lambda it: part[it]) for part in result.parts] == ["yue", "cmn"]


def test_a_clip_in_one_language_is_heard_as_one(
    trained: Whisper, sounds: dict[str, Samples]
) -> None:
    samples, parts = spliced(sounds["yue"], sounds["yue"])

    (result,) = trained.hear([Clip(samples, parts=parts)])

    assert isinstance(result, Hypothesis)


def test_the_words_of_a_line_are_its_text_and_follow_one_another(
    trained: Whisper, sounds: dict[str, Samples]
) -> None:
    for said in trained.hear([Clip(sounds[it]) for it in HONG_KONG]):
        assert isinstance(said, Hypothesis) and said.lines
        for line in said.lines:
            assert "".join(word.text for word in line.words).strip() == line.text
            times = [at for word in line.words for at in (word.start, word.end)]
            assert times == sorted(times)
            assert line.start <= times[0] and times[-1] <= line.end
            assert all(0 <= word.probability <= 1 for word in line.words)


def test_words_lie_where_they_were_said(trained: Whisper, sounds: dict[str, Samples]) -> None:
    """A second more of silence before the sentence is a second more for every word."""
    silence = np.zeros(SAMPLE_RATE, np.float32)
    later = np.concatenate([silence, sounds["en"]])

    first, second = trained.hear([Clip(sounds["en"]), Clip(later)])

    assert isinstance(first, Hypothesis) and isinstance(second, Hypothesis)
    early = {word.text: word.start for word in first.lines[0].words}
    late = {word.text: word.start for word in second.lines[0].words}
    shifts = [late[text] - early[text] for text in early if text in late]
    assert len(shifts) > 3
    assert np.median(shifts) == pytest.approx(1.0, abs=0.1)


def test_words_in_noise_are_believed_in_less(trained: Whisper, sounds: dict[str, Samples]) -> None:
    noise = np.random.default_rng(1).normal(0, 0.02, len(sounds["yue"])).astype(np.float32)

    clear, noisy = trained.hear([Clip(sounds["yue"]), Clip(sounds["yue"] + noise)])

    def mean(said: Result) -> float:
        assert isinstance(said, Hypothesis)
        return float(np.mean([it.probability for line in said.lines for it in line.words]))

    assert mean(noisy) < mean(clear)


def test_a_cut_window_says_the_same_of_a_clear_sentence(
    trained: Whisper, sounds: dict[str, Samples], tmp_path: Path
) -> None:
    cut = load(str(DEMONSTRATION), HONG_KONG, tmp_path, windows="cut")
    clips = [Clip(sounds[it]) for it in HONG_KONG]

    assert frames(sounds["yue"], "cut") < frames(sounds["yue"], "full") == 1500
    assert [it.text for it in cut.hear(clips)] == [it.text for it in trained.hear(clips)]  # type: ignore[union-attr]


def test_the_encoder_is_the_librarys_own(sounds: dict[str, Samples]) -> None:
    """Ours takes windows of any length; at 30 s it must give what the library's gives."""
    model = open_model(str(DEMONSTRATION), Path("."), lambda line: None)
    backend = OpenAIWhisper(model)
    mel = backend._mel(sounds["en"], 1500)[None]

    with torch.no_grad():
        assert torch.equal(backend._encoded(mel), model.encoder(mel))


def test_languages_are_told_as_the_library_tells_them(sounds: dict[str, Samples]) -> None:
    model = open_model(str(DEMONSTRATION), Path("."), lambda line: None)
    backend = OpenAIWhisper(model)
    features = backend.encode([sounds["yue"], sounds["en"]], "full")
    _, theirs = model.detect_language(torch.stack(features))

    for ours, expected in zip(backend.languages(features), theirs, strict=True):
        assert ours == pytest.approx(expected, abs=1e-5)


def test_times_and_probabilities_are_those_of_the_librarys_alignment(
    sounds: dict[str, Samples],
) -> None:
    model = open_model(str(DEMONSTRATION), Path("."), lambda line: None)
    backend = OpenAIWhisper(model)
    (features,) = backend.encode([sounds["en"]], "full")
    (decoded,) = backend.decode([features], "en", None, 0.0)
    timed = backend.align(features, "en", decoded, len(sounds["en"]) / SAMPLE_RATE)
    tokenizer = whisper.tokenizer.get_tokenizer(True, num_languages=100, language="en")
    frames = len(sounds["en"]) // whisper.audio.HOP_LENGTH
    theirs = whisper.timing.find_alignment(
        model, tokenizer, [it.token for it in timed], backend._mel(sounds["en"], 1500), frames
    )
    starts = {it.tokens[0]: it.start for it in theirs if it.tokens}

    ours = {it.token: it.start for it in timed if it.token in starts}
    assert len(ours) > 5
    assert ours == pytest.approx({token: starts[token] for token in ours}, abs=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_the_way_through_the_attention_is_the_librarys(seed: int) -> None:
    random = np.random.default_rng(seed)
    attention = torch.tensor(random.normal(size=(random.integers(1, 40), random.integers(40, 300))))
    tokens, frames = whisper.timing.dtw(-attention)
    entered = np.flatnonzero(np.diff(tokens, prepend=-1))

    assert openai_whisper._starts(attention) == pytest.approx(frames[entered] / 50)


def test_text_that_never_ends_is_known_to_be_cut_off(engine: Whisper, clips: list[Clip]) -> None:
    (babble,) = engine.hear(clips[:1])

    assert isinstance(babble, Hypothesis)
    assert not babble.complete


def test_a_moment_of_sound_and_no_sound_at_all_are_decoded(engine: Whisper) -> None:
    moment, nothing = Clip(tone(440, 0.005)), Clip(np.zeros(0, np.float32))

    results = engine.hear([moment, nothing])

    assert all(isinstance(result, Hypothesis) for result in results)


def test_threads_that_listen_at_once_get_what_they_would_get_alone(
    engine: Whisper, clips: list[Clip]
) -> None:
    """Without a lock openai-whisper raises here, or gives wrong words without an error."""
    alone = [engine.hear([clip]) for clip in clips]
    results: dict[int, list[Result]] = {}

    def listen(index: int) -> None:
        results[index] = engine.hear([clips[index]])

    threads = [threading.Thread(target=listen, args=(index,)) for index in range(len(clips))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [results[index] for index in range(len(clips))] == alone


def test_a_slow_model_is_given_fewer_clips_at_a_time_so_that_nobody_urgent_waits_long(
    model_with_yue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenAIWhisper, "seconds_per_clip", lambda *_: 4.0)
    assert load(str(model_with_yue), HONG_KONG, tmp_path).batch == 2

    monkeypatch.setattr(OpenAIWhisper, "seconds_per_clip", lambda *_: 36.0)
    assert load(str(model_with_yue), HONG_KONG, tmp_path).batch == 1


def test_half_precision_leaves_the_layer_norms_whole(model_with_yue: Path) -> None:
    """What a graphics card is given. The library computes its norms in full precision."""
    model = whisper.load_model(str(model_with_yue))
    openai_whisper._halve(model)

    types = {type(module).__name__: module.weight.dtype for module in model.modules()
             if hasattr(module, "weight")}  # fmt: skip
    assert types["LayerNorm"] == torch.float32
    assert types["Linear"] == types["Conv1d"] == types["Embedding"] == torch.float16


def test_a_usual_clip_has_its_price_measured_at_the_start(engine: Whisper) -> None:
    assert engine.seconds_per_clip is not None
    assert 0 < engine.seconds_per_clip < 1


def test_the_start_says_what_the_model_runs_on(model_with_yue: Path, tmp_path: Path) -> None:
    said: list[str] = []

    load(str(model_with_yue), HONG_KONG, tmp_path, said.append)

    assert re.fullmatch(r"speech model with-yue\.pt@\w{12}: ready on the CPU, threads: 1", said[-1])
