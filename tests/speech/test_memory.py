"""A worker that has heard a hundred recordings is as big as one that has heard twenty."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

# What the allocator holds back goes up and down by as much. To keep what the model is given of
# each recording, and nothing else, would be 60 MB.
MOST_MEGABYTES = 20

# A process of its own, as a worker is one: what other tests left in ours is not what is measured.
WORKER = """
import json, pathlib, sys, torch
from bench import memory
torch.set_num_threads(1)
growth = memory.measure(100, pathlib.Path(sys.argv[1]), lambda *_: None, at_a_time=10)
print(json.dumps([growth.heard, growth.megabytes]))
"""


def test_memory_does_not_grow_with_what_was_heard(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    own = {**os.environ, "OMP_NUM_THREADS": "1"}
    told = subprocess.run(command, cwd=PROJECT, env=own, check=True, capture_output=True, text=True)
    heard, megabytes = json.loads(told.stdout.splitlines()[-1])
    assert heard[-1] == 100
    # From the second on: until then the buffers find their size.
    least_at_first, least_at_last = min(megabytes[1:4]), min(megabytes[-3:])
    assert least_at_last - least_at_first < MOST_MEGABYTES, megabytes
