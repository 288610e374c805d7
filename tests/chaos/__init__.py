"""Servers die, workers are killed, bells are lost; no call is."""
