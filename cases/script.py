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

# What OpenCC would change and we keep: Cantonese characters whose other form hardly anyone can
# read, and surnames that both scripts write alike, where they are certainly surnames.
_KEPT = re.compile(
    "([嗰喎搵𨋢燶劏]"
    "|(?<![惊恐])吓(?!着|到|人|唬|死|坏|得|了|一跳)"  # 睇吓, but not 吓人, which is 嚇人
    "|(?<=姓)[于余范郁岳涂朴游党]"
    "|[于余范郁岳涂朴游党](?=先生|小姐|女士|太太|师傅|医生|经理|老师|阿姨))"
)

# Big5 keeps the characters in common Traditional use below this byte, rare ones from it on.
_BIG5_RARE = 0xC9


def fold(text: str) -> str:
    """`text` in Simplified, so that both scripts compare equal. For matching, never for showing.

    OpenCC's `hk2s` is its `t2s` and knows 衞, 枱 and 粧 besides, which `t2s` lets stand.
    """
    return str(_converter("hk2s").convert(text))


def to_script(text: str, script: Script) -> str:
    """`text` as a reader of `script` expects it; what is already in that script stays untouched."""
    if script == "cn":
        return _convert(text, "hk2s")
    pieces = _PIECES.findall(text) if _has_traditional(text) else [text]
    return "".join(map(_to_traditional, pieces))


def _to_traditional(piece: str) -> str:
    if _has_traditional(piece) or not any(map(_only_simplified, piece)):
        return "".join(_traditional(char) if _only_simplified(char) else char for char in piece)
    return _traditional(piece)


def _traditional(text: str) -> str:
    return _convert(text, "s2hk")


def _convert(text: str, config: str) -> str:
    parts = _KEPT.split(text)  # every second one is what we keep
    convert = _converter(config).convert
    return "".join(part if i % 2 else convert(part) for i, part in enumerate(parts))


def _has_traditional(text: str) -> bool:
    return _convert(text, "hk2s") != text


@cache
def _only_simplified(char: str) -> bool:
    """Is `char` at home in Simplified alone: not among the common characters of Traditional?"""
    if _traditional(char) == char:
        return False
    code = char.encode("big5", errors="ignore")
    return not code or code[0] >= _BIG5_RARE


@cache
def _converter(config: str) -> OpenCC:
    return OpenCC(config)
