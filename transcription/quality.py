"""Is this text what was said? Every rule doubts; none of them deletes.

Whisper invents: subtitle credits on silence, the same words over and over on noise. Its own test
for repetition is tuned to English (a Chinese sentence said twice compresses 2.2 : 1 and passes
2.4). A doubted line stays in the record with the reason; what nobody said to us is left out of the
text.
"""

import re
import unicodedata
import zlib
from collections.abc import Collection
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from cases.script import fold
from cases.transcripts import PHANTOM
from transcription.engines.interface import Hypothesis, Line

PHANTOMS: Final = Path(__file__).with_name("phantoms.yaml")

PROMPT_ECHO: Final = "prompt_echo"
BACKGROUND: Final = "background"
SAID_AGAIN: Final = "said_again"
WRONG_SCRIPT: Final = "wrong_script"
LOOP: Final = "loop"
TOO_MUCH: Final = "too_much_text"
CUT_OFF: Final = "cut_off"
ON_NO_SPEECH: Final = "on_no_speech"
UNSURE: Final = "unsure"
# Nobody said it to us: kept in the record, left out of the text.
NOT_SAID: Final = frozenset({PHANTOM, PROMPT_ECHO, BACKGROUND, SAID_AGAIN})
SUSPECT: Final = NOT_SAID | {LOOP, TOO_MUCH, CUT_OFF, ON_NO_SPEECH, WRONG_SCRIPT}

HAN: Final = r"\u3005\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
CJK: Final = re.compile(rf"[{HAN}\u3040-\u30ff\uac00-\ud7af]")
# Letters that neither Chinese nor English is written with; one の is a shop's name.
FOREIGN: Final = re.compile(rf"[^\W\d_A-Za-z\u00c0-\u024fの{HAN}]")
MOST_FOREIGN: Final = 1
LEAST_LOG_PROBABILITY: Final = -1.0
# Of the words of a line, on the average, after calibration.
LEAST_CONFIDENCE: Final = 0.75
# Alike enough to be the same words, and long enough to be no accident.
SAME_WORDS: Final = 0.8
LEAST_SAID_AGAIN: Final = 4
NO_SPEECH: Final = 0.6
MOST_CJK_A_SECOND: Final = 9.0
MOST_LETTERS_A_SECOND: Final = 25.0
MOST_COMPRESSION_CJK: Final = 1.8
MOST_COMPRESSION: Final = 2.4
# A unit of 1..20 characters said at least this often in a row is a loop, if it covers enough.
REPEATED: Final = re.compile(r"(.{1,20}?)\1{3,}", re.DOTALL)
LEAST_LOOP: Final = 12
# A television across the room is so much quieter than the caller.
BACKGROUND_DB: Final = 18.0


def doubts(said: Hypothesis, seconds: float) -> tuple[str, ...]:
    """Why a whole clip with `seconds` of speech is doubted; empty when nothing is."""
    text = said.text
    if not bare(text):
        return ()
    checks = {
        LOOP: is_loop(text),
        TOO_MUCH: is_too_much(text, seconds),
        CUT_OFF: not said.complete,
        ON_NO_SPEECH: said.no_speech_probability > NO_SPEECH,
        UNSURE: said.mean_log_probability < LEAST_LOG_PROBABILITY,
    }
    return tuple(name for name, doubtful in checks.items() if doubtful)


def line_doubts(
    line: Line, language: str, *, prompt: str | None = None, below_loudest: float = 0.0
) -> tuple[str, ...]:
    """Why one line is doubted. `prompt`: what the engine was told to expect. `below_loudest`: by
    how many dB its sound is quieter than the loudest speech of the recording."""
    checks = {
        PHANTOM: is_phantom(line.text),
        PROMPT_ECHO: is_echo(line.text, prompt),
        BACKGROUND: below_loudest >= BACKGROUND_DB,
        WRONG_SCRIPT: is_wrong_script(line.text, language),
        LOOP: is_loop(line.text),
        TOO_MUCH: is_too_much(line.text, line.end - line.start),
    }
    return tuple(name for name, doubtful in checks.items() if doubtful)


def counts(flags: Collection[str]) -> bool:
    """Does a line with these flags belong to the text? Not if nobody said it to us, nor if it is a
    murmur where the model, too, hears no speech."""
    return not NOT_SAID & set(flags) and not {ON_NO_SPEECH, UNSURE} <= set(flags)


def is_phantom(line: str) -> bool:
    """Is `line` nothing but a line known to be invented, or a line without a single word?"""
    words = bare(line)
    return not words or _phantoms().fullmatch(words) is not None


def is_echo(text: str, prompt: str | None) -> bool:
    """Is `text` nothing but the `prompt`, or most of it? Somebody who only says a place that is in
    the prompt has said it."""
    said, given = bare(text), bare(prompt or "")
    return bool(said) and said in given and 2 * len(said) >= len(given)


def is_said_again(text: str, before: str) -> bool:
    """Is `text`, heard in what a model had left over, only the end of what it wrote `before`?

    Its time stamps are not exact: it may have written a sentence and still be played it again.
    """
    said = bare(text)
    end = bare(before)[-len(said) :]
    alike = SequenceMatcher(None, end, said, autojunk=False).ratio()
    return len(said) >= LEAST_SAID_AGAIN and alike >= SAME_WORDS


def is_wrong_script(text: str, language: str) -> bool:
    """Is `text` in letters that `language` is not written with: kana, Hangul, Thai, Cyrillic; or
    mostly Chinese when it is English? English words in Chinese are what people say."""
    plain = unicodedata.normalize("NFKC", text)
    foreign = len(FOREIGN.findall(plain))
    return foreign > MOST_FOREIGN or (language == "en" and _is_cjk(bare(text)))


def is_loop(text: str) -> bool:
    """Does `text` go round in circles?"""
    words = bare(text)
    longest = max((len(match.group()) for match in REPEATED.finditer(words)), default=0)
    limit = MOST_COMPRESSION_CJK if _is_cjk(words) else MOST_COMPRESSION
    return longest >= LEAST_LOOP or compression(words) > limit


def is_too_much(text: str, seconds: float) -> bool:
    """Is `text` longer than anybody could say in `seconds`?"""
    words = bare(text)
    most = MOST_CJK_A_SECOND if _is_cjk(words) else MOST_LETTERS_A_SECOND
    return len(words) > most * max(seconds, 1.0)


def compression(text: str) -> float:
    """How often over zlib says the same: about 1.1 for a Chinese complaint, 2.2 when said twice."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def bare(text: str) -> str:
    """`text` for comparing: no spaces, no punctuation, lower case, Simplified."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return fold(re.sub(r"[\W_]+", "", plain))


def _is_cjk(words: str) -> bool:
    return 2 * len(CJK.findall(words)) > len(words)


@cache
def _phantoms() -> re.Pattern[str]:
    entries = yaml.safe_load(PHANTOMS.read_text(encoding="utf-8"))
    return re.compile("|".join(f"(?:{entry['line']})" for entry in entries))
