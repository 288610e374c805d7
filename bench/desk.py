"""A hotline's speech job in this process, on a database and storage of its own."""

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

import torch
from sqlalchemy import Engine

from cases import calls, case, followups, recordings
from cases.clocks import Terms
from cases.record import Record
from cases.recordings import Announcement, Recording
from demo.house import MODEL
from runtime import clock, database
from runtime.city import City
from runtime.database import transaction
from runtime.settings import CITIES, Settings
from runtime.storage import Storage
from transcription.jobs import Ear, Standby
from transcription.recogniser import open_recogniser

MINUTE: Final = timedelta(minutes=1)
TERMS: Final = Terms.of_city(City.read(CITIES / "hongkong"))


class Desk:
    """Calls are put in by `add`; `ear` is for `transcription.jobs.transcribe`."""

    def __init__(self, folder: Path, model: Path = MODEL) -> None:
        self._folder, self._model = folder, model
        self._calls = 0

    @cached_property
    def database(self) -> Engine:
        engine = database.engine(f"sqlite:///{self._folder}/whistle.sqlite3")
        # Tables refer to one another: all that any of them names must be known.
        assert followups.Followup.metadata is Record.metadata
        Record.metadata.create_all(engine)
        return engine

    @cached_property
    def ear(self) -> Ear:
        """With the model loaded."""
        torch.set_num_threads(1)
        settings = Settings(whisper_model=str(self._model), state_dir=self._folder)
        recogniser = open_recogniser(settings, City.read(CITIES / "hongkong"), lambda _: None)
        storage = Storage(f"file://{self._folder}")
        return Ear(self.database, storage, Standby(lambda: recogniser), tuple)

    def add(self, sound: str, seconds: float, priority: int = recordings.USUAL) -> int:
        """A call that is over; its recording lies in storage under `sound`."""
        self._calls += 1
        now = clock.now()
        with transaction(self.database) as session:
            call = calls.begin(
                session, str(self._calls), provider="none", caller=None, called="", now=now
            )
            case.open_for(session, call, TERMS, now)
            told = Announcement("completed", "RE", seconds=seconds, priority=priority)
            recording = recordings.announce(session, call, told, now)
            claim = recordings.claim(session, recording, "fetch", now, MINUTE)
            assert claim is not None, "nobody else knows of it yet"
            recordings.fetched(session, claim, sound, now)
        return recording

    def is_over(self, recording: int) -> bool:
        with transaction(self.database) as session:
            return session.get_one(Recording, recording).status in recordings.FINAL
