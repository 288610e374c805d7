"""The real openai-whisper on checkpoints with random weights: everything but the sense is real."""

import io
import pickle
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import whisper

from tests.unit.transcription.conftest import tone
from transcription.audio import SAMPLE_RATE, one_voice, read
from transcription.engines import openai_whisper
from transcription.engines.interface import (
    Clip,
    Hypothesis,
    ModelUnavailable,
    Result,
    Unheard,
)
from transcription.engines.openai_whisper import OpenAIWhisper, load

Speech = Callable[[str], bytes]
HONG_KONG = ("yue", "cmn", "en")


@pytest.fixture(scope="module")
def engine(model_with_yue: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenAIWhisper:
    return load(str(model_with_yue), HONG_KONG, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def clips(speech: Speech) -> list[Clip]:
    """Clips that differ, so that a result in the wrong place shows."""
    sounds = [one_voice(read(speech(language))).samples for language in ("yue", "cmn", "en")]
    hints = ["yue", "cmn", "en"]
    return [Clip(sound[: SAMPLE_RATE * 3], hint) for sound, hint in zip(sounds, hints, strict=True)]


def asked_languages(
    monkeypatch: pytest.MonkeyPatch, engine: OpenAIWhisper, clips: list[Clip]
) -> list[str]:
    """What the library is really asked to decode in."""
    asked = []
    decode = whisper.Whisper.decode

    def listen_in(model: whisper.Whisper, mel: torch.Tensor, options: object) -> object:
        asked.append(options.language)  # type: ignore[attr-defined]
        return decode(model, mel, options)

    monkeypatch.setattr(whisper.Whisper, "decode", listen_in)
    engine.hear(clips)
    return asked


def same(results: list[Result], expected: list[Result]) -> bool:
    """The same words, and the same figures but for the last digit, which the batch decides."""

    def figures(said: Result) -> list[float]:
        assert isinstance(said, Hypothesis)
        return [said.language_probability, said.mean_log_probability, said.heard_until]

    return [a.text for a in results] == [b.text for b in expected] and all(
        figures(a) == pytest.approx(figures(b), rel=1e-3)
        for a, b in zip(results, expected, strict=True)
    )


def test_every_clip_has_one_result_in_its_place(engine: OpenAIWhisper, clips: list[Clip]) -> None:
    alone = [engine.hear([clip])[0] for clip in clips]

    assert same(engine.hear(clips), alone)
    assert same(engine.hear(clips[::-1]), alone[::-1])
    assert not same(alone[::-1], alone)
    assert engine.hear([]) == []


def test_more_clips_than_fit_in_a_batch_keep_their_order(
    engine: OpenAIWhisper, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = engine.hear(clips)
    monkeypatch.setattr(openai_whisper, "BATCH", 2)

    assert same(engine.hear(clips), whole)


def test_progress_is_told_while_clips_are_heard(engine: OpenAIWhisper, clips: list[Clip]) -> None:
    told: list[float] = []

    engine.hear(clips, told.append)

    assert told[:3] == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_clip_that_fails_takes_no_other_with_it(engine: OpenAIWhisper, clips: list[Clip]) -> None:
    too_long = Clip(np.zeros(31 * SAMPLE_RATE, np.float32), "yue")

    results = engine.hear([clips[0], too_long, clips[1]])

    assert same([results[0], results[2]], engine.hear([clips[0], clips[1]]))
    assert results[1] == Unheard("ValueError: a clip of 31.0 s: 30 s is the most")


def test_a_batch_that_fails_is_decoded_one_by_one(
    engine: OpenAIWhisper, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the memory of a graphics card is too small for the whole batch."""
    alike = [Clip(clip.samples, "yue") for clip in clips]
    whole = engine.hear(alike)
    decode = whisper.Whisper.decode

    def small_memory(model: whisper.Whisper, mel: torch.Tensor, options: object) -> object:
        if len(mel) > 1:
            raise torch.OutOfMemoryError("no room")
        return decode(model, mel, options)

    monkeypatch.setattr(whisper.Whisper, "decode", small_memory)
    assert same(engine.hear(alike), whole)


def test_only_the_citys_languages_are_decoded(
    monkeypatch: pytest.MonkeyPatch, engine: OpenAIWhisper, clips: list[Clip]
) -> None:
    unhinted = [Clip(clip.samples) for clip in clips]

    assert set(asked_languages(monkeypatch, engine, unhinted)) <= {"yue", "zh", "en"}
    assert all(
        isinstance(result, Hypothesis) and result.language in HONG_KONG
        for result in engine.hear(unhinted)
    )


def test_a_model_of_99_languages_is_never_asked_for_cantonese(
    monkeypatch: pytest.MonkeyPatch,
    model_without_yue: Path,
    tmp_path: Path,
    clips: list[Clip],
) -> None:
    said: list[str] = []
    old = load(str(model_without_yue), HONG_KONG, tmp_path, said.append)
    cantonese = [Clip(clip.samples, "yue") for clip in clips]

    asked = asked_languages(monkeypatch, old, cantonese)

    assert not old.knows_yue
    assert asked and "yue" not in asked
    assert "knows no Cantonese" in said[-1]


def test_a_model_that_knows_cantonese_is_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, engine: OpenAIWhisper, clips: list[Clip]
) -> None:
    monkeypatch.setattr(
        whisper.Whisper, "detect_language", lambda *_: (None, {"yue": 0.9, "zh": 0.1})
    )

    assert set(asked_languages(monkeypatch, engine, clips[:1])) == {"yue"}


def test_a_clip_is_encoded_once_however_often_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch, engine: OpenAIWhisper, clips: list[Clip]
) -> None:
    encoded = []
    hook = engine._whisper.encoder.register_forward_hook(lambda *_: encoded.append(1))
    try:
        asked = asked_languages(monkeypatch, engine, clips[:1])
    finally:
        hook.remove()

    assert len(asked) == 2  # random weights babble, so there was a second try
    assert len(encoded) == 1


def test_text_that_never_ends_is_known_to_be_cut_off(
    engine: OpenAIWhisper, clips: list[Clip]
) -> None:
    (babble,) = engine.hear(clips[:1])

    assert isinstance(babble, Hypothesis)
    assert not babble.complete


def test_a_moment_of_sound_and_no_sound_at_all_are_decoded(engine: OpenAIWhisper) -> None:
    moment, nothing = Clip(tone(440, 0.005)), Clip(np.zeros(0, np.float32))

    results = engine.hear([moment, nothing])

    assert all(isinstance(result, Hypothesis) for result in results)


def test_threads_that_listen_at_once_get_what_they_would_get_alone(
    engine: OpenAIWhisper, clips: list[Clip]
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


def tokens(tokenizer: object, *parts: float | str) -> list[int]:
    """Times and words as the model writes them."""
    spelled: list[int] = []
    for part in parts:
        if isinstance(part, str):
            spelled += tokenizer.encode(part)  # type: ignore[attr-defined]
        else:
            spelled.append(tokenizer.timestamp_begin + round(part / 0.02))  # type: ignore[attr-defined]
    return spelled


def test_lines_lie_between_their_time_stamps() -> None:
    tokenizer = whisper.tokenizer.get_tokenizer(True, num_languages=100, language="yue")

    def lines(*parts: float | str) -> tuple[list[tuple[float, float, str]], float]:
        found, until = openai_whisper._lines(tokens(tokenizer, *parts), tokenizer, 10.0)
        return [(line.start, line.end, line.text) for line in found], until

    assert lines(0.0, "街燈壞咗", 4.0, 4.5, "冇人整", 9.0) == (
        [(0.0, 4.0, "街燈壞咗"), (4.5, 9.0, "冇人整")],
        10.0,
    )
    assert lines(0.0, "街燈壞咗", 4.0, 4.0) == ([(0.0, 4.0, "街燈壞咗")], 4.0)
    assert lines(0.0, "街燈壞咗", 6.0) == ([(0.0, 6.0, "街燈壞咗")], 10.0)
    assert lines(0.0, "街燈壞咗", 4.0) == ([(0.0, 4.0, "街燈壞咗")], 4.0)
    assert lines(0.0, "街燈壞咗") == ([(0.0, 10.0, "街燈壞咗")], 10.0)
    assert lines("街燈壞咗") == ([(0.0, 10.0, "街燈壞咗")], 10.0)
    assert lines(0.0, "街燈壞咗", 29.0) == ([(0.0, 10.0, "街燈壞咗")], 10.0)
    assert lines(0.0, 30.0) == ([], 10.0)
    assert lines() == ([], 10.0)


def unavailable(name: str, models: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        load(name, HONG_KONG, models)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    message = unavailable("models/none.pt", tmp_path)

    assert message == (
        "no speech model: there is no file models/none.pt; "
        "set WHISPER_MODEL to a checkpoint or to a name like turbo"
    )


@pytest.mark.parametrize("kind", ["empty", "words", "pickle", "half", "other", "no weights"])
def test_a_file_that_is_no_checkpoint_is_one_clear_line(
    kind: str, tmp_path: Path, model_with_yue: Path
) -> None:
    file = tmp_path / "broken.pt"
    whole = model_with_yue.read_bytes()
    contents = {
        "empty": b"",
        "words": b"<html>not found</html>",
        "pickle": pickle.dumps({"dims": print}),
        "half": whole[: len(whole) // 2],
    }
    file.write_bytes(contents.get(kind, b""))
    if kind == "other":
        torch.save({"state_dict": {}}, file)
    if kind == "no weights":
        checkpoint = torch.load(model_with_yue, weights_only=True)
        torch.save({"dims": checkpoint["dims"], "model_state_dict": {}}, file)

    message = unavailable(str(file), tmp_path)

    assert re.search(r"broken\.pt is not a checkpoint of openai-whisper, or is damaged", message)


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    file = tmp_path / "trap.pt"
    torch.save({"dims": Trap(), "model_state_dict": {}}, file)

    unavailable(str(file), tmp_path)

    assert not (tmp_path / "sprung").exists()


def test_no_network_is_one_clear_line_with_the_file_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", no_network)

    message = unavailable("turbo", tmp_path / "models")

    assert "turbo could not be downloaded" in message
    assert "Name or service not known" in message
    assert f"put large-v3-turbo.pt into {tmp_path / 'models'}" in message


def test_what_was_downloaded_in_part_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_line(*_: object, **__: object) -> io.BytesIO:
        answer = io.BytesIO(b"the first bytes")
        answer.info = lambda: {"Content-Length": "1000000"}  # type: ignore[attr-defined]
        return answer

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", broken_line)

    assert "tiny arrived damaged" in unavailable("tiny", tmp_path / "models")


def test_a_model_in_whispers_own_cache_is_not_downloaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    (tmp_path / "whisper").mkdir()
    (tmp_path / "whisper" / "tiny.pt").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        whisper, "load_model", lambda name, download_root: asked.append(download_root) or 1 / 0
    )

    for name in ("tiny", "base"):
        with pytest.raises(ZeroDivisionError):
            load(name, HONG_KONG, tmp_path / "models")

    assert asked == [str(tmp_path / "whisper"), str(tmp_path / "models")]


def test_a_model_too_large_for_the_machine_is_one_clear_line(
    tmp_path: Path, model_with_yue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 6 GB")

    monkeypatch.setattr(whisper, "load_model", full)

    assert "does not fit into memory" in unavailable(str(model_with_yue), tmp_path)


def test_a_model_of_english_alone_is_refused(tmp_path: Path, model_with_yue: Path) -> None:
    english = tmp_path / "english.en.pt"
    checkpoint = torch.load(model_with_yue, weights_only=True)
    checkpoint["dims"]["n_vocab"] = 51864
    words = checkpoint["model_state_dict"]["decoder.token_embedding.weight"]
    checkpoint["model_state_dict"]["decoder.token_embedding.weight"] = words[:51864]
    torch.save(checkpoint, english)

    assert "understands English only" in unavailable(str(english), tmp_path)


def test_the_start_says_how_slow_the_model_is_here(model_with_yue: Path, tmp_path: Path) -> None:
    said: list[str] = []

    load(str(model_with_yue), HONG_KONG, tmp_path, said.append)

    assert re.search(r"about \d+\.\d s of computing per 30 s of call", said[-1])


def test_a_model_slower_than_speech_is_called_so(
    engine: OpenAIWhisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_whisper, "seconds_per_window", lambda _: 36.2)

    assert "slower than people speak" in openai_whisper.describe_speed(engine._whisper)


def test_what_is_on_record_tells_one_checkpoint_from_another(
    engine: OpenAIWhisper, model_without_yue: Path, tmp_path: Path
) -> None:
    other = load(str(model_without_yue), HONG_KONG, tmp_path)

    assert re.fullmatch(r"with-yue\.pt@[0-9a-f]{12}", engine.model)
    assert other.model != engine.model
