"""What was heard is kept line by line, and a line that broke off costs only itself."""

from pathlib import Path

from evaluate import kept
from evaluate.kept import Said

ONE = Said(
    "a.wav", "clean", "heard", "冇水", "yue", "m", ("low_confidence",), (("冇", 0.9, "yue"),)
)
TWO = Said("b.wav", "ulaw", "silence")


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "heard.jsonl"
    assert kept.read(file) == {}
    kept.append(file, "k1", ONE)
    kept.append(file, "k2", TWO)
    assert kept.read(file) == {"k1": ONE, "k2": TWO}


def test_a_line_that_broke_off_is_heard_again_and_the_next_one_stands_alone(tmp_path: Path) -> None:
    file = tmp_path / "heard.jsonl"
    kept.append(file, "k1", ONE)
    kept.append(file, "k2", TWO)
    file.write_bytes(file.read_bytes()[:-20])
    assert kept.read(file) == {"k1": ONE}
    kept.append(file, "k2", TWO)
    assert kept.read(file) == {"k1": ONE, "k2": TWO}
