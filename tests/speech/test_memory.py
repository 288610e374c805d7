"""A worker that has heard a hundred recordings is as big as one that has heard twenty."""

from pathlib import Path

import pytest

from bench import memory

# A recording that is kept, as the samples the model is given, is half a megabyte.
MOST_KILOBYTES_EACH = 150


@pytest.fixture(autouse=True)
def one_thread() -> None:
    pytest.importorskip("torch").set_num_threads(1)


def test_memory_does_not_grow_with_what_was_heard(tmp_path: Path) -> None:
    growth = memory.measure(100, tmp_path, lambda *_: None, at_a_time=10)
    assert growth.heard[-1] == 100
    assert growth.kilobytes_each < MOST_KILOBYTES_EACH, growth.megabytes
