"""The job, on a real database and real storage: together, once, never twice, and no call lost."""

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sqlalchemy import Connection, event, select, text
from sqlalchemy import Engine as Database
from sqlalchemy.exc import OperationalError

from cases import calls, case, recordings
from cases.case import Case
from cases.record import Record
from cases.recordings import Announcement, Claim, Recording
from cases.transcripts import Transcript
from runtime import clock, database
from runtime.database import transaction
from runtime.storage import Storage
from tests.unit.cases.conftest import LAMPS, TERMS
from tests.unit.transcription.conftest import Parrot, Script, said, wav
from transcription import jobs
from transcription.audio import SAMPLE_RATE
from transcription.engines.interface import Clip, Line, ModelUnavailable, Result, Unheard, Word
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
        self.recording = self.add("CA1")

    def add(
        self, call_id: str, turn: int = 1, seconds: float = 5.0, priority: int = 0, key: str = KEY
    ) -> int:
        """A message of this call, fetched and lying in storage under `key`."""
        now = clock.now()
        with transaction(self.database) as session:
            call = calls.begin(
                session, call_id, provider="twilio", caller=None, called="1823", now=now
            )
            case.open_for(session, call, TERMS, now, ["transcript_pending"])
            told = Announcement(
                "completed", f"RE{turn}", turn=turn, seconds=seconds, priority=priority
            )
            recording = recordings.announce(session, call, told, now)
            claim = recordings.claim(session, recording, "fetch", now, timedelta(seconds=60))
            assert claim is not None
            recordings.fetched(session, claim, key, now)
        return recording

    def ear(self, script: Script = plain, batch: int = 8, **otherwise: Any) -> Ear:
        self.parrot = Parrot(script)
        self.parrot.batch = batch
        recogniser = Recogniser(self.parrot, self.detector, ("yue", "cmn", "en"), "hk")
        usual = {"standby": Standby(lambda: recogniser), "categories": tuple}
        return Ear(self.database, self.storage, **{**usual, **otherwise})

    def row(self, recording: int | None = None) -> Recording:
        with transaction(self.database) as session:
            row = session.get_one(Recording, recording or self.recording)
            session.expunge(row)
            return row

    def statuses(self) -> list[str]:
        """Of all recordings, first first."""
        with transaction(self.database) as session:
            return list(session.scalars(select(Recording.status).order_by(Recording.id)))

    def heard(self) -> list[int]:
        """The recordings that have a transcript, in the order in which they came by it."""
        return [transcript.recording_id for transcript in self.transcripts()]

    def case(self) -> Case:
        with transaction(self.database) as session:
            row = session.get_one(Case, 1)
            session.expunge(row)
            return row

    def transcripts(self) -> list[Transcript]:
        with transaction(self.database) as session:
            rows = list(session.query(Transcript).order_by(Transcript.id))
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
            for row in session.query(Recording):
                row.next_try_at = clock.now() - LATER
                row.lease_until = row.lease_until and clock.now() - LATER


class Roomy(Standby):
    """A recogniser whose batch takes several steps, as that of a long recording does."""

    def __init__(self, of: Standby) -> None:
        super().__init__(of.recogniser)

    @property
    def batch(self) -> int:
        return 8


@pytest.fixture
def desk(tmp_path: Path, detector: Detector, speech: Speech) -> Desk:
    desk = Desk(tmp_path, detector)
    desk.storage.write(KEY, speech("yue"))
    return desk


def test_a_recording_becomes_the_transcript_of_its_case(desk: Desk) -> None:
    transcribe(desk.ear())

    (transcript,) = desk.transcripts()
    assert (transcript.text, transcript.language, transcript.engine) == (COMPLAINT, "yue", "parrot")
    assert transcript.segments[0]["text"] == COMPLAINT
    assert desk.row().status == "transcribed"
    assert desk.case().flags == []
    assert desk.due() == []


def test_rung_twice_it_listens_once(desk: Desk) -> None:
    ear = desk.ear()

    transcribe(ear)
    transcribe(ear)

    assert len(desk.transcripts()) == len(desk.parrot.given) == 1


def test_two_workers_at_once_listen_once(desk: Desk) -> None:
    ear = desk.ear()
    workers = [threading.Thread(target=transcribe, args=(ear,)) for _ in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(desk.transcripts()) == len(desk.parrot.given) == 1


def test_where_nothing_waits_there_is_no_work(desk: Desk) -> None:
    assert transcribe(desk.ear())
    assert not transcribe(desk.ear())


def test_a_recording_in_which_nobody_speaks_has_no_transcript(desk: Desk, speech: Speech) -> None:
    whole = speech("yue")
    desk.storage.write(KEY, whole[: 58 + 6000])  # the second of silence before the sentence

    transcribe(desk.ear())

    assert desk.transcripts() == []
    assert desk.row().status == "no_speech"
    assert "no_speech" in desk.case().flags
    assert "transcript_pending" not in desk.case().flags


def test_what_is_no_recording_is_left_to_a_person_at_once(desk: Desk) -> None:
    desk.storage.write(KEY, b"<html>404</html>")

    transcribe(desk.ear())

    row = desk.row()
    assert (row.status, row.attempts) == ("needs_listening", 1)
    assert row.reason == "not a recording: a web page or an error message instead of a recording"
    assert desk.case().flags == ["listen_to_recording"]


def test_a_failure_is_tried_again_and_then_forgotten(desk: Desk) -> None:
    transcribe(desk.ear(lambda *_: Unheard("no room")))

    row = desk.row()
    assert row.status == "fetched"
    assert row.reason == "HearingFailed: no room"
    assert 5 < (row.next_try_at - clock.now()).total_seconds() <= 10
    desk.let_time_pass()
    transcribe(desk.ear())
    assert [transcript.text for transcript in desk.transcripts()] == [COMPLAINT]


def test_the_waits_grow_and_the_fifth_failure_is_the_last(desk: Desk) -> None:
    ear = desk.ear(lambda *_: Unheard("no room"))
    waits = []

    for _ in range(5):
        desk.let_time_pass()
        transcribe(ear)
        waits.append(round((desk.row().next_try_at - clock.now()).total_seconds()))

    assert waits[:4] == pytest.approx([10, 20, 40, 80], abs=1)
    assert desk.row().status == "needs_listening"
    assert desk.case().flags == ["listen_to_recording"]
    assert desk.due() == []


def test_sound_that_is_not_in_storage_yet_is_tried_again(desk: Desk, speech: Speech) -> None:
    (Path(desk.storage._root) / KEY).unlink()

    transcribe(desk.ear())

    assert desk.row().status == "fetched"
    assert "FileNotFoundError" in str(desk.row().reason)


def test_a_recording_that_kills_its_worker_is_not_tried_for_ever(desk: Desk) -> None:
    for _ in range(3):
        assert desk.claim() is not None  # claimed, and then the worker is gone
        desk.let_time_pass()

    transcribe(desk.ear())

    assert desk.parrot.given == []
    assert desk.row().status == "needs_listening"
    assert desk.row().reason == "listening to it ended the speech process 3 times"
    assert desk.case().flags == ["listen_to_recording"]


def test_no_transaction_is_open_while_the_engine_listens(desk: Desk) -> None:
    def writes_meanwhile(_: int, clip: Clip) -> Result:
        with transaction(desk.database) as session:  # SQLite has one writer: this would wait
            calls.begin(
                session, "CA2", provider="twilio", caller=None, called="1823", now=clock.now()
            )
        return plain(0, clip)

    transcribe(desk.ear(writes_meanwhile))

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

    transcribe(desk.ear(slow, heartbeat=0.05))

    assert None not in leases
    assert leases[0] < leases[1] < leases[2]  # type: ignore[operator]
    assert desk.row().lease_until is None
    assert threading.active_count() == threads


def test_who_lost_the_lease_writes_nothing(desk: Desk) -> None:
    def loses_it(_: int, clip: Clip) -> Result:
        desk.let_time_pass()
        assert desk.claim() is not None  # somebody else has it now
        return plain(0, clip)

    transcribe(desk.ear(loses_it))

    assert desk.transcripts() == []
    assert desk.row().status == "fetched"
    assert desk.row().lease_token is not None


def test_without_a_model_the_case_waits_for_a_listener_and_the_work_for_a_model(
    desk: Desk,
) -> None:
    gone = ModelUnavailable("there is no file none.pt", "set WHISPER_MODEL")

    def missing() -> Recogniser:
        raise gone

    ear = desk.ear(standby=Standby(missing))
    for _ in range(8):  # more often than the attempts there are
        desk.let_time_pass()
        transcribe(ear)

    assert (desk.row().status, desk.row().attempts) == ("fetched", 0)
    assert desk.row().reason == str(gone)
    assert "listen_to_recording" in desk.case().flags
    assert desk.due() == [desk.recording]

    desk.let_time_pass()
    transcribe(desk.ear())

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

    transcribe(desk.ear())

    assert f"hearing recording {desk.recording}: 100 %" in caplog.messages


def test_a_case_that_was_told_of_a_phantom_says_so(desk: Desk) -> None:
    transcribe(desk.ear(lambda _, clip: said(clip, (0.0, 2.0, "謝謝觀看"))))

    (transcript,) = desk.transcripts()
    assert (transcript.text, transcript.raw_text) == ("", "謝謝觀看")
    assert transcript.segments[0]["flags"] == ["phantom"]
    assert set(desk.case().flags) == {"listen_to_recording", "suspect_text"}


def by_length(_: int, clip: Clip) -> Result:
    """Every sound has words of its own."""
    return said(clip, (0.0, len(clip.samples) / SAMPLE_RATE, f"第{len(clip.samples)}號"))


def test_recordings_that_wait_are_heard_together_and_each_has_its_own_words(
    desk: Desk, speech: Speech
) -> None:
    for language in ("yue", "cmn", "en"):
        desk.storage.write(language, speech(language))
        transcribe(desk.ear(by_length))  # the one before, alone
        desk.add(f"CA-{language}-alone", key=language)
    transcribe(desk.ear(by_length))
    alone = [transcript.text for transcript in desk.transcripts()[1:]]
    for language in ("yue", "cmn", "en"):
        desk.add(f"CA-{language}", key=language)

    transcribe(desk.ear(by_length))

    assert len(desk.parrot.given) == 3
    assert [transcript.text for transcript in desk.transcripts()[4:]] == alone
    assert len(set(alone)) == 3


def test_each_recording_is_written_down_in_a_transaction_of_its_own(desk: Desk) -> None:
    other = desk.add("CA2")
    ear = desk.ear()

    @event.listens_for(desk.database, "commit")
    def look(connection: Connection) -> None:
        done = connection.execute(text("SELECT count(*) FROM transcripts")).scalar_one()
        commits.append(int(done))

    commits: list[int] = []
    transcribe(ear)

    assert desk.heard() == [desk.recording, other]
    assert {1, 2} <= set(commits)


def test_what_is_wrong_with_one_recording_touches_no_other(desk: Desk, speech: Speech) -> None:
    desk.storage.write("html", b"<html>404</html>")
    desk.storage.write("silent", speech("yue")[: 58 + 6000])
    desk.add("CA2", key="html")
    desk.add("CA3", key="silent")
    desk.add("CA4", key="nowhere")
    last = desk.add("CA5")

    transcribe(desk.ear())

    expected = ["transcribed", "needs_listening", "no_speech", "fetched", "transcribed"]
    assert desk.statuses() == expected
    assert desk.heard() == [desk.recording, last]


def test_who_lost_one_lease_of_several_still_writes_the_others(desk: Desk) -> None:
    other = desk.add("CA2")

    def loses_one(_: int, clip: Clip) -> Result:
        with transaction(desk.database) as session:
            session.get_one(Recording, desk.recording).lease_token = "somebody else's"
        return plain(0, clip)

    transcribe(desk.ear(loses_one))

    assert desk.heard() == [other]


def test_all_leases_of_a_batch_are_extended(desk: Desk) -> None:
    other = desk.add("CA2")
    leases: dict[int, list[object]] = {desk.recording: [], other: []}

    def slow(_: int, clip: Clip) -> Result:
        for recording, seen in leases.items():
            seen.append(desk.row(recording).lease_until)
        for _ in range(100):
            if all(desk.row(one).lease_until != leases[one][0] for one in leases):
                break
            time.sleep(0.05)
        return plain(0, clip)

    transcribe(desk.ear(slow, batch=1, heartbeat=0.05))
    transcribe(desk.ear(slow, batch=1, heartbeat=0.05))

    assert desk.statuses() == ["transcribed"] * 2
    assert all(None not in seen for seen in leases.values())


def test_after_a_death_each_of_the_batch_is_heard_alone(desk: Desk) -> None:
    desk.add("CA2")
    with transaction(desk.database) as session:
        together = recordings.claim_many(
            session, "transcribe", clock.now(), jobs.LEASE, limit=8, most_seconds=100.0
        )
    assert len(together) == 2
    desk.let_time_pass()  # and the worker is gone

    transcribe(desk.ear())
    assert len(desk.heard()) == 1
    transcribe(desk.ear())
    assert len(desk.heard()) == 2


def test_an_urgent_recording_is_heard_between_two_steps_of_a_batch(desk: Desk) -> None:
    usual = [desk.recording, desk.add("CA2"), desk.add("CA3")]
    urgent: list[int] = []

    def rings_meanwhile(number: int, clip: Clip) -> Result:
        if number == 0:
            urgent.append(desk.add("CA-fire", priority=recordings.URGENT))
        return plain(0, clip)

    ear = desk.ear(rings_meanwhile, batch=1)
    transcribe(replace(ear, standby=Roomy(ear.standby)))

    assert desk.heard() == [*urgent, *usual]


def test_who_waits_on_the_line_is_heard_in_the_middle_of_what_is_urgent(desk: Desk) -> None:
    added: list[int] = []

    def rings_meanwhile(number: int, clip: Clip) -> Result:
        if number < 2:
            added.append(desk.add(f"CA-{number}", priority=number + 1, turn=number))
            added.append(desk.add(f"CA-{number}b", priority=number + 1, turn=number))
        return plain(0, clip)

    other = desk.add("CA2")
    ear = desk.ear(rings_meanwhile, batch=1)
    transcribe(replace(ear, standby=Roomy(ear.standby)))

    assert desk.heard() == [*added[2:], *added[:2], desk.recording, other]


def test_what_is_not_more_urgent_waits_for_the_end_of_the_batch(desk: Desk) -> None:
    def rings_meanwhile(number: int, clip: Clip) -> Result:
        if number == 0:
            desk.add("CA-later")
        return plain(0, clip)

    desk.add("CA2")
    ear = desk.ear(rings_meanwhile, batch=1)
    transcribe(replace(ear, standby=Roomy(ear.standby)))

    assert desk.statuses() == ["transcribed", "transcribed", "fetched"]


def test_told_to_end_a_worker_gives_back_what_it_has_not_finished(desk: Desk) -> None:
    told = threading.Event()
    desk.add("CA2")

    def is_told(_: int, clip: Clip) -> Result:
        told.set()
        return plain(0, clip)

    ear = desk.ear(is_told, batch=1, stopping=told.is_set)
    transcribe(replace(ear, standby=Roomy(ear.standby)))

    assert len(desk.parrot.given) == 1
    assert desk.statuses() == ["fetched", "fetched"]
    assert (desk.row().attempts, desk.row().deaths, desk.row().lease_token) == (0, 0, None)
    assert not transcribe(ear)
    told.clear()
    assert transcribe(ear)


def test_a_server_that_is_away_uses_up_no_attempt_of_any_recording(desk: Desk) -> None:
    other = desk.add("CA2")

    def away(_: int, clip: Clip) -> Result:
        raise ModelUnavailable("the server is away", "start it")

    for _ in range(8):
        desk.let_time_pass()
        transcribe(desk.ear(away))

    for recording in (desk.recording, other):
        row = desk.row(recording)
        assert (row.status, row.attempts) == ("fetched", 0)
        assert "the server is away" in str(row.reason)
    assert "listen_to_recording" in desk.case().flags


def test_of_few_that_wait_each_of_several_processes_takes_its_share(desk: Desk) -> None:
    for number in range(2, 6):
        desk.add(f"CA{number}")

    for left in (2, 1, 0):
        transcribe(desk.ear(hands=2))
        assert desk.statuses().count("fetched") == left


def test_what_others_have_in_hand_is_shared_out_already(desk: Desk) -> None:
    for number in range(2, 17):
        desk.add(f"CA{number}")
    with transaction(desk.database) as session:
        now = clock.now()
        recordings.claim_many(session, "transcribe", now, jobs.LEASE, limit=8, most_seconds=1000.0)

    transcribe(desk.ear(hands=2))

    assert len(desk.heard()) == 8


def test_the_longer_the_sound_the_longer_the_supervisor_waits(desk: Desk, speech: Speech) -> None:
    allowed: list[float] = []

    @contextmanager
    def busy(seconds: float) -> Iterator[None]:
        allowed.append(seconds)
        yield

    transcribe(desk.ear(busy=busy))
    desk.add("CA2", seconds=3600.0)
    transcribe(desk.ear(busy=busy))
    desk.storage.write("long", speech("yue") + bytes(20_000_000))
    desk.add("CA3", seconds=5.0, key="long")  # longer than it was said to be
    transcribe(desk.ear(busy=busy))

    short, long, underrated = allowed
    assert 30 < short < 35
    assert 400 < long < 600  # 150 clips of 0.1 s, six times, and a tenth of an hour to open it
    assert underrated > 400


def test_what_is_said_in_an_urgent_matter_makes_the_rest_of_the_call_urgent(desk: Desk) -> None:
    other = desk.add("CA1", turn=2)
    lamps = replace(LAMPS, urgent=True)

    transcribe(desk.ear(categories=lambda: (lamps,), hands=2))

    assert desk.heard() == [desk.recording]
    assert desk.case().category == lamps.code
    assert desk.row(other).priority == recordings.URGENT


def test_a_matter_that_is_not_urgent_hastens_nothing(desk: Desk) -> None:
    other = desk.add("CA1", turn=2)

    transcribe(desk.ear(categories=lambda: (LAMPS,), hands=2))

    assert desk.row(other).priority == recordings.USUAL


def test_what_was_heard_waits_for_a_database_that_is_away(desk: Desk) -> None:
    ear = desk.ear()
    troubles = iter([True, True])

    @event.listens_for(desk.database, "before_cursor_execute")
    def is_away(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if "INSERT INTO transcripts" in statement and next(troubles, False):
            raise OperationalError(statement, {}, Exception("the database is away"))

    transcribe(ear)

    assert len(desk.parrot.given) == 1
    assert desk.heard() == [desk.recording]


def with_a_number(_: int, clip: Clip) -> Result:
    """The caller says a telephone number, a second for each of the digits."""
    digits = [Word(0.2 * n, 0.2 * (n + 1), digit, 0.9) for n, digit in enumerate("91234567")]
    return replace(said(clip), lines=(Line(0.0, 1.6, "91234567", tuple(digits)),))


def test_a_copy_without_the_callers_numbers_lies_beside_the_recording(desk: Desk) -> None:
    transcribe(desk.ear(with_a_number))

    (transcript,) = desk.transcripts()
    assert transcript.masks
    key = desk.row().masked_key
    assert key == f"{KEY}-masked.wav"
    samples, rate = soundfile.read(io.BytesIO(desk.storage.read(key)))
    mask = transcript.masks[0]
    middle = samples[
        round(mask["start"] * rate + 0.1 * rate) : round(mask["end"] * rate - 0.1 * rate)
    ]
    assert len(middle) > 0
    assert abs(middle).max() == 0
    assert abs(samples).max() > 0.01


def test_the_outline_of_the_sound_lies_beside_the_recording_whether_or_not_anybody_speaks(
    desk: Desk, speech: Speech
) -> None:
    desk.storage.write("2026/silence", wav(np.zeros(32000, np.float32)))
    desk.add("CA2", key="2026/silence")

    while transcribe(desk.ear()):
        pass

    spoken, silent = (
        json.loads(desk.storage.read(f"{key}.peaks.json")) for key in (KEY, "2026/silence")
    )
    assert max(spoken["levels"]) > 20 and spoken["seconds"] > 1
    assert (max(silent["levels"]), silent["seconds"]) == (0, 4.0)


def test_without_numbers_there_is_no_second_copy(desk: Desk) -> None:
    transcribe(desk.ear())

    assert desk.row().masked_key is None


def test_a_copy_that_cannot_be_made_costs_no_transcript(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(key: str, content: bytes) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(desk.storage, "write", full)

    transcribe(desk.ear(with_a_number))

    assert desk.row().status == "transcribed"
    assert desk.row().masked_key is None
    assert f"recording {desk.recording}: no masked copy was made" in caplog.messages
