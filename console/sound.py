"""The sound of a recording, as it came or with personal numbers silenced, for whoever may hear it."""

from contextlib import suppress
from datetime import datetime
from io import BytesIO
from typing import Literal

from flask import Blueprint, Response, abort, g, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import accesses, corrections, history, outgoing, peaks, signins
from cases.permissions import HEAR_RECORDINGS
from cases.recordings import Recording
from console import noted
from console.door import needs
from console.office import Office
from runtime import clock
from runtime.database import transaction
from runtime.storage import Storage

Copy = Literal["storage_key", "masked_key"]


def routes(pages: Blueprint, office: Office) -> None:
    """`/recordings/<id>/audio`, `/recordings/<id>/masked-audio` and `/recordings/<id>/peaks`."""

    @pages.get("/recordings/<int:recording_id>/audio")
    @needs(HEAR_RECORDINGS)
    def audio(recording_id: int) -> ResponseReturnValue:
        """The sound as the provider made it, whole or in part (Range)."""
        return _sound(office, recording_id, "storage_key")

    @pages.get("/recordings/<int:recording_id>/masked-audio")
    @needs(HEAR_RECORDINGS)
    def masked_audio(recording_id: int) -> ResponseReturnValue:
        """The copy that is silent where telephone and identity numbers are said."""
        return _sound(office, recording_id, "masked_key")

    @pages.get("/recordings/<int:recording_id>/peaks")
    @needs(HEAR_RECORDINGS)
    def outline(recording_id: int) -> ResponseReturnValue:
        """How loud the sound is from beginning to end, as JSON; 404 where nobody has decoded it yet."""
        with transaction(office.engine) as records:
            recording = records.get(Recording, recording_id) or abort(404)
            key = recording.storage_key or abort(404)
        return Response(_outline(office.storage, key) or abort(404), mimetype="application/json")


def _outline(storage: Storage, key: str) -> bytes | None:
    """The outline beside a recording, drawn now if that is quickly done."""
    with suppress(FileNotFoundError):
        return storage.read(peaks.key_of(key))
    try:
        drawn = peaks.of_wav(storage.read(key))
    except FileNotFoundError:
        return None
    if drawn is None:
        return None
    storage.write(peaks.key_of(key), drawn.as_json())
    return drawn.as_json()


def _sound(office: Office, recording_id: int, which: Copy) -> ResponseReturnValue:
    with transaction(office.engine) as records:
        key = _key(records, office, recording_id, which, clock.now())
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


def _key(records: Session, office: Office, recording_id: int, which: Copy, now: datetime) -> str:
    """Where the sound lies. That it is played is written down; the history hears of it once in every
    sign-in."""
    recording = records.get(Recording, recording_id) or abort(404)
    key: str = getattr(recording, which) or abort(404)
    if which == "masked_key" and not corrections.copy_is_silent(records, recording):
        abort(404)
    about = outgoing.case_about(records, recording.call_id) or abort(404)
    noted.note(records, office, accesses.PLAYED, about.id, recording=recording.id)
    if signins.first_time_heard(records, g.here.signin_id, recording.id):
        history.add(records, about.id, "played", now, actor=g.here.actor, recording=recording.id)
    return key
