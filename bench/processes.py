"""What a process and all that it started have used, as proc(5) tells it; nothing where there is none."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """What the process and its descendants computed so far, those that have ended left out."""
    ticks = os.sysconf("SC_CLK_TCK")
    return sum((int(stat[11]) + int(stat[12])) / ticks for _, stat in _family(pid))


def peak_bytes(pid: int) -> int:
    """The most memory each of them ever had resident, together."""
    return sum(_peak(one) for one, _ in _family(pid))


def busy_seconds() -> float:
    """What all processors of this machine computed so far, for whomever; 0 where nobody tells."""
    with suppress(OSError):
        user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text().split()[1:9]
        return sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _family(pid: int) -> Iterator[tuple[int, list[str]]]:
    """The process and its descendants: ids, and what `stat` tells of them from their state on."""
    stats = dict(_stats())
    if pid in stats:
        yield pid, stats[pid]
    generation = {pid}
    while generation:
        generation = {one for one, stat in stats.items() if int(stat[1]) in generation}
        yield from ((one, stats[one]) for one in generation)


def _stats() -> Iterator[tuple[int, list[str]]]:
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            yield int(file.parent.name), file.read_text().rpartition(")")[2].split()


def _peak(pid: int) -> int:
    with suppress(OSError):
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0
