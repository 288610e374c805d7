"""What is learned: how a text is cut, guessed and explained, and how a model is kept."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from cases import operators, training
from cases.learned import BadModel, Gram, Model, grams, terms
from cases.training import Example
from tests.support.labelled import rows

ROWS = [Example(row.text, row.category) for row in rows()]
MODEL = training.fit(ROWS).model


def run() -> None:
    raise AssertionError("it was run")


class Evil:
    """What a file of a stranger might hold: whoever unpickles it runs it."""

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return run, ()


# --- how a text is cut


def test_chinese_is_cut_into_pieces_of_up_to_four_characters() -> None:
    assert terms("街燈壞") == ["街", "街灯", "街灯坏", "灯", "灯坏", "坏"]


def test_english_is_cut_into_words_and_pairs_of_words() -> None:
    assert terms("The lamp's out, now") == [
        "the",
        "lamp's",
        "the lamp's",
        "out",
        "lamp's out",
        ",",
        "now",
    ]


def test_both_scripts_are_the_same_to_it() -> None:
    assert terms("外牆棚網易燃") == terms("外墙棚网易燃")


def test_it_remembers_no_number() -> None:
    assert not any(
        char in term for term in terms("電話 9123 4567，A123456(7)") for char in "123456789"
    )


def test_a_piece_knows_where_the_caller_said_it() -> None:
    said = "部ＬＩＦＴ 壞咗，街燈又壞"
    assert all(0 <= gram.start < gram.end <= len(said) for gram in grams(said))
    assert Gram("街灯", 9, 11) in list(grams(said))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("市民反映街燈壞咗，請派員跟進", "街灯坏咗"),
        ("来电人称楼下有人打麻将，请公安部门核实处理。", "楼下有人打麻将"),
        ("投訴人表示夜晚好嘈，要求相關部門儘快處理，謝謝", "夜晚好嘈"),
        ("Caller reports loud music. Please let the police check.", "loud music"),
        ("我請咗人跟佢嘈", "我请咗人跟佢嘈"),
    ],
)
def test_what_operators_add_is_left_out(written: str, said: str) -> None:
    assert operators.without(written).strip(" ，。,.") == said
    assert len(operators.without(written)) == len(written)


# --- how it guesses


def test_shares_are_those_of_scikit_learns_own_tf_idf() -> None:
    """The amounts are reckoned anew here, so they are held to the library they were learned with."""
    texts = [one.text for one in ROWS[:200]]
    own = TfidfVectorizer(analyzer=terms, sublinear_tf=True)
    amounts = own.fit_transform(texts)
    width = amounts.shape[1]
    weights = np.random.default_rng(1).normal(size=(width, 3))
    model = Model(
        ("a", "b", "c"), tuple(own.get_feature_names_out()), own.idf_, weights, np.zeros(3)
    )
    scores = amounts @ weights
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    wanted = grown / grown.sum(axis=1, keepdims=True)
    for text, row in zip(texts, wanted, strict=True):
        assert list(model.shares(text).values()) == pytest.approx(row)


def test_all_shares_are_one_together_and_the_likeliest_is_right() -> None:
    shares = MODEL.shares("富安大廈有盞街燈壞咗，條街好黑")
    assert sum(shares.values()) == pytest.approx(1)
    assert max(shares, key=lambda code: shares[code]) == "street-lamp"


@pytest.mark.parametrize("said", ["", " ", "\x00", "😀", "ωωω"])
def test_of_what_it_never_met_it_says_nothing(said: str) -> None:
    assert MODEL.shares(said) == {}
    assert MODEL.reasons(said, "street-lamp") == ()


def test_its_reasons_are_the_callers_own_words_and_none_twice() -> None:
    said = "富安大廈嗰邊有盞街燈壞咗，街燈都唔着"
    reasons = MODEL.reasons(said, "street-lamp")
    assert 1 <= len(reasons) <= 3 and all(reason in said and len(reason) > 1 for reason in reasons)
    assert any("燈" in reason for reason in reasons)
    assert MODEL.reasons(said, "no-such-category") == ()


# --- how it is kept


def test_what_is_kept_guesses_the_same() -> None:
    again = Model.of_bytes(MODEL.to_bytes())
    assert again.codes == MODEL.codes and again.pieces == MODEL.pieces
    for one in ROWS[::20]:
        shares = MODEL.shares(one.text)
        assert again.shares(one.text) == pytest.approx(shares, abs=0.01)


def test_nothing_that_is_kept_can_be_run() -> None:
    stranger = io.BytesIO()
    np.savez(stranger, format=np.array(1), codes=np.array([Evil()], dtype=object))
    with pytest.raises(BadModel):
        Model.of_bytes(stranger.getvalue())


def _with(**changed: np.ndarray) -> bytes:
    kept = dict(np.load(io.BytesIO(MODEL.to_bytes())))
    out = io.BytesIO()
    np.savez(out, **{**kept, **changed})
    return out.getvalue()


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"PK\x03\x04 not at all",
        pickle.dumps("a pickle"),
        MODEL.to_bytes()[:-200],
        _with(format=np.array(2)),
        _with(bias=np.zeros(1)),
        _with(codes=np.array([0xFF], dtype=np.uint8)),
    ],
)
def test_what_is_no_model_is_refused(kept: bytes) -> None:
    with pytest.raises(BadModel):
        Model.of_bytes(kept)


def test_what_lacks_a_part_is_refused() -> None:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(MODEL.to_bytes())) as whole,
        zipfile.ZipFile(out, "w") as part,
    ):
        part.writestr("codes.npy", whole.read("codes.npy"))
    with pytest.raises(BadModel):
        Model.of_bytes(out.getvalue())
