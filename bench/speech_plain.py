"""The measure: openai-whisper's own `transcribe()`, recording after recording, every option at its
default, with the threads torch takes by itself.

    python -m bench.speech_plain CHECKPOINT

For every line of standard input, a JSON list of files, it prints a line for each file as soon as it is
heard: a JSON object with the text. The sound is unpacked for it (it would start `ffmpeg`).
"""

import json
import sys
import warnings
from pathlib import Path

import whisper  # type: ignore[import-untyped]

from transcription import audio


def main(checkpoint: str) -> None:
    warnings.filterwarnings("ignore", message="FP16 is not supported")
    model = whisper.load_model(checkpoint)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        for file in json.loads(line):
            samples = audio.read(Path(file).read_bytes()).samples
            print(json.dumps({"text": model.transcribe(samples)["text"]}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
