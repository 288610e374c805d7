"""One way of hearing a set, and what makes it the same way again."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from runtime.city import City
from runtime.settings import CITIES, Settings
from transcription import calibration

CODE: Final = Path(calibration.__file__).parent
LIBRARIES: Final = ("openai-whisper", "torch", "ctranslate2", "silero-vad", "soxr")


@dataclass(frozen=True)
class Way:
    """How a set is heard. `known`: the language of each recording is told beforehand, as when a
    caller has pressed a key."""

    engine: str
    model: str
    city: str
    windows: str = "full"
    prompt: str = "off"
    known: bool = False

    def settings(self) -> Settings:
        """The settings of a worker that hears in this way. Raises SettingsError."""
        chosen = {
            "whisper_engine": self.engine,
            "whisper_model": self.model,
            "whisper_windows": self.windows,
            "whisper_prompt": self.prompt,
        }
        return Settings.read().model_copy(update=chosen)

    @property
    def folder(self) -> Path:
        """The city's."""
        return Path(self.city) if "/" in self.city else CITIES / self.city

    def place(self) -> City:
        """Raises CityError."""
        return City.read(self.folder)

    @property
    def label(self) -> str:
        """In words, for a table."""
        told = [f"windows {self.windows}", f"prompt {self.prompt}"]
        told += ["language known"] if self.known else []
        return f"{Path(self.model).name} by {self.engine}, {', '.join(told)}"

    def fingerprint(self) -> str:
        """Of everything but the recording that bears on what is heard: also weights and code."""
        return digest(
            "\n".join([json.dumps(asdict(self)), *self._weights(), *self._ours(), _theirs()])
        )

    def _weights(self) -> list[str]:
        model = Path(self.model)
        inside = sorted(model.iterdir()) if model.is_dir() else [model]
        return _of_files(file for file in inside if not file.name.endswith("calibration.json"))

    def _ours(self) -> list[str]:
        code = (path for path in CODE.rglob("*") if path.suffix in {".py", ".yaml"})
        place = self.place().folder
        data = (path for path in place.iterdir() if path.suffix in {".yaml", ".csv"})
        return _of_files(sorted([*code, *data]))


def digest(text: str) -> str:
    """A short name for a long text."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@cache
def digest_of(path: Path) -> str:
    """A short name for a file's bytes, read once a run."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:24]


def _of_files(paths: Iterable[Path]) -> list[str]:
    return [digest_of(path) for path in paths if path.is_file()]


def _theirs() -> str:
    known = []
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            known.append(f"{library} {version(library)}")
    return " ".join(known)
