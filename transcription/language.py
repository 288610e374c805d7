"""Which of the city's languages a clip is in, from the model's probabilities.

Left to itself Whisper may hear Welsh in a cough and Japanese in a bad line, so only the languages
of the city are allowed. What the flow already knows counts as a prior, as does the city's first
language, because Whisper tends to call Cantonese `zh`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# Our language -> Whisper's code. Whisper's codes do not leave this package.
WHISPER: Final[Mapping[str, str]] = {"yue": "yue", "cmn": "zh", "en": "en"}
CHINESE: Final = ("yue", "cmn")
HINT_WEIGHT: Final = 4.0
HOME_WEIGHT: Final = 1.5


@dataclass(frozen=True)
class Choice:
    """A language (`yue`, `cmn`, `en`) and its probability among the city's, 0 to 1."""

    language: str
    probability: float


def choose(
    heard: Mapping[str, float], languages: Sequence[str], hint: str | None, *, knows_yue: bool
) -> Choice:
    """The likeliest of the city's `languages` (the first one is the city's own).

    `heard` are the probabilities of Whisper's codes. A model that does not know `yue` says `zh`
    for Cantonese too; then `zh` means the hint or, without one, the city's first Chinese language.
    """
    candidates = _candidates(languages, hint, knows_yue)
    scores = {
        language: heard.get(code, 0.0) * _weight(language, languages, hint)
        for language, code in candidates.items()
    }
    total = sum(scores.values())
    if total <= 0.0:
        return Choice(hint if hint in candidates else languages[0], 0.0)
    best = max(scores, key=lambda language: scores[language])
    return Choice(best, scores[best] / total)


def whisper_code(language: str, *, knows_yue: bool) -> str:
    """Whisper's code for our language: `yue` is only asked of models that know it."""
    return "zh" if language == "yue" and not knows_yue else WHISPER[language]


def _candidates(languages: Sequence[str], hint: str | None, knows_yue: bool) -> dict[str, str]:
    spoken = [language for language in languages if language in WHISPER]
    if not knows_yue:
        chinese = [language for language in spoken if language in CHINESE]
        meant = hint if hint in chinese else next(iter(chinese), None)
        spoken = [language for language in spoken if language not in chinese or language == meant]
    return {language: whisper_code(language, knows_yue=knows_yue) for language in spoken}


def _weight(language: str, languages: Sequence[str], hint: str | None) -> float:
    if hint in languages:
        return HINT_WEIGHT if language == hint else 1.0
    return HOME_WEIGHT if language == languages[0] else 1.0
