"""What was said, in one piece."""

from cases.spoken import joined


def test_lines_are_joined_as_their_language_is_written() -> None:
    assert joined(["街燈壞咗。", "冇人整"]) == "街燈壞咗。冇人整"
    assert joined(["街燈壞咗", "冇人整"]) == "街燈壞咗 冇人整"
    assert joined(["The lamp is broken.", "Please fix it."]) == "The lamp is broken. Please fix it."
