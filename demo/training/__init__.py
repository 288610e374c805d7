"""How the demonstration's speech recogniser is made: sentences, voices, telephone line, training.

`python -m demo.training` makes everything anew; see `demo/model/README.md` for what comes out.
"""
