"""How well calls are understood, measured by anyone on their own recordings: `python -m evaluate`.

An outside user of the product: it hears through the same recogniser as a worker. Nothing imports it.
"""
