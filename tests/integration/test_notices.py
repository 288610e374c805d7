"""Notices are sent by jobs: retried, logged, known again, and once each however many are at it."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, func, select

from cases import contacts, deliveries, notices
from cases.deliveries import Delivery
from cases.letters import Letter, Receipt
from cases.notices import Notice
from demo.exchange import Exchange as Provider
from ivr.providers.profile import TWILIO
from ivr.sms import Texting
from runtime import clock, database
from runtime.database import transaction
from runtime.queues import Doorbell
from runtime.settings import CITIES, Settings
from tests.integration.telephone import CALLER, Exchange, Line
from tests.support.receivers import SECRET, Department, MailServer
from watch import post, stuck
from watch.post import PostOffice

OURS = "+85221231823"
MINUTE = timedelta(minutes=1)
Later = Callable[[timedelta], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Let time pass."""
    ahead = timedelta()
    now = clock.now

    def moved() -> datetime:
        return now() + ahead

    def pass_by(span: timedelta) -> None:
        nonlocal ahead
        ahead += span

    monkeypatch.setattr(clock, "now", moved)
    return pass_by


@pytest.fixture
def department() -> Iterator[Department]:
    with Department() as department:
        yield department


@pytest.fixture
def mail() -> MailServer:
    return MailServer()


@pytest.fixture
def mail_port(mail: MailServer) -> Iterator[int]:
    with mail.running() as port:
        yield port


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider("http://127.0.0.1:1", account="AC1") as provider:
        yield provider


@pytest.fixture
def city(tmp_path: Path, department: Department) -> Path:
    """A city whose department `bd` can be told by webhook and mail, and which texts its callers."""
    folder = tmp_path / "city"
    folder.mkdir()
    for file in (CITIES / "hongkong").iterdir():
        (folder / file.name).symlink_to(file)
    (folder / contacts.FILE).unlink()
    hook = {"url": department.url, "secret": "bd"}
    found = {"bd": {"webhook": hook, "email": "duty@bd.example", "language": "en"}}
    content = {"spec": 1, "departments": found, "caller": {"sms": True}}
    (folder / contacts.FILE).write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture
def chosen(
    settings: Callable[..., Settings], city: Path, mail_port: int, provider: Provider
) -> Settings:
    return settings(
        city=str(city),
        smtp_url=f"smtp://127.0.0.1:{mail_port}",
        mail_from="hotline@city.example",
        sms_from=OURS,
        twilio_auth_token=provider.token,
        provider_api_url=provider.rest.address,
        webhook_secrets=f"bd={SECRET}",
    )


@pytest.fixture
def office(chosen: Settings, engine: Engine) -> PostOffice:
    return post.open_office(chosen, engine, Texting.of(chosen, TWILIO).send)


def only(office: PostOffice, *ways: deliveries.Channel) -> PostOffice:
    """The same, of no more means than these."""
    return replace(office, directory=replace(office.directory, ways=frozenset(ways)))


def tell(
    engine: Engine, to: str = "department:bd", dedupe: str = "1", kind: str = "whistle"
) -> None:
    with transaction(engine) as session:
        facts = {"what": "a scaffold burns", "link": "/report-in/x"}
        notices.post(
            session, kind, to=to, case_id=None, facts=facts, dedupe=dedupe, now=clock.now()
        )


def work(office: PostOffice) -> int:
    """Do what is due, as a worker does it; how many tries that took."""
    tries = 0
    while True:
        with transaction(office.engine) as session:
            due = office.due(session)
        if not due:
            return tries
        office.notify(due[0])
        tries += 1


def rows(engine: Engine) -> list[Delivery]:
    with transaction(engine) as session:
        found = list(session.scalars(select(Delivery).order_by(Delivery.id)))
        session.expunge_all()
        return found


def row(engine: Engine) -> Delivery:
    (found,) = rows(engine)
    return found


def test_a_department_is_told_by_mail_and_by_webhook(
    office: PostOffice, department: Department, mail: MailServer
) -> None:
    tell(office.engine)
    assert work(office) == 2
    assert {(one.channel, one.status) for one in rows(office.engine)} == {
        ("email", "sent"),
        ("webhook", "sent"),
    }
    (letter,), (got,) = mail.got, department.got
    assert "https://hotline.example/report-in/x" in letter.get_content()
    assert got.content["data"]["link"] == "https://hotline.example/report-in/x"
    assert (got.content["type"], department.forged) == ("case.whistle", 0)


def test_what_is_sent_is_not_sent_again(office: PostOffice, department: Department) -> None:
    tell(office.engine)
    work(only(office, "webhook"))
    office.notify(row(office.engine).id)
    assert work(office) == 0
    assert len(department.got) == 1


def test_a_system_that_is_down_gets_it_later_under_the_same_id(
    office: PostOffice, department: Department, later: Later
) -> None:
    department.answers = [500, "break", (503, {"Retry-After": "3600"})]
    office = only(office, "webhook")
    tell(office.engine)
    waited = []
    while row(office.engine).status == "waiting" if rows(office.engine) else True:
        assert work(office) == 1
        found = row(office.engine)
        if found.status == "waiting":
            wait = found.next_try_at - clock.now()
            waited.append(round(wait.total_seconds()))
            later(wait)
    # By the schedule, but no sooner than the other side asks for.
    assert waited == [5, 300, 3600]
    assert (found.status, found.attempts, found.response_status) == ("sent", 4, 204)
    assert len(set(department.ids)) == 1 and len(department.ids) == 4
    assert department.forged == 0


def test_a_system_that_stays_down_is_given_up_and_supervisors_learn_of_it(
    office: PostOffice, department: Department, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    department.answers = [500] * 20
    office = only(office, "webhook")
    tell(office.engine)
    began = clock.now()
    while work(office):
        later(max(row(office.engine).next_try_at - clock.now(), timedelta(0)))
    found = row(office.engine)
    assert (found.status, found.attempts, found.response_status) == ("failed", 10, 500)
    assert found.error == "the webhook answered 500"
    assert clock.now() - began > timedelta(days=3)
    with transaction(office.engine) as session:
        last = session.scalars(select(Notice).order_by(Notice.id.desc())).first()
        assert last is not None
        assert (last.kind, last.to) == ("undelivered", "role:supervisor")
    # A line for every try, and nobody's address in it.
    lines = [one.getMessage() for one in caplog.records if "try " in one.getMessage()]
    assert len(lines) == 10 and "given up" in lines[-1]
    assert not any("http" in line or "@" in line for line in lines)


def test_a_system_that_is_gone_is_given_up_at_once(
    office: PostOffice, department: Department
) -> None:
    department.answers = [410]
    office = only(office, "webhook")
    tell(office.engine)
    work(office)
    assert (row(office.engine).status, row(office.engine).attempts) == ("failed", 1)
    tell(office.engine, dedupe="2")
    work(office)
    assert [one.status for one in rows(office.engine)] == ["failed", "skipped"]
    assert len(department.got) == 1


def test_a_worker_that_died_is_followed_by_one_that_sends_the_same_again(
    office: PostOffice, department: Department, mail: MailServer, later: Later
) -> None:
    tell(office.engine)

    class Died(BaseException):
        """Killed after the other side has taken it, before we could note that."""

    def killed(*_: object, **__: object) -> bool:
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliveries, "sent", killed)
        for _ in range(2):
            with pytest.raises(Died):
                work(office)
    assert {one.status for one in rows(office.engine)} == {"waiting"}
    assert work(office) == 0
    later(post.LEASE + MINUTE)
    assert work(office) == 2
    assert {(one.status, one.attempts) for one in rows(office.engine)} == {("sent", 2)}
    assert len(department.ids) == 2 and len(set(department.ids)) == 1
    assert len({one["Message-ID"] for one in mail.got}) == 1


def test_what_kills_every_worker_is_given_up_at_last(
    office: PostOffice, department: Department, later: Later
) -> None:
    class Died(BaseException):
        """Killed before it could say anything."""

    def dies(_: object) -> object:
        raise Died

    tell(office.engine)
    office = only(replace(office, senders={"webhook": dies}), "webhook")  # type: ignore[dict-item]
    deaths = 0
    while not rows(office.engine) or row(office.engine).status == "waiting":
        try:
            work(office)
        except Died:
            deaths += 1
        later(timedelta(days=1))
    assert deaths == 10
    assert row(office.engine).error == "the last try ended without a word"


def test_a_mistake_of_ours_in_one_message_does_not_keep_back_the_others(
    office: PostOffice, department: Department
) -> None:
    right = office.senders["webhook"]

    def wrong_at_first(letter: Letter) -> Receipt:
        if not department.got and letter.payload["type"] == "case.whistle":
            raise KeyError("oh")
        return right(letter)

    office = only(replace(office, senders={"webhook": wrong_at_first}), "webhook")
    tell(office.engine)
    tell(office.engine, dedupe="2", kind="alert")
    assert work(office) == 2
    first, second = rows(office.engine)
    assert (first.status, first.error) == ("waiting", "a mistake of ours: KeyError")
    assert second.status == "sent"


def test_many_workers_send_each_once(office: PostOffice, department: Department) -> None:
    office = only(office, "webhook")
    for number in range(12):
        tell(office.engine, dedupe=str(number))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: work(office), range(4)))
    assert {one.status for one in rows(office.engine)} == {"sent"}
    assert len(department.ids) == len(set(department.ids)) == 12


def test_many_who_post_the_same_post_it_once(office: PostOffice) -> None:
    ready = threading.Barrier(6)

    def one(_: int) -> None:
        ready.wait()
        tell(office.engine)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(one, range(6)))
    with transaction(office.engine) as session:
        assert session.scalar(select(func.count(Notice.id))) == 1


def test_without_any_means_notices_are_written_down_and_nothing_leaves(
    settings: Callable[..., Settings], engine: Engine
) -> None:
    office = post.open_office(settings(), engine, None)
    tell(engine)
    tell(engine, "caller", "2", "case_opened")
    assert work(office) == 0 and rows(engine) == []
    with transaction(engine) as session:
        assert session.scalar(select(func.count(Notice.id))) == 2


def test_the_watch_rings_for_what_is_due(office: PostOffice) -> None:
    tell(office.engine)
    with transaction(office.engine) as session:
        office.due(session)
    assert stuck.ring_again(office.engine, Doorbell("")) == 2


def test_an_operator_is_told_what_is_missing(office: PostOffice) -> None:
    assert office.means() == "by email, sms, webhook to 1 departments; callers are texted"
    with pytest.raises(ValueError, match="WEBHOOK_SECRETS has no bd"):
        replace(office, secrets=frozenset()).means()
    for way in ("email", "sms"):
        others = {name: send for name, send in office.senders.items() if name != way}
        with pytest.raises(ValueError, match=f"names {way}, which no setting"):
            replace(office, senders=others).means()


# The caller


@pytest.fixture
def hotline(chosen: Settings) -> Exchange:
    from app import create_app

    return Exchange(create_app(chosen), token=chosen.twilio_auth_token)


def a_call(hotline: Exchange, caller: str = CALLER) -> Line:
    """A call that left a message and is over."""
    line = hotline.line(caller)
    hotline.send(line.webhook("/voice", CallStatus="ringing"), line.callback(), line.status())
    return line


def test_after_the_call_the_caller_gets_the_number_and_a_link(
    hotline: Exchange, office: PostOffice, provider: Provider
) -> None:
    line = a_call(hotline)
    hotline.send(line.status(), line.callback())
    assert work(office) == 1
    (message,) = provider.messages
    (case,) = hotline.export(line.sid)
    assert (message.to, message.sender) == (CALLER, OURS)
    assert f"{case['number']}" in message.body
    assert f"https://hotline.example/track/{case['number']}/" in message.body
    found = row(office.engine)
    assert (found.status, found.provider_id) == ("sent", message.sid)
    # The number is nowhere but with the call.
    assert CALLER not in f"{found.address} {found.error}"


def test_during_the_call_there_is_none_yet(hotline: Exchange, office: PostOffice) -> None:
    line = hotline.line()
    hotline.send(line.webhook("/voice", CallStatus="ringing"), line.callback())
    assert work(office) == 0


def test_who_withholds_the_number_gets_none(
    hotline: Exchange, office: PostOffice, provider: Provider
) -> None:
    a_call(hotline, "anonymous")
    assert work(office) == 0 and provider.messages == []
    assert (row(office.engine).status, row(office.engine).error) == ("skipped", "withheld")


def test_where_it_is_switched_off_a_call_leaves_no_notice(
    settings: Callable[..., Settings], engine: Engine
) -> None:
    from app import create_app

    a_call(Exchange(create_app(settings())))
    with transaction(engine) as session:
        assert session.scalar(select(func.count(Notice.id))) == 0


def report(hotline: Exchange, key: str, status: str, **more: str) -> int:
    form = {"MessageSid": "SM1", "MessageStatus": status, "AccountSid": "AC1", **more}
    return hotline.post(f"/voice/sms?message={key}", form).status_code


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        (["queued", "sent", "delivered"], "delivered", None),
        (["delivered", "sent", "queued"], "delivered", None),
        (["sent", "undelivered"], "failed", "the provider says undelivered 30003"),
        (["undelivered", "delivered"], "failed", "the provider says undelivered 30003"),
        (["read", "carrier-pigeon"], "sent", None),
    ],
)
def test_the_provider_tells_how_a_message_fares(
    hotline: Exchange, office: PostOffice, words: list[str], status: str, error: str | None
) -> None:
    a_call(hotline)
    work(office)
    for word in words:
        more = {"ErrorCode": "30003"} if word == "undelivered" else {}
        assert report(hotline, row(office.engine).key, word, **more) == 204
    assert (row(office.engine).status, row(office.engine).error) == (status, error)


def test_a_message_the_provider_took_before_the_line_broke_is_not_sent_twice(
    hotline: Exchange, office: PostOffice, provider: Provider, later: Later
) -> None:
    a_call(hotline)
    provider.rest.manners.text_refusals = [(0, 0)]
    assert work(office) == 1
    found = row(office.engine)
    assert found.status == "waiting" and found.error == "the provider: RemoteProtocolError"
    assert report(hotline, found.key, "queued") == 204
    later(MINUTE)
    assert work(office) == 0
    assert len(provider.messages) == 1
    assert (row(office.engine).status, row(office.engine).provider_id) == ("sent", "SM1")


@pytest.mark.parametrize("key", ["", "msg_1", "msg_" + "g" * 32, "msg_" + "0" * 33])
def test_a_report_on_nothing_is_refused(hotline: Exchange, key: str) -> None:
    assert report(hotline, key, "sent") == 400


def test_a_report_on_a_message_we_do_not_know_changes_nothing(hotline: Exchange) -> None:
    assert report(hotline, "msg_" + "0" * 32, "sent") == 204
    assert report(hotline, "msg_" + "0" * 32, "") == 400


def test_only_the_provider_may_report(hotline: Exchange) -> None:
    form = {"MessageStatus": "delivered"}
    path = f"/voice/sms?message=msg_{'0' * 32}"
    assert hotline.post(path, form, token="not the provider's").status_code == 403


def test_while_the_database_is_away_the_provider_is_asked_to_tell_again(hotline: Exchange) -> None:
    with pytest.MonkeyPatch.context() as patch:

        def away(*_: object) -> None:
            raise database.Trouble[-1]("away")

        patch.setattr(deliveries, "told", lambda *_, **__: away())
        assert report(hotline, "msg_" + "0" * 32, "sent") == 503
