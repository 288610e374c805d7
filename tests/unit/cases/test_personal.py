"""Telephone and identity numbers are masked in the text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.case import number_for
from cases.personal import redact
from cases.transcripts import Mask, Segment, Word

SENTENCES = Path(__file__).resolve().parents[1] / "callers_sentences.txt"
HAN = "零一二三四五六七八九"
ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def line(text: str, start: float = 0.0, end: float = 5.0, **more: object) -> Segment:
    return Segment(start, end, text, 0.9, **more)  # type: ignore[arg-type]


def masked(*texts: str) -> str:
    return redact([line(text) for text in texts])[0]


def spoken(digits: str, language: str, mobile: bool = False) -> str:
    """Digits one by one, as they are said."""
    if language == "en":
        return " ".join(ENGLISH[int(digit)] for digit in digits)
    said = "".join(HAN[int(digit)] for digit in digits)
    return said.replace("一", "幺") if language == "cmn" and mobile else said


def hong_kong_identity(letters: str, digits: str) -> str:
    """The check digit: weights 9 to 2, modulo 11."""
    values = [36] * (8 - len(letters + digits)) + [int(char, 36) for char in letters + digits]
    rest = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return "0123456789A"[-rest % 11]


def mainland_identity(first: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(char) * weight for char, weight in zip(first, weights, strict=True))
    return first + "10X98765432"[total % 11]


ANY_DIGITS = st.text("0123456789", min_size=6, max_size=6)
HONG_KONG_PHONES = st.from_regex(r"[2-9][0-9]{7}", fullmatch=True)
MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
LANGUAGES = st.sampled_from(["yue", "cmn", "en"])
FEW = settings(max_examples=60, deadline=None)


class TestTelephoneNumbers:
    @FEW
    @given(HONG_KONG_PHONES, LANGUAGES)
    def test_of_hong_kong_are_masked_in_every_language(self, phone: str, language: str) -> None:
        assert masked(f"ok, {spoken(phone, language)}, bye") == "ok, [phone], bye"

    @FEW
    @given(MOBILES, LANGUAGES)
    def test_of_mainland_mobiles_are_masked_in_every_language(
        self, phone: str, language: str
    ) -> None:
        said = spoken(phone, language, mobile=True)
        assert masked(f"ok, {said}, bye") == "ok, [phone], bye"

    @FEW
    @given(HONG_KONG_PHONES, st.integers(1, 7), st.sampled_from(["，呃，", " 嗯 ", "…啊 ", ", "]))
    def test_broken_by_hesitation_are_masked_whole(self, phone: str, at: int, breath: str) -> None:
        said = spoken(phone[:at], "yue") + breath + spoken(phone[at:], "yue")
        assert masked(f"我電話係{said}。唔該") == "我電話係[phone]。唔該"

    @FEW
    @given(HONG_KONG_PHONES, st.integers(1, 7))
    def test_that_go_on_in_the_next_line_are_masked_in_both(self, phone: str, at: int) -> None:
        first, second = spoken(phone[:at], "yue"), spoken(phone[at:], "yue")
        text, masks = redact([line(f"我電話係{first}", 0, 2), line(f"{second}，唔該", 6, 8)])
        assert text.replace(" ", "") == "我電話係[phone]，唔該"
        assert masks == (Mask("phone", 0.0, 2.08), Mask("phone", 5.92, 8.08))

    @pytest.mark.parametrize(
        ("said", "left"),
        [
            ("打 6123 4567 搵我", "打 [phone] 搵我"),
            ("+852 6123-4567", "[phone]"),
            ("(852) 6123 4567 please", "[phone] please"),
            ("plus four four two oh seven nine four six oh nine five eight", "[phone]"),
            ("010-62345678", "[phone]"),
            ("零一零，六二三四五六七八", "[phone]"),
            ("0755 8234 5678", "[phone]"),
            ("八五二六一二三四五六七", "[phone]"),
            ("six one two three, er, double four five six", "[phone]"),
            ("sixty one twenty three forty five sixty seven", "[phone]"),
            ("我電話係六一二三四五六七，九號", "我電話係[phone]，九號"),
            ("手機 5 4 3 2 1 2 3", "手機 [phone]"),  # a digit was lost, but a word tells
            ("我手机是幺八五洞幺拐两零柒幺玖", "我手机是[phone]"),
            ("６１２３４５６７", "[phone]"),
        ],
    )
    def test_however_they_are_told(self, said: str, left: str) -> None:
        assert masked(said) == left

    def test_of_two_speakers_are_not_mixed(self) -> None:
        text, masks = redact([line("六一二三", channel=0), line("四五六七", channel=1)])
        assert "[phone]" not in text and masks == ()


class TestIdentityNumbers:
    @FEW
    @given(st.from_regex(r"[A-Z]{1,2}", fullmatch=True), ANY_DIGITS, LANGUAGES)
    def test_of_hong_kong_are_masked_as_spoken_with_their_check_digit(
        self, letters: str, digits: str, language: str
    ) -> None:
        check = hong_kong_identity(letters, digits)
        last = check if check == "A" else spoken(check, language)
        said = f"{' '.join(letters)} {spoken(digits, language)} {last}"
        assert masked(f"證明係 {said}。") == "證明係 [identity]。"

    @FEW
    @given(st.from_regex(r"[A-Z]{1,2}", fullmatch=True), ANY_DIGITS)
    def test_of_hong_kong_are_masked_as_written(self, letters: str, digits: str) -> None:
        check = hong_kong_identity(letters, digits)
        assert masked(f"係 {letters}{digits}({check})。") == "係 [identity]。"

    @FEW
    @given(
        st.from_regex(r"[1-6][1-5]\d{4}", fullmatch=True),
        st.dates(),
        st.integers(0, 999),
        st.sampled_from(["cmn", "yue"]),
    )
    def test_of_the_mainland_are_masked_by_their_checksum(
        self, region: str, born: object, serial: int, language: str
    ) -> None:
        number = mainland_identity(f"{region}{str(born).replace('-', '')}{serial:03d}")
        said = spoken(number[:17], language) + (
            "X" if number[17] == "X" else spoken(number[17], language)
        )
        assert masked(f"就是{said}。") == "就是[identity]。"

    @pytest.mark.parametrize(
        ("said", "left"),
        [
            ("身份證 A 一二三四五六 括號 三", "身份證 [identity]"),
            ("A123456(7)", "[identity]"),  # the brackets tell, though one digit was misheard
            ("我身份证号三四零二零三一九三七零幺零幺零五幺八", "我身份证号[identity]"),
            ("110105491231002", "[identity]"),
            ("my ID is A 1 2 3 4 5 6 7", "my ID is [identity]"),
            ("護照 K12345678", "護照 [identity]"),
            ("passport H one two three four five six seven eight", "passport [identity]"),
        ],
    )
    def test_however_they_are_told(self, said: str, left: str) -> None:
        assert masked(said) == left

    def test_a_letter_and_eight_digits_are_no_passport_unless_somebody_says_so(self) -> None:
        assert masked("部機係 K12345678") == "部機係 K12345678"


class TestWhatStays:
    @pytest.mark.parametrize(
        "said",
        [
            "打12345，再打1823同999",
            "彌敦道八十八號五樓B室",
            "$23,456,789",
            "欠我 23456789 蚊",
            "二三四五六七八九元",
            "2026-10-12 定係 2019-2020",
            "二零二六年十二月三日",
            "巴士960 961 968",
            "帳戶號碼 61234567",
            "十分感謝，一點點，一個人",
            "三四五六個人",
            "half past ten, route 968",
            "case number five zero seven three zero four four six two",
        ],
    )
    def test_numbers_that_lead_to_nobody(self, said: str) -> None:
        assert masked(said) == said

    @given(st.integers(1, 10**7 - 1), st.integers(2020, 2050))
    def test_case_numbers(self, case_id: int, year: int) -> None:
        number = number_for(case_id, year)
        assert masked(f"我嗰單係 {number}") == f"我嗰單係 {number}"

    def test_every_sentence_of_our_callers(self) -> None:
        for row in SENTENCES.read_text(encoding="utf-8").splitlines():
            sentence = row.rpartition("|")[2].strip()
            assert redact([line(sentence)]) == (sentence, ())

    @given(st.text(st.characters(exclude_categories=["Nd", "Nl", "No", "Cc", "Zs", "Zl", "Zp"])))
    def test_text_without_numbers(self, text: str) -> None:
        without = "".join(char for char in text if char not in HAN + "幺两兩")
        assert redact([line(without)])[1] == ()
        assert masked(without) == without

    def test_the_segments_themselves_stay_as_they_are(self) -> None:
        segments = [line("我電話係六一二三四五六七")]
        redact(segments)
        assert segments[0].text == "我電話係六一二三四五六七"


class TestTheStretches:
    def test_cover_the_words_and_a_little_more(self) -> None:
        text, masks = redact([told("我電話係六一二三呃四五六七唔該")])
        assert text == "我電話係[phone]唔該"
        assert masks == (Mask("phone", 3.92, 13.08),)

    def test_are_the_whole_segment_where_words_have_no_times(self) -> None:
        assert redact([line("我電話係六一二三四五六七", 3.0, 9.0)])[1] == (
            Mask("phone", 2.92, 9.08),
        )

    def test_are_those_of_all_lines_though_only_some_make_the_text(self) -> None:
        heard = line("六一二三四五六七", 0, 2)
        murmured = line("六一二三四五六七", 5, 7, flags=("on_no_speech",))
        text, masks = redact([heard, murmured], lambda it: not it.flags)
        assert text == "[phone]" and len(masks) == 2


def told(text: str) -> Segment:
    """A line of which each character takes a second."""
    words = tuple(Word(float(i), i + 1.0, char, 0.9) for i, char in enumerate(text))
    return line(text, 0.0, float(len(text)), words=words)
