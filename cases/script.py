"""The two ways of writing Chinese, Traditional and Simplified. OpenCC's home.

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

# Surnames that both scripts write alike, though OpenCC would change the character elsewhere.
_NAMED = re.compile(
    "((?<=姓)[于余范郁岳涂朴游党]"
    "|[于余范郁岳涂朴游党](?=先生|小姐|女士|太太|师傅|医生|经理|老师|阿姨))"
)

# Big5 keeps the characters in common Traditional use below this byte, rare ones from it on.
_BIG5_RARE = 0xC9


def fold(text: str) -> str:
    """`text` in Simplified, so that both scripts compare equal. For matching, never for showing."""
    return str(_converter("t2s").convert(text))


def to_script(text: str, script: Script) -> str:
    """`text` as a reader of `script` expects it; what is already in that script stays untouched."""
    if script == "cn":
        return fold(text)
    pieces = _PIECES.findall(text) if _has_traditional(text) else [text]
    return "".join(_to_traditional(piece) for piece in pieces)


def _to_traditional(piece: str) -> str:
    if _has_traditional(piece) or not any(map(_only_simplified, piece)):
        return "".join(_traditional(char) if _only_simplified(char) else char for char in piece)
    parts = _NAMED.split(piece)  # every second one is a surname
    return "".join(part if i % 2 else _traditional(part) for i, part in enumerate(parts))


def _has_traditional(text: str) -> bool:
    return fold(text) != text


@cache
def _only_simplified(char: str) -> bool:
    """Is `char` at home in Simplified alone: not among the common characters of Traditional?"""
    if _traditional(char) == char:
        return False
    code = char.encode("big5", errors="ignore")
    return not code or code[0] >= _BIG5_RARE


def _traditional(text: str) -> str:
    return str(_converter("s2hk").convert(text))


@cache
def _converter(config: str) -> OpenCC:
    return OpenCC(config)
