"""`/recordings/<id>/audio`: the sound of a recording, for whoever may hear it."""

from datetime import datetime
from io import BytesIO

from flask import Blueprint, abort, g, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import case, history, signins
from cases.permissions import HEAR_RECORDINGS
from cases.recordings import Recording
from console.door import needs
from console.office import Office
from runtime import clock
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`/recordings/<id>/audio`."""

    @pages.get("/recordings/<int:recording_id>/audio")
    @needs(HEAR_RECORDINGS)
    def audio(recording_id: int) -> ResponseReturnValue:
        """The sound as the provider made it, whole or in part (Range)."""
        with transaction(office.engine) as records:
            key = _storage_key(records, recording_id, clock.now())
        try:
            sound = office.storage.read(key)
        except FileNotFoundError:
            abort(404)
        kind = media_type(sound) or abort(404)
        return send_file(BytesIO(sound), mimetype=kind, conditional=True, etag=False)


def media_type(sound: bytes) -> str | None:
    """What kind of sound these bytes are, by themselves and not by anybody's word; None if not."""
    if sound[:4] == b"RIFF" and sound[8:12] == b"WAVE":
        return "audio/wav"
    if sound[:3] == b"ID3" or (sound[:1] == b"\xff" and sound[1:2] >= b"\xe0"):
        return "audio/mpeg"
    return None


def _storage_key(records: Session, recording_id: int, now: datetime) -> str:
    """Where the sound lies. That it is played is written down, once in every sign-in."""
    recording = records.get(Recording, recording_id) or abort(404)
    if recording.storage_key is None:
        abort(404)
    about = case.of_call(records, recording.call_id) or abort(404)
    if signins.first_time_heard(records, g.here.signin_id, recording.id):
        history.add(records, about.id, "played", now, actor=g.here.actor, recording=recording.id)
    return recording.storage_key
