"""The sound of a recording: not there at first, somewhere else, too much, or not to be fetched."""

import time
from pathlib import Path

from demo.call import Call
from demo.caller import hang_up, speak
from demo.delivery import Delivery
from demo.media import Manners, MediaServer
from tests.support.hotline import Hotline, statuses


def leave_message(hotline: Hotline, message: Path, manners: Manners) -> Call:
    day = Delivery(media=manners)
    return hotline.ring(speak(message, then="#"), hang_up(), delivery=day)


def test_a_recording_that_is_not_ready_at_first_is_asked_for_again(
    hotline: Hotline, message: Path
) -> None:
    call = leave_message(hotline, message, Manners(not_ready=3))
    assert statuses(hotline.finished(call)) == ["transcribed"]


def test_a_slow_recording_is_waited_for(hotline: Hotline, message: Path) -> None:
    call = leave_message(hotline, message, Manners(slow=4.0))
    assert statuses(hotline.finished(call)) == ["transcribed"]


def test_a_recording_in_mu_law_is_heard(hotline: Hotline, message: Path) -> None:
    call = leave_message(hotline, message, Manners(encoding="mulaw"))
    assert statuses(hotline.finished(call)) == ["transcribed"]


def test_credentials_go_to_the_provider_and_to_nobody_it_redirects_to(
    hotline: Hotline, message: Path
) -> None:
    elsewhere = hotline.exchange.content_network
    call = leave_message(hotline, message, Manners(redirect=elsewhere.address))
    assert statuses(hotline.finished(call)) == ["transcribed"]
    path = call.recordings[0].path
    asked = [one for one in hotline.exchange.media.fetches if one.path.startswith(path)]
    led_to = [one for one in elsewhere.fetches if one.path.startswith(path)]
    assert asked and all(one.authorization for one in asked)
    assert led_to and not any(one.authorization for one in led_to)


def test_a_host_that_is_not_allowed_is_never_asked(hotline: Hotline, message: Path) -> None:
    with MediaServer(None) as stranger:
        announced = leave_message(hotline, message, Manners(address=stranger.address))
        redirected = leave_message(hotline, message, Manners(redirect=stranger.address))
        time.sleep(3)
        assert stranger.fetches == []
    for call in (announced, redirected):
        case = hotline.case_of(call)
        assert not case["transcript"] and "recording_missing" in case["flags"]


def test_a_recording_of_enormous_size_does_not_stop_the_others(
    hotline: Hotline, message: Path
) -> None:
    huge = leave_message(hotline, message, Manners(bytes_more=200 * 1024 * 1024))
    other = leave_message(hotline, message, Manners())
    assert statuses(hotline.finished(other)) == ["transcribed"]
    assert statuses(hotline.case_of(huge)) == ["announced"]
