"""What this machine can hear: the speech processes it carries, and the hours of calls they hear.

Without torch: the supervisor asks, and stays small.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runtime.settings import Settings

# Megabytes of openai-whisper's checkpoints, by the beginning of their names.
MEGABYTES: Final[Mapping[str, int]] = {
    "tiny": 75,
    "base": 145,
    "small": 480,
    "medium": 1530,
    "large-v3-turbo": 1620,
    "turbo": 1620,
    "large": 3090,
}
# Megabytes of a process at its peak, beside its model and per megabyte of it (docs/performance.md).
PROCESS: Final[Mapping[str, tuple[float, float]]] = {
    "openai-whisper": (700, 4.6),
    "faster-whisper": (900, 2.0),
}
# Of the memory that is free now; the rest is for whoever else lives here.
SHARE_OF_MEMORY: Final = 0.8
USUAL_CLIP_SECONDS: Final = 10.0


def processes(settings: Settings) -> int:
    """How many speech processes to run: as SPEECH_PROCESSES says, or as many as do good.

    One of one thread per core, as far as memory goes; one per GPU; one for a remote server.
    """
    if settings.speech_processes != "auto":
        return settings.speech_processes
    if settings.whisper_engine == "remote":
        return 1
    return len(gpus()) or max(1, min(_cores(), _that_fit(settings)))


def gpus() -> list[str]:
    """The GPUs of this machine that we may use, as CUDA_VISIBLE_DEVICES names them."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [name for name in allowed.split(",") if name.strip() not in {"", "-1"}]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(found))]


def environment(number: int, devices: list[str]) -> Mapping[str, str]:
    """What the `number`-th speech process is told beside the settings: which GPU is its own."""
    if len(devices) < 2:
        return {}
    return {"CUDA_VISIBLE_DEVICES": devices[number % len(devices)]}


def hears(seconds_per_clip: float | None, processes: int) -> str:
    """One line: the hours of calls that so many processes hear in an hour."""
    hands = f"{processes} process" + ("es" if processes > 1 else "")
    if seconds_per_clip is None:
        return f"how much it hears lies with the server at WHISPER_URL ({hands})"
    hours = processes * USUAL_CLIP_SECONDS / seconds_per_clip
    return f"hears about {hours:.{1 if hours < 10 else 0}f} hours of calls an hour ({hands})"


def _cores() -> int:
    cores = len(os.sched_getaffinity(0))
    quota = _limit("cpu.max").split()
    if len(quota) == 2 and quota[0] != "max":
        return min(cores, max(1, int(quota[0]) // int(quota[1])))
    return cores


def _that_fit(settings: Settings) -> int:
    base, per_model = PROCESS[settings.whisper_engine]
    one = base + per_model * _model_megabytes(settings.whisper_model)
    return int(SHARE_OF_MEMORY * _free_megabytes() / one)


def _model_megabytes(model: str) -> float:
    path = Path(model)
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
    if path.is_file():
        return path.stat().st_size / 1e6
    # Longest first: a large turbo is no large one.
    known = (name for name in sorted(MEGABYTES, key=len, reverse=True) if model.startswith(name))
    return MEGABYTES[next(known, "large")]


def _free_megabytes() -> float:
    lines = Path("/proc/meminfo").read_text().splitlines()
    (free,) = (int(line.split()[1]) / 1e3 for line in lines if line.startswith("MemAvailable"))
    limit = _limit("memory.max").strip()
    return min(free, int(limit) / 1e6) if limit.isdigit() else free


def _limit(name: str) -> str:
    """What a container allows its processes."""
    try:
        return (Path("/sys/fs/cgroup") / name).read_text()
    except OSError:
        return ""
