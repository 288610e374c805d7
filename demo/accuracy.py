"""How close a transcript is to what was said: the character error rate."""

import re
import unicodedata

from opencc import OpenCC

_TO_SIMPLIFIED = OpenCC("t2s")


def character_error_rate(said: str, heard: str) -> float:
    """Edits (insert, delete, replace) needed to turn `heard` into `said`, per character said.

    Case, spaces, punctuation and the choice of Traditional or Simplified characters do not count.
    0.0 is perfect; more than 1.0 is possible. Source: Levenshtein distance over characters.
    """
    want, got = _plain(said), _plain(heard)
    if not want:
        return float(bool(got))
    return _distance(want, got) / len(want)


def _plain(text: str) -> str:
    text = _TO_SIMPLIFIED.convert(unicodedata.normalize("NFKC", text)).casefold()
    return re.sub(r"[\W_]+", "", text)


def _distance(want: str, got: str) -> int:
    row = list(range(len(got) + 1))
    for i, one in enumerate(want, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]
