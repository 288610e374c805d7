"""A block that was freed is there for the next clip, in whichever thread that is heard."""

import platform
import subprocess
import sys

import pytest

PAGES = """
import resource, threading
from transcription import memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def clips():
    for clip in range(3):
        before = faults()
        bytearray(b"x") * 100_000_000
        needed.append(faults() - before)

needed = []
{keep}
thread = threading.Thread(target=clips)
thread.start()
thread.join()
print(*needed)
"""


def pages(keep: str) -> list[int]:
    """Pages that the system had to clear for each of three clips of 100 MB."""
    command = [sys.executable, "-c", PAGES.format(keep=keep)]
    return list(map(int, subprocess.check_output(command, text=True).split()))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_system_clears_no_page_for_a_clip_but_the_first() -> None:
    first, *others = pages("memory.keep()")
    assert first > 1000
    assert max(others) < first / 10


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_left_alone_it_clears_all_of_them_every_time() -> None:
    first, *others = pages("")
    assert min(others) > first / 2
