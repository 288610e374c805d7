"""A transcription server hears for us: what we ask of it, and what becomes of all it may answer.

The server is a real one, a process with the demonstration's model behind OpenAI's interface.
"""

import json
import logging
import math
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from demo.house import free_port
from runtime.settings import Settings
from tests.support.transcription_server import CHECKPOINT, PROJECT, Handle, transcription_server
from transcription import audio
from transcription.audio import SAMPLE_RATE
from transcription.engines import remote
from transcription.engines.answer import Answer, language_of
from transcription.engines.interface import (
    UNTOLD,
    Clip,
    Hypothesis,
    ModelUnavailable,
    Result,
    Unheard,
)
from transcription.engines.remote import Remote
from transcription.engines.server import Server, Trouble

KEY = "sesame-open-0123456789"
CITY = ("yue", "cmn", "en")
CANTONESE = {"yue": 0.9, "cmn": 0.05, "en": 0.05}
MANDARIN = {"yue": 0.05, "cmn": 0.9, "en": 0.05}
ENGLISH = {"yue": 0.05, "cmn": 0.05, "en": 0.9}

pytestmark = pytest.mark.skipif(not CHECKPOINT.exists(), reason="no checkpoint")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    with transcription_server(tmp_path_factory.mktemp("server")) as handle:
        yield handle


@pytest.fixture
def server(running: Handle) -> Handle:
    """The server, well behaved."""
    running.misbehave()
    return running


def connect(server: Handle, key: str = KEY, patience: float = 60.0) -> Remote:
    near = Server(server.url, key, patience=patience, pauses=(0.01, 0.01))
    return Remote(near, "hotline", CITY)


@pytest.fixture(scope="module")
def known(running: Handle) -> Remote:
    """An engine that found out how to ask a well-behaved server."""
    running.misbehave()
    return connect(running)


@pytest.fixture
def engine(known: Remote, server: Handle) -> Iterator[Remote]:
    before = known.way
    yield known
    known.way = before


def spoken(file: str, prior: dict[str, float], seconds: float = 4.5, **more: Any) -> Clip:
    data = (PROJECT / "demo" / "calls" / file).read_bytes()
    samples = audio.one_voice(audio.read(data)).samples
    return Clip(samples[: round(seconds * SAMPLE_RATE)], prior, **more)


SCAFFOLD = spoken("yue-scaffold.wav", CANTONESE)
WATER = spoken("cmn-water.wav", MANDARIN)
LAMP = spoken("en-street-lamp.wav", ENGLISH)


def said(result: Result) -> Hypothesis:
    assert isinstance(result, Hypothesis), result
    return result


def unheard(result: Result) -> str:
    assert isinstance(result, Unheard), result
    return result.reason


def unavailable(engine: Remote, *clips: Clip) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        engine.hear(clips or [SCAFFOLD])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def asked(server: Handle) -> list[dict[str, Any]]:
    return [it["form"] for it in server.seen().requests]


# What a server hears


def test_every_clip_is_heard_in_its_language_and_in_order(engine: Remote) -> None:
    results = [said(it) for it in engine.hear([SCAFFOLD, WATER, LAMP])]

    assert [it.language for it in results] == ["yue", "cmn", "en"]
    assert "海晴邨" in results[0].text and "水管" in results[1].text
    assert results[2].text.startswith("Hello, the street lamp")


def test_words_lie_in_time_and_are_the_text(engine: Remote) -> None:
    for result in engine.hear([SCAFFOLD, LAMP]):
        for line in said(result).lines:
            assert "".join(word.text for word in line.words).strip() == line.text
            times = [moment for word in line.words for moment in (word.start, word.end)]
            assert times == sorted(times)
            assert min(times) >= 0 and max(times) <= 4.5
            assert all(0.3 < word.probability <= 1 for word in line.words)


def test_what_the_server_believes_is_kept(engine: Remote) -> None:
    result = said(engine.hear([SCAFFOLD])[0])

    assert -0.5 < result.mean_log_probability < 0
    assert result.no_speech_probability < 0.1


def test_the_sound_goes_as_the_model_wants_it(engine: Remote, server: Handle) -> None:
    engine.hear([Clip(SCAFFOLD.samples, CANTONESE, prompt="海晴邨")])

    (request,) = server.seen().requests
    assert (request["rate"], request["seconds"]) == (16_000, 4.5)
    assert request["form"]["model"] == "hotline"
    assert request["form"]["prompt"] == "海晴邨"


def test_a_moment_of_sound_is_made_long_enough(engine: Remote, server: Handle) -> None:
    said(engine.hear([Clip(np.zeros(10, np.float32))])[0])

    assert server.seen().requests[0]["seconds"] == 0.5


def test_no_clips_are_no_question(engine: Remote, server: Handle) -> None:
    assert engine.hear([]) == []
    assert asked(server) == []


def test_clips_are_sent_side_by_side_but_no_more_than_a_batch(
    engine: Remote, server: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "batch", 3)
    server.misbehave(wait=0.3)

    results = engine.hear([SCAFFOLD, WATER, LAMP, SCAFFOLD, WATER])

    assert server.seen().most_at_once == 3
    assert [said(it).language for it in results] == ["yue", "cmn", "en", "yue", "cmn"]


def test_a_proxy_of_the_environment_hears_no_voices(
    server: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")

    assert said(connect(server).hear([SCAFFOLD])[0]).language == "yue"


# How it likes to be asked


@pytest.mark.parametrize("status", [400, 500])
def test_a_server_that_does_not_know_cantonese_is_asked_for_chinese(
    server: Handle, status: int
) -> None:
    server.misbehave(unknown_codes=["yue"], unknown_status=status)
    engine = connect(server)
    server.misbehave(tell={"language": "welsh"})

    assert engine.way.codes == {"yue": "zh", "cmn": "zh", "en": "en"}
    assert said(engine.hear([SCAFFOLD])[0]).language == "yue"
    assert asked(server)[-1]["language"] == "zh"


def test_a_server_that_takes_no_code_finds_the_language_by_itself(server: Handle) -> None:
    server.misbehave(unknown_codes=["yue", "zh", "en"])
    engine = connect(server)
    server.misbehave()

    said(engine.hear([SCAFFOLD])[0])

    assert "language" not in asked(server)[-1]


def test_its_word_on_the_language_is_taken_then(server: Handle) -> None:
    server.misbehave(unknown_codes=["yue", "zh", "en"])
    engine = connect(server)
    server.misbehave(tell={"language": "english"})
    even = {"yue": 0.4, "cmn": 0.3, "en": 0.3}

    result = said(engine.hear([Clip(LAMP.samples, even)])[0])

    assert result.language == "en"
    assert 0.7 < result.language_probability < 0.95


def test_a_server_that_agrees_is_asked_once(engine: Remote, server: Handle) -> None:
    assert said(engine.hear([SCAFFOLD])[0]).language == "yue"
    assert len(asked(server)) == 1


def test_a_language_nobody_here_speaks_is_not_believed(engine: Remote, server: Handle) -> None:
    server.misbehave(tell={"language": "welsh"})

    assert said(engine.hear([SCAFFOLD])[0]).language == "yue"
    assert [form.get("language") for form in asked(server)] == [None, "yue"]


def test_a_server_that_calls_cantonese_chinese_is_asked_for_both(
    engine: Remote, server: Handle
) -> None:
    server.misbehave(tell={"language": "chinese"})

    result = said(engine.hear([Clip(SCAFFOLD.samples, {"yue": 0.95, "cmn": 0.03, "en": 0.02})])[0])

    assert result.language == "yue"
    assert [form.get("language") for form in asked(server)] == [None, "yue"]


@pytest.mark.parametrize(("clip", "language"), [(WATER, "cmn"), (LAMP, "en")])
def test_who_pressed_the_wrong_key_is_read_in_the_language_that_fits(
    engine: Remote, clip: Clip, language: str
) -> None:
    wrong = Clip(clip.samples, CANTONESE)

    assert said(engine.hear([wrong])[0]).language == language
    assert said(engine.hear([wrong])[0]).text == said(engine.hear([clip])[0]).text


def test_english_letters_are_english_whatever_was_asked_for(server: Handle) -> None:
    server.misbehave(formats=["json"], tell={"text": "The lamp is broken."})

    result = said(connect(server).hear([SCAFFOLD])[0])

    assert (result.language, result.text) == ("en", "The lamp is broken.")


def test_a_server_without_times_is_asked_for_text_ever_after(server: Handle) -> None:
    server.misbehave(formats=["json"])
    engine = connect(server)
    server.misbehave(formats=["json"])

    result = said(engine.hear([SCAFFOLD])[0])

    assert [form["response_format"] for form in asked(server)] == ["json"]
    (line,) = result.lines
    assert (line.start, line.end, line.words) == (0.0, 4.5, ())
    assert "海晴邨" in line.text


def test_what_a_server_does_not_tell_is_even(server: Handle) -> None:
    server.misbehave(formats=["json"])

    result = said(connect(server).hear([SCAFFOLD])[0])

    assert result.mean_log_probability == math.log(UNTOLD)
    assert result.no_speech_probability == UNTOLD


def test_another_model_behind_the_same_address_is_asked_in_its_own_way(
    engine: Remote, server: Handle
) -> None:
    server.misbehave(formats=["json"], unknown_codes=["yue"])

    results = engine.hear([SCAFFOLD, WATER])

    assert [said(it).language for it in results] == ["yue", "cmn"]
    assert engine.way.codes["yue"] == "zh"


def test_a_server_that_stumbles_over_times_still_tells_the_words(
    engine: Remote, server: Handle
) -> None:
    server.misbehave(formats=["json"], unknown_status=500)

    assert "海晴邨" in said(engine.hear([SCAFFOLD])[0]).text


# What may go wrong


def test_a_busy_server_is_given_the_time_it_asks_for(engine: Remote, server: Handle) -> None:
    server.misbehave(status=429, retry_after="1", times=1)
    began = time.monotonic()

    assert said(engine.hear([SCAFFOLD])[0]).language == "yue"
    assert time.monotonic() - began > 1
    assert len(asked(server)) == 2


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failure_that_passes_is_not_noticed(engine: Remote, server: Handle, status: int) -> None:
    server.misbehave(status=status, times=2)

    assert said(engine.hear([SCAFFOLD])[0]).language == "yue"


def test_a_connection_that_breaks_is_made_again(engine: Remote, server: Handle) -> None:
    server.misbehave(drop=2)

    assert said(engine.hear([SCAFFOLD])[0]).language == "yue"


def test_a_clip_the_server_fails_on_is_unheard_and_no_other(engine: Remote, server: Handle) -> None:
    server.misbehave(status=500, longer_than=3)

    bad, good = engine.hear([SCAFFOLD, Clip(WATER.samples[:40_000], MANDARIN)])

    assert unheard(bad) == "HTTP 500"
    assert "您好" in said(good).text


def test_a_refused_clip_is_unheard_with_the_servers_reason(engine: Remote, server: Handle) -> None:
    body = json.dumps({"error": {"message": "Maximum file size exceeded"}})
    server.misbehave(status=413, body=body, longer_than=3)

    assert unheard(engine.hear([SCAFFOLD])[0]) == "HTTP 413: Maximum file size exceeded"
    assert len(asked(server)) == 2  # the clip once, and one hum to see who is at fault


@pytest.mark.parametrize("body", ["", "<html>hello</html>", "[]", "{}", '{"text": null}', "{"])
def test_an_answer_that_is_none_is_no_text(engine: Remote, server: Handle, body: str) -> None:
    server.misbehave(status=200, body=body, longer_than=3)

    reason = unheard(engine.hear([SCAFFOLD])[0])

    assert reason == "the answer is not the JSON of a transcription"


def test_recordings_wait_for_a_server_behind_a_broken_gateway(
    engine: Remote, server: Handle
) -> None:
    server.misbehave(status=502, body="<html>Bad gateway</html>", content_type="text/html")

    assert "does not answer (HTTP 502: a web page)" in unavailable(engine, SCAFFOLD, WATER)


def test_recordings_wait_for_a_server_that_is_always_busy(engine: Remote, server: Handle) -> None:
    server.misbehave(status=429)

    assert "does not answer (HTTP 429)" in unavailable(engine)


def test_recordings_wait_for_a_server_that_hangs(server: Handle) -> None:
    engine = connect(server, patience=20)
    hasty = Server(server.url, KEY, patience=0.5, pauses=())
    engine._server = hasty
    server.misbehave(wait=3)

    assert "does not answer (no answer within 0.5 s)" in unavailable(engine)


def test_recordings_wait_for_a_server_that_hangs_up(engine: Remote, server: Handle) -> None:
    server.misbehave(drop=1000)

    assert "does not answer (no connection" in unavailable(engine)


def test_what_was_heard_of_a_batch_is_heard_again_when_the_server_went_away(
    engine: Remote, server: Handle
) -> None:
    server.misbehave(status=503)
    server.misbehave(status=503, longer_than=0.9)

    assert "HTTP 503" in unavailable(engine, Clip(SCAFFOLD.samples[:8_000]), WATER)


def test_nobody_at_the_address_is_one_clear_line() -> None:
    with pytest.raises(ModelUnavailable, match=r"does not answer .* see whether it runs"):
        Remote(Server(f"http://127.0.0.1:{free_port()}/v1", pauses=()), "hotline", CITY)


@pytest.mark.parametrize("status", [404, 405, 307])
def test_a_wrong_address_is_one_clear_line(engine: Remote, server: Handle, status: int) -> None:
    server.misbehave(status=status)

    assert f"no such address or model (HTTP {status})" in unavailable(engine)


def test_a_server_that_takes_no_sound_at_all_is_one_clear_line(server: Handle) -> None:
    server.misbehave(formats=[])

    with pytest.raises(ModelUnavailable, match=r"takes no sound .*Currently do not support json"):
        connect(server)


# Keys and privacy


def test_the_key_goes_with_every_request_and_into_no_log(
    server: Handle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.misbehave(key=KEY)

    said(connect(server).hear([SCAFFOLD])[0])

    assert {it["key"] for it in server.seen().requests} == {f"Bearer {KEY}"}
    assert KEY not in caplog.text
    assert "海晴邨" not in caplog.text


def test_a_wrong_key_is_one_clear_line_without_it(server: Handle) -> None:
    server.misbehave(key="another")

    with pytest.raises(ModelUnavailable, match="does not let us in") as caught:
        connect(server)

    assert "Incorrect API key: Bearer ***" in str(caught.value)
    assert KEY not in str(caught.value)


def lead(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (it, 0)) for it in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.1.9", "::1", "fd00::1"])
def test_a_server_inside_is_trusted_with_voices(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    lead(monkeypatch, address)
    Server("http://speech.internal/v1").admit()


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
def test_a_server_outside_is_not_unless_the_operator_says_so(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    lead(monkeypatch, "10.1.2.3", address)
    with pytest.raises(ModelUnavailable, match=rf"leads outside, to {address}.*WHISPER_URL_PUBLIC"):
        Server("https://speech.example/v1").admit()
    Server("https://speech.example/v1", outside=True).admit()


def test_voices_leave_the_house_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    lead(monkeypatch, "8.8.8.8")
    with pytest.raises(ModelUnavailable, match="https://"):
        Server("http://speech.example/v1", outside=True).admit()


def test_a_name_that_leads_outside_later_gets_no_voices(
    engine: Remote, server: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, "8.8.8.8")

    assert "leads outside" in unavailable(engine)
    monkeypatch.undo()
    assert asked(server) == []


def test_a_name_nobody_knows_is_one_clear_line() -> None:
    with pytest.raises(ModelUnavailable, match=r"nowhere\.invalid, cannot be found"):
        Server("http://nowhere.invalid/v1").admit()


def test_the_start_says_in_one_line_what_answered(server: Handle) -> None:
    lines: list[str] = []
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        whisper_engine="remote",
        whisper_url=server.url,
        whisper_model="hotline",
        whisper_key=KEY,
    )

    engine = remote.load(settings, CITY, lines.append)

    assert lines == [
        f"speech server {server.url}: ready, model hotline answers with words; "
        "asked for yue as yue, cmn as zh, en as en"
    ]
    assert (engine.name, engine.model, engine.seconds_per_clip) == ("remote", "hotline", None)


# What servers tell


def answer(seconds: float = 4.0, **told: Any) -> Answer:
    return Answer(json.dumps(told).encode(), seconds)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("language Cantonese<asr_text>街燈壞咗", "yue"),
        ("language Chinese<asr_text>街燈壞咗", "cmn"),
        ("language Chinese,English<asr_text>街燈壞咗", "cmn"),
        ("language None<asr_text>街燈壞咗", None),
        ("<asr_text>街燈壞咗", None),
        ("街燈壞咗", None),
    ],
)
def test_what_qwen_says_about_the_text_is_not_text(text: str, language: str | None) -> None:
    it = answer(text=text)

    assert [line.text for line in it.lines] == ["街燈壞咗"]
    assert it.language == language


def test_an_answer_without_words_has_no_line() -> None:
    assert answer(text=" ").lines == ()
    assert answer(text="language None<asr_text>").lines == ()


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("Cantonese", "yue"),
        ("zh-HK", "yue"),
        ("zh_Hant_HK", "yue"),
        ("Chinese (Cantonese)", "yue"),
        ("粵語", "yue"),
        ("chinese", "cmn"),
        ("zh-CN", "cmn"),
        ("Mandarin Chinese", "cmn"),
        ("en_US", "en"),
        ("ENGLISH", "en"),
        ("welsh", None),
        ("", None),
    ],
)
def test_servers_have_many_names_for_a_language(name: str, ours: str | None) -> None:
    assert language_of(name) == ours


def test_words_without_marks_and_blanks_get_them_from_the_text() -> None:
    words = [
        {"word": "Hello", "start": 0.1, "end": 0.4},
        {"word": "the", "start": 0.5, "end": 0.6},
        {"word": "lamp", "start": 0.6, "end": 1.0},
    ]
    segment = {"text": " Hello, the lamp.", "start": 0, "end": 1, "avg_logprob": -0.1}

    (line,) = answer(text="Hello, the lamp.", segments=[segment], words=words).lines

    assert [word.text for word in line.words] == ["Hello,", " the", " lamp."]
    assert {round(word.probability, 3) for word in line.words} == {round(math.exp(-0.1), 3)}


def test_words_that_are_not_the_texts_are_no_words() -> None:
    words = [{"word": "壞", "start": 0, "end": 1}]

    (line,) = answer(text="街燈壞咗", words=words).lines

    assert line.words == ()


def test_every_line_has_its_own_words() -> None:
    words = [{"word": it, "start": at, "end": at + 1} for at, it in enumerate("街燈壞咗")]
    segments = [
        {"text": "街燈。", "start": 0, "end": 2},
        {"text": "壞咗。", "start": 2, "end": 4},
    ]

    lines = answer(text="街燈。壞咗。", segments=segments, words=words).lines

    assert [[word.text for word in line.words] for line in lines] == [
        ["街", "燈。"],
        ["壞", "咗。"],
    ]


def test_times_stay_within_the_clip_and_lines_in_order() -> None:
    segments = [
        {"text": "咗", "start": 3.0, "end": 30.0},
        {"text": "街燈壞", "start": -1.0, "end": 2.0},
    ]

    lines = answer(text="街燈壞咗", segments=segments).lines

    assert [(it.start, it.end, it.text) for it in lines] == [(0, 2, "街燈壞"), (3, 4, "咗")]


def test_probabilities_filled_in_with_nothing_are_not_certainty() -> None:
    segment = {"text": "街燈", "start": 0, "end": 1, "avg_logprob": 0.0}

    assert answer(text="街燈", segments=[segment]).mean_log_probability == math.log(UNTOLD)


def test_the_probabilities_of_tokens_count_where_lines_have_none() -> None:
    logprobs = [{"token": "街", "logprob": -0.1}, {"token": "燈", "logprob": -0.3}]

    assert answer(text="街燈", logprobs=logprobs).mean_log_probability == pytest.approx(-0.2)


def test_what_cannot_be_read_is_trouble_that_quotes_nothing() -> None:
    with pytest.raises(Trouble) as caught:
        answer(text=["街燈壞咗"])

    assert not re.search("街燈", str(caught.value))
