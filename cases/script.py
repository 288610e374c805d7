"""The two ways of writing Chinese: Traditional (as in Hong Kong) and Simplified. OpenCC's home.

A transcript may come in either script or in a mix. Converting blindly does harm: some characters
are at home in both scripts, and many of those are surnames (于先生 is not 於先生, 余小姐 not
餘小姐), so we convert only what is certainly written in the other script. Cantonese writing
(嘅 咗 啲 喺 佢哋) is the same in both and passes unchanged.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from opencc import OpenCC

Script = Literal["hk", "cn"]

_PIECES = re.compile(r"[^\s，。！？；：、,.!?;:]+|[\s，。！？；：、,.!?;:]+")

# Surnames that Simplified and Traditional write alike, though OpenCC would change them.
_NAMED = re.compile(r"([于余范郁岳涂朴](?=先生|小姐|女士|太太|生|太|師傅|师傅|醫生|医生|經理|经理))")


def fold(text: str) -> str:
    """`text` in Simplified, so that both scripts compare equal. For matching, never for showing."""
    return _converter("t2s").convert(text)


def to_script(text: str, script: Script) -> str:
    """`text` as a reader of `script` expects it; what is already in that script stays untouched."""
    if script == "cn":
        return fold(text)
    pieces = _PIECES.findall(text) if _has_traditional(text) else [text]
    return "".join(_to_traditional(piece) for piece in pieces)


def _to_traditional(piece: str) -> str:
    if _has_traditional(piece) or not any(map(_only_simplified, piece)):
        return "".join(_traditional(char) if _only_simplified(char) else char for char in piece)
    return "".join(
        part if _NAMED.fullmatch(part + "先生") else _traditional(part)
        for part in _NAMED.split(piece)
    )


def _has_traditional(text: str) -> bool:
    return fold(text) != text


def _only_simplified(char: str) -> bool:
    """Is `char` at home in Simplified alone? Big5 is the list of what Traditional writes."""
    if _traditional(char) == char:
        return False
    try:
        char.encode("big5")
    except UnicodeEncodeError:
        return True
    return False


def _traditional(text: str) -> str:
    return _converter("s2hk").convert(text)


@cache
def _converter(config: str) -> OpenCC:
    return OpenCC(config)
