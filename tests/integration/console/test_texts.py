"""A person's text of a recording, its versions, and the case on paper."""

import re

from cases.recordings import Recording
from cases.transcripts import Segment
from runtime.database import transaction
from tests.support.console_app import SCAFFOLD, ConsoleHouse, Visitor, tone

PHONE = "我電話係九一二三四五六七，條街燈壞咗"


def form(visitor: Visitor, number: str) -> tuple[str, str]:
    """Where the text is sent to, and on which reading it is made."""
    page = visitor.get(f"/cases/{number}").text
    found = re.search(
        r'action="(/cases/\d+/recordings/\d+/text)".*?name="base" value="(\d*)"', page, re.S
    )
    assert found
    return found[1], found[2]


def test_a_corrected_text_counts_and_the_first_one_is_kept(house: ConsoleHouse) -> None:
    number, mei = house.case(*SCAFFOLD), house.signed_in(name="mei")
    path, base = form(mei, number)
    assert mei.post(path, text="其實係講街燈壞咗", base=base).status_code == 303
    assert "其實係講街燈壞咗" in mei.get(f"/cases/{number}/print").text
    versions = mei.get(f"/cases/{number}/versions").text
    assert "唔阻燃" in versions and "<ins>" in versions and "mei" in versions
    assert ("agent:1", "text_corrected") in house.history(number)


def test_who_comes_second_gets_both_texts_back(house: ConsoleHouse) -> None:
    number, mei, bo = house.case(*SCAFFOLD), house.signed_in(name="mei"), house.signed_in(name="bo")
    path, base = form(mei, number)
    assert mei.post(path, text="先到先得", base=base).status_code == 303
    late = bo.post(path, text="遲來的一份", base=base)
    assert late.status_code == 409
    assert "先到先得" in late.text and "遲來的一份" in late.text
    fresh = re.search(r'name="base" value="(\d+)"', late.text)
    assert fresh and bo.post(path, text="遲來的一份", base=fresh[1]).status_code == 303
    assert "遲來的一份" in mei.get(f"/cases/{number}").text


def test_a_script_is_told_the_new_state_or_the_trouble(one_house: ConsoleHouse) -> None:
    number, mei = one_house.case(*SCAFFOLD), one_house.signed_in(name="mei")
    path, base = form(mei, number)
    asks = {"headers": {"Accept": "application/json"}}
    sent = {"csrf_token": mei.proof, "text": "改了", "base": base}
    told = mei.client.post(path, data=sent, **asks)
    assert told.status_code == 200
    assert told.json["version"] == one_house.stored(number).version
    assert str(told.json["base"]) != base
    again = mei.client.post(path, data={**sent, "text": "又改"}, **asks)
    assert again.status_code == 409 and "另一位同事" in again.json["problem"]


def test_numbers_in_a_corrected_text_stay_masked_for_officers_and_on_paper(
    house: ConsoleHouse,
) -> None:
    number, mei = house.accepted("hyd"), house.signed_in(name="mei")
    path, base = form(mei, number)
    assert mei.post(path, text=PHONE, base=base).status_code == 303
    for page in (
        house.officer("hyd").get(f"/cases/{number}").text,
        mei.get(f"/cases/{number}/print").text,
    ):
        assert "九一二三" not in page and "街燈壞咗" in page


def test_officers_and_auditors_correct_nothing(one_house: ConsoleHouse) -> None:
    number = one_house.accepted("hyd")
    path, base = form(one_house.signed_in(), number)
    for visitor in (one_house.officer("hyd"), one_house.signed_in("auditor")):
        assert visitor.post(path, text="x", base=base).status_code == 403
    assert one_house.officer("lcsd").get(f"/cases/{number}/print").status_code == 404


def test_a_recording_of_another_case_is_no_page(one_house: ConsoleHouse) -> None:
    first, second = one_house.case(*SCAFFOLD), one_house.case(*SCAFFOLD)
    mei = one_house.signed_in()
    path, base = form(mei, first)
    assert mei.post(path.replace(first, second), text="x", base=base).status_code == 404


def test_notes_in_the_history_are_masked_on_paper(one_house: ConsoleHouse) -> None:
    number, mei = one_house.case(*SCAFFOLD), one_house.signed_in(name="mei")
    mei.decide(number, "close", note="已致電 9123 4567 回覆")
    assert "9123 4567" in mei.get(f"/cases/{number}").text
    page = mei.get(f"/cases/{number}/print").text
    assert "9123 4567" not in page and "[phone]" in page and number in page


def test_a_copy_that_is_not_silent_where_a_person_found_a_number_is_played_to_nobody(
    house: ConsoleHouse,
) -> None:
    number, mei = house.case(*SCAFFOLD), house.signed_in(name="mei")
    house.storage.write("1-masked.wav", tone(1))
    with transaction(house.engine) as session:
        session.get_one(Recording, 1).masked_key = "1-masked.wav"
    path, base = form(mei, number)
    assert mei.post(path, text="條街燈壞咗", base=base).status_code == 303
    assert "masked-audio" in mei.get(f"/cases/{number}").text
    path, base = form(mei, number)
    assert mei.post(path, text=PHONE, base=base).status_code == 303
    assert "masked-audio" not in mei.get(f"/cases/{number}").text
    assert mei.get("/recordings/1/masked-audio").status_code == 404


def test_a_line_is_doubted_only_where_the_whole_text_is(one_house: ConsoleHouse) -> None:
    mei = one_house.signed_in(name="mei")
    usual = one_house.case(*SCAFFOLD, confidence=0.3)
    assert "(聽得不清楚)" not in mei.get(f"/cases/{usual}").text
    phantom = Segment(6.0, 7.0, "字幕由志願者提供", 0.5, flags=("phantom",))
    heard = Segment(0.0, 2.0, "街燈壞咗", 0.5, flags=("loop",))
    suspect = one_house.case(
        "街燈壞咗", segments=(heard, phantom), text="街燈壞咗", flags=("suspect_text",)
    )
    page = mei.get(f"/cases/{suspect}").text
    assert "(聽得不清楚)" in page and page.count("(不計入文字)") == 1
