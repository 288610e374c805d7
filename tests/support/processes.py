"""What runs on this machine, as Linux tells it."""

from collections.abc import Collection
from pathlib import Path


def with_setting(name: str, value: str) -> set[int]:
    """The ids of all processes that were started with this environment variable."""
    wanted = f"{name}={value}".encode()
    return {
        int(one.parent.name) for one in Path("/proc").glob("[0-9]*/environ") if _has(one, wanted)
    }


def children_of(pid: int) -> set[int]:
    """The ids of the processes that this one started."""
    return {one for one in _all() if _parent(one) == pid}


def ancestor_among(pid: int, others: Collection[int]) -> bool:
    """Whether the process is one of the others or was started by one of them."""
    while pid > 1:
        if pid in others:
            return True
        pid = _parent(pid)
    return False


def _all() -> set[int]:
    return {int(one.name) for one in Path("/proc").glob("[0-9]*")}


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def _has(environ: Path, wanted: bytes) -> bool:
    try:
        return wanted in environ.read_bytes().split(b"\0")
    except OSError:
        return False
