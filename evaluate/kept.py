"""What was heard, line by line in a file, so that a run which was stopped goes on where it was."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Spoken = tuple[str, float, str]


@dataclass(frozen=True)
class Said:
    """What was heard in one recording under one condition.

    `outcome`: `heard`, `silence`, or why neither. `words`: text, confidence and language of each.
    `seconds`: of the recording; `spent`: of the processor.
    """

    name: str
    condition: str
    outcome: str
    text: str = ""
    language: str = ""
    model: str = ""
    flags: tuple[str, ...] = ()
    words: tuple[Spoken, ...] = ()
    seconds: float = 0.0
    spent: float = 0.0


def read(file: Path) -> dict[str, Said]:
    """By key. A line that was being written when the machine stopped is left out."""
    known = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        with suppress(ValueError, TypeError, KeyError):
            fields: dict[str, Any] = json.loads(line)
            key = fields.pop("key")
            words = tuple((text, value, language) for text, value, language in fields.pop("words"))
            known[key] = Said(**{**fields, "words": words, "flags": tuple(fields["flags"])})
    return known


def append(file: Path, key: str, said: Said) -> None:
    """One more line, on a line of its own even behind one that broke off."""
    file.parent.mkdir(parents=True, exist_ok=True)
    broken = file.is_file() and file.stat().st_size and not file.read_bytes().endswith(b"\n")
    with file.open("a", encoding="utf-8") as lines:
        line = json.dumps({"key": key, **asdict(said)}, ensure_ascii=False)
        lines.write("\n" * bool(broken) + line + "\n")
