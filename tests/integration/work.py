"""The jobs' side of the tests: sound arrives and is heard, without a provider and without a model."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from cases import recordings, transcripts
from cases.transcripts import Heard, Segment
from runtime import clock
from runtime.database import transaction
from tests.integration.telephone import Exchange, Line

MINUTE = timedelta(minutes=1)


def heard(text: str, language: str = "en", sure: float = 0.9, **otherwise: Any) -> Heard:
    """What a model might have understood, and how sure it is of the language."""
    usual = Heard(
        text=text,
        raw_text=text,
        language=language,
        language_probability=sure,
        segments=(Segment(0.0, 1.0, text, 0.9),),
        confidence=0.9,
        engine="test",
        model="test",
    )
    return replace(usual, **otherwise)


def transcribe(exchange: Exchange, line: Line, *texts: str | None) -> None:
    """Fetch and hear the call's recordings, one text each; None is a recording without speech."""
    for row, text in zip(exchange.recording_rows(line.sid), texts, strict=True):
        with transaction(exchange.phone.engine) as session:
            claim = recordings.claim(session, row.id, "fetch", clock.now(), MINUTE)
            assert claim is not None
            recordings.fetched(session, claim, "sound", clock.now())
        with transaction(exchange.phone.engine) as session:
            claim = recordings.claim(session, row.id, "transcribe", clock.now(), MINUTE)
            assert claim is not None
            if text is None:
                transcripts.no_speech(session, claim, clock.now())
            else:
                transcripts.finish(session, claim, heard(text), [], clock.now())
