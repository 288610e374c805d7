"""Prompts spoken aloud for the browser telephone by espeak-ng, where it is installed.

A program of its own, given the text on its standard input. What it said once is kept by digest.
"""

import hashlib
import logging
import os
import secrets
import shutil
import subprocess
import threading
from pathlib import Path

log = logging.getLogger(__name__)

PROGRAM = "espeak-ng"
# TwiML's language, by its first part -> the program's voice, and words a minute.
VOICES = {"yue": ("yue", 185), "cmn": ("cmn", 185), "en": ("en-gb", 165)}
LONGEST_TEXT = 4096  # as long as a provider lets <Say> be
PATIENCE = 15.0
MOST_KEPT = 400
# Speaking is work for a processor: no more than so many at a time in one web process.
_hands = threading.BoundedSemaphore(2)


class Speaker:
    """Says texts as WAV files, kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = shutil.which(PROGRAM)

    @staticmethod
    def is_there() -> bool:
        """Whether the program is installed."""
        return shutil.which(PROGRAM) is not None

    @property
    def speaks(self) -> bool:
        """Whether the program is there."""
        return self._program is not None

    def say(self, text: str, language: str) -> bytes | None:
        """The text as a WAV file; None where nobody here can say it."""
        voice = VOICES.get(language.partition("-")[0])
        if self._program is None or voice is None or not 0 < len(text) <= LONGEST_TEXT:
            return None
        digest = hashlib.sha256(f"{voice} {text}".encode()).hexdigest()
        kept = self._folder / f"{digest}.wav"
        try:
            return kept.read_bytes()
        except OSError:
            return self._spoken(text, voice, kept)

    def _spoken(self, text: str, voice: tuple[str, int], keep: Path) -> bytes | None:
        name, speed = voice
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = keep.with_name(f".{secrets.token_hex(8)}.wav")
        # To a file and not a pipe: only then the file's head tells how long it is.
        command = [str(self._program), "-v", name, "-s", str(speed), "--stdin", "-w", str(draft)]
        try:
            with _hands:
                subprocess.run(
                    command, input=text.encode(), timeout=PATIENCE, check=True, capture_output=True
                )
            sound = draft.read_bytes()
            os.replace(draft, keep)
        except (OSError, subprocess.SubprocessError) as error:
            log.warning("%s could not speak: %s", PROGRAM, error)
            return None
        finally:
            draft.unlink(missing_ok=True)
        self._prune()
        return sound

    def _prune(self) -> None:
        """Case numbers make ever new texts: the oldest go."""
        found = sorted(self._folder.glob("[0-9a-f]*.wav"), key=_age)
        for file in found[:-MOST_KEPT]:
            file.unlink(missing_ok=True)


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
