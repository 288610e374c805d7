"""What a process and all that it started have used, as proc(5) tells it; nothing where there is none.

They are known by their process group: `demo.house` starts everything in a group of its own.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def cpu_seconds(group: int) -> float:
    """What the processes of the group computed so far, those that have ended left out."""
    return sum((int(it[11]) + int(it[12])) for _, it in _of(group)) / os.sysconf("SC_CLK_TCK")


def peak_bytes(group: int) -> int:
    """The most memory each process of the group ever had resident, together."""
    return sum(_peak(folder) for folder, _ in _of(group))


def _of(group: int) -> Iterator[tuple[Path, list[str]]]:
    """The processes of the group: folder, and what `stat` tells of them from their state on."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(stat[2]) == group:
                yield folder, stat


def _peak(folder: Path) -> int:
    with suppress(OSError):
        found = re.search(r"VmHWM:\s*(\d+) kB", (folder / "status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0
