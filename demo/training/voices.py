"""Who speaks: the synthesiser's voices, those trained on and those kept for the examination.

A voice is an espeak-ng language followed by a variant, as in `yue+f2`.
"""

from __future__ import annotations

BASES = {
    "yue": ["yue"],
    "cmn": ["cmn-latn-pinyin"],
    "en": ["en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc"],
}
TRAINING_VARIANTS = (
    "m1 m2 m3 m5 m6 m7 f1 f2 f3 f5 klatt klatt2 klatt3 Alex Alicia Andy Annie Gene Henrique Hugo "
    "Jacky Lee Marco Mario Mike adam anika antonio aunty belinda benjamin boris caleb david ed "
    "edward grandma grandpa gustave iven john kaukovalta marcelo max miguel paul pedro quincy rob "
    "robert sandro shelby steph travis zac"
).split()
UNHEARD_VARIANTS = "f4 m4 m8 Andrea Michael klatt4 linda pablo victor norbert".split()


def language_of(voice: str) -> str:
    """The language (yue, cmn, en) that a voice speaks."""
    base = voice.split("+")[0]
    return next(language for language, bases in BASES.items() if base in bases)
