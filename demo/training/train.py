"""Trains the demonstration's recogniser on the spoken sentences."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from demo.training import tokens
from demo.training.clips import Batch, ClipMaker, Mix, Steps
from demo.training.corpus import Corpus
from demo.training.network import Recogniser, Size

SAVE_EVERY = 500
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""Names of two settings of glibc's memory allocator (malloc.h)."""


def keep_memory() -> None:
    """Asks glibc to keep freed memory for the next step, which saves a fifth of the time.

    Does nothing where the C library has no such setting.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(MMAP_THRESHOLD, 32 << 20)
        library.mallopt(TRIM_THRESHOLD, 2_000_000_000)


@dataclass(frozen=True)
class Plan:
    """How training goes, in steps.

    seconds: of audio in one step. rates: (step, learning rate) between which the rate goes straight;
    training ends with the last. naming_until: the step until which the encoder's own task, naming the
    token spoken in each frame, counts most. guided_until: the step until which attention is guided.
    """

    seconds: float = 60.0
    rates: tuple[tuple[int, float], ...] = (
        (0, 0.0),
        (200, 2e-3),
        (5000, 2e-3),
        (7000, 0.87e-3),
        (9200, 2e-5),
    )
    naming_until: int = 5000
    guided_until: int = 6000
    seed: int = 1

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self.rates[-1][0]

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        return float(np.interp(step + 1, *zip(*self.rates, strict=True)))

    def guide_at(self, step: int) -> float:
        """The weight of the guided attention in a step."""
        return 0.3 if step < self.guided_until else 0.0

    def frames_at(self, step: int) -> float:
        """The weight of the encoder's own task in a step."""
        return 0.5 if step < self.naming_until else 0.2


class Training:
    """A training run that can be saved and taken up again."""

    def __init__(self, corpus: Corpus, plan: Plan, size: Size) -> None:
        whisper = tokens.tokenizer()
        self.plan, self.vocabulary = plan, tokens.vocabulary(whisper)
        torch.manual_seed(plan.seed)
        self.network = Recogniser(size, self.vocabulary)
        self.average = {name: t.clone() for name, t in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            lr=plan.rate_at(0),
            betas=(0.9, 0.98),
            weight_decay=0.01,
            fused=True,
        )
        maker = ClipMaker(corpus, whisper, self.vocabulary, Mix())
        self.steps = Steps(maker, plan.steps, plan.seconds, plan.seed)
        self.done = 0

    def save(self, path: Path) -> None:
        """Writes all that is needed to go on; the file is replaced only once it is whole."""
        state = {
            "done": self.done,
            "size": asdict(self.network.size),
            "ids": list(self.vocabulary.ids),
            "network": self.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on from a file that `save` wrote."""
        state = torch.load(path, weights_only=True)
        if tuple(state["ids"]) != self.vocabulary.ids:
            raise ValueError(f"{path} was trained with another vocabulary: remove it to start anew")
        self.done = state["done"]
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])

    def run(self, path: Path, saved: Callable[[], None] = lambda: None) -> None:
        """Trains to the end of the plan, saving to `path` now and then; calls `saved` after that."""
        remaining = torch.utils.data.DataLoader(
            self.steps,
            batch_size=None,
            sampler=range(self.done, self.plan.steps),
            num_workers=1,
            prefetch_factor=8,
        )
        bar = tqdm(remaining, "training", initial=self.done, total=self.plan.steps, unit=" steps")
        recent: deque[tuple[float, float, float]] = deque(maxlen=50)
        for batch in bar:
            recent.append(self.step(batch))
            text, frames, guide = torch.tensor(recent).mean(0).tolist()
            bar.set_postfix(text=f"{text:.3f}", frames=f"{frames:.3f}", guide=f"{guide:.2f}")
            if self.done % SAVE_EVERY == 0 or self.done == self.plan.steps:
                self.save(path)
                saved()

    def step(self, batch: Batch) -> tuple[float, float, float]:
        """One step; returns the text, frame and guide losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate_at(self.done)
        torch.manual_seed(self.plan.seed * 1_000_003 + self.done)
        losses = self.network.losses(batch)
        guide = self.plan.guide_at(self.done) * losses.guide
        total = losses.text + self.plan.frames_at(self.done) * losses.frames + guide
        self.optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.done += 1
        self.follow()
        return losses.text.item(), losses.frames.item(), losses.guide.item()

    @torch.no_grad()
    def follow(self) -> None:
        """Moves the average weights, which are the ones that are kept, towards the present ones."""
        share = max(0.005, 1 / self.done)
        present: dict[str, Tensor] = self.network.state_dict()
        torch._foreach_lerp_(list(self.average.values()), [present[n] for n in self.average], share)
