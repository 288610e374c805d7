"""Raw text of an engine -> text for a person: the city's script, one way of spacing."""

import re
from collections.abc import Iterable
from typing import Final

from cases.script import Script, to_script
from transcription.language import CHINESE

# Half a character, where a model broke off in the middle of one.
BROKEN: Final = "\ufffd"


def joined(lines: Iterable[str]) -> str:
    """Lines as one text: a space between two, but none behind a Chinese full stop or comma."""
    return re.sub(r"(?<=[，。！？；：、]) ", "", " ".join(lines))


def tidy(raw: str, language: str, script: Script) -> str:
    """`raw` without half characters and doubled spaces, Chinese in the city's script.

    Words are never changed: this is the record of what a citizen said.
    """
    text = re.sub(r"\s+", " ", raw.replace(BROKEN, "")).strip()
    return to_script(text, script) if language in CHINESE else text
