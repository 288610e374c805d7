"""The engine that asks a server: WHISPER_ENGINE=remote, for any OpenAI-compatible transcription.

vLLM, speaches and the like batch by themselves, so the clips of a batch are sent side by side. How
this server likes to be asked is found out by trying, when the worker starts: whether it tells times,
and whether it takes `yue`. Who fails is told apart by one more question: if a hum is taken, the clip
was at fault and is unheard; if not, the server is away, and recordings wait for it.
"""

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import soundfile  # type: ignore[import-untyped]

from runtime.settings import Settings
from transcription.audio import SAMPLE_RATE, Samples
from transcription.engines.answer import Answer
from transcription.engines.interface import (
    Clip,
    Hypothesis,
    ModelUnavailable,
    Result,
    Unheard,
)
from transcription.engines.server import Broken, Form, Refused, Server, Trouble
from transcription.language import CHINESE, WHISPER, Choice, choose

BATCH: Final = 8
# Shorter clips are refused by some servers; silence is put behind them.
SHORTEST_SECONDS: Final = 0.5
# How far a server's word on a language is trusted, against what was known of the call.
TRUST: Final = 0.9
# A language that is at least so likely is tried, too, and the likelier reading taken.
IN_DOUBT: Final = 0.2

# The richest answer first.
FORMS: Final[Mapping[str, Form]] = {
    "words": {
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
    },
    "times": {"response_format": "verbose_json"},
    "probabilities": {"response_format": "json", "include[]": ["logprobs"]},
    "text": {"response_format": "json"},
}
# `yue` is no two-letter code, so some servers do not know it. None: the server finds out by itself.
CODES: Final[Mapping[str, Sequence[str | None]]] = {
    "yue": ("yue", "zh", None),
    "cmn": ("zh", None),
    "en": ("en", None),
}


@dataclass(frozen=True)
class Way:
    """How a server is asked: for which of FORMS, and with which code for each language."""

    form: str
    codes: Mapping[str, str | None]

    @property
    def tells_language(self) -> bool:
        return bool(FORMS[self.form]["response_format"] == "verbose_json")

    @property
    def knows_yue(self) -> bool:
        return self.codes.get("yue") == "yue"

    def __str__(self) -> str:
        asked = (f"{ours} as {code or 'whatever it hears'}" for ours, code in self.codes.items())
        return f"answers with {self.form}; asked for {', '.join(asked)}"


class Remote:
    """A model behind a server. `languages`: the city's, its own first. Raises ModelUnavailable."""

    name = "remote"
    batch = BATCH
    seconds_per_clip: float | None = None

    def __init__(self, server: Server, model: str, languages: Sequence[str]) -> None:
        self.model = model
        self._server = server
        self._languages = tuple(languages)
        self.way = self._found_out()

    def hear(self, clips: Sequence[Clip]) -> list[Result]:
        """One result per clip, in order. Raises ModelUnavailable when the server is away."""
        results: list[Result] = []
        for first in range(0, len(clips), self.batch):
            results += self._together(clips[first : first + self.batch])
        return results

    def _together(self, clips: Sequence[Clip]) -> list[Result]:
        self._server.admit()
        results = self._side_by_side(clips)
        if any(isinstance(it, Unheard) for it in results) and self._is_another_now():
            results = self._side_by_side(clips)
        return results

    def _side_by_side(self, clips: Sequence[Clip]) -> list[Result]:
        with ThreadPoolExecutor(len(clips)) as threads:
            return list(threads.map(self._hear, clips))

    def _hear(self, clip: Clip) -> Result:
        try:
            return self._likeliest(clip)
        except (Refused, Trouble) as error:
            return Unheard(str(error))

    def _likeliest(self, clip: Clip) -> Hypothesis:
        """The clip read in the language that it is in; in doubt in two or three, for the likeliest.

        A server that tells what it heard is asked openly first. One that does not gets the language
        that was expected: left to guess, Whisper errs far more in Cantonese.
        """
        expected = self._weighed(clip, None).language
        code = None if self.way.tells_language else self.way.codes[expected]
        first = self._ask(clip, code)
        told = first.language
        if told is None or _repeats(told, code):
            told = _by_script(first, code)
        choice = self._weighed(clip, told)
        readings = {choice.language: first}
        if code is None:
            for language in [choice.language, *choice.others(IN_DOUBT)]:
                heard_so = told is not None and self._is_same(language, told)
                readings[language] = (
                    first if heard_so else self._ask(clip, self.way.codes[language])
                )
        said = [_hypothesis(clip, it, choice, language) for language, it in readings.items()]
        return max(said, key=_joint)

    def _is_same(self, language: str, told: str) -> bool:
        """Whether to ask for a language is to ask for what the server heard by itself."""
        return language == told or self.way.codes[language] in (None, WHISPER[told])

    def _weighed(self, clip: Clip, told: str | None) -> Choice:
        """The server's word on the language, if any, against what was known of the call."""
        if told is None:
            return choose({}, self._languages, clip.prior, knows_yue=True)
        doubt = (1 - TRUST) / 2
        heard = dict.fromkeys(WHISPER.values(), doubt) | {WHISPER[told]: TRUST}
        return choose(heard, self._languages, clip.prior, knows_yue=self.way.knows_yue)

    def _ask(self, clip: Clip, code: str | None) -> Answer:
        sound, seconds = _wav(clip.samples), len(clip.samples) / SAMPLE_RATE
        form = self._form(self.way.form, code, clip.prompt)
        try:
            return Answer(self._server.ask(sound, form), seconds)
        except Broken:
            # A server that stumbles over times may still know the words.
            form = self._form("text", code, clip.prompt)
            return Answer(self._server.ask(sound, form), seconds)

    def _form(self, form: str, code: str | None, prompt: str | None = None) -> Form:
        asked: dict[str, object] = {"model": self.model, "temperature": "0", **FORMS[form]}
        if code:
            asked["language"] = code
        if prompt:
            asked["prompt"] = prompt
        return asked

    def _found_out(self) -> Way:
        """Try every way, the best first. Raises ModelUnavailable."""
        self._server.admit()
        form = self._first_taken([(form, None) for form in FORMS])[0]
        codes = {
            language: self._first_taken([(form, code) for code in CODES[language]])[1]
            for language in self._languages
            if language in CODES
        }
        return Way(form, codes)

    def _first_taken(self, ways: Sequence[tuple[str, str | None]]) -> tuple[str, str | None]:
        reason = ""
        for way in ways:
            reason = self._objection(*way)
            if not reason:
                return way
        raise ModelUnavailable(
            f"the speech server takes no sound from us ({reason})",
            "see whether WHISPER_MODEL is the server's name for a model that transcribes",
        )

    def _objection(self, form: str, code: str | None) -> str:
        """Why the server does not take a hum in this way; nothing if it does.

        Raises ModelUnavailable when it is not there to ask.
        """
        try:
            Answer(self._server.ask(_wav(_hum()), self._form(form, code)), 1.0)
        except (Refused, Broken) as error:
            return str(error)
        except Trouble as error:
            raise ModelUnavailable(
                f"the speech server does not answer ({error})", "see whether it runs at WHISPER_URL"
            ) from error
        return ""

    def _is_another_now(self) -> bool:
        """Whether the server has to be asked in another way than before, which is found out.

        If it takes what it took before, the clips were at fault. Raises ModelUnavailable.
        """
        usual = self.way.codes.get(self._languages[0])
        if not self._objection(self.way.form, usual):
            return False
        before, self.way = self.way, self._found_out()
        return self.way != before


def load(settings: Settings, languages: Sequence[str], say: Callable[[str], None]) -> Remote:
    """Find the server of the settings, and say what answered. Raises ModelUnavailable."""
    url = settings.whisper_url
    server = Server(url, settings.whisper_key, outside=settings.whisper_url_public)
    engine = Remote(server, settings.whisper_model, languages)
    say(f"speech server {url}: ready, model {engine.model} {engine.way}")
    return engine


def _hypothesis(clip: Clip, answer: Answer, choice: Choice, language: str) -> Hypothesis:
    return Hypothesis(
        language=language,
        language_probability=choice.all[language],
        lines=answer.lines,
        mean_log_probability=answer.mean_log_probability,
        no_speech_probability=answer.no_speech_probability,
        complete=True,
        heard_until=len(clip.samples) / SAMPLE_RATE,
        temperature=answer.temperature,
    )


def _joint(said: Hypothesis) -> tuple[bool, float]:
    """How likely a reading is, language and text together; any is likelier than none."""
    size = len(said.text)
    language = math.log(max(said.language_probability, 1e-9))
    return size > 0, (language + size * said.mean_log_probability) / (size + 1)


def _repeats(told: str, asked: str | None) -> bool:
    """Whether a language is the one asked for. Cantonese may well be called Chinese."""
    return asked == WHISPER[told] or (asked == "yue" and told == "cmn")


def _by_script(answer: Answer, asked: str | None) -> str | None:
    """English, if Latin letters answer a question for Chinese, and the other way about."""
    letters = "".join(line.text for line in answer.lines)
    latin = len(re.findall(r"[A-Za-z]", letters))
    chinese = len(re.findall(r"[\u3400-\u9fff]", letters))
    if asked in [WHISPER[language] for language in CHINESE] and latin and not chinese:
        return "en"
    return "cmn" if asked == "en" and chinese > latin else None


def _wav(samples: Samples) -> bytes:
    """16 kHz, mono, 16 bits."""
    missing = round(SHORTEST_SECONDS * SAMPLE_RATE) - len(samples)
    file = io.BytesIO()
    padded = np.pad(samples, (0, max(0, missing)))
    soundfile.write(file, padded, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _hum() -> Samples:
    """A second of somebody humming: silence makes some servers stumble, and speech is somebody's."""
    at = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    voice = sum(np.sin(2 * np.pi * 140 * n * at) / n for n in range(1, 12))
    return np.asarray(0.1 * voice * np.sin(2 * np.pi * 2 * at) ** 2, dtype=np.float32)
