"""The sound of a recording reaches those who may hear it, and the history knows."""

import pytest

from cases.recordings import Recording
from console.sound import media_type
from runtime.database import transaction
from tests.support.console_app import (
    SCAFFOLD,
    ConsoleHouse,
    mu_law_tone,
    tone,
)

AUDIO = "/recordings/1/audio"


@pytest.mark.parametrize("sound", [tone(1), mu_law_tone(1)], ids=["PCM", "mu-law"])
def test_the_sound_is_served_as_it_came(house: ConsoleHouse, sound: bytes) -> None:
    house.case(*SCAFFOLD, sound=sound)
    answer = house.signed_in().get(AUDIO)
    assert answer.status_code == 200 and answer.data == sound
    assert answer.mimetype == "audio/wav"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_copy_without_personal_numbers_is_offered_once_there_is_one(
    house: ConsoleHouse,
) -> None:
    number = house.case(*SCAFFOLD)
    visitor = house.signed_in()
    assert "masked-audio" not in visitor.get(f"/cases/{number}").text
    assert visitor.get("/recordings/1/masked-audio").status_code == 404
    house.storage.write("1-masked.wav", tone(2))
    with transaction(house.engine) as session:
        session.get_one(Recording, 1).masked_key = "1-masked.wav"
    assert 'href="/recordings/1/masked-audio"' in visitor.get(f"/cases/{number}").text
    assert visitor.get("/recordings/1/masked-audio").data == tone(2)
    assert visitor.get(AUDIO).data == tone()
    assert [action for _, action in house.history(number)].count("played") == 1


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-44", -44, None)],
)
def test_a_part_of_the_sound_can_be_asked_for(
    one_house: ConsoleHouse, asked: str, first: int, end: int | None
) -> None:
    sound = tone(1)
    one_house.case(*SCAFFOLD, sound=sound)
    answer = one_house.signed_in().get(AUDIO, headers={"Range": asked})
    assert answer.status_code == 206 and answer.data == sound[first:end]
    assert answer.headers["Content-Range"].endswith(f"/{len(sound)}")


def test_a_part_that_is_not_there_is_refused(one_house: ConsoleHouse) -> None:
    one_house.case(*SCAFFOLD)
    answer = one_house.signed_in().get(AUDIO, headers={"Range": "bytes=99999999-"})
    assert answer.status_code == 416


def test_playing_is_written_down_once_in_every_sign_in(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD)
    visitor = house.signed_in(name="mei")
    for _ in range(3):
        visitor.get(AUDIO, headers={"Range": "bytes=0-99"})
    assert house.history(number).count(("agent:1", "played")) == 1
    visitor.post("/sign-out")
    visitor.sign_in("mei")
    visitor.get(AUDIO)
    assert house.history(number).count(("agent:1", "played")) == 2


def test_showing_the_page_is_not_playing(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD)
    page = house.signed_in().get(f"/cases/{number}").text
    assert 'preload="none"' in page
    assert "played" not in [action for _, action in house.history(number)]


@pytest.mark.parametrize(
    "path", ["/recordings/2/audio", "/recordings/0/audio", "/recordings/x/audio"]
)
def test_a_recording_that_is_not_there_has_no_sound(house: ConsoleHouse, path: str) -> None:
    house.case(*SCAFFOLD)
    assert house.signed_in().get(path).status_code == 404


def test_sound_that_is_lost_or_not_fetched_yet_is_a_page_that_says_so(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD, sound=b"<html>not a sound</html>")
    visitor = house.signed_in()
    assert visitor.get(AUDIO).status_code == 404
    with transaction(house.engine) as session:
        session.get_one(Recording, 1).storage_key = "gone"
    assert visitor.get(AUDIO).status_code == 404
    with transaction(house.engine) as session:
        session.get_one(Recording, 1).storage_key = None
    assert visitor.get(AUDIO).status_code == 404
    page = visitor.get(f"/cases/{number}").text
    assert "沒有可播放的錄音" in page and "<audio" not in page


@pytest.mark.parametrize(
    ("sound", "kind"),
    [
        (tone(0.1), "audio/wav"),
        (b"ID3\x04rest", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"<html>", None),
        (b"RIFF0000AVI ", None),
        (b"", None),
    ],
)
def test_what_kind_of_sound_it_is_the_bytes_tell(sound: bytes, kind: str | None) -> None:
    assert media_type(sound) == kind


def test_the_outline_is_drawn_when_it_is_first_asked_for_and_kept(one_house: ConsoleHouse) -> None:
    one_house.case(*SCAFFOLD)
    visitor = one_house.signed_in()
    drawn = visitor.get("/recordings/1/peaks")
    assert drawn.status_code == 200 and drawn.json["seconds"] == 6.0
    assert len(drawn.json["levels"]) == 2000
    with transaction(one_house.engine) as session:
        key = session.get_one(Recording, 1).storage_key
    assert one_house.storage.read(f"{key}.peaks.json") == drawn.data


def test_what_the_worker_drew_is_served_whatever_the_sound(one_house: ConsoleHouse) -> None:
    one_house.case(*SCAFFOLD, sound=b"ID3 an MP3")
    visitor = one_house.signed_in()
    assert visitor.get("/recordings/1/peaks").status_code == 404
    with transaction(one_house.engine) as session:
        key = session.get_one(Recording, 1).storage_key
    one_house.storage.write(f"{key}.peaks.json", b'{"seconds":1,"levels":[1]}')
    assert visitor.get("/recordings/1/peaks").json == {"seconds": 1, "levels": [1]}


def test_who_may_not_hear_sees_no_outline_and_looking_is_not_playing(
    one_house: ConsoleHouse,
) -> None:
    number = one_house.case(*SCAFFOLD)
    assert one_house.signed_in("officer").get("/recordings/1/peaks").status_code == 403
    one_house.signed_in().get("/recordings/1/peaks")
    assert "played" not in [action for _, action in one_house.history(number)]
