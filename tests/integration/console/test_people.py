"""Admins add people, say what they may do, and shut them out; and nobody else does."""

import csv
import io
import re

import pytest
from sqlalchemy import select

from cases import agents
from cases.admin_history import AdminEntry
from cases.agents import Agent
from cases.permissions import ROLES
from runtime.database import transaction
from tests.support.console_app import SCAFFOLD, ConsoleHouse, Visitor

ENGLISH = {"Accept-Language": "en"}


def stored(house: ConsoleHouse, name: str) -> Agent:
    with transaction(house.engine) as session:
        agent = agents.by_name(session, name)
        assert agent is not None
        session.expunge_all()
    return agent


def shown_password(page: str) -> str:
    found = re.search(r'<p class="password"><code>([^<]+)</code>', page)
    assert found is not None, "no password was shown"
    return found[1]


def add(boss: Visitor, name: str, role: str = "agent", **more: str) -> str:
    answer = boss.post("/admin/people", name=name, role=role, **more)
    assert answer.status_code == 200
    return shown_password(answer.text)


def test_somebody_is_added_and_signs_in_with_the_password_that_was_shown(
    house: ConsoleHouse,
) -> None:
    boss = house.signed_in("admin", "boss")
    password = add(boss, "Mei", email="mei@city.example")
    assert stored(house, "mei").email == "mei@city.example"
    assert house.visitor().sign_in("mei", password).location == "/new-password"
    person = stored(house, "mei").id
    assert password not in boss.get(f"/admin/people/{person}").text
    assert password not in boss.get("/admin/people").text


def test_an_officer_has_a_department_and_a_district_office_one_that_is_a_districts(
    one_house: ConsoleHouse,
) -> None:
    boss = one_house.signed_in("admin", "boss")
    add(boss, "fu", "officer", department="hyd")
    add(boss, "dee", "district", department="had")
    assert (stored(one_house, "fu").role, stored(one_house, "fu").department) == ("officer", "hyd")
    assert (stored(one_house, "dee").role, stored(one_house, "dee").department) == (
        "officer",
        "had",
    )
    page = boss.get("/admin/people", headers=ENGLISH).text
    assert "district office · Home Affairs Department" in page
    assert "department officer · Highways Department" in page


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"name": "", "role": "agent"}, "1 to 64 characters"),
        ({"name": "x" * 65, "role": "agent"}, "1 to 64 characters"),
        ({"name": "boss", "role": "agent"}, "somebody called boss"),
        ({"name": "mei", "role": "emperor"}, "Choose a role"),
        ({"name": "mei", "role": "officer"}, "needs a department"),
        ({"name": "mei", "role": "agent", "department": "hyd"}, "needs a department"),
        ({"name": "mei", "role": "officer", "department": "none"}, "no such department"),
        ({"name": "mei", "role": "district", "department": "hyd"}, "no district department"),
        ({"name": "mei", "role": "agent", "email": "nowhere"}, "no e-mail address"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(
    one_house: ConsoleHouse, given: dict[str, str], why: str
) -> None:
    boss = one_house.signed_in("admin", "boss")
    boss.post("/language", language="en")
    answer = boss.post("/admin/people", **given)
    assert answer.status_code == 422 and why in answer.text
    assert f'value="{given["name"]}"' in answer.text
    with transaction(one_house.engine) as session:
        assert session.scalars(select(Agent.name)).all() == ["boss"]


def test_a_role_takes_effect_at_once(one_house: ConsoleHouse) -> None:
    boss, mei = one_house.signed_in("admin", "boss"), one_house.signed_in("agent", "mei")
    assert mei.get("/admin").status_code == 403
    path = f"/admin/people/{stored(one_house, 'mei').id}"
    boss.post(f"{path}/role", role="supervisor", department="")
    assert mei.get("/admin").status_code == 200


def test_who_is_switched_off_is_out_at_once_and_comes_back_with_a_new_password(
    one_house: ConsoleHouse,
) -> None:
    boss, mei = one_house.signed_in("admin", "boss"), one_house.signed_in("agent", "mei")
    path = f"/admin/people/{stored(one_house, 'mei').id}"
    boss.post(f"{path}/off")
    assert mei.get("/cases").location == "/sign-in"
    assert one_house.visitor().sign_in("mei").status_code == 422
    password = shown_password(boss.post(f"{path}/on").text)
    assert one_house.visitor().sign_in("mei", password).location == "/new-password"


@pytest.mark.parametrize("deed", ["password", "end"])
def test_sign_ins_are_ended(one_house: ConsoleHouse, deed: str) -> None:
    boss, mei = one_house.signed_in("admin", "boss"), one_house.signed_in("agent", "mei")
    boss.post(f"/admin/people/{stored(one_house, 'mei').id}/{deed}")
    assert mei.get("/cases").location == "/sign-in"


def test_nobody_gives_away_their_own_admin_role(one_house: ConsoleHouse) -> None:
    boss = one_house.signed_in("admin", "boss")
    one_house.signed_in("admin", "other")
    path = f"/admin/people/{stored(one_house, 'boss').id}"
    for deed, form in (("role", {"role": "agent", "department": ""}), ("off", {})):
        assert boss.post(f"{path}/{deed}", **form).status_code == 422
    assert stored(one_house, "boss").role == "admin" and stored(one_house, "boss").active
    assert f"{path}/off" not in boss.get(path).text


@pytest.mark.parametrize("role", sorted(ROLES.keys() - {"admin"}))
def test_others_neither_see_nor_change_people(one_house: ConsoleHouse, role: str) -> None:
    one_house.agent("mei")
    visitor = one_house.signed_in(role)
    assert visitor.get("/admin/people").status_code == 403
    assert visitor.get("/admin/people/1").status_code == 403
    assert visitor.post("/admin/people", name="me-too", role="admin").status_code == 403
    for deed in ("role", "email", "off", "on", "password", "end", "two-factor"):
        assert visitor.post(f"/admin/people/1/{deed}", role="admin").status_code == 403
    with transaction(one_house.engine) as session:
        assert session.scalars(select(AdminEntry)).all() == []


def test_the_page_of_a_person_tells_who_changed_what(one_house: ConsoleHouse) -> None:
    boss = one_house.signed_in("admin", "boss")
    add(boss, "mei", "officer", department="hyd")
    path = f"/admin/people/{stored(one_house, 'mei').id}"
    boss.post(f"{path}/role", role="auditor", department="")
    page = boss.get(path, headers=ENGLISH).text
    assert "role changed from department officer Highways Department to auditor" in page
    assert ">boss</span>" in page
    assert boss.get("/admin/people/999").status_code == 404


# --- the audit ----------------------------------------------------------------------------------


@pytest.fixture
def looked(house: ConsoleHouse) -> tuple[ConsoleHouse, str]:
    """A case that several people saw, changed and took out of."""
    number = house.case(*SCAFFOLD)
    house.case(*SCAFFOLD)
    boss = house.signed_in("admin", "boss")
    mei = house.signed_in("agent", "mei")
    mei.get(f"/cases/{number}")
    mei.post(f"/cases/{number}/reveal")
    mei.decide(number, "confirm", category="refuse")
    add(boss, "fu", "officer", department="hyd")
    return house, number


def read(visitor: Visitor, **asked: str) -> list[str]:
    """What each line on the page says was done."""
    page = visitor.get("/admin/audit", headers=ENGLISH, query_string=asked).text
    lines = re.findall(r'<span class="what">(.*?)</span>\s*<span class="which">', page, re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", " ", line).split()) for line in lines]


def test_an_auditor_reads_who_did_what(looked: tuple[ConsoleHouse, str]) -> None:
    house, number = looked
    auditor = house.signed_in("auditor", "au")
    whole = read(auditor)
    for told in ("had a number shown reveal", "looked at a case case_page", "sign-in"):
        assert told in whole
    assert "fu (Highways Department): added as department officer Highways Department" in whole
    assert read(auditor, number=number, kind="revealed") == ["had a number shown reveal"]
    assert read(auditor, number="260000997") == []
    mei = str(stored(house, "mei").id)
    assert all("added as" not in line for line in read(auditor, person=mei))
    assert read(auditor, kind="managed", until="2020-01-01", since="2019-01-01") == []


def test_nonsense_in_the_address_is_left_out(looked: tuple[ConsoleHouse, str]) -> None:
    house, _ = looked
    auditor = house.signed_in("auditor", "au")
    for query in ("person=x", "kind=x", "since=x", "until=9999-99-99", "after=x~y~z", "number=é"):
        assert auditor.get(f"/admin/audit?{query}").status_code == 200


def test_the_list_goes_on_over_pages(one_house: ConsoleHouse) -> None:
    number = one_house.case(*SCAFFOLD)
    mei = one_house.signed_in("agent", "mei")
    for _ in range(70):
        mei.post(f"/cases/{number}/reveal")
    auditor = one_house.signed_in("auditor", "au")
    first = auditor.get("/admin/audit?kind=revealed").text
    assert first.count("<li><time") == 50
    onward = re.search(r'href="(/admin/audit\?after=[^"]+)"', first)
    assert onward is not None
    assert auditor.get(onward[1].replace("&amp;", "&")).text.count("<li><time") == 20


def test_a_file_holds_the_same_lines_and_that_it_was_taken_is_one(
    looked: tuple[ConsoleHouse, str],
) -> None:
    house, number = looked
    auditor = house.signed_in("auditor", "au")
    answer = auditor.get("/admin/audit.csv")
    assert answer.mimetype == "text/csv" and answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == len(read(auditor)) - 1
    shown = [row for row in rows if row["action"] == "revealed"]
    assert [(row["person"], row["role"], row["case"]) for row in shown] == [
        ("mei", "agent", number)
    ]
    assert f"audit log exported, {len(rows)} lines" in read(auditor)


def test_a_name_that_looks_like_a_formula_stays_a_text(one_house: ConsoleHouse) -> None:
    one_house.signed_in("agent", "=cmd()")
    answer = one_house.signed_in("auditor", "au").get("/admin/audit.csv")
    assert "'=cmd()" in answer.text and ",=cmd()" not in answer.text


@pytest.mark.parametrize("role", sorted(ROLES.keys() - {"admin", "auditor"}))
def test_the_audit_is_read_by_auditors_and_admins_alone(one_house: ConsoleHouse, role: str) -> None:
    visitor = one_house.signed_in(role)
    assert visitor.get("/admin/audit").status_code == 403
    assert visitor.get("/admin/audit.csv").status_code == 403


def test_an_auditor_changes_nothing_anywhere(one_house: ConsoleHouse) -> None:
    """Whatever can be posted to is refused, but for what is the auditor's own."""
    number = one_house.case(*SCAFFOLD)
    auditor = one_house.signed_in("auditor", "au")
    before = one_house.history(number)
    own = {"sign_out", "language", "try_to_sign_in", "try_code", "choose_password"}
    own |= {"track_find", "track_forget", "reported_in", "keep_settings", "end_other_sessions"}
    own |= {"two_factor_confirm", "two_factor_codes", "two_factor_off"}
    for rule in list(one_house.app.url_map.iter_rules()):
        name = rule.endpoint.removeprefix("console.")
        if "POST" not in (rule.methods or ()) or name in own or name == rule.endpoint:
            continue
        values = dict.fromkeys(rule.arguments, 1) | {"number": number}
        with one_house.app.test_request_context():
            path = one_house.app.url_map.bind("").build(rule.endpoint, values)
        assert auditor.post(path).status_code in (303, 400, 403, 404, 409, 422), path
    assert one_house.history(number) == before
