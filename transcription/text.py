"""Raw text of an engine -> text for a person: the city's script, one way of spacing."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

from cases.script import Script, to_script
from cases.spoken import BROKEN
from transcription.language import CHINESE


def tidy(raw: str, language: str, script: Script) -> str:
    """`raw` without half characters and doubled spaces, Chinese in the city's script.

    Words are never changed: this is the record of what a citizen said.
    """
    text = re.sub(r"\s+", " ", raw.replace(BROKEN, "")).strip()
    return to_script(text, script) if language in CHINESE else text


def dealt(text: str, words: Sequence[str]) -> list[str]:
    """The tidied `text` of a line dealt out to its raw `words`, in order.

    A line is converted as a whole, since a character's form depends on its neighbours, and may be
    longer or shorter than it was. Together the words are the text without its spaces; a word of
    which nothing is left is empty.
    """
    raw = [_solid(word.replace(BROKEN, "")) for word in words]
    whole, final = "".join(raw), _solid(text)
    edges = accumulate((len(word) for word in raw), initial=0)
    places = _places(whole, final)
    return [final[places[start] : places[end]] for start, end in pairwise(edges)]


def _solid(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _places(before: str, after: str) -> list[int]:
    """Where each edge between two characters of `before`, ends included, lies in `after`."""
    if len(before) == len(after):
        return list(range(len(before) + 1))
    places = [0] * (len(before) + 1)
    for _, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for i in range(i1, i2):
            places[i + 1] = j1 + (i + 1 - i1) * (j2 - j1) // (i2 - i1)
        places[i2] = j2
    return places
