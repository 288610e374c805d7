"""The pages of the machinery: jobs, webhooks, system. What they say is so, and what they do is done."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cases import contacts, editions, recordings, stations, transcripts
from cases.accesses import Access
from cases.deliveries import Delivery
from cases.errors import Refused
from cases.permissions import ROLES, Person
from runtime import clock, doctor
from runtime.database import transaction
from runtime.settings import CITIES, Settings
from tests.support.console_app import LEASE, ConsoleHouse, Visitor, console_house
from tests.support.receivers import SECRET, Department
from tests.support.servers import Server
from watch import post

PAGES = {
    "/admin/jobs": "manage_jobs",
    "/admin/webhooks": "manage_webhooks",
    "/admin/system": "see_system",
}
WHERE = {"url": "https://cases.bd.example/hooks", "secret": "bd"}


@pytest.mark.parametrize("role", ROLES)
def test_only_who_may_sees_them(one_house: ConsoleHouse, role: str) -> None:
    visitor = one_house.signed_in(role)
    for page, permission in PAGES.items():
        may = permission in ROLES[role]
        assert visitor.get(page).status_code == (200 if may else 403), page
    for path in (
        "/admin/jobs/recordings/1/again",
        "/admin/jobs/deliveries/1/again",
        "/admin/webhooks/bd/test",
        "/admin/webhooks/deliveries/1/again",
    ):
        assert visitor.post(path).status_code == (404 if role == "admin" else 403), path
    if role != "admin":
        assert visitor.post("/admin/webhooks", department="bd", **WHERE).status_code == 403


class TestJobs:
    def lose(self, house: ConsoleHouse) -> str:
        """A recording that could not be fetched: its case."""
        number = house.case()
        with transaction(house.engine) as records:
            row = records.query(recordings.Recording).one()
            row.status = "announced"
            records.flush()
            claim = recordings.claim(records, row.id, "fetch", clock.now(), LEASE)
            assert claim is not None
            transcripts.give_up(records, claim, "missing", "the provider answered 404", clock.now())
        return number

    def test_what_was_given_up_is_listed_and_tried_again(self, house: ConsoleHouse) -> None:
        number, admin = self.lose(house), house.signed_in("admin")
        page = admin.get("/admin/jobs").text
        assert number in page and "the provider answered 404" in page
        assert admin.post("/admin/jobs/recordings/1/again").status_code == 303
        page = admin.get("/admin/jobs").text
        assert "the provider answered 404" not in page
        assert re.search(r"取回錄音</th>\s*<td>1</td>", page)
        assert admin.post("/admin/jobs/recordings/1/again").status_code == 409
        assert house.history(number)[-1][1] == "tried_again"
        assert "要求再處理錄音" in admin.get(f"/cases/{number}").text

    def test_who_looks_at_lost_recordings_is_noted(self, one_house: ConsoleHouse) -> None:
        self.lose(one_house)
        one_house.signed_in("admin").get("/admin/jobs")
        with transaction(one_house.engine) as records:
            assert [one.detail["page"] for one in records.query(Access)] == ["job_page"]

    def test_nothing_to_do_is_said(self, one_house: ConsoleHouse) -> None:
        page = one_house.signed_in("admin").get("/admin/jobs").text
        assert "全部送達" in page and "通知鈴</th>" not in page

    def test_bells_are_counted_where_there_is_redis(self, tmp_path: Path, redis: Server) -> None:
        house = console_house(tmp_path, redis_url=redis.url)
        assert "通知鈴</th>" in house.signed_in("admin").get("/admin/jobs").text

    def test_redis_that_is_away_does_not_keep_the_page(self, tmp_path: Path) -> None:
        house = console_house(tmp_path, redis_url="redis://127.0.0.1:1/0")
        number, admin = self.lose(house), house.signed_in("admin")
        answer = admin.get("/admin/jobs")
        assert answer.status_code == 200
        assert "Redis 沒有回應。所有工作照常" in answer.text and number in answer.text
        assert admin.post("/admin/jobs/recordings/1/again").status_code == 303


class TestSystem:
    def test_says_of_every_part_how_it_is(self, house: ConsoleHouse) -> None:
        page = house.signed_in("admin").get("/admin/system").text
        assert page.count('class="said-so"') == len(doctor.CHECKS) + 2
        kind = house.engine.dialect.name
        assert f"{kind}，結構版本" in page and "沒有使用，各工作程序自行查看數據庫" in page

    def test_says_what_to_do_in_the_readers_language(self, one_house: ConsoleHouse) -> None:
        admin = one_house.signed_in("admin")
        for language, words in (
            ("en", "nobody does fetch, transcribe, understand, notify, watch: run `make worker`"),
            ("zh-Hans", "这些工作没有进程在做"),
            ("zh-Hant-HK", "這些工作沒有程序在做"),
        ):
            admin.post("/language", language=language, back="/admin/system")
            page = admin.get("/admin/system").text.replace("&#39;", "'")
            assert words in page

    def test_processes_that_were_heard_of_are_up(self, one_house: ConsoleHouse) -> None:
        with transaction(one_house.engine) as records:
            for step in stations.STEPS:
                stations.beat(records, f"holder-{step}", step, clock.now())
        page = one_house.signed_in("admin").get("/admin/system").text
        assert "5 個程序在線" in page and page.count(">在線<") == 5

    def test_one_that_was_not_heard_of_is_told(self, one_house: ConsoleHouse) -> None:
        with transaction(one_house.engine) as records:
            long_ago = clock.now() - 2 * stations.GONE_AFTER
            stations.beat(records, "lost", "fetch", long_ago)
        assert "沒有消息" in one_house.signed_in("admin").get("/admin/system").text

    def test_a_part_that_is_ill_hides_no_other(
        self, one_house: ConsoleHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doctor, "LEAST_FREE_GIGABYTES", 1e9)
        page = one_house.signed_in("admin").get("/admin/system").text
        assert "請騰出空間" in page and "sqlite" in page

    def test_a_way_without_means_is_told(self, tmp_path: Path) -> None:
        house = console_house(tmp_path, city=str(_city(tmp_path, bd={"email": "duty@bd.example"})))
        assert "SMTP_URL" in house.signed_in("admin").get("/admin/system").text


def _city(folder: Path, **departments: object) -> Path:
    city = folder / "city"
    city.mkdir()
    for file in (CITIES / "hongkong").iterdir():
        (city / file.name).symlink_to(file)
    (city / contacts.FILE).unlink()
    content = {"spec": 1, "departments": departments, "caller": {"sms": False}}
    (city / contacts.FILE).write_text(yaml.safe_dump(content))
    return city


@pytest.fixture
def department() -> Iterator[Department]:
    with Department() as department:
        yield department


class TestWebhooks:
    @pytest.fixture
    def house(self, tmp_path: Path, database_url: str) -> ConsoleHouse:
        return console_house(tmp_path, database_url, webhook_secrets=f"bd={SECRET},hd={SECRET}")

    @pytest.fixture
    def one_house(self, tmp_path: Path) -> ConsoleHouse:
        return console_house(tmp_path, webhook_secrets=f"bd={SECRET},hd={SECRET}")

    @pytest.fixture
    def admin(self, one_house: ConsoleHouse) -> Visitor:
        return one_house.signed_in("admin")

    def test_one_is_added_changed_and_taken_out_as_editions_of_the_city(
        self, house: ConsoleHouse
    ) -> None:
        admin = house.signed_in("admin")
        assert "沒有部門用系統接口" in admin.get("/admin/webhooks").text
        assert admin.post("/admin/webhooks", department="bd", **WHERE).status_code == 303
        assert "https://cases.bd.example/hooks" in admin.get("/admin/webhooks").text
        other = {"url": "https://new.bd.example/", "secret": "hd"}
        assert admin.post("/admin/webhooks/bd", **other).status_code == 303
        page = admin.get("/admin/webhooks").text
        assert "https://new.bd.example/" in page and "cases.bd.example" not in page
        assert admin.post("/admin/webhooks/bd", **other, take_out=1).status_code == 303
        assert "沒有部門用系統接口" in admin.get("/admin/webhooks").text
        with transaction(house.engine) as records:
            made = [(one.number, one.published_by) for one in editions.editions(records)]
        assert [number for number, _ in made] == [3, 2, 1]
        assert len({by for _, by in made}) == 1

    def test_all_else_in_the_file_stays_as_it_is(self, tmp_path: Path) -> None:
        bd = {"email": "duty@bd.example", "language": "en"}
        city = _city(tmp_path, bd=bd)
        house = console_house(tmp_path, city=str(city), webhook_secrets=f"bd={SECRET}")
        house.signed_in("admin").post("/admin/webhooks", department="bd", **WHERE)
        found = contacts.read(house.app.extensions["console"].now.city.folder, frozenset(["bd"]))
        contact = found.departments["bd"]
        assert (contact.email, contact.language) == ("duty@bd.example", "en")
        assert contact.webhook is not None and contact.webhook.url == WHERE["url"]
        assert found.caller.sms is False

    @pytest.mark.parametrize(
        "url",
        [
            "http://cases.bd.example/hooks",
            "https://user:secret@bd.example/",
            "https://bd.example/#x",
            "ftp://bd.example/",
            "javascript:alert(1)",
            "https://10.0.0.5/hooks",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[fd00::1]/",
            "https://2130706433/",
            "https://127.1/",
            "https://0x7f000001/",
            "",
        ],
    )
    def test_an_address_that_will_not_do_is_refused_and_nothing_is_lost(
        self, one_house: ConsoleHouse, admin: Visitor, url: str
    ) -> None:
        answer = admin.post("/admin/webhooks", department="bd", url=url, secret="bd")
        assert answer.status_code == 422 and 'role="alert"' in answer.text
        assert url.replace("&", "&amp;") in answer.text
        with transaction(one_house.engine) as records:
            assert editions.newest(records) == 0

    def test_this_machine_is_an_address_only_where_things_are_tried(self) -> None:
        for url in ("http://127.0.0.1:9000/hooks", "http://localhost/", "https://[::1]:8443/"):
            with pytest.raises(Refused, match="private_url"):
                contacts.check_url(url, loopback=False)
            contacts.check_url(url, loopback=True)

    def test_a_name_that_is_no_secret_and_an_unknown_department_are_refused(
        self, admin: Visitor
    ) -> None:
        assert (
            admin.post("/admin/webhooks", department="bd", url=WHERE["url"], secret="x").status_code
            == 422
        )
        assert admin.post("/admin/webhooks", department="nobody", **WHERE).status_code == 422
        assert admin.post("/admin/webhooks/bd", **WHERE).status_code == 404

    def test_a_draft_of_the_file_is_not_published_by_the_way(
        self, one_house: ConsoleHouse, admin: Visitor
    ) -> None:
        text = "spec: 1\ndepartments: {}\ncaller: {sms: true}\n"
        with transaction(one_house.engine) as records:
            by = Person("agent:1", "admin")
            editions.draft(records, editions.CONTACTS, text, None, by=by, now=clock.now())
        answer = admin.post("/admin/webhooks", department="bd", **WHERE)
        assert answer.status_code == 422 and "草稿" in answer.text

    def test_a_test_arrives_signed_and_a_410_can_be_got_over(
        self, tmp_path: Path, database_url: str, department: Department
    ) -> None:
        hook = {"webhook": {"url": department.url, "secret": "bd"}}
        city = str(_city(tmp_path, bd=hook))
        house = console_house(tmp_path, database_url, city=city, webhook_secrets=f"bd={SECRET}")
        admin, office = house.signed_in("admin"), _post_office(house)
        department.answers = [410, 200]
        assert admin.post("/admin/webhooks/bd/test").status_code == 303
        _work_off(house, office)
        assert "對方表示不再接收" in admin.get("/admin/webhooks").text
        (row,) = _deliveries(house)
        assert (row.status, row.response_status) == ("failed", 410)
        assert admin.post(f"/admin/webhooks/deliveries/{row.id}/again").status_code == 303
        _work_off(house, office)
        page = admin.get("/admin/webhooks").text
        assert "對方表示不再接收" not in page and "case.test" in page
        assert len(department.got) == 2 and department.forged == 0
        assert department.got[1].content["type"] == "case.test"
        assert len(set(department.ids)) == 1  # the same message, known again
        assert admin.post(f"/admin/webhooks/deliveries/{row.id}/again").status_code == 409


def _post_office(house: ConsoleHouse) -> post.PostOffice:
    settings: Settings = house.office.settings
    return post.open_office(settings, house.engine, None)


def _work_off(house: ConsoleHouse, office: post.PostOffice) -> None:
    with transaction(house.engine) as records:
        due = office.due(records)
    for delivery_id in due:
        office.notify(delivery_id)


def _deliveries(house: ConsoleHouse) -> list[Delivery]:
    with transaction(house.engine) as records:
        found = list(records.query(Delivery).order_by(Delivery.id))
        records.expunge_all()
    return found
