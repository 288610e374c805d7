"""Which of the city's languages a clip is in, from the model's probabilities and what was known.

Left to itself Whisper may hear Welsh in a cough and Japanese in a bad line, so only the languages
of the city are allowed, and what is known of the call beforehand counts as a prior.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

# Our language -> Whisper's code. Whisper's codes do not leave this package.
WHISPER: Final[Mapping[str, str]] = {"yue": "yue", "cmn": "zh", "en": "en"}
CHINESE: Final = ("yue", "cmn")
# Nothing is certain before it was heard: no language's prior is taken for less than this.
LEAST_PRIOR: Final = 0.01


@dataclass(frozen=True)
class Choice:
    """A language (`yue`, `cmn`, `en`), its probability among the city's, 0 to 1, and theirs."""

    language: str
    probability: float
    all: Mapping[str, float]

    def others(self, least: float) -> list[str]:
        """The other languages that are at least so probable, likeliest first."""
        ranked = sorted(self.all, key=lambda language: -self.all[language])
        return [it for it in ranked if it != self.language and self.all[it] >= least]


def choose(
    heard: Mapping[str, float],
    languages: Sequence[str],
    prior: Mapping[str, float],
    *,
    knows_yue: bool,
) -> Choice:
    """The likeliest of the city's `languages` (the first one is the city's own).

    `heard` are the probabilities of Whisper's codes, `prior` those of our languages before anybody
    listened; empty means nothing is known. A model that does not know `yue` says `zh` for Cantonese
    too; then `zh` means the Chinese language the prior thinks likelier.
    """
    before = _prior(languages, prior)
    candidates = _candidates(before, knows_yue)
    scores = {
        language: heard.get(whisper_code(language, knows_yue=knows_yue), 0.0) * before[language]
        for language in candidates
    }
    total = sum(scores.values())
    if total <= 0.0:
        scores, total = {language: before[language] for language in candidates}, 1.0
    shares = {language: score / total for language, score in scores.items()}
    best = max(shares, key=lambda language: shares[language])
    return Choice(best, shares[best], shares)


def whisper_code(language: str, *, knows_yue: bool) -> str:
    """Whisper's code for our language: `yue` is only asked of models that know it."""
    return "zh" if language == "yue" and not knows_yue else WHISPER[language]


def _prior(languages: Sequence[str], prior: Mapping[str, float]) -> dict[str, float]:
    spoken = [language for language in languages if language in WHISPER]
    if not prior:
        return dict.fromkeys(spoken, 1.0 / len(spoken))
    return {language: max(prior.get(language, 0.0), LEAST_PRIOR) for language in spoken}


def _candidates(before: Mapping[str, float], knows_yue: bool) -> list[str]:
    chinese = [language for language in before if language in CHINESE]
    if knows_yue or len(chinese) < 2:
        return list(before)
    meant = max(chinese, key=lambda language: before[language])
    return [language for language in before if language not in chinese or language == meant]


@dataclass(frozen=True)
class Evidence:
    """What is known of a call's language before anybody listened.

    `flow`: the language the call was led in. `earlier`: the languages of the caller's earlier
    messages, and how many were in each. `calling_code`: of the caller's number, such as `86`.
    """

    flow: str | None = None
    earlier: Mapping[str, int] = field(default_factory=dict)
    calling_code: str | None = None


NO_EVIDENCE: Final = Evidence()

# What speaks for a language before anybody listened, as odds against each of the others. The key
# that the caller pressed says more than all the rest; where somebody's number is from, little.
FLOW_ODDS: Final = 12.0
EARLIER_ODDS: Final = 1.5
CALLING_CODE_ODDS: Final = 1.8
HOME_ODDS: Final = 1.3
# So many earlier messages count; more of them say no more.
MOST_EARLIER: Final = 2.0
LEAST_SHARE: Final = 0.02

CALLING_CODES: Final[Mapping[str, str]] = {
    "852": "yue",
    "853": "yue",
    "86": "cmn",
    "886": "cmn",
    "65": "cmn",
    "60": "cmn",
    "1": "en",
    "44": "en",
    "61": "en",
    "63": "en",
    "64": "en",
    "91": "en",
    "353": "en",
}


def prior_of(evidence: Evidence, languages: Sequence[str]) -> dict[str, float]:
    """How likely each of the city's `languages` (its own first) is in a call; they add up to 1.

    None is ever taken for impossible: people press the wrong key, and lend their telephone.
    """
    odds = {
        language: _said_so(language == languages[0], HOME_ODDS)
        * _said_so(language == evidence.flow, FLOW_ODDS)
        * _said_so(language == CALLING_CODES.get(evidence.calling_code or ""), CALLING_CODE_ODDS)
        * (1.0 + EARLIER_ODDS * _earlier(evidence.earlier, language))
        for language in languages
    }
    total = sum(odds.values())
    certain = 1.0 - LEAST_SHARE * len(odds)
    return {language: LEAST_SHARE + certain * each / total for language, each in odds.items()}


def sharp(language: str, languages: Sequence[str]) -> dict[str, float]:
    """The prior of speech whose language has just been heard."""
    others = (len(languages) - 1) * LEAST_PRIOR
    return {it: 1.0 - others if it == language else LEAST_PRIOR for it in languages}


def _said_so(speaks_for_it: bool, odds: float) -> float:
    return odds if speaks_for_it else 1.0


def _earlier(earlier: Mapping[str, int], language: str) -> float:
    total = sum(earlier.values())
    return earlier.get(language, 0) * min(1.0, MOST_EARLIER / total) if total else 0.0
