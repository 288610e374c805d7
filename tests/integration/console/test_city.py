"""The city is changed at the console: drafts, a review that finds mistakes, publishing, and the way back."""

import html
import io
import re
import wave
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml
from werkzeug.test import TestResponse

from cases import editions
from cases.editions import CATEGORIES, CLOCKS, CLOSURES, FLOWS, PROMPTS, ROUTING, SOUNDS
from runtime.database import transaction
from tests.support.console_app import ConsoleHouse, Visitor, mu_law_tone, tone

FLOW = Path("callflows/flows/hotline.yaml").read_text(encoding="utf-8")
LIFT = {
    "code": "lifts-new",
    "name_yue": "新升降機",
    "name_cmn": "新电梯",
    "name_en": "New lifts",
    "department": "emsd",
    "grade": "danger",
    "words_yue": "新𨋢=3, 新升降機",
    "words_cmn": "新电梯",
    "words_en": "new lift=4, brand new lift",
}


@pytest.fixture
def admin(one_house: ConsoleHouse) -> Visitor:
    return one_house.signed_in("admin", "ada")


def publish(visitor: Visitor, note: str = "asked for by the district council") -> TestResponse:
    """Publish what the review shows."""
    page = visitor.get("/admin/city/review").text
    on = re.search(r'name="on" value="(\d+)"', page)
    versions = re.findall(r'name="version" value="(\d+)"', page)
    assert on, "there is nothing to publish"
    return visitor.post("/admin/city/publish", on=on[1], version=versions[0], note=note)


def texts(house: ConsoleHouse) -> dict[str, str]:
    """What is in force of what was changed."""
    with transaction(house.engine) as session:
        return editions.texts(session, editions.newest(session))


def drafts(house: ConsoleHouse) -> dict[str, str]:
    with transaction(house.engine) as session:
        return {one.name: one.text for one in editions.drafts(session)}


def save_text(visitor: Visitor, address: str, text: str, do: str = "save") -> TestResponse:
    page = visitor.get(address).text
    made_from = re.search(r'name="made_from" value="(\d*)"', page)
    assert made_from
    return visitor.post(address, text=text, do=do, made_from=made_from[1])


def on_form(visitor: Visitor, code: str) -> dict[str, str]:
    """The texts that stand in a category's form."""
    page = visitor.get(f"/admin/categories/{code}").text
    texts = re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>([^<]*)</textarea>', page)
    names = re.findall(r'name="(name_\w+)"[^>]*value="([^"]*)"', page)
    return {name: html.unescape(text) for name, text in [*texts, *names]}


# --- categories, with their grade -------------------------------------------------------------------


def test_a_new_category_is_a_draft_until_it_is_published(house: ConsoleHouse) -> None:
    admin, agent = house.signed_in("admin", "ada"), house.signed_in()
    assert admin.post("/admin/categories/new", **LIFT).status_code == 303
    assert "新升降機" not in agent.get("/cases").text
    assert set(drafts(house)) == {CATEGORIES, CLOCKS}
    review = admin.get("/admin/city/review").text
    assert "lifts-new" in review and "New lifts" in review
    on = re.search(r'name="on" value="(\d+)"', review)
    assert on
    form = {"on": on[1], "note": "asked for", "version": ""}
    assert admin.post("/admin/city/publish", **form).status_code == 303
    assert "新升降機" in agent.get("/cases").text
    kinds = yaml.safe_load(texts(house)[CATEGORIES])["categories"]["lifts-new"]
    assert kinds["words"]["en"] == [{"new lift": 4}, "brand new lift"]
    grades = yaml.safe_load(texts(house)[CLOCKS])["grades"]
    assert "lifts-new" in grades["danger"]["categories"]


def test_a_form_shows_what_stands_there_and_changes_nothing_else(
    admin: Visitor, one_house: ConsoleHouse
) -> None:
    sent = {**on_form(admin, "street-lamp"), "department": "hyd", "grade": "ordinary"}
    same = admin.post("/admin/categories/street-lamp", **sent)
    assert same.status_code == 422 and drafts(one_house) == {}, "nothing was changed"
    admin.post("/admin/categories/street-lamp", **{**sent, "name_en": "Lamps in the street"})
    before = yaml.safe_load((one_house.city.folder / CATEGORIES).read_text(encoding="utf-8"))
    after = yaml.safe_load(drafts(one_house)[CATEGORIES])
    before["categories"]["street-lamp"]["name"]["en"] = "Lamps in the street"
    assert after == before


def test_a_retired_category_keeps_its_cases_and_gets_no_new_one(
    admin: Visitor, one_house: ConsoleHouse
) -> None:
    number = one_house.referred("hyd", category="refuse")
    sent = on_form(admin, "refuse")
    sent |= {"department": "fehd", "grade": "ordinary", "retired": "1"}
    assert admin.post("/admin/categories/refuse", **sent).status_code == 303
    assert publish(admin).status_code == 303
    agent = one_house.signed_in()
    told = sent["name_yue"]
    assert told in agent.get(f"/cases/{number}").text, "the case keeps its name"
    assert one_house.app.extensions["console"].now.categories["refuse"].retired
    new = one_house.case("街市好多垃圾", language="yue")
    options = re.findall(r'<option value="([\w-]+)"', agent.get(f"/cases/{new}").text)
    assert "street-lamp" in options and "refuse" not in options


def test_a_code_that_cases_use_cannot_be_removed(admin: Visitor, one_house: ConsoleHouse) -> None:
    one_house.referred("hyd", category="smoking")
    answer = admin.post("/admin/categories/smoking", do="remove")
    assert answer.status_code == 422 and "smoking is in use" in answer.text
    assert drafts(one_house) == {}
    assert admin.post("/admin/categories/animals", do="remove").status_code == 303


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code": "Lifts New"}, "小寫英文字母開頭"),
        ({"code": "other"}, "這個代碼已有人用"),
        ({"name_cmn": ""}, "must be given in each"),
        ({"department": ""}, "department"),
        ({"words_en": "lift=99"}, "less than or equal to 10"),
    ],
)
def test_a_category_that_no_process_could_read_is_not_kept(
    admin: Visitor, one_house: ConsoleHouse, change: dict[str, str], said: str
) -> None:
    answer = admin.post("/admin/categories/new", **{**LIFT, **change})
    assert answer.status_code == 422
    assert said in answer.text
    assert "新升降機" in answer.text, "what was typed is not lost"
    assert drafts(one_house) == {}


# --- departments, rules, days ------------------------------------------------------------------------


def test_a_department_is_added_and_retired(admin: Visitor, one_house: ConsoleHouse) -> None:
    form = {"abbreviation": "NEW", "department_kind": "district", "parent": "had"}
    names = {"name_yue": "新署", "name_cmn": "新署", "name_en": "New Department"}
    assert admin.post("/admin/departments/new", code="newd", **form, **names).status_code == 303
    assert admin.post("/admin/departments/md", **form, **names, retired="1").status_code == 303
    assert publish(admin).status_code == 303
    known = one_house.app.extensions["console"].now.departments
    assert (known["newd"].kind, known["newd"].parent, known["md"].retired) == (
        "district",
        "had",
        True,
    )
    codes = re.findall(r'<option value="([\w-]+)"', admin.get("/disputes").text)
    assert "newd" in codes and "md" not in codes


def test_a_department_with_a_category_of_its_own_cannot_be_retired(admin: Visitor) -> None:
    names = {"name_yue": "路政署", "name_cmn": "路政署", "name_en": "Highways Department"}
    form = {"abbreviation": "HyD", "department_kind": "department", "retired": "1"}
    answer = admin.post("/admin/departments/hyd", **form, **names)
    assert answer.status_code == 422
    assert "categories.yaml" in answer.text and "is retired" in answer.text


def test_a_supervisor_changes_the_rules_and_nothing_else(one_house: ConsoleHouse) -> None:
    boss = one_house.signed_in("supervisor", "boss")
    rule = {
        "code": "noise-on-estates",
        "category": "noise",
        "place_kind": "estate",
        "department": "hd",
        "starts": "2026-01-01",
        "reason_yue": "屋邨噪音",
        "reason_cmn": "小区噪音",
        "reason_en": "Noise on estates",
    }
    assert boss.post("/admin/rules/new", **rule).status_code == 303
    assert publish(boss).status_code == 303
    assert "屋邨噪音" in boss.get("/routing").text
    for page in ("/admin/categories", "/admin/prompts", "/admin/flows", "/admin/calendar"):
        assert boss.get(page).status_code == 403
    assert boss.get(f"/admin/city/files/{CATEGORIES}").status_code == 403
    assert boss.get(f"/admin/city/files/{ROUTING}").status_code == 200
    listed = boss.get("/admin/city").text
    assert "/files/routing.yaml" in listed and "/files/categories.yaml" not in listed


def test_rulings_stand_beside_the_rules(one_house: ConsoleHouse) -> None:
    boss = one_house.signed_in("supervisor", "boss")
    ruling = {
        "category": "noise",
        "department": "epd",
        "starts": "2026-01-01",
        "reason": "由環保署跟進",
    }
    assert boss.post("/rulings", **ruling).status_code == 303
    assert "由環保署跟進" in boss.get("/admin/rules").text


def test_a_rule_for_a_place_nobody_knows_is_refused_with_its_name(one_house: ConsoleHouse) -> None:
    boss = one_house.signed_in("supervisor", "boss")
    rule = {"code": "x", "place": "亞特蘭提斯", "department": "hd", "starts": "2026-01-01"}
    reasons = {"reason_yue": "一", "reason_cmn": "一", "reason_en": "one"}
    answer = boss.post("/admin/rules/new", **rule, **reasons)
    assert answer.status_code == 422 and "亞特蘭提斯" in answer.text


def test_a_day_on_which_the_city_halted_moves_what_is_due(
    admin: Visitor, one_house: ConsoleHouse
) -> None:
    closed = {"reason_yue": "颱風", "reason_cmn": "台风", "reason_en": "Typhoon", "source": "HKO"}
    assert admin.post("/admin/calendar", day="2030-06-06", **closed).status_code == 303
    again = admin.post("/admin/calendar", day="2030-06-06", **closed)
    assert again.status_code == 422, "the day is there already"
    assert publish(admin).status_code == 303
    city = one_house.app.extensions["console"].now.city
    assert not city.is_working_day(date(2030, 6, 6))
    assert admin.post("/admin/calendar", reopen="2030-06-06").status_code == 303
    assert publish(admin).status_code == 303
    assert one_house.app.extensions["console"].now.city.is_working_day(date(2030, 6, 6))
    assert "2030-06-06" not in texts(one_house)[CLOSURES]


def test_the_calendar_names_the_holidays_in_the_readers_language(admin: Visitor) -> None:
    assert "農曆年初一" in admin.get("/admin/calendar?year=2026").text


# --- files as text: flows ----------------------------------------------------------------------------


def test_a_flow_with_mistakes_is_checked_line_by_line_and_never_published(
    admin: Visitor, one_house: ConsoleHouse
) -> None:
    wrong = FLOW.replace("silent: fallback", "silent: fallbak", 1)
    checked = save_text(admin, "/admin/flows/hotline", wrong, do="check")
    line = next(n for n, text in enumerate(wrong.splitlines(), 1) if text.strip() == "ask_again:")
    assert f'data-line="{line}"' in checked.text
    assert "did you mean fallback?" in checked.text
    assert drafts(one_house) == {}, "to check is not to keep"
    assert save_text(admin, "/admin/flows/hotline", wrong).status_code == 303
    review = admin.get("/admin/city/review").text
    assert "did you mean fallback?" in review and "/admin/city/publish" not in review
    key = editions_drafts_id(one_house)
    answer = admin.post("/admin/city/publish", on="0", version=key, note="all the same")
    assert answer.status_code == 422 and texts(one_house) == {}


def editions_drafts_id(house: ConsoleHouse) -> str:
    with transaction(house.engine) as session:
        return str(editions.drafts(session)[0].id)


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        (FLOWS["hotline"], "spec: 1\nstart: [\n", 3),
        (CATEGORIES, "spec: 1\ncategories:\n  other:\n    nam: {}\n", None),
        (CLOSURES, "spec: 1\nclosures:\n  - day: 2026-01-01\n    source: x\n", 3),
        (ROUTING, "spec: 1\ndefault: {}\nrules: {}\n", 2),
        (SOUNDS, "spec: 1\nsounds:\n  yue:\n    greeting: {sound: abc, says: x}\n", None),
        (PROMPTS["yue"], 'spec: 1\nlanguage: yue\nprompts:\n  greeting: "{nothing}"\n', None),
        (PROMPTS["yue"], "language: yue\x01\n", None),
    ],
)
def test_any_file_with_a_mistake_is_told_where(
    admin: Visitor, file: str, text: str, line: int | None
) -> None:
    page = save_text(admin, f"/admin/city/files/{file}", text, do="check").text
    assert 'class="faults"' in page
    assert line is None or f'data-line="{line}"' in page


def test_of_two_who_change_the_same_the_second_is_told_and_loses_no_text(
    admin: Visitor, one_house: ConsoleHouse
) -> None:
    admin.post("/admin/flows/hotline", text=FLOW + "# mine\n", do="save", made_from="")
    late = admin.post("/admin/flows/hotline", text=FLOW + "# other\n", do="save", made_from="")
    assert late.status_code == 422
    assert "# other" in late.text and "期間有人改過" in late.text
    assert drafts(one_house)[FLOWS["hotline"]].endswith("# mine\n")


def test_who_publishes_what_was_overtaken_is_told(admin: Visitor, one_house: ConsoleHouse) -> None:
    save_text(admin, "/admin/flows/hotline", FLOW + "# one\n")
    key = editions_drafts_id(one_house)
    publish(admin)
    save_text(admin, "/admin/flows/hotline", FLOW + "# two\n")
    newer = editions_drafts_id(one_house)
    answer = admin.post("/admin/city/publish", on="0", version=newer, note="late")
    assert answer.status_code == 409
    assert key != newer and "# one" in texts(one_house)[FLOWS["hotline"]]


def test_one_goes_back_to_an_earlier_edition_and_to_the_installed_city(
    admin: Visitor, one_house: ConsoleHouse
) -> None:
    for word in ("one", "two"):
        save_text(admin, "/admin/flows/hotline", f"{FLOW}# {word}\n")
        publish(admin)
    review = admin.get("/admin/city/review?back_to=1").text
    assert "# two" in review and "# one" in review
    back = {"back_to": "1", "on": "2", "note": "two was wrong"}
    assert admin.post("/admin/city/publish", **back).status_code == 303
    assert texts(one_house)[FLOWS["hotline"]].endswith("# one\n")
    back = {"back_to": "0", "on": "3", "note": "as installed"}
    assert admin.post("/admin/city/publish", **back).status_code == 303
    assert texts(one_house) == {}
    overview = admin.get("/admin/city").text
    assert "two was wrong" in overview and "as installed" in overview


def test_a_draft_is_given_up(admin: Visitor, one_house: ConsoleHouse) -> None:
    save_text(admin, "/admin/flows/hotline", FLOW + "# one\n")
    admin.post("/admin/city/drop", version=editions_drafts_id(one_house))
    assert drafts(one_house) == {}


def test_a_flow_is_played_in_the_page(admin: Visitor) -> None:
    page = admin.get("/admin/flows/hotline/play").text
    assert ('class="heard"' in page and "打999" in page.replace(" ", "")) or "九九九" in page
    spoken = admin.post("/admin/flows/hotline/play", do="say 8").text
    assert "recorded 8 s" in spoken and "case_number? known" in spoken


def test_the_draft_is_what_is_played(admin: Visitor) -> None:
    save = {"text": "新嘅開場白，請講", "do": ""}
    assert admin.post("/admin/prompts/yue/greeting", **save).status_code == 303
    assert "新嘅開場白" in admin.get("/admin/flows/hotline/play").text


@pytest.mark.parametrize("address", ["/admin/flows/none", "/admin/flows/none/play"])
def test_a_flow_that_is_none_is_not_there(admin: Visitor, address: str) -> None:
    assert admin.get(address).status_code == 404


# --- prompts and their recordings ----------------------------------------------------------------------


def upload(visitor: Visitor, sound: bytes, key: str = "after_beep") -> TestResponse:
    address = f"/admin/prompts/yue/{key}"
    visitor.get(address)
    data = {"csrf_token": visitor.proof, "sound": (io.BytesIO(sound), "prompt.wav")}
    return visitor.client.post(f"{address}/sound", data=data, content_type="multipart/form-data")


def studio(rate: int, width: int = 2, channels: int = 2, hertz: float = 440.0) -> bytes:
    """Two seconds of a tone as a studio delivers it."""
    at = np.arange(2 * rate) / rate
    level = np.repeat(np.sin(2 * np.pi * hertz * at) * 0.5, channels)
    if width == 1:
        content = ((level * 127) + 128).astype(np.uint8).tobytes()
    elif width == 3:
        whole = (level * (2**31 - 1)).astype("<i4")
        content = whole.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    else:
        content = (level * (2 ** (8 * width - 1) - 1)).astype(f"<i{width}").tobytes()
    with io.BytesIO() as place:
        with wave.open(place, "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(width)
            file.setframerate(rate)
            file.writeframes(content)
        return place.getvalue()


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [(8000, 2, 1), (8000, 1, 1), (16000, 2, 1), (44100, 2, 2), (48000, 3, 2), (96000, 4, 1)],
)
def test_a_recording_becomes_the_telephones_format(
    admin: Visitor, one_house: ConsoleHouse, rate: int, width: int, channels: int
) -> None:
    assert upload(admin, studio(rate, width, channels)).status_code == 303
    entry = yaml.safe_load(drafts(one_house)[SOUNDS])["sounds"]["yue"]["after_beep"]
    stored = admin.get(f"/admin/prompts/sounds/{entry['sound']}.wav")
    with wave.open(io.BytesIO(stored.data)) as file:
        assert file.getparams()[:3] == (1, 2, 8000)
        assert abs(file.getnframes() / 8000 - 2) < 0.001
        samples = np.frombuffer(file.readframes(16000), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(np.argmax(spectrum) / 2 - 440) < 1
    assert np.max(np.abs(samples)) == pytest.approx(16384, rel=0.05)


def test_what_is_above_the_telephones_band_does_not_fold_back(
    admin: Visitor, one_house: ConsoleHouse
) -> None:
    both = studio(44100, channels=1, hertz=440)
    high = studio(44100, channels=1, hertz=6000)
    mixed = np.frombuffer(both[44:], "<i2") // 2 + np.frombuffer(high[44:], "<i2") // 2
    assert upload(admin, both[:44] + mixed.astype("<i2").tobytes()).status_code == 303
    entry = yaml.safe_load(drafts(one_house)[SOUNDS])["sounds"]["yue"]["after_beep"]
    stored = admin.get(f"/admin/prompts/sounds/{entry['sound']}.wav").data
    spectrum = np.abs(np.fft.rfft(np.frombuffer(stored[44:], "<i2").astype(float)))
    assert spectrum[2000 * 2] < spectrum[440 * 2] / 300, "6 kHz would be heard at 2 kHz"


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (b"", "不是可用的 WAV"),
        (b"RIFF\x00\x00\x00\x00WAVEjunk", "不是可用的 WAV"),
        (b"ID3\x04" + bytes(4000), "不是可用的 WAV"),
        (mu_law_tone(1), "不是可用的 WAV"),
        (tone(0.05), "太短"),
        (tone(61), "太長"),
        (studio(8000)[:44] + bytes(32000), "沒有聲音"),
        (studio(4000), "4000 Hz 太低"),
    ],
)
def test_a_file_that_is_no_recording_of_a_prompt_is_refused(
    admin: Visitor, one_house: ConsoleHouse, sound: bytes, said: str
) -> None:
    answer = upload(admin, sound)
    assert answer.status_code == 422 and said in answer.text
    assert drafts(one_house) == {}


def test_a_truncated_wav_is_taken_as_far_as_it_goes(admin: Visitor) -> None:
    assert upload(admin, tone(6)[:30_001]).status_code == 303


def test_an_upload_that_is_too_large_is_refused(admin: Visitor) -> None:
    assert upload(admin, bytes(33 * 2**20)).status_code == 413


def test_a_prompt_that_tells_what_the_call_teaches_cannot_be_recorded(admin: Visitor) -> None:
    answer = upload(admin, tone(1), key="number")
    assert answer.status_code == 422 and "不能用錄音" in answer.text


def test_a_recording_of_another_text_is_told_and_not_played(
    admin: Visitor, one_house: ConsoleHouse
) -> None:
    upload(admin, tone(1))
    admin.post("/admin/prompts/yue/after_beep", text="請喺咇一聲後再講")
    assert "錄音之後文字改過" in admin.get("/admin/prompts/yue/after_beep").text
    admin.post("/admin/prompts/yue/after_beep/no-sound")
    assert yaml.safe_load(drafts(one_house)[SOUNDS])["sounds"]["yue"] == {}


def test_what_has_no_recording_is_counted(admin: Visitor) -> None:
    def missing() -> int:
        return int(re.findall(r"chip soon\">(\d+) 句", admin.get("/admin/prompts").text)[0])

    before = missing()
    upload(admin, tone(1))
    assert missing() == before - 1
