"""A worker that has heard a hundred recordings is as big as one that has heard twenty."""

from pathlib import Path

import pytest

from bench import memory

# What the allocator holds back goes up and down by as much. To keep what the model is given of
# each recording, and nothing else, would be 60 MB.
MOST_MEGABYTES = 20


@pytest.fixture(autouse=True)
def one_thread() -> None:
    pytest.importorskip("torch").set_num_threads(1)


def test_memory_does_not_grow_with_what_was_heard(tmp_path: Path) -> None:
    growth = memory.measure(100, tmp_path, lambda *_: None, at_a_time=10)
    assert growth.heard[-1] == 100
    least_at_first, least_at_last = min(growth.megabytes[:3]), min(growth.megabytes[-3:])
    assert least_at_last - least_at_first < MOST_MEGABYTES, growth.megabytes
