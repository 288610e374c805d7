"""The job, on a real database and real storage: once, never twice, and no call lost."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine as Database

from cases import calls, case, recordings
from cases.case import Case, Terms
from cases.record import Record
from cases.recordings import Announcement, Claim, Recording
from cases.transcripts import Transcript
from runtime import clock, database
from runtime.database import transaction
from runtime.storage import Storage
from tests.unit.transcription.conftest import Parrot, Script, said
from transcription import jobs
from transcription.audio import SAMPLE_RATE
from transcription.engines.interface import Clip, ModelUnavailable, Result, Unheard
from transcription.jobs import Ear, Standby, transcribe
from transcription.recogniser import Recogniser
from transcription.speech import Detector

Speech = Callable[[str], bytes]
COMPLAINT = "我想投訴街燈壞咗"
KEY = "2026/recording"
LATER = timedelta(hours=2)


def plain(_: int, clip: Clip) -> Result:
    return said(clip, (0.0, len(clip.samples) / SAMPLE_RATE, COMPLAINT))


class Desk:
    """A hotline with one call, whose recording has been fetched; and the ear that is to hear it."""

    def __init__(self, folder: Path, detector: Detector) -> None:
        self.database: Database = database.engine(f"sqlite:///{folder}/whistle.sqlite3")
        Record.metadata.create_all(self.database)
        self.storage = Storage(f"file://{folder}/recordings")
        self.detector = detector
        self.parrot = Parrot(plain)
        self.recording = self._call()

    def _call(self) -> int:
        now = clock.now()
        with transaction(self.database) as session:
            call = calls.begin(
                session, "CA1", provider="twilio", caller=None, called="1823", now=now
            )
            terms = Terms(ZoneInfo("Asia/Hong_Kong"), 10)
            case.open_for(session, call, terms, now, ["transcript_pending"])
            told = Announcement("completed", provider_id="RE1", url="https://x/RE1")
            recording = recordings.announce(session, call, told, now)
            claim = recordings.claim(session, recording, "fetch", now, timedelta(seconds=60))
            assert claim is not None
            recordings.fetched(session, claim, KEY, now)
        return recording

    def ear(self, script: Script = plain, heartbeat: float = 20.0) -> Ear:
        self.parrot = Parrot(script)
        recogniser = Recogniser(self.parrot, self.detector, ("yue", "cmn", "en"), "hk")
        return Ear(self.database, self.storage, Standby(lambda: recogniser), (), heartbeat)

    def row(self) -> Recording:
        with transaction(self.database) as session:
            row = session.get_one(Recording, self.recording)
            session.expunge(row)
            return row

    def case(self) -> Case:
        with transaction(self.database) as session:
            row = session.get_one(Case, 1)
            session.expunge(row)
            return row

    def transcripts(self) -> list[Transcript]:
        with transaction(self.database) as session:
            rows = list(session.query(Transcript))
            session.expunge_all()
            return rows

    def due(self) -> list[int]:
        """What a sweep would find in two hours, when every wait is over."""
        with transaction(self.database) as session:
            due = recordings.due(session, "transcribe", clock.now() + LATER)
            return [getattr(work, "recording_id", work) for work in due]  # type: ignore[misc]

    def claim(self) -> Claim | None:
        with transaction(self.database) as session:
            return recordings.claim(session, self.recording, "transcribe", clock.now(), jobs.LEASE)

    def let_time_pass(self) -> None:
        """Let every wait and every lease be over."""
        with transaction(self.database) as session:
            row = session.get_one(Recording, self.recording)
            row.next_try_at = clock.now() - LATER
            row.lease_until = row.lease_until and clock.now() - LATER


@pytest.fixture
def desk(tmp_path: Path, detector: Detector, speech: Speech) -> Desk:
    desk = Desk(tmp_path, detector)
    desk.storage.write(KEY, speech("yue"))
    return desk


def test_a_recording_becomes_the_transcript_of_its_case(desk: Desk) -> None:
    transcribe(desk.ear(), desk.recording)

    (transcript,) = desk.transcripts()
    assert (transcript.text, transcript.language, transcript.engine) == (COMPLAINT, "yue", "parrot")
    assert transcript.segments[0]["text"] == COMPLAINT
    assert desk.row().status == "transcribed"
    assert desk.case().flags == []
    assert desk.due() == []


def test_rung_twice_it_listens_once(desk: Desk) -> None:
    ear = desk.ear()

    transcribe(ear, desk.recording)
    transcribe(ear, desk.recording)

    assert len(desk.transcripts()) == len(desk.parrot.given) == 1


def test_two_workers_at_once_listen_once(desk: Desk) -> None:
    ear = desk.ear()
    workers = [threading.Thread(target=transcribe, args=(ear, desk.recording)) for _ in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(desk.transcripts()) == len(desk.parrot.given) == 1


def test_a_recording_nobody_knows_is_no_work(desk: Desk) -> None:
    transcribe(desk.ear(), 4711)

    assert desk.transcripts() == []


def test_a_recording_in_which_nobody_speaks_has_no_transcript(desk: Desk, speech: Speech) -> None:
    whole = speech("yue")
    desk.storage.write(KEY, whole[: 58 + 6000])  # the second of silence before the sentence

    transcribe(desk.ear(), desk.recording)

    assert desk.transcripts() == []
    assert desk.row().status == "no_speech"
    assert "no_speech" in desk.case().flags
    assert "transcript_pending" not in desk.case().flags


def test_what_is_no_recording_is_left_to_a_person_at_once(desk: Desk) -> None:
    desk.storage.write(KEY, b"<html>404</html>")

    transcribe(desk.ear(), desk.recording)

    row = desk.row()
    assert (row.status, row.attempts) == ("needs_listening", 1)
    assert row.reason == "not a recording: a web page or an error message instead of a recording"
    assert desk.case().flags == ["listen_to_recording"]


def test_a_failure_is_tried_again_and_then_forgotten(desk: Desk) -> None:
    transcribe(desk.ear(lambda *_: Unheard("no room")), desk.recording)

    row = desk.row()
    assert row.status == "fetched"
    assert row.reason == "HearingFailed: no room"
    assert 5 < (row.next_try_at - clock.now()).total_seconds() <= 10
    desk.let_time_pass()
    transcribe(desk.ear(), desk.recording)
    assert [transcript.text for transcript in desk.transcripts()] == [COMPLAINT]


def test_the_waits_grow_and_the_fifth_failure_is_the_last(desk: Desk) -> None:
    ear = desk.ear(lambda *_: Unheard("no room"))
    waits = []

    for _ in range(5):
        desk.let_time_pass()
        transcribe(ear, desk.recording)
        waits.append(round((desk.row().next_try_at - clock.now()).total_seconds()))

    assert waits[:4] == pytest.approx([10, 20, 40, 80], abs=1)
    assert desk.row().status == "needs_listening"
    assert desk.case().flags == ["listen_to_recording"]
    assert desk.due() == []


def test_sound_that_is_not_in_storage_yet_is_tried_again(desk: Desk, speech: Speech) -> None:
    (Path(desk.storage._root) / KEY).unlink()

    transcribe(desk.ear(), desk.recording)

    assert desk.row().status == "fetched"
    assert "FileNotFoundError" in str(desk.row().reason)


def test_a_recording_that_kills_its_worker_is_not_tried_for_ever(desk: Desk) -> None:
    for _ in range(5):
        assert desk.claim() is not None  # claimed, and then the worker is gone
        desk.let_time_pass()

    transcribe(desk.ear(), desk.recording)

    assert desk.parrot.given == []
    assert desk.row().status == "needs_listening"
    assert "5 attempts ended without a word" in str(desk.row().reason)


def test_no_transaction_is_open_while_the_engine_listens(desk: Desk) -> None:
    def writes_meanwhile(_: int, clip: Clip) -> Result:
        with transaction(desk.database) as session:  # SQLite has one writer: this would wait
            calls.begin(
                session, "CA2", provider="twilio", caller=None, called="1823", now=clock.now()
            )
        return plain(0, clip)

    transcribe(desk.ear(writes_meanwhile), desk.recording)

    assert [transcript.text for transcript in desk.transcripts()] == [COMPLAINT]


def test_the_lease_is_extended_while_the_engine_listens(desk: Desk) -> None:
    leases = []
    threads = threading.active_count()

    def slow(_: int, clip: Clip) -> Result:
        for _ in range(3):
            leases.append(desk.row().lease_until)
            for _ in range(100):
                if desk.row().lease_until != leases[-1]:
                    break
                time.sleep(0.05)
        return plain(0, clip)

    transcribe(desk.ear(slow, heartbeat=0.05), desk.recording)

    assert None not in leases
    assert leases[0] < leases[1] < leases[2]  # type: ignore[operator]
    assert desk.row().lease_until is None
    assert threading.active_count() == threads


def test_who_lost_the_lease_writes_nothing(desk: Desk) -> None:
    def loses_it(_: int, clip: Clip) -> Result:
        desk.let_time_pass()
        assert desk.claim() is not None  # somebody else has it now
        return plain(0, clip)

    transcribe(desk.ear(loses_it), desk.recording)

    assert desk.transcripts() == []
    assert desk.row().status == "fetched"
    assert desk.row().lease_token is not None


def test_without_a_model_the_case_waits_for_a_listener_and_the_work_for_a_model(
    desk: Desk,
) -> None:
    gone = ModelUnavailable("there is no file none.pt", "set WHISPER_MODEL")

    def missing() -> Recogniser:
        raise gone

    ear = Ear(desk.database, desk.storage, Standby(missing), ())
    for _ in range(8):  # more often than the attempts there are
        desk.let_time_pass()
        transcribe(ear, desk.recording)

    assert (desk.row().status, desk.row().attempts) == ("fetched", 0)
    assert desk.row().reason == str(gone)
    assert "listen_to_recording" in desk.case().flags
    assert desk.due() == [desk.recording]

    desk.let_time_pass()
    transcribe(desk.ear(), desk.recording)

    assert [transcript.text for transcript in desk.transcripts()] == [COMPLAINT]
    assert desk.case().flags == []


def test_the_model_is_loaded_once_and_asked_for_at_most_once_a_minute(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    recogniser = Recogniser(desk.parrot, desk.detector, ("yue",), "hk")
    minutes = iter([0.0, 0.5, 1.1, 1.2, 1.3])
    monkeypatch.setattr(jobs.time, "monotonic", lambda: 60 * now)
    now = next(minutes)

    def load() -> Recogniser:
        asked.append(now)
        if now < 1:
            raise ModelUnavailable("no file", "set WHISPER_MODEL")
        return recogniser

    standby = Standby(load)
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            standby.recogniser()
        now = next(minutes)
    assert asked == [0.0]
    assert [standby.recogniser() for _ in range(3)] == [recogniser] * 3
    assert asked == [0.0, 1.1]


def test_progress_is_in_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    transcribe(desk.ear(), desk.recording)

    assert f"hearing recording {desk.recording}: 100 %" in caplog.messages


def test_a_case_that_was_told_of_a_phantom_says_so(desk: Desk) -> None:
    transcribe(desk.ear(lambda _, clip: said(clip, (0.0, 2.0, "謝謝觀看"))), desk.recording)

    (transcript,) = desk.transcripts()
    assert (transcript.text, transcript.raw_text) == ("", "謝謝觀看")
    assert transcript.segments[0]["flags"] == ["phantom"]
    assert set(desk.case().flags) == {"listen_to_recording", "suspect_text"}
