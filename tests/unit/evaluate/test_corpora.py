"""Sets come in four ways; what is wrong with one is told with the file and the line."""

import json
from pathlib import Path

import pytest

from evaluate.corpora import CorpusError, Recording, read

SOUND = b"RIFF"


def lay(folder: Path, **files: str | bytes) -> Path:
    """A folder with these files in it; `__` in a name is a slash, `_` before its end a point."""
    for name, content in files.items():
        path = folder / ".".join(name.replace("__", "/").rsplit("_", 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_words_lie_beside_each_recording(tmp_path: Path) -> None:
    about = json.dumps({"language": "yue", "speaker": "chan", "domain": "calls"})
    lay(tmp_path, a_wav=SOUND, a_txt="\ufeff冇水\n", a_json=about, sub__b_mp3=SOUND, sub__b_txt="")
    assert read(tmp_path) == [
        Recording("a.wav", tmp_path / "a.wav", "冇水", "yue", "chan", "calls"),
        Recording("sub/b.mp3", tmp_path / "sub/b.mp3", ""),
    ]


def test_a_language_that_is_not_told_can_be_given_for_all(tmp_path: Path) -> None:
    lay(tmp_path, a_wav=SOUND, a_txt="水管爆了")
    assert read(tmp_path, "cmn")[0].language == "cmn"
    with pytest.raises(CorpusError, match=r"a.wav: nobody says what language .* --language"):
        read(tmp_path)


def test_a_list_of_common_voice(tmp_path: Path) -> None:
    rows = "client_id\tpath\tsentence\tlocale\nanna\tx.mp3\t街燈壞咗\tzh-HK\nbob\ty.mp3\tHi\ten\n"
    lay(tmp_path, test_tsv=rows, clips__x_mp3=SOUND, clips__y_mp3=SOUND)
    for source in (tmp_path, tmp_path / "test.tsv"):
        found = read(source)
        assert [(r.name, r.language, r.speaker) for r in found] == [
            ("x.mp3", "yue", "anna"),
            ("y.mp3", "en", "bob"),
        ]


def test_aishell_has_one_transcript_and_a_tree_of_sounds(tmp_path: Path) -> None:
    name = "BAC009S0724W0121"
    lay(
        tmp_path,
        transcript__aishell_transcript_v0_txt=f"{name} 广州 市\nBAC009S0002W0122 不在\n",
        **{f"wav__test__S0724__{name}_wav": SOUND},
    )
    for source in (tmp_path, tmp_path / "transcript" / "aishell_transcript_v0.txt"):
        (found,) = read(source)
        assert (found.text, found.language, found.speaker) == ("广州 市", "cmn", "S0724")


def test_kaldi_has_a_list_of_each(tmp_path: Path) -> None:
    lay(tmp_path, wav_scp="u1 sounds/u1.wav\n", text_="u1 have a look\n", utt2spk_="u1 ann\n")
    lay(tmp_path, utt2lang_="u1 english\n", sounds__u1_wav=SOUND)
    for name in ("text", "utt2spk", "utt2lang"):
        (tmp_path / f"{name}.").rename(tmp_path / name)
    for source in (tmp_path, tmp_path / "wav.scp"):
        (found,) = read(source)
        assert (found.name, found.text, found.language, found.speaker) == (
            "u1", "have a look", "en", "ann",
        )  # fmt: skip


HEAD = "path\tsentence\tlocale\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds no recordings"),
        ({"a_wav": SOUND}, "a.txt: is missing: what is said in a.wav"),
        ({"a_wav": SOUND, "a_txt": b"one\ntwo\n\xff"}, "a.txt:3: is not UTF-8"),
        ({"a_wav": SOUND, "a_txt": "x", "a_json": "{"}, "a.json: is not JSON"),
        ({"a_wav": SOUND, "a_txt": "x", "a_json": '{"language": "fr"}'}, "'fr' is not a language"),
        ({"clips__a_mp3": SOUND}, "has no test.tsv"),
        ({"clips__a_mp3": SOUND, "test_tsv": "path\tlocale\n"}, "test.tsv:1: has no column sent"),
        ({"clips__a_mp3": SOUND, "test_tsv": HEAD + "b.mp3\tx\ten\n"}, "test.tsv:2: there is no"),
        ({"clips__a_mp3": SOUND, "test_tsv": HEAD + "a.mp3\n"}, "test.tsv:2: has too few columns"),
        ({"wav_scp": "u1 u1.wav\n"}, "text: is missing"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, files: dict[str, str | bytes], said: str
) -> None:
    with pytest.raises(CorpusError, match=said):
        read(lay(tmp_path, **files))


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is not there"):
        read(tmp_path / "nowhere")


def test_commands_in_a_kaldi_list_are_never_run(tmp_path: Path) -> None:
    (tmp_path / "wav.scp").write_text("u1 touch pwned |\n")
    (tmp_path / "text").write_text("u1 hello\n")
    with pytest.raises(CorpusError, match=r"wav.scp:1: is a command to run"):
        read(tmp_path, "en")
