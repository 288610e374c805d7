"""A real worker whose work is to sleep: `python -m tests.chaos.station DATABASE REDIS TRACE SECONDS`.

Everything else is the worker's own: bells, looks, claims, signals. What it began and what it kept
is appended to TRACE, a line each.
"""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import worker
from cases import recordings, transcripts
from runtime import clock, database
from runtime.database import transaction
from tests.integration.work import heard

LEASE = timedelta(seconds=2)


def main(database_url: str, redis_url: str, trace: str, seconds: str) -> None:
    engine = database.engine(database_url)

    def note(what: str, recording_id: int) -> None:
        with Path(trace).open("a") as file:
            print(what, recording_id, os.getpid(), file=file)

    def work(recording_id: int) -> None:
        with transaction(engine) as session:
            claim = recordings.claim(session, recording_id, "transcribe", clock.now(), LEASE)
        if claim is None:
            return
        note("began", recording_id)
        time.sleep(float(seconds))
        with transaction(engine) as session:
            kept = transcripts.finish(session, claim, heard("as said"), [], clock.now())
        note("kept" if kept else "dropped", recording_id)

    worker._stop_on_signal()
    note("ready", 0)
    due = worker.due_recordings("transcribe")
    worker.Station("transcribe", engine, due, work, redis_url).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
