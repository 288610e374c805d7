"""From the bytes of a recording to what goes on record."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cases import places
from cases.transcripts import Heard
from runtime.city import City
from runtime.settings import CITIES, Settings
from tests.unit.transcription.conftest import Parrot, Script, said, tone, wav
from transcription.audio import SAMPLE_RATE, NotAudio, Samples, one_voice, read
from transcription.calibration import Calibration, beside
from transcription.engines.interface import (
    UNTOLD,
    Clip,
    Line,
    Mixed,
    ModelUnavailable,
    Result,
    Unheard,
    Word,
)
from transcription.expected import Expected
from transcription.language import Evidence, prior_of
from transcription.recogniser import HearingFailed, Recogniser, Request, open_recogniser
from transcription.speech import Detector

Speech = Callable[[str], bytes]
HONG_KONG = ("yue", "cmn", "en")
COMPLAINT = "我想投訴街燈壞咗"


def recogniser(detector: Detector, script: Script) -> Recogniser:
    return Recogniser(Parrot(script), detector, HONG_KONG, "hk")


def plain(_: int, clip: Clip) -> Result:
    return said(clip, (0.0, len(clip.samples) / SAMPLE_RATE, COMPLAINT))


def three_sentences(speech: Speech) -> tuple[bytes, list[float]]:
    """The same sentence three times, ten seconds of silence between; where each one begins."""
    one = one_voice(read(speech("yue"))).samples
    pause = np.zeros(10 * SAMPLE_RATE, np.float32)
    whole = np.concatenate([one, pause, one, pause, one])
    step = (len(one) + len(pause)) / SAMPLE_RATE
    return wav(whole, SAMPLE_RATE), [1.0, 1.0 + step, 1.0 + 2 * step]


def test_a_sentence_goes_on_record(detector: Detector, speech: Speech) -> None:
    heard = recogniser(detector, plain).hear(speech("yue"))

    assert heard is not None
    assert (heard.text, heard.raw_text, heard.language) == (COMPLAINT, COMPLAINT, "yue")
    assert heard.language_probability == pytest.approx(0.9)
    assert heard.confidence == pytest.approx(0.819, abs=0.001)  # exp(-0.2)
    assert (heard.engine, heard.model, heard.flags) == ("parrot", "parrot-1", ())
    assert heard.segments[0].start == pytest.approx(0.75, abs=0.25)
    assert heard.segments[0].flags == ()


@pytest.mark.parametrize(
    "nothing",
    [np.zeros(80_000), tone(440, 10, rate=8000), np.zeros(1600)],
    ids=["silence", "a tone", "0.2 s"],
)
def test_where_nobody_speaks_the_engine_is_not_even_asked(
    detector: Detector, nothing: np.ndarray
) -> None:
    parrot = Parrot(plain)

    assert Recogniser(parrot, detector, HONG_KONG, "hk").hear(wav(nothing)) is None
    assert parrot.given == []


def test_speech_in_which_the_model_hears_no_speech_has_no_text(
    detector: Detector, speech: Speech
) -> None:
    television = recogniser(detector, lambda _, clip: said(clip, no_speech_probability=0.9))

    assert television.hear(speech("yue")) is None


def test_speech_without_words_is_left_to_a_person(detector: Detector, speech: Speech) -> None:
    heard = recogniser(detector, lambda _, clip: said(clip)).hear(speech("yue"))

    assert heard is not None
    assert (heard.text, heard.flags) == ("", ("listen_to_recording",))


def test_what_is_no_recording_is_said_to_be_none(detector: Detector) -> None:
    with pytest.raises(NotAudio):
        recogniser(detector, plain).hear(b"<html>")


def test_silences_are_cut_and_times_are_those_of_the_recording(
    detector: Detector, speech: Speech
) -> None:
    data, begins = three_sentences(speech)
    lengths: list[float] = []

    def thirds(_: int, clip: Clip) -> Result:
        seconds = len(clip.samples) / SAMPLE_RATE
        lengths.append(seconds)
        each = seconds / 3
        return said(clip, *((i * each, (i + 1) * each, f"第{i}句") for i in range(3)))

    heard = recogniser(detector, thirds).hear(data)

    assert heard is not None
    assert lengths[0] < 16 < read(data).seconds - 15  # the silences are gone
    starts = [segment.start for segment in heard.segments]
    ends = [segment.end for segment in heard.segments]
    assert starts == pytest.approx(begins, abs=0.6)
    assert [end - start for start, end in zip(starts, ends, strict=True)] == pytest.approx(
        [4.6] * 3, abs=1.0
    )
    assert heard.text == "第0句 第1句 第2句"


def test_what_the_engine_left_unheard_is_played_to_it_again(
    detector: Detector, speech: Speech
) -> None:
    data, begins = three_sentences(speech)

    def one_sentence_at_a_time(index: int, clip: Clip) -> Result:
        return said(clip, (0.3, 4.5, f"第{index}句"), heard_until=4.7)

    parrot = Parrot(one_sentence_at_a_time)
    heard = Recogniser(parrot, detector, HONG_KONG, "hk").hear(data)

    assert heard is not None
    assert heard.text == "第0句 第1句 第2句"
    assert [segment.start for segment in heard.segments] == pytest.approx(begins, abs=1.5)
    assert parrot.given[0].prior == prior_of(Evidence(), HONG_KONG)
    assert [clip.prior["yue"] for clip in parrot.given[1:]] == pytest.approx([0.98, 0.98])


def test_a_sentence_that_was_written_and_is_played_again_is_written_once(
    detector: Detector, speech: Speech
) -> None:
    data, _ = three_sentences(speech)
    script = [("我想投訴。街燈壞咗兩個禮拜", 4.7), ("街燈壞左兩個禮拜。", 30.0)]

    heard = recogniser(
        detector,
        lambda i, clip: said(clip, (0.3, 4.5, script[i][0]), heard_until=script[i][1]),
    ).hear(data)

    assert heard is not None
    assert heard.text == "我想投訴。街燈壞咗兩個禮拜"
    assert [segment.flags for segment in heard.segments] == [(), ("said_again",)]
    assert heard.flags == ("suspect_text",)


def test_a_model_that_falls_silent_over_words_to_expect_is_asked_without_them(
    detector: Detector, speech: Speech
) -> None:
    def only_unprompted(_: int, clip: Clip) -> Result:
        return said(clip) if clip.prompt else said(clip, (0.3, 4.5, COMPLAINT))

    parrot = Parrot(only_unprompted)
    expected = Expected.read(CITIES / "hongkong")
    heard = Recogniser(parrot, detector, HONG_KONG, "hk", expected=expected).hear(
        speech("yue"), evidence=Evidence(flow="yue", earlier={"yue": 9})
    )

    assert heard is not None
    assert heard.text == COMPLAINT
    assert [bool(clip.prompt) for clip in parrot.given] == [True, False]


def test_the_last_moment_is_not_played_again_for_models_invent_on_it(
    detector: Detector, speech: Speech
) -> None:
    def stops_early(_: int, clip: Clip) -> Result:
        until = len(clip.samples) / SAMPLE_RATE - 0.6
        return said(clip, (0.0, until, COMPLAINT), heard_until=until)

    parrot = Parrot(stops_early)
    Recogniser(parrot, detector, HONG_KONG, "hk").hear(speech("yue"))

    assert len(parrot.given) == 1


def test_an_engine_that_never_comes_to_an_end_is_not_asked_for_ever(
    detector: Detector, speech: Speech
) -> None:
    parrot = Parrot(lambda _, clip: said(clip, (0.0, 0.3, "喂"), heard_until=0.3))

    Recogniser(parrot, detector, HONG_KONG, "hk").hear(speech("yue"))

    assert len(parrot.given) == 4


def test_a_long_call_is_heard_in_windows_in_its_order(detector: Detector, speech: Speech) -> None:
    one = one_voice(read(speech("cmn"))).samples
    call = np.tile(one, 20)
    parrot = Parrot(lambda i, clip: said(clip, (0.0, len(clip.samples) / SAMPLE_RATE, f"第{i}段")))

    heard = Recogniser(parrot, detector, HONG_KONG, "hk").hear(wav(call, SAMPLE_RATE))

    assert heard is not None
    assert len(parrot.given) > 2
    assert all(len(clip.samples) <= 24 * SAMPLE_RATE for clip in parrot.given)
    assert [segment.start for segment in heard.segments] == sorted(
        segment.start for segment in heard.segments
    )
    assert set(heard.text.split()) == {f"第{i}段" for i in range(len(parrot.given))}
    assert heard.text == " ".join(segment.text for segment in heard.segments)
    assert heard.segments[-1].end == pytest.approx(len(call) / SAMPLE_RATE - 0.8, abs=0.6)


def test_what_is_known_of_the_call_reaches_the_engine(detector: Detector, speech: Speech) -> None:
    parrot = Parrot(plain)
    ear = Recogniser(parrot, detector, HONG_KONG, "hk")

    ear.hear(speech("yue"))
    ear.hear(speech("yue"), evidence=Evidence(flow="cmn"))

    likeliest = [max(clip.prior, key=lambda it: clip.prior[it]) for clip in parrot.given]
    assert likeliest == ["yue", "cmn"]
    assert all(sum(clip.prior.values()) == pytest.approx(1.0) for clip in parrot.given)


def test_a_phantom_is_left_out_of_the_text_but_stays_on_record(
    detector: Detector, speech: Speech
) -> None:
    phantom = "字幕由 Amara.org 社群提供"
    heard = recogniser(
        detector, lambda _, clip: said(clip, (0.0, 2.0, COMPLAINT), (2.0, 4.0, phantom))
    ).hear(speech("yue"))

    assert heard is not None
    assert heard.text == COMPLAINT
    assert heard.raw_text == f"{COMPLAINT} {phantom}"
    assert heard.segments[1].text == phantom
    assert [segment.flags for segment in heard.segments] == [(), ("phantom",)]
    assert heard.flags == ("suspect_text",)


def test_nothing_but_a_phantom_leaves_a_case_for_a_listener(
    detector: Detector, speech: Speech
) -> None:
    heard = recogniser(detector, lambda _, clip: said(clip, (0.0, 2.0, "謝謝觀看"))).hear(
        speech("yue")
    )

    assert heard is not None
    assert (heard.text, heard.raw_text) == ("", "謝謝觀看")
    assert heard.flags == ("suspect_text", "listen_to_recording")


def test_a_loop_is_kept_and_marked(detector: Detector, speech: Speech) -> None:
    loop = "我想投訴" * 7
    heard = recogniser(detector, lambda _, clip: said(clip, (0.0, 4.0, loop))).hear(speech("yue"))

    assert heard is not None
    assert heard.text == loop
    assert heard.segments[0].flags == ("loop",)
    assert heard.flags == ("suspect_text",)


def test_words_the_model_hardly_believes_in_are_marked(detector: Detector, speech: Speech) -> None:
    heard = recogniser(
        detector, lambda _, clip: said(clip, (0.0, 4.0, COMPLAINT), mean_log_probability=-1.3)
    ).hear(speech("yue"))

    assert heard is not None
    assert heard.text == COMPLAINT
    assert heard.flags == ("low_confidence",)


def test_a_line_whose_words_are_mostly_doubtful_is_marked(
    detector: Detector, speech: Speech
) -> None:
    def worth(probability: float) -> tuple[str, ...]:
        words = tuple(Word(i / 4, (i + 1) / 4, it, probability) for i, it in enumerate(COMPLAINT))
        heard = recogniser(
            detector,
            lambda _, clip: replace(said(clip), lines=(Line(0.0, 4.0, COMPLAINT, words),)),
        ).hear(speech("yue"))
        assert heard is not None and heard.text == COMPLAINT
        return heard.flags

    assert worth(0.9) == ()
    assert worth(0.6) == ("low_confidence",)
    assert worth(UNTOLD) == ()  # an engine that tells nothing is not doubted for that


def test_a_murmur_where_the_model_hears_no_speech_is_on_record_only(
    detector: Detector, speech: Speech
) -> None:
    murmur = {"no_speech_probability": 0.9, "mean_log_probability": -1.3}
    heard = recogniser(detector, lambda _, clip: said(clip, (0.0, 4.0, "嗯"), **murmur)).hear(
        speech("yue")
    )

    assert heard is not None
    assert (heard.text, heard.raw_text) == ("", "嗯")
    assert heard.flags == ("suspect_text", "low_confidence", "listen_to_recording")


def test_text_is_in_the_citys_script_and_raw_text_is_not_touched(
    detector: Detector, speech: Speech
) -> None:
    heard = recogniser(detector, lambda _, clip: said(clip, (0.0, 4.0, "我想投诉街灯坏了"))).hear(
        speech("cmn")
    )

    assert heard is not None
    assert (heard.text, heard.raw_text) == ("我想投訴街燈壞了", "我想投诉街灯坏了")


def test_the_language_of_a_call_is_the_one_most_of_it_is_in(
    detector: Detector, speech: Speech
) -> None:
    one = one_voice(read(speech("cmn"))).samples
    languages = ["en", "yue", "yue", "yue", "en"]

    def mixed(index: int, clip: Clip) -> Result:
        return said(clip, (0.0, 4.0, "喂"), language=languages[index % 5])

    heard = recogniser(detector, mixed).hear(wav(np.tile(one, 20), SAMPLE_RATE))

    assert heard is not None
    assert heard.language == "yue"
    assert 0.4 < heard.language_probability < 0.9


def test_a_clip_the_engine_failed_on_leaves_the_rest_and_asks_for_a_listener(
    detector: Detector, speech: Speech
) -> None:
    one = one_voice(read(speech("cmn"))).samples

    def second_fails(index: int, clip: Clip) -> Result:
        return Unheard("no room") if index == 1 else plain(index, clip)

    heard = recogniser(detector, second_fails).hear(wav(np.tile(one, 15), SAMPLE_RATE))

    assert heard is not None
    assert heard.text.startswith(COMPLAINT)
    assert heard.flags == ("listen_to_recording",)


def test_an_engine_that_fails_on_everything_has_failed(detector: Detector, speech: Speech) -> None:
    with pytest.raises(HearingFailed, match="no room"):
        recogniser(detector, lambda *_: Unheard("no room")).hear(speech("yue"))


def test_a_recording_shorter_than_the_provider_says_asks_for_a_listener(
    detector: Detector, speech: Speech
) -> None:
    ear = recogniser(detector, plain)

    whole = ear.hear(speech("yue"), seconds=8)
    half = ear.hear(speech("yue"), seconds=20)

    assert whole is not None and half is not None
    assert (whole.flags, half.flags) == ((), ("listen_to_recording",))


def test_progress_is_told_up_to_the_end(detector: Detector, speech: Speech) -> None:
    told: list[float] = []

    recogniser(detector, plain).hear(speech("yue"), progress=told.append)

    assert told[-1] == 1.0


def sure_of(clip: Clip, language: str) -> dict[str, float]:
    return {it: 0.98 if it == language else 0.01 for it in clip.prior}


def test_windows_of_all_recordings_are_heard_together_and_go_back_to_their_own(
    detector: Detector, speech: Speech
) -> None:
    one = one_voice(read(speech("cmn"))).samples
    long_call = wav(np.tile(one, 12), SAMPLE_RATE)
    calls = [speech("yue"), long_call, speech("en"), speech("yue")]
    steps: list[int] = []
    parrot = Parrot(lambda _, clip: said(clip, (0.0, 1.0, str(len(clip.samples)))))
    hear = parrot.hear
    parrot.hear = lambda clips: steps.append(len(clips)) or hear(clips)  # type: ignore[method-assign]
    parrot.batch = 4
    ear = Recogniser(parrot, detector, HONG_KONG, "hk")

    together = ear.hear_all([Request(data) for data in calls])

    assert max(steps) == 4 and len(steps) == -(-len(parrot.given) // 4)
    assert together == [ear.hear(data) for data in calls]
    texts = [heard.text for heard in together if isinstance(heard, Heard)]
    assert texts[0] == texts[3] != texts[2] and len(texts[1].split()) == 2


def test_a_bad_recording_touches_no_other(detector: Detector, speech: Speech) -> None:
    class Deaf(Detector):
        def probabilities(self, samples: Samples) -> Samples:
            if len(samples) < SAMPLE_RATE:
                raise RuntimeError("out of order")
            return super().probabilities(samples)

    ear = Recogniser(Parrot(plain), Deaf(), HONG_KONG, "hk")
    good, silent, web_page, odd = ear.hear_all(
        [
            Request(speech("yue")),
            Request(wav(np.zeros(80_000))),
            Request(b"<html>"),
            Request(wav(tone(440, 0.5), SAMPLE_RATE)),
        ]
    )

    assert isinstance(good, Heard) and good.text == COMPLAINT
    assert silent is None
    assert isinstance(web_page, NotAudio)
    assert isinstance(odd, HearingFailed) and "out of order" in str(odd)


def test_a_recording_the_engine_fails_on_does_not_fail_the_others(
    detector: Detector, speech: Speech
) -> None:
    def fails_on_english(_: int, clip: Clip) -> Result:
        return Unheard("no room") if clip.prior["en"] > 0.5 else plain(0, clip)

    ear = recogniser(detector, fails_on_english)
    good, bad = ear.hear_all([Request(speech("yue")), Request(speech("en"), Evidence(flow="en"))])

    assert isinstance(good, Heard) and isinstance(bad, HearingFailed)


def test_an_engine_that_is_gone_ends_the_hearing_of_all(detector: Detector, speech: Speech) -> None:
    def gone(_: int, clip: Clip) -> Result:
        raise ModelUnavailable("the server is away", "start it")

    with pytest.raises(ModelUnavailable):
        recogniser(detector, gone).hear_all([Request(speech("yue"))])


def test_urgent_work_is_heard_between_two_steps(detector: Detector, speech: Speech) -> None:
    parrot = Parrot(plain)
    parrot.batch = 1
    ear = Recogniser(parrot, detector, HONG_KONG, "hk")
    urgent: list[Heard | None] = []

    def between() -> None:
        if len(parrot.given) == 1:
            urgent.append(ear.hear(speech("en")))

    outcomes = ear.hear_all([Request(speech("yue")), Request(speech("cmn"))], between=between)

    assert urgent and all(isinstance(it, Heard) for it in [*urgent, *outcomes])
    lengths = [len(clip.samples) for clip in parrot.given]
    assert len(lengths) == 3 and lengths[1] not in (lengths[0], lengths[2])


def turns(speech: Speech, *languages: str, pause: float = 1.0) -> bytes:
    silence = np.zeros(round(pause * SAMPLE_RATE), np.float32)
    voices = [one_voice(read(speech(language))).samples for language in languages]
    return wav(np.concatenate([it for voice in voices for it in (voice, silence)]), SAMPLE_RATE)


def test_a_caller_who_goes_on_in_another_language_is_heard_in_each(
    detector: Detector, speech: Speech
) -> None:
    def mixed(_: int, clip: Clip) -> Result:
        seconds = len(clip.samples) / SAMPLE_RATE
        if clip.parts:
            half = seconds / 2
            beliefs = ["yue" if end < half + 1 else "cmn" for _, end in clip.parts]
            return Mixed(tuple(sure_of(clip, language) for language in beliefs))
        language = max(clip.prior, key=lambda it: clip.prior[it])
        return said(clip, (0.0, seconds, f"講{language}"), language=language)

    parrot = Parrot(mixed)
    heard = Recogniser(parrot, detector, HONG_KONG, "hk").hear(turns(speech, "yue", "cmn"))

    assert heard is not None
    assert [(it.language, it.text) for it in heard.segments] == [("yue", "講yue"), ("cmn", "講cmn")]
    assert heard.text == "講yue 講cmn"
    assert [clip.parts == () for clip in parrot.given] == [False, True, True]
    assert all(max(clip.prior.values()) > 0.95 for clip in parrot.given[1:])
    whole, *pieces = (len(clip.samples) for clip in parrot.given)
    assert sum(pieces) == whole
    assert heard.segments[0].end <= heard.segments[1].start


def test_a_window_that_turns_out_to_be_in_one_language_is_heard_whole(
    detector: Detector, speech: Speech
) -> None:
    def unsure(_: int, clip: Clip) -> Result:
        return Mixed(tuple(clip.prior for _ in clip.parts)) if clip.parts else plain(0, clip)

    parrot = Parrot(unsure)
    heard = Recogniser(parrot, detector, HONG_KONG, "hk").hear(turns(speech, "yue", "yue"))

    assert heard is not None and len(heard.segments) == 1
    assert len(parrot.given[0].samples) == len(parrot.given[1].samples)


def stereo(first: Samples, second: Samples) -> bytes:
    return wav(np.stack([first, second], axis=1), SAMPLE_RATE)


def two_sides(speech: Speech) -> tuple[Samples, Samples]:
    """The agent speaks first and then the caller."""
    caller, agent = (one_voice(read(speech(language))).samples for language in ("yue", "en"))
    return (
        np.concatenate([np.zeros_like(agent), caller]),
        np.concatenate([agent, np.zeros_like(caller)]),
    )


def test_both_sides_of_a_call_are_on_record_and_the_text_is_the_callers(
    detector: Detector, speech: Speech
) -> None:
    caller, agent = two_sides(speech)

    def by_length(_: int, clip: Clip) -> Result:
        seconds = len(clip.samples) / SAMPLE_RATE
        text = "Good morning" if seconds == agent_seconds else COMPLAINT
        return said(clip, (0.0, seconds, text))

    alone = Parrot(plain)
    Recogniser(alone, detector, HONG_KONG, "hk").hear(wav(agent, SAMPLE_RATE))
    agent_seconds = len(alone.given[0].samples) / SAMPLE_RATE

    heard = recogniser(detector, by_length).hear(stereo(caller, agent))

    assert heard is not None
    assert heard.text == COMPLAINT
    assert [(it.channel, it.text) for it in heard.segments] == [
        (1, "Good morning"),
        (0, COMPLAINT),
    ]
    assert heard.segments[0].end <= heard.segments[1].start


def test_when_only_the_other_side_speaks_the_text_is_theirs(
    detector: Detector, speech: Speech
) -> None:
    caller, agent = two_sides(speech)
    quiet = 0.05 * np.random.default_rng(0).normal(0, 1, len(caller)).astype(np.float32)

    heard = recogniser(detector, plain).hear(stereo(quiet, agent))

    assert heard is not None
    assert {it.channel for it in heard.segments} == {1}
    assert heard.text == COMPLAINT


def test_a_television_in_the_room_is_on_record_but_not_in_the_text(
    detector: Detector, speech: Speech
) -> None:
    caller, television = (one_voice(read(speech(it))).samples for it in ("yue", "cmn"))
    loud = float(np.abs(caller).max())
    room = np.concatenate([caller, 0.05 * television * loud / float(np.abs(television).max())])

    heard = recogniser(detector, plain).hear(wav(room, SAMPLE_RATE))

    assert heard is not None
    assert [it.flags for it in heard.segments] == [(), ("background",)]
    assert heard.text == COMPLAINT
    assert heard.flags == ("suspect_text",)


def test_somebody_who_speaks_low_throughout_is_not_in_the_background(
    detector: Detector, speech: Speech
) -> None:
    voice = one_voice(read(speech("yue"))).samples

    heard = recogniser(detector, plain).hear(wav(0.02 * voice, SAMPLE_RATE))

    assert heard is not None and heard.text == COMPLAINT and heard.flags == ()


def spoken_words(clip: Clip, text: str, probability: float = 0.9) -> tuple[Word, ...]:
    """The characters of `text`, evenly over the clip."""
    each = len(clip.samples) / SAMPLE_RATE / len(text)
    return tuple(
        Word(i * each, (i + 1) * each, character, probability) for i, character in enumerate(text)
    )


def test_words_have_their_times_in_the_recording_and_never_go_back(
    detector: Detector, speech: Speech
) -> None:
    data, begins = three_sentences(speech)
    text = "我想投诉街灯坏了" * 3

    def word_by_word(_: int, clip: Clip) -> Result:
        seconds = len(clip.samples) / SAMPLE_RATE
        whole = Line(0.0, seconds, text, spoken_words(clip, text))
        return replace(said(clip), lines=(whole,))

    heard = recogniser(detector, word_by_word).hear(data)

    assert heard is not None
    (segment,) = heard.segments
    assert "".join(word.text for word in segment.words) == "我想投訴街燈壞了" * 3
    times = [moment for word in segment.words for moment in (word.start, word.end)]
    assert times == sorted(times)
    assert segment.start <= times[0] and times[-1] <= segment.end
    silences = [(begin + 6.0, following - 1.5) for begin, following in pairwise(begins)]
    starts = [word.start for word in segment.words]
    assert not [it for it in starts for start, end in silences if start < it < end]
    assert [starts[8 * i] for i in range(3)] == pytest.approx(begins, abs=0.7)


def test_confidence_is_what_the_models_probabilities_are_worth(
    detector: Detector, speech: Speech
) -> None:
    def word_by_word(_: int, clip: Clip) -> Result:
        line = Line(0.0, 4.0, COMPLAINT, spoken_words(clip, COMPLAINT, 0.9))
        return replace(said(clip), lines=(line,))

    ear = recogniser(detector, word_by_word)
    halved = replace(ear, calibration=Calibration("", {"yue": ((0.0, 0.0), (1.0, 0.5))}))
    plainly, soberly = ear.hear(speech("yue")), halved.hear(speech("yue"))

    assert plainly is not None and soberly is not None
    assert (plainly.confidence, soberly.confidence) == pytest.approx((0.9, 0.45))
    assert {word.confidence for word in soberly.segments[0].words} == {0.45}


def test_numbers_and_places_are_slots_and_telephone_numbers_are_masked(
    detector: Detector, speech: Speech
) -> None:
    text = "我喺旺角，電話六一二三四五六七"

    def number(_: int, clip: Clip) -> Result:
        line = Line(0.0, 4.0, text, spoken_words(clip, text))
        return replace(said(clip), lines=(line,))

    city = replace(recogniser(detector, number), places=places.read(CITIES / "hongkong"))
    heard = city.hear(speech("yue"))

    assert heard is not None
    assert ("place", "旺角") in [(slot.kind, slot.value) for slot in heard.slots]
    assert "[phone]" in heard.masked_text and "六一二三" not in heard.masked_text
    assert [mask.kind for mask in heard.masks] == ["phone"]
    assert heard.text == text


def settings(model: str, folder: Path, **others: str) -> Settings:
    return Settings(
        _env_file=None, city="hongkong", whisper_model=model, state_dir=folder, **others
    )


def opened(chosen: Settings, say: Callable[[str], None] = print) -> Recogniser:
    return open_recogniser(chosen, City.read(chosen.city_folder), say)


def test_the_settings_open_the_real_engine(
    model_with_yue: Path, tmp_path: Path, speech: Speech
) -> None:
    said_at_start: list[str] = []
    ear = opened(settings(str(model_with_yue), tmp_path), said_at_start.append)

    heard = ear.hear(speech("yue"))

    assert heard is not None
    assert heard.engine == "openai-whisper"
    assert heard.model.startswith("with-yue.pt@")
    assert "suspect_text" in heard.flags  # random weights babble
    assert said_at_start


def test_no_model_stops_the_opening(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        opened(settings("none.pt", tmp_path))


def test_names_are_only_expected_when_asked_for(model_with_yue: Path, tmp_path: Path) -> None:
    without = opened(settings(str(model_with_yue), tmp_path))
    with_names = opened(settings(str(model_with_yue), tmp_path, whisper_prompt="names"))

    assert without.expected.prompts == {}
    assert set(with_names.expected.prompts) == set(HONG_KONG)


def test_a_calibration_beside_the_checkpoint_is_used_and_another_models_is_not(
    model_with_yue: Path, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "own.pt"
    checkpoint.write_bytes(model_with_yue.read_bytes())
    engine = opened(settings(str(checkpoint), tmp_path)).engine
    Calibration(engine.model, {"yue": ((0.0, 0.0), (1.0, 0.5))}).write(beside(checkpoint))

    assert opened(settings(str(checkpoint), tmp_path)).calibration.confidence("yue", 0.8) == 0.4

    Calibration("other", {}).write(beside(checkpoint))
    told: list[str] = []
    assert opened(settings(str(checkpoint), tmp_path), told.append).calibration.curves == {}
    assert any("was made for other" in line for line in told)
