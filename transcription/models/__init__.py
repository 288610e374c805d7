"""Checkpoints of Whisper: the formats they come in, and from one into another."""
