"""Words to expect: names of the city, told to the engine as the beginning of the conversation.

Whisper takes a prompt for what was said before, and spells what follows alike: 和風苑 rather than
禾風院. A natural sentence does that; a bare list makes it write lists. The sentences and names are
data of the city (`expected.yaml`), never another caller's words.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import yaml

from cases.pack import PackError
from transcription.quality import CJK

FILE: Final = "expected.yaml"
# A prompt shares the model's memory with the text; and beyond this it is copied more than it helps.
MOST_TOKENS: Final = 100
# Whisper's tokens a character, at the upper end, for names are rare: Cantonese 1.6, English 0.3.
TOKENS_A_CJK: Final = 1.7
TOKENS_A_LETTER: Final = 0.34
# A language must be this likely: in the wrong one a prompt leads astray.
SURE: Final = 0.5


@dataclass(frozen=True)
class Expected:
    """One prompt a language; without any, nothing is expected."""

    prompts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def none(cls) -> Self:
        """Nothing in particular is expected."""
        return cls()

    @classmethod
    def read(cls, city_folder: Path) -> Self:
        """What the city pack expects; nothing where it has no such file.

        Raises PackError, one line, when the file is not as it should be.
        """
        file = city_folder / FILE
        if not file.is_file():
            return cls.none()
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            return cls({language: _composed(**entry) for language, entry in content.items()})
        except (yaml.YAMLError, TypeError, AttributeError, KeyError) as error:
            raise PackError(file, " ".join(str(error).split())) from error

    def prompt(self, prior: Mapping[str, float]) -> str | None:
        """The prompt for speech whose languages are so likely; None when that would be a guess."""
        likeliest = max(prior, key=lambda language: prior[language])
        return self.prompts.get(likeliest) if prior[likeliest] >= SURE else None


def tokens(text: str) -> int:
    """About how many tokens Whisper makes of `text`; rather too many than too few."""
    chinese = len(CJK.findall(text))
    return math.ceil(chinese * TOKENS_A_CJK + (len(text) - chinese) * TOKENS_A_LETTER)


def _composed(sentence: str, names: list[Any], between: str) -> str:
    """The sentence with as many names, the first first, as there is room for."""
    fitting: list[str] = []
    for name in map(str, names):
        longer = sentence.format(names=between.join([*fitting, name]))
        if tokens(longer) > MOST_TOKENS:
            break
        fitting.append(name)
    return sentence.format(names=between.join(fitting))
