"""The API: what `docs/openapi.yaml` says is what is answered, to whom it may be, and it is written down."""

import re
from datetime import timedelta
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases import accesses, api_keys
from cases.accesses import Access, AccessCase
from cases.api_keys import MOST, SCOPES, Key
from cases.kpis import BY
from cases.lifecycle import STATUSES
from cases.permissions import ROLES, Person
from runtime import clock
from runtime.database import transaction
from tests.conftest import PROJECT
from tests.integration.console.conftest import Watch
from tests.support.console_app import LAMP, SCAFFOLD, WATER, ConsoleHouse

SPEC: dict[str, Any] = yaml.safe_load((PROJECT / "docs" / "openapi.yaml").read_text("utf-8"))
ADMIN = Person("agent:1", "admin")


class Program:
    """Another program, with a key."""

    def __init__(self, house: ConsoleHouse, *scopes: str, name: str = "a program") -> None:
        self._client = house.app.test_client()
        with transaction(house.engine) as records:
            now = clock.now()
            key, self.token = api_keys.make(
                records, name, scopes or SCOPES, now + timedelta(days=30), by=ADMIN, now=now
            )
            self.id, self.actor = key.id, api_keys.actor(key.id)

    def get(self, path: str, **asked: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._client.get(f"/api/v1{path}", headers=headers, query_string=asked or None)

    def numbers(self, **asked: Any) -> list[str]:
        return [one["number"] for one in self.get("/cases", **asked).json["cases"]]


def fits(answer: TestResponse, path: str) -> None:
    """The answer is what the file says of this address and status."""
    told = SPEC["paths"][path]["get"]["responses"][str(answer.status_code)]
    while "$ref" in told:
        told = SPEC["components"]["responses"][told["$ref"].rpartition("/")[2]]
    schema = {**told["content"][answer.mimetype]["schema"], "components": SPEC["components"]}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        answer.json
    )
    assert set(told.get("headers", ())) <= set(answer.headers.keys())


def noted(house: ConsoleHouse) -> list[tuple[str, str, int]]:
    """Kind and actor of every access, and of how many cases."""
    with transaction(house.engine) as records:
        several = list(records.scalars(select(AccessCase.access_id)))
        return [
            (one.kind, one.actor, 1 if one.case_id else several.count(one.id))
            for one in records.scalars(select(Access).order_by(Access.id))
        ]


class TestTheFile:
    def test_is_openapi(self) -> None:
        validate(SPEC)

    def test_names_every_address_and_no_other(self, one_house: ConsoleHouse) -> None:
        rules = [
            one for one in one_house.app.url_map.iter_rules() if one.endpoint.startswith("api.")
        ]
        paths = {re.sub("<(?:int:)?([a-z_]+)>", r"{\1}", one.rule) for one in rules}
        assert paths == {f"/api/v1{path}" for path in SPEC["paths"]}
        assert all(one.methods == {"GET", "HEAD", "OPTIONS"} for one in rules)

    def test_names_what_there_is(self) -> None:
        assert tuple(SPEC["components"]["schemas"]["Status"]["enum"]) == STATUSES
        asked = {one["name"]: one["schema"] for one in SPEC["paths"]["/rates"]["get"]["parameters"]}
        assert set(asked["by"]["enum"]) == set(BY)
        assert str(MOST) in SPEC["components"]["securitySchemes"]["key"]["description"]

    @pytest.mark.parametrize("path", SPEC["paths"])
    def test_names_the_parameters_there_are(self, one_house: ConsoleHouse, path: str) -> None:
        number, program = one_house.case(*SCAFFOLD), Program(one_house)
        good = {
            "changed_since": "2026-01-01T00:00:00Z",
            "status": "received",
            "category": "refuse",
            "department": "desk",
            "limit": "10",
            "after": "0",
            "policy": "1823",
            "by": "district",
            "first": "2026-11-01",
            "last": "2026-11-30",
        }
        said = [one for one in SPEC["paths"][path]["get"]["parameters"] if one["in"] == "query"]
        for one in said:
            answer = program.get(
                path.replace("{number}", number), **{one["name"]: good[one["name"]]}
            )
            assert answer.status_code == 200, one["name"]
        wrong = program.get(path.replace("{number}", number), colour="red")
        assert wrong.status_code == 400 and "colour" in wrong.json["detail"]
        fits(wrong, path)


class TestCases:
    def test_are_told_without_who_called(self, house: ConsoleHouse) -> None:
        house.case(*WATER, language="cmn", masked_text="请回电 [phone]。")
        number = house.case(*LAMP, language="en")
        program = Program(house)
        answer = program.get("/cases")
        fits(answer, "/cases")
        assert [one["number"] for one in answer.json["cases"]][1] == number
        assert answer.json["cases"][0]["text"] == "请回电 [phone]。"
        assert answer.json["next"] is None
        for secret in ("91234567", "masked", "caller", "sealed", "digest"):
            assert secret not in answer.text

    def test_one_has_its_clocks_referrals_and_answers(self, house: ConsoleHouse) -> None:
        number = house.accepted("hyd", "hd")
        said = {"outcome": "done", "answer": "已修好，查詢請電 2345 6789。"}
        assert house.officer("hyd").decide(number, "resolve", **said).status_code == 303
        answer = Program(house).get(f"/cases/{number}")
        fits(answer, "/cases/{number}")
        told = answer.json
        assert [one["text"] for one in told["answers"]] == ["已修好，查詢請電 ***。"]
        assert {one["department"] for one in told["referrals"]} == {"hyd", "hd"}
        assert {one["kind"] for one in told["clocks"]} >= {"resolve", "accept"}

    def test_come_in_pages_that_leave_out_nobody(self, house: ConsoleHouse) -> None:
        numbers = [house.case(*SCAFFOLD) for _ in range(5)]
        program, path, found = Program(house), "/cases?limit=2", []
        for _ in range(3):
            answer = program.get(path)
            fits(answer, "/cases")
            found += [one["number"] for one in answer.json["cases"]]
            path = (answer.json["next"] or "").removeprefix("/api/v1")
        assert found == numbers and path == ""

    def test_are_filtered(self, house: ConsoleHouse) -> None:
        received, referred = house.case(*LAMP, language="en"), house.referred("hyd")
        program = Program(house)
        assert program.numbers(status="referred") == [referred]
        assert program.numbers(status="closed") == []
        assert program.numbers(category="street-lamp") == [received]
        accepted = house.accepted("hyd")
        assert program.numbers(department="hyd") == [referred, accepted]
        assert program.numbers(department="desk") == [received]

    def test_that_were_changed_since_are_found(self, house: ConsoleHouse) -> None:
        old, other = house.case(*SCAFFOLD), house.case(*LAMP)
        program, before = Program(house), clock.now()
        assert program.numbers(changed_since=before.isoformat()) == []
        house.signed_in().decide(old, "close", note="done")
        assert program.numbers(changed_since=before.isoformat()) == [old]
        told = program.get(f"/cases/{old}").json
        assert told["changed_at"] >= before.strftime("%Y-%m-%dT%H:%M:%S")
        assert program.numbers(changed_since="2026-01-01T08:00:00+08:00") == [old, other]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"status": "asleep"},
            {"category": "nothing"},
            {"department": "nobody"},
            {"limit": "0"},
            {"limit": "201"},
            {"limit": "ten"},
            {"after": "-1"},
            {"changed_since": "yesterday"},
            {"changed_since": "2026-11-24T01:30:00"},
        ],
    )
    def test_asked_for_wrongly_it_says_what_is_wrong(
        self, one_house: ConsoleHouse, wrong: dict[str, str]
    ) -> None:
        answer = Program(one_house).get("/cases", **wrong)
        fits(answer, "/cases")
        assert answer.status_code == 400 and next(iter(wrong)) in answer.json["detail"]

    @pytest.mark.parametrize("number", ["260000013", "1", "abc", "%00"])
    def test_that_are_not_there_are_said_not_to_be(
        self, one_house: ConsoleHouse, number: str
    ) -> None:
        answer = Program(one_house).get(f"/cases/{number}")
        fits(answer, "/cases/{number}")
        assert answer.json["code"] == "not_found"


def test_the_rates_are_those_of_the_page(house: ConsoleHouse) -> None:
    number = house.accepted("hyd")
    house.officer("hyd").decide(number, "resolve", outcome="done", answer="x")
    agent = house.signed_in()
    agent.post("/follow-ups/1/answer", solved="yes", contacted="yes", satisfied="very")
    answer = Program(house).get("/rates", by="department")
    fits(answer, "/rates")
    (unit,) = [one for one in answer.json["units"] if one["code"] == "hyd"]
    assert unit["rates"]["solved"]["share"] == 1 and unit["rates"]["solved"]["n"] == 1
    assert answer.json["together"]["code"] is None
    for wrong in ({"by": "moon"}, {"policy": "none"}, {"first": "soon"}):
        fits(refused := Program(house, name=str(wrong)).get("/rates", **wrong), "/rates")
        assert refused.status_code == 400


def test_without_data_a_rate_is_null_and_never_0(one_house: ConsoleHouse) -> None:
    together = Program(one_house).get("/rates").json["together"]
    assert together["score"] is None
    assert all(one["share"] is None for one in together["rates"].values())


class TestWhoMay:
    @pytest.mark.parametrize(
        "shown",
        [None, "", "Basic d2hpc3RsZQ==", "Bearer", "Bearer x", "Bearer whistle_" + "a" * 43],
    )
    def test_nobody_without_a_key(self, one_house: ConsoleHouse, shown: str | None) -> None:
        one_house.case(*SCAFFOLD)
        headers = {} if shown is None else {"Authorization": shown}
        answer = one_house.app.test_client().get("/api/v1/cases", headers=headers)
        fits(answer, "/cases")
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"

    def test_a_person_who_signed_in_is_no_program(self, one_house: ConsoleHouse) -> None:
        assert one_house.signed_in("admin").get("/api/v1/cases").status_code == 401

    def test_a_key_in_the_address_is_none(self, one_house: ConsoleHouse) -> None:
        program = Program(one_house)
        path = f"/api/v1/cases?key={program.token}&access_token={program.token}"
        assert one_house.app.test_client().get(path).status_code == 401

    @pytest.mark.parametrize("scope", SCOPES)
    def test_a_key_is_good_for_what_it_was_made_for(
        self, one_house: ConsoleHouse, scope: str
    ) -> None:
        number, program = one_house.case(*SCAFFOLD), Program(one_house, scope)
        for path, shape, needs in (
            ("/cases", "/cases", "cases"),
            (f"/cases/{number}", "/cases/{number}", "cases"),
            ("/rates", "/rates", "rates"),
        ):
            answer = program.get(path)
            fits(answer, shape)
            assert answer.status_code == (200 if needs == scope else 403)

    def test_a_key_that_is_revoked_or_over_opens_nothing(
        self, one_house: ConsoleHouse, watch: Watch
    ) -> None:
        revoked, program = Program(one_house, name="revoked"), Program(one_house)
        with transaction(one_house.engine) as records:
            key = records.get_one(Key, revoked.id)
            api_keys.revoke(records, key, by=ADMIN, now=clock.now())
        assert revoked.get("/rates").status_code == 401
        assert program.get("/rates").status_code == 200
        watch.forward(days=31)
        assert program.get("/rates").status_code == 401

    def test_who_asks_too_often_waits_and_nobody_else_does(
        self, one_house: ConsoleHouse, watch: Watch
    ) -> None:
        program, other = Program(one_house), Program(one_house, name="other")
        with transaction(one_house.engine) as records:
            records.get_one(Key, program.id).asked = MOST - 1
        assert program.get("/rates").status_code == 200
        answer = program.get("/rates")
        fits(answer, "/rates")
        assert answer.status_code == 429 and 1 <= int(answer.headers["Retry-After"]) <= 61
        assert other.get("/rates").status_code == 200
        watch.forward(seconds=62)
        assert program.get("/rates").status_code == 200

    def test_who_tries_keys_is_answered_no_more(self, one_house: ConsoleHouse) -> None:
        wrong = {"Authorization": "Bearer whistle_" + "b" * 43}
        client = one_house.app.test_client()
        codes = [client.get("/api/v1/rates", headers=wrong).status_code for _ in range(7)]
        assert codes == [401] * 5 + [429] * 2
        assert Program(one_house).get("/rates").status_code == 200


class TestWhatIsRead:
    def test_is_written_down(self, house: ConsoleHouse) -> None:
        number = house.case(*SCAFFOLD)
        house.case(*LAMP)
        program = Program(house)
        program.get("/cases")
        program.get(f"/cases/{number}")
        program.get("/rates")
        program.get("/cases/260000099")
        program.get("/cases", status="closed")
        assert noted(house) == [
            (accesses.EXPORTED, program.actor, 2),
            (accesses.VIEWED, program.actor, 1),
        ]

    def test_is_not_written_down_where_nothing_was_told(self, one_house: ConsoleHouse) -> None:
        number = one_house.case(*SCAFFOLD)
        Program(one_house, "rates").get(f"/cases/{number}")
        assert noted(one_house) == []


class TestTheAnswer:
    def test_is_json_for_every_trouble_below_api(self, one_house: ConsoleHouse) -> None:
        client, program = one_house.app.test_client(), Program(one_house)
        headers = {"Authorization": f"Bearer {program.token}"}
        assert client.get("/api/v2/cases", headers=headers).json["code"] == "not_found"
        for method in ("post", "put", "delete", "patch"):
            answer = getattr(client, method)("/api/v1/cases", headers=headers)
            assert answer.status_code == 405 and answer.mimetype == "application/problem+json"

    def test_of_a_bug_tells_no_detail(self, one_house: ConsoleHouse) -> None:
        def broken() -> str:
            raise RuntimeError("password=hunter2")

        one_house.app.view_functions["api.rates"] = broken
        answer = Program(one_house).get("/rates")
        assert answer.status_code == 500 and answer.json["code"] == "internal_server_error"
        assert "hunter2" not in answer.text

    def test_sets_no_cookie_and_is_kept_nowhere(self, one_house: ConsoleHouse) -> None:
        headers = Program(one_house).get("/cases").headers
        assert "Set-Cookie" not in headers and headers["Cache-Control"] == "no-store"


class TestKeys:
    def said(self, **other: str) -> dict[str, str]:
        day = (clock.now() + timedelta(days=30)).date().isoformat()
        return {"key_name": "Open data", "scopes": "cases", "last_day": day, **other}

    def test_a_new_one_is_shown_once_and_works(self, one_house: ConsoleHouse) -> None:
        admin = one_house.signed_in("admin")
        page = admin.post("/admin/keys", **self.said()).text
        token = re.findall(r"<code class=\"token\">(whistle_[\w-]{43})</code>", page)[0]
        again = admin.get("/admin/keys").text
        assert token not in again and token[:12] in again and "Open data" in again
        with transaction(one_house.engine) as records:
            assert token not in str([vars(one) for one in api_keys.every(records)])
        headers = {"Authorization": f"bearer {token}"}
        assert one_house.app.test_client().get("/api/v1/cases", headers=headers).status_code == 200
        assert "從未" not in admin.get("/admin/keys").text

    def test_what_is_wrong_is_said(self, one_house: ConsoleHouse) -> None:
        admin = one_house.signed_in("admin")
        far = (clock.now() + timedelta(days=500)).date().isoformat()
        for wrong in (
            {"key_name": " "},
            {"scopes": ""},
            {"last_day": "2020-01-01"},
            {"last_day": far},
            {"last_day": ""},
        ):
            assert admin.post("/admin/keys", **self.said(**wrong)).status_code == 422, wrong
        assert admin.post("/admin/keys", **self.said()).status_code == 200
        assert admin.post("/admin/keys", **self.said()).status_code == 422  # the name stays taken

    def test_one_that_is_revoked_stays_in_sight(self, one_house: ConsoleHouse) -> None:
        admin, program = one_house.signed_in("admin"), Program(one_house)
        assert admin.post("/admin/keys/1/revoke").status_code == 303
        assert admin.post("/admin/keys/9/revoke").status_code == 404
        assert program.get("/rates").status_code == 401
        page = admin.get("/admin/keys").text
        assert "已撤銷" in page and "/admin/keys/1/revoke" not in page

    @pytest.mark.parametrize("role", ROLES)
    def test_only_who_may_manages_them(self, one_house: ConsoleHouse, role: str) -> None:
        visitor, may = one_house.signed_in(role), "manage_keys" in ROLES[role]
        Program(one_house)
        assert visitor.get("/admin/keys").status_code == (200 if may else 403)
        assert visitor.post("/admin/keys", **self.said()).status_code == (200 if may else 403)
        assert visitor.post("/admin/keys/1/revoke").status_code == (303 if may else 403)
