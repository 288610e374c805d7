"""A caller waits on the line: nothing may take long, and what just failed is not tried at once."""

import threading
import time

import pytest

from runtime.breaker import Breaker, Unavailable


def fail() -> None:
    raise ConnectionError("away\nsecond line")


def test_work_that_works_gives_its_result() -> None:
    assert Breaker((ConnectionError,)).run(lambda: 42) == 42


def test_trouble_becomes_unavailable_in_one_line() -> None:
    with pytest.raises(Unavailable) as trouble:
        Breaker((ConnectionError,)).run(fail)
    assert str(trouble.value) == "away"
    assert isinstance(trouble.value.__cause__, ConnectionError)


def test_after_trouble_nothing_is_tried_during_the_pause() -> None:
    breaker, tried = Breaker((ConnectionError,), pause=0.2), []
    with pytest.raises(Unavailable):
        breaker.run(fail)
    with pytest.raises(Unavailable):
        breaker.run(lambda: tried.append(1))
    time.sleep(0.25)
    breaker.run(lambda: tried.append(2))
    assert tried == [2]


def test_work_that_hangs_is_left_alone_after_the_patience() -> None:
    breaker, release = Breaker((ConnectionError,), patience=0.2, pause=0.1), threading.Event()
    began = time.monotonic()
    with pytest.raises(Unavailable, match="longer than"):
        breaker.run(release.wait)
    assert time.monotonic() - began < 1
    time.sleep(0.15)
    assert breaker.run(lambda: "well again") == "well again"
    release.set()


def test_a_mistake_of_ours_is_not_trouble() -> None:
    breaker = Breaker((ConnectionError,), pause=60)
    with pytest.raises(ZeroDivisionError):
        breaker.run(lambda: 1 / 0)
    assert breaker.run(lambda: "still open") == "still open"


def test_many_callers_who_hang_do_not_exhaust_it() -> None:
    breaker, release = Breaker((ConnectionError,), patience=0.1, pause=0), threading.Event()
    for _ in range(40):
        with pytest.raises(Unavailable):
            breaker.run(release.wait)
    assert breaker.run(lambda: "room for one more") == "room for one more"
    release.set()


def test_trouble_without_words_has_a_name() -> None:
    def silently() -> None:
        raise ConnectionError

    with pytest.raises(Unavailable, match="ConnectionError"):
        Breaker((ConnectionError,)).run(silently)
