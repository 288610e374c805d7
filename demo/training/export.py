"""Writes a trained network as a checkpoint of openai-whisper's own format, and a small one.

The file is what `whisper.load_model(path)` reads: `{"dims": ..., "model_state_dict": ...}` in half
precision. Almost all rows of the vocabulary are zero, so deflating the entries of the file (PyTorch
stores them as they are, and reads them either way) makes it a fifth as large.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from demo.training.network import Size
from demo.training.tokens import VOCABULARY

EMBEDDING = "decoder.token_embedding.weight"
BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)


def whole_vocabulary(rows: Tensor, ids: list[int]) -> Tensor:
    """The embedding of all of Whisper's tokens: `rows` at `ids`, zeros elsewhere."""
    embedding = torch.zeros(VOCABULARY, rows.shape[1])
    embedding[torch.tensor(ids)] = rows
    return embedding


def deflate(data: bytes) -> bytes:
    """A zip file's entries compressed, without the time at which they were written."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target,
    ):
        for entry in source.infolist():
            plain = zipfile.ZipInfo(entry.filename, BEGINNING_OF_TIME)
            plain.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(plain, source.read(entry), compresslevel=9)
    return result.getvalue()


def export(training: Path, checkpoint: Path) -> None:
    """Turns a file that training saved into a checkpoint for `whisper.load_model`."""
    state = torch.load(training, weights_only=True)
    weights: dict[str, Tensor] = {
        name: tensor
        for name, tensor in state["average"].items()
        if not name.startswith("frame_head.")
    }
    weights[EMBEDDING] = whole_vocabulary(weights[EMBEDDING], state["ids"])
    halves = {name: tensor.half().contiguous() for name, tensor in weights.items()}
    data = io.BytesIO()
    dims = asdict(Size(**state["size"]).dimensions())
    torch.save({"dims": dims, "model_state_dict": halves}, data)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_bytes(deflate(data.getvalue()))
