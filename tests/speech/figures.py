"""Prints what each line of defence holds back, and what it costs: `python -m tests.speech.figures`.

`--first 100 --each 25` takes other recordings than the tests do. Some minutes with the
demonstration's model; needs espeak-ng.
"""

import argparse
from collections import Counter
from collections.abc import Iterator

from runtime.city import City
from runtime.settings import Settings
from tests.speech import sounds, spoken
from tests.speech.sounds import Recording
from tests.speech.test_nothing_said import CHECKPOINT, spans_of
from transcription.audio import SAMPLE_RATE, one_voice, read
from transcription.engines.interface import Clip, Engine, Hypothesis
from transcription.recogniser import Recogniser, open_recogniser
from transcription.speech import Detector

LONGEST = 30 * SAMPLE_RATE


def held_back(ear: Recogniser, recordings: list[Recording]) -> Iterator[str]:
    """Recordings without speech that pass the detector, the model, and both."""
    passed = [it for it in recordings if spans_of(ear.detector, it.wav)]
    written = [it for it in recordings if writes(ear.engine, it)]
    both = [it for it in recordings if ear.hear(it.wav) is not None]
    for line, those in {"detector": passed, "model": written, "both": both}.items():
        kinds = Counter(it.name.rpartition(" ")[0] for it in those)
        listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
        yield f"| {line} | {len(those)} of {len(recordings)} | {listed} |"


def writes(engine: Engine, recording: Recording) -> bool:
    """Does the model write words when it is given the whole recording?"""
    (result,) = engine.hear([Clip(one_voice(read(recording.wav)).samples[:LONGEST])])
    return isinstance(result, Hypothesis) and bool(result.text.strip())


def cost(detector: Detector) -> Iterator[str]:
    """What the detector misses of what is said."""
    for line in spoken.LINES:
        said = [spans_of(detector, spoken.telephoned(it, line)) for it in spoken.sentences()]
        shares = [it.share_in(s) for it, s in zip(spoken.sentences(), said, strict=True)]
        words = [spans_of(detector, spoken.telephoned(it, line)) for it in spoken.words()]
        missed = 1 - sum(shares) / len(shares)
        lost = f"{shares.count(0.0)} of {len(shares)} | {missed:.1%}"
        yield f"| {line} | {lost} | {sum(not it for it in words)} of {len(words)} |"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--first", type=int, default=0)
    arguments.add_argument("--each", type=int, default=sounds.EACH)
    wanted = arguments.parse_args()
    settings = Settings(_env_file=None, city="hongkong", whisper_model=str(CHECKPOINT))
    ear = open_recogniser(settings, City.read(settings.city_folder), print)
    print("| line of defence | passed | which |", "|---|---|---|", sep="\n")
    for row in held_back(ear, list(sounds.recordings(wanted.first, wanted.each))):
        print(row, flush=True)
    print("\n| line | sentences lost | speech missed | words lost |", "|---|---|---|---|", sep="\n")
    for row in cost(ear.detector):
        print(row, flush=True)


if __name__ == "__main__":
    main()
