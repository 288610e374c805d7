"""Who speaks: the synthesiser's voices, those trained on and those kept for the examination.

A voice is an espeak-ng language followed by a variant, as in `yue+f2`; see `sentences/voices.yaml`.
"""

from __future__ import annotations

from pathlib import Path

import yaml

with open(Path(__file__).parent / "sentences" / "voices.yaml", encoding="utf-8") as file:
    _VOICES = yaml.safe_load(file)

ACCENTS: dict[str, list[str]] = _VOICES["accents"]
TRAINING_VARIANTS: list[str] = _VOICES["training"]
UNHEARD_VARIANTS: list[str] = _VOICES["unheard"]


def language_of(voice: str) -> str:
    """The language (yue, cmn, en) that a voice speaks."""
    accent = voice.split("+")[0]
    return next(language for language, accents in ACCENTS.items() if accent in accents)
