"""How operators write up what callers say: phrases that give the department away, or stand in every row.

They are left out before anything is learned or guessed from a text, so that a model learns what callers
complain of. The phrases are data: `operators.yaml`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from cases.lexicon import pattern, plain
from cases.pack import Pack

FILE: Final = Path(__file__).with_suffix(".yaml")


class _File(Pack):
    phrases: Annotated[list[Annotated[str, Field(min_length=2)]], Field(min_length=1)]


def without(text: str) -> str:
    """`text` as it is compared (`lexicon.plain`), with a space for each character of such a phrase: every
    other character stays where it was."""
    return _leaked().sub(lambda found: " " * len(found[0]), plain(text))


@cache
def _leaked() -> re.Pattern[str]:
    phrases = sorted(_File.read(FILE).phrases, key=lambda one: (-len(one), one))
    return re.compile("|".join(pattern(one) for one in phrases))
