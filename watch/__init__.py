"""The clock: what must happen although nobody called and nobody clicked."""
