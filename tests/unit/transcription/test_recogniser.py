"""From the bytes of a recording to what goes on record."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runtime.city import City
from runtime.settings import CITIES, Settings
from tests.unit.transcription.conftest import Parrot, Script, said, tone, wav
from transcription.audio import SAMPLE_RATE, NotAudio, one_voice, read
from transcription.calibration import Calibration, beside
from transcription.engines.interface import (
    UNTOLD,
    Clip,
    Line,
    ModelUnavailable,
    Result,
    Unheard,
    Word,
)
from transcription.expected import Expected
from transcription.language import Evidence, prior_of
from transcription.recogniser import HearingFailed, Recogniser, open_recogniser
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
