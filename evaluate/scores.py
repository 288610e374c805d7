"""One recording, what is said in it and what was heard: its errors, and each word's belief."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from evaluate import normalisation
from evaluate.corpora import Recording
from evaluate.errors import Edits, edits, right
from evaluate.kept import Said
from evaluate.normalisation import characters, normal, plain, strict_words, words
from transcription.calibration import Calibration

HEARD_NOTHING = "nothing"


@dataclass(frozen=True)
class Clip:
    """A recording under one condition, scored.

    `edits`: by `words` and `characters`, each normalised and, as `strict words` and `strict
    characters`, as written. `belief`: the mean of the model's belief in its words. `seconds`: of the
    recording; `spent`: of the processor.
    """

    name: str
    condition: str
    language: str
    speaker: str
    mixed: bool
    wanted: str
    heard: str
    outcome: str
    heard_language: str
    flags: tuple[str, ...]
    belief: float
    edits: Mapping[str, Edits]
    seconds: float
    spent: float


@dataclass(frozen=True)
class Judged:
    """A word that was heard: in which language, with what belief of the model's, and was it said?"""

    speaker: str
    condition: str
    language: str
    confidence: float
    right: bool


def clips(recordings: Sequence[Recording], said: Sequence[Said]) -> tuple[Clip, ...]:
    """Every reading, scored."""
    by_name = {recording.name: recording for recording in recordings}
    return tuple(_clip(by_name[one.name], one) for one in said)


def judged(recordings: Sequence[Recording], said: Sequence[Said]) -> list[Judged]:
    """Every word that was heard where something was said. Numerals count as they are written."""
    by_name = {recording.name: recording for recording in recordings}
    return [
        word for one in said if by_name[one.name].text for word in _judged(by_name[one.name], one)
    ]


def corrected(words: Sequence[Judged], calibration: Calibration) -> list[Judged]:
    """The words with the confidence that a transcript would give them."""
    return [
        replace(word, confidence=calibration.confidence(word.language, word.confidence))
        for word in words
    ]


def _clip(recording: Recording, said: Said) -> Clip:
    wanted, heard = (normal(text, recording.language) for text in (recording.text, said.text))
    counted = {
        "words": edits(words(wanted), words(heard)),
        "characters": edits(characters(wanted), characters(heard)),
        "strict words": edits(strict_words(recording.text), strict_words(said.text)),
        "strict characters": edits(characters(recording.text), characters(said.text)),
    }
    return Clip(
        name=recording.name,
        condition=said.condition,
        language=recording.language,
        speaker=recording.speaker,
        mixed=normalisation.is_mixed(recording.text),
        wanted=recording.text,
        heard=said.text,
        outcome=said.outcome,
        heard_language=said.language or HEARD_NOTHING,
        flags=said.flags,
        belief=round(fmean(sure for _, sure, _ in said.words), 4) if said.words else 0.0,
        edits=counted,
        seconds=said.seconds,
        spent=said.spent,
    )


def _judged(recording: Recording, said: Said) -> list[Judged]:
    """A word of several units is right when all of them are."""
    units = [words(plain(text)) for text, _, _ in said.words]
    found = iter(right(words(plain(recording.text)), [unit for word in units for unit in word]))
    told = [all([next(found) for _ in word]) for word in units]
    return [
        Judged(recording.speaker or recording.name, said.condition, language, confidence, correct)
        for (_, confidence, language), word, correct in zip(said.words, units, told, strict=True)
        if word
    ]
