"""Many rounds in a few figures, and the machine they were taken on."""

import os
import platform
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from bench.load import Volley


@dataclass
class Row:
    """What one server did with one kind of webhook, over all rounds."""

    name: str
    volleys: list[Volley] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Requests a second, one figure a round."""
        return [volley.answered / volley.seconds for volley in self.volleys]

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def cpu(self) -> float:
        """Milliseconds the server's own processes computed for one answer."""
        answered = sum(volley.answered for volley in self.volleys)
        return sum(volley.cpu_seconds for volley in self.volleys) / answered * 1000

    @property
    def errors(self) -> list[str]:
        return [error for volley in self.volleys for error in volley.errors]

    def percentile(self, percent: int) -> float:
        """Milliseconds within which so many percent of all answers came."""
        waits = [wait for volley in self.volleys for wait in volley.milliseconds]
        return quantiles(waits, n=100)[percent - 1]

    def ratio(self, measure: "Row") -> float:
        """The median of the ratios round by round: what slowed a whole round slowed both."""
        return median(ours / bare for ours, bare in zip(self.rates, measure.rates, strict=True))

    def as_dict(self, measure: "Row") -> dict[str, object]:
        return {
            "name": self.name,
            "requests_per_second": round(self.rate, 1),
            "rounds": [round(rate, 1) for rate in self.rates],
            "ratio": round(self.ratio(measure), 3),
            "cpu_ms": round(self.cpu, 2),
            "p50_ms": round(self.percentile(50), 1),
            "p99_ms": round(self.percentile(99), 1),
            "errors": len(self.errors),
        }


def machine() -> str:
    """Cores, processor and Python, in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {_processor()}, Python {platform.python_version()}"


def disk(folder: Path) -> str:
    """How long a durable write takes there, in words: it bounds what one writer can commit."""
    waits = sorted(_durable_writes(folder / "write", 200))
    return f"a durable write of 4 KiB takes {waits[100]:.2f} ms (one in ten {waits[180]:.2f} ms)"


def _durable_writes(file: Path, times: int) -> Iterator[float]:
    with file.open("wb") as handle:
        for _ in range(times):
            handle.write(bytes(4096))
            handle.flush()
            began = time.perf_counter()
            os.fsync(handle.fileno())
            yield (time.perf_counter() - began) * 1000


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.machine()
