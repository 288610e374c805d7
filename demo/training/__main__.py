"""Makes the demonstration's recogniser anew: `python -m demo.training`.

Speaks the sentences, trains, writes `demo/model/hotline.pt` and its figures, and renders the
scripted calls. About an hour on two cores. What was done before an interruption is kept in the
work folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from demo.training import calls, corpus, evaluate
from demo.training.export import export
from demo.training.network import Size
from demo.training.train import Plan, Training, keep_memory


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / ".work")
    parser.add_argument("--checkpoint", type=Path, default=evaluate.MODEL / "hotline.pt")
    parser.add_argument(
        "--clips", type=int, default=evaluate.CLIPS, help="per language and question"
    )
    options = parser.parse_args()

    corpus.build(options.work / "corpus")
    torch.set_num_threads(1)
    keep_memory()
    saved = options.work / "training.pt"
    training = Training(corpus.load(options.work / "corpus"), Plan(), Size())
    if saved.exists():
        training.resume(saved)
    training.run(saved)
    export(saved, options.checkpoint)
    calls.main()
    found = evaluate.figures(options.checkpoint, options.clips)
    evaluate.publish(found, options.checkpoint.parent)


if __name__ == "__main__":
    main()
