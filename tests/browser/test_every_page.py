"""Every page there is, in every language, on a wide screen and a telephone's: whole and within reach.

A page that is added and not named here makes the first test fail.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from cases import reply_templates
from cases.followups import Followup
from cases.understanding import understand
from runtime.database import transaction
from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, barriers
from tests.integration.console.test_alert_pages import MIND, NET, raised
from tests.support.console_app import LAMP, SCAFFOLD, WATER, ConsoleHouse

OpenTab = Callable[..., Tab]

ADMIN, OFFICER, NOBODY = "mei", "fu", ""
# Endpoint -> who looks at it, and under which address. {…}: a case or another thing made below.
PAGES: Mapping[str, tuple[str, str]] = {
    "sign_in": (NOBODY, "/sign-in"),
    "track": (NOBODY, "/track/260000013/wrong"),
    "report_in": (NOBODY, "/report-in/wrong"),
    "case_list": (ADMIN, "/cases"),
    "case_page": (ADMIN, "/cases/{case}"),
    "versions_page": (ADMIN, "/cases/{case}/versions"),
    "print_page": (ADMIN, "/cases/{case}/print"),
    "notices_page": (ADMIN, "/cases/{whistled}/notices"),
    "department_page": (OFFICER, "/department"),
    "whistle_list": (ADMIN, "/whistles"),
    "whistle_page": (ADMIN, "/whistles/{whistle}"),
    "follow_up_list": (ADMIN, "/follow-ups"),
    "follow_up_page": (ADMIN, "/follow-ups/{follow_up}"),
    "duty_page": (ADMIN, "/duty"),
    "disputes_page": (ADMIN, "/disputes"),
    "routing_page": (ADMIN, "/routing"),
    "rates_page": (ADMIN, "/rates"),
    "department_rates": (ADMIN, "/rates/hyd"),
    "new_password": (ADMIN, "/new-password"),
    "desk_page": (ADMIN, "/desk"),
    "settings_page": (ADMIN, "/settings"),
    "admin": (ADMIN, "/admin"),
    "roles_page": (ADMIN, "/admin/roles"),
    "alert_list": (ADMIN, "/alerts"),
    "alert_page": (ADMIN, "/alerts/{alert}"),
    "hazard_board": (ADMIN, "/hazards"),
    "map_page": (ADMIN, "/map"),
    "topics_page": (ADMIN, "/topics?month={month}"),
    "abuse_page": (ADMIN, "/abuse"),
    "article_list": (ADMIN, "/articles"),
    "article_page": (ADMIN, "/articles/{article}"),
    "article_edit": (ADMIN, "/articles/{article}/edit"),
    "article_new": (ADMIN, "/articles/new"),
    "template_list": (ADMIN, "/templates"),
    "template_page": (ADMIN, "/templates/{template}"),
    "template_new": (ADMIN, "/templates/new"),
    "track_form": (NOBODY, "/track"),
    "wall_page": (ADMIN, "/wall"),
    "kiosk_links": (ADMIN, "/wall/links"),
    "key_list": (ADMIN, "/admin/keys"),
    "webhook_list": (ADMIN, "/admin/webhooks"),
    "job_page": (ADMIN, "/admin/jobs"),
    "system_page": (ADMIN, "/admin/system"),
    "audit_page": (ADMIN, "/admin/audit"),
    "people_page": (ADMIN, "/admin/people"),
    "person_page": (ADMIN, "/admin/people/1"),
    "city_page": (ADMIN, "/admin/city"),
    "city_file": (ADMIN, "/admin/city/files/categories.yaml"),
    "city_review": (ADMIN, "/admin/city/review"),
    "categories_page": (ADMIN, "/admin/categories"),
    "category_form": (ADMIN, "/admin/categories/street-lamp"),
    "departments_page": (ADMIN, "/admin/departments"),
    "department_form": (ADMIN, "/admin/departments/hyd"),
    "calendar_page": (ADMIN, "/admin/calendar"),
    "rules_page": (ADMIN, "/admin/rules"),
    "model_page": (ADMIN, "/admin/model"),
    "rule_form": (ADMIN, "/admin/rules/new"),
    "prompts_page": (ADMIN, "/admin/prompts"),
    "prompt_form": (ADMIN, "/admin/prompts/yue/greeting"),
    "flows_page": (ADMIN, "/admin/flows"),
    "flow_form": (ADMIN, "/admin/flows/hotline"),
    "play_flow": (ADMIN, "/admin/flows/hotline/play"),
    "sessions_page": (ADMIN, "/settings/sessions"),
    "two_factor": (ADMIN, "/settings/two-factor"),
    "phone_page": (NOBODY, "/phone"),
    "code": (NOBODY, "/sign-in/code"),
}
# What answers GET and is no page: files, sound, data for scripts, and ways to another page.
NO_PAGES = {
    *("static", "front", "audio", "masked_audio", "outline", "rates_file"),
    *("department_rates_file", "topics_file"),
    *("case_departments", "export_cases", "audit_file", "prompt_sound_file", "phone_call"),
    *("phone_sample", "two_factor_picture", "sign_in_by_link"),
}


def test_every_page_is_named_here(console: LiveConsole) -> None:
    rules = console.house.app.url_map.iter_rules()
    open_to_get = {rule.endpoint for rule in rules if "GET" in (rule.methods or ())}
    pages = {one.removeprefix("console.") for one in open_to_get if one.startswith("console.")}
    assert pages == set(PAGES) | NO_PAGES


@pytest.mark.parametrize("width", [320, 390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_every_page_is_whole(tab: OpenTab, console: LiveConsole, locale: str, width: int) -> None:
    """Nothing from elsewhere, no refused content, no error, no barrier (axe), no sideways scroll, in
    the reader's language."""
    made = _fill(console)
    here = tab(locale, width)
    for who in (NOBODY, ADMIN, OFFICER):
        here.page.context.clear_cookies()
        if who:
            here.sign_in(who)
        for endpoint, (reader, path) in PAGES.items():
            if reader == who:
                here.open(path.format(**made))
                _check(here, LANGS[locale], f"{endpoint} {width} {locale}")


def _check(here: Tab, language: str, name: str) -> None:
    assert [one for one in here.wrong() if "404" not in one] == [], name
    assert here.page.get_attribute("html", "lang") == language, name
    assert barriers(here.page) == [], name
    here.forget()  # the policy hinders axe too
    assert _sideways(here.page) <= 0, name


def _sideways(page: Page) -> int:
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


def _fill(console: LiveConsole) -> dict[str, object]:
    """Something on every page."""
    house = console.house
    house.agent(ADMIN, "admin")
    house.agent(OFFICER, "officer", department="hyd")
    house.case(flags=("hung_up", "missed_message"))
    house.case(*WATER, language="cmn", confidence=0.4, caller="anonymous")
    house.case(*LAMP, language="en")
    house.referred("hyd", "hd")
    house.accepted("hyd")
    whistled, whistle = house.whistle("hyd", "fsd", danger=True)
    return {
        "case": house.case(*SCAFFOLD, flags=("hung_up",)),
        "whistled": whistled,
        "whistle": whistle,
        "alert": raised(house),
        "month": _topic_of(house),
        "article": _written(house),
        "template": next(iter(reply_templates.shipped())),
        "follow_up": _asked_whether_solved(house),
    }


def _topic_of(house: ConsoleHouse) -> str:
    """Five more calls about one problem, this month or (where it has just turned) the last: that month."""
    for place in range(5):
        number = house.case(NET, caller=f"+8529124000{place}")
        found = house.stored(number)
        with transaction(house.engine) as session:
            understand(session, found.id, MIND, found.opened_at)
    return f"{found.opened_at.astimezone(house.city.time_zone):%Y-%m}"


def _asked_whether_solved(house: ConsoleHouse) -> int:
    """A case that a department has answered, of which the citizen is asked: the follow-up's id."""
    number = house.accepted("hyd")
    answered = house.officer("hyd").decide(number, "resolve", outcome="done", answer="已修好。")
    assert answered.status_code == 303
    with transaction(house.engine) as session:
        return session.scalars(select(Followup.id)).one()


def _written(house: ConsoleHouse) -> int:
    """An article of a department, with a mark of abuse and a key of a program beside it: its id."""
    boss = house.signed_in("admin", "boss")
    said = {"title_yue": "街燈壞咗點算", "text_yue": "請問燈柱上的編號。", "department": "hyd"}
    day = (date.today() + timedelta(days=100)).isoformat()
    assert boss.post("/articles", **said, review_on=day).status_code == 303
    mark = {"mark": "hoax", "mark_reason": "false_report", "words": "There was no fire."}
    assert boss.decide(house.case(*SCAFFOLD), "mark-caller", **mark).status_code == 303
    key = {"key_name": "Open data", "scopes": "cases", "last_day": day}
    assert boss.post("/admin/keys", **key).status_code == 200
    return 1
