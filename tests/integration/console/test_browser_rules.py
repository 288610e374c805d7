"""What every answer tells the browser, and what a form from elsewhere gets."""

import re
from pathlib import Path

import pytest
from flask import Blueprint

from console import languages
from console.door import needs
from runtime.city import City
from runtime.settings import CITIES
from tests.support.console_app import SCAFFOLD, ConsoleHouse, Visitor, console_house

PATHS = ["/sign-in", "/cases", "/cases/260000013", "/cases/none", "/nothing", "/recordings/1/audio"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_strict_and_kept_nowhere(one_house: ConsoleHouse, path: str) -> None:
    one_house.case(*SCAFFOLD)
    headers = one_house.signed_in().get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    for part in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy and "data:" not in policy and "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_styles_and_scripts_are_kept_for_good_at_an_address_that_changes_with_them(
    one_house: ConsoleHouse,
) -> None:
    page = one_house.visitor().get("/sign-in").text
    address = re.findall(r'href="(/static/[0-9a-f]{12}/console.css)"', page)[0]
    kept = one_house.visitor().get(address)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert kept.headers["Content-Security-Policy"]
    gone = one_house.visitor().get(address.replace("console.css", "nothing.css"))
    assert (gone.status_code, gone.headers["Cache-Control"]) == (404, "no-store")


def test_over_https_cookies_are_bound_to_the_host_and_https_is_for_good(tmp_path: Path) -> None:
    house = console_house(tmp_path, public_base_url="https://hotline.example")
    answer = house.app.test_client().get("/sign-in", base_url="https://hotline.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-whistle=") and "Path=/" in cookie and "Domain" not in cookie
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax"))
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(one_house: ConsoleHouse) -> None:
    cookie = one_house.visitor().get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    "proof", [None, "", "forged", "ImFhYWEi.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"]
)
def test_a_form_from_elsewhere_is_refused_on_every_address(
    one_house: ConsoleHouse, proof: str | None
) -> None:
    number = one_house.case(*SCAFFOLD)
    visitor = one_house.signed_in("admin")
    before = one_house.history(number)
    posts = [rule for rule in one_house.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    assert len(posts) >= 35
    for rule in posts:
        path = re.sub("<[^>]*>", "1", rule.rule.replace("<number>", number))
        refused = visitor.post(
            path, csrf_token=proof, note="x", category="refuse", version=1, seen=0
        )
        assert refused.status_code == 400 and "表格已失效" in refused.text, path
    assert one_house.history(number) == before
    assert visitor.get("/cases").status_code == 200


def test_the_proof_of_one_visitor_is_worth_nothing_to_another(one_house: ConsoleHouse) -> None:
    ours, theirs = one_house.signed_in(name="ours"), one_house.signed_in(name="theirs")
    ours.get("/cases")
    theirs.get("/cases")
    assert ours.post("/sign-out", csrf_token=theirs.proof).status_code == 400


def test_the_telephone_needs_no_proof_and_keeps_its_own_headers(one_house: ConsoleHouse) -> None:
    voice = Blueprint("voice", __name__)
    voice.add_url_rule("/voice", view_func=lambda: "<Response/>", methods=["POST"], endpoint="a")
    one_house.app.register_blueprint(voice)
    answer = one_house.app.test_client().post("/voice", data={"CallSid": "CA1"})
    assert answer.status_code == 200
    assert "Content-Security-Policy" not in answer.headers
    assert one_house.app.test_client().post("/voice/nothing").text == ""


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example/cases",
        "/\\evil.example",
        "/%5cevil.example",
        "javascript:alert(1)",
        "/cases\r\nSet-Cookie: a=b",
        "/nothing-here",
        "/sign-out",
        "cases",
        "",
    ],
)
def test_nobody_is_sent_to_where_an_address_says(one_house: ConsoleHouse, back: str) -> None:
    answer = one_house.visitor().post("/language", language="en", back=back)
    assert answer.location == "/"


def test_the_language_switch_comes_back_to_the_page_it_was_on(one_house: ConsoleHouse) -> None:
    answer = one_house.visitor().post(
        "/language", language="en", back="/cases?status=closed&page=2"
    )
    assert answer.location == "/cases?status=closed&page=2"


def test_a_form_too_long_is_refused(one_house: ConsoleHouse) -> None:
    assert one_house.visitor().post("/sign-in", name="x" * 70_000).status_code == 413


class TestTheInterfaceLanguage:
    @pytest.mark.parametrize(
        ("wanted", "lang"),
        [
            (["zh-CN", "zh", "en"], "zh-Hans"),
            (["zh-SG"], "zh-Hans"),
            (["zh-Hans-HK"], "zh-Hans"),
            (["zh-TW"], "zh-Hant-HK"),
            (["zh-HK", "zh"], "zh-Hant-HK"),
            (["zh-Hant-CN"], "zh-Hant-HK"),
            (["yue"], "zh-Hant-HK"),
            (["zh"], "zh-Hant-HK"),
            (["fr-FR", "en-GB"], "en"),
            (["fr-FR"], "zh-Hant-HK"),
            ([], "zh-Hant-HK"),
        ],
    )
    def test_is_what_the_browser_asks_for(self, wanted: list[str], lang: str) -> None:
        assert languages.choose(wanted, City.read(CITIES / "hongkong")) == lang

    def test_of_the_browser_is_that_of_the_page(self, one_house: ConsoleHouse) -> None:
        wanted = {"Accept-Language": "fr, zh-CN;q=0.9, en;q=0.8"}
        assert '<html lang="zh-Hans">' in one_house.visitor().get("/sign-in", headers=wanted).text

    def test_plain_chinese_is_written_as_the_city_writes(self, tmp_path: Path) -> None:
        house = console_house(tmp_path, city="beijing")
        page = house.visitor().get("/sign-in", headers={"Accept-Language": "zh"}).text
        assert '<html lang="zh-Hans">' in page and "12345" in page

    def test_once_chosen_stays_with_the_agent(self, one_house: ConsoleHouse) -> None:
        one_house.signed_in(name="mei").post("/language", language="en", back="/cases")
        elsewhere: Visitor = one_house.visitor()
        elsewhere.sign_in("mei")
        assert "Sign out" in elsewhere.get("/cases").text

    def test_is_never_anything_else(self, one_house: ConsoleHouse) -> None:
        visitor = one_house.visitor()
        visitor.post("/language", language="../../etc", back="/")
        assert '<html lang="zh-Hant-HK">' in visitor.get("/sign-in").text


class TestAnErrorPage:
    @pytest.mark.parametrize(
        ("lang", "words"),
        [("zh-HK", "找不到這一頁"), ("zh-CN", "找不到该页面"), ("en", "There is no such page")],
    )
    def test_speaks_the_readers_language(
        self, one_house: ConsoleHouse, lang: str, words: str
    ) -> None:
        answer = one_house.visitor().get("/nothing", headers={"Accept-Language": lang})
        assert answer.status_code == 404 and words in answer.text

    def test_of_a_bug_tells_no_detail(self, one_house: ConsoleHouse) -> None:
        visitor = one_house.signed_in()

        @needs("see_cases")
        def broken() -> str:
            raise RuntimeError("password=hunter2")

        one_house.app.view_functions["console.case_list"] = broken
        answer = visitor.get("/cases")
        assert answer.status_code == 500
        assert "hunter2" not in answer.text and "Traceback" not in answer.text
        assert answer.headers["Content-Security-Policy"]

    def test_of_a_database_that_is_away_says_so(self, tmp_path: Path) -> None:
        house = console_house(tmp_path, public_base_url="http://127.0.0.1:1")
        visitor = house.signed_in()
        house.engine.dispose()
        for file in tmp_path.glob("whistle.sqlite3*"):
            file.unlink()
        (tmp_path / "whistle.sqlite3").mkdir()
        answer = visitor.get("/cases")
        assert answer.status_code == 503 and "資料庫暫時無法使用" in answer.text
        assert "sqlite" not in answer.text
