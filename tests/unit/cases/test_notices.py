"""A notice is posted once, becomes its deliveries once, and reaches whom the city lets it reach."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cases import contacts, deliveries, letters, notices, outgoing
from cases.agents import Agent
from cases.calls import Call
from cases.case import Case
from cases.contacts import Contacts, Directory
from cases.deliveries import Claim, Delivery
from cases.notices import Notice
from cases.pack import PackError
from cases.tracking import TrackingKey
from tests.unit.cases.conftest import KEY, MINUTE, NOW, Records
from tests.unit.cases.test_wording import HOUSE

SECRET = "a key of the tests alone"
BD = {
    "email": "duty@bd.example",
    "sms": "+85221231823",
    "webhook": {"url": "https://bd.example/hooks", "secret": "bd"},
    "language": "en",
}
ALL = frozenset(deliveries.CHANNELS)


def directory(ways: frozenset[Any] = ALL, texts: bool = True, **more: Any) -> Directory:
    found = Contacts.model_validate({"spec": 1, "departments": {"bd": BD}, **more})
    return Directory(found, ways, texts, "+852", "yue", KEY)


def post(records: Records, to: str = "department:bd", **more: Any) -> None:
    given = {"kind": "referred", "case_id": None, "facts": {}, "dedupe": to, "now": NOW, **more}
    notices.post(records.session, given.pop("kind"), to=to, **given)


def spread(records: Records, to: str = "department:bd", **more: Any) -> list[tuple[str, str, str]]:
    """Post one notice and spread it; to whom, on which way, and how that stands."""
    how = {name: more.pop(name) for name in ("ways", "texts", "caller") if name in more}
    post(records, to, **more)
    directory(**how).spread(records.session, NOW)
    return [(d.to, d.channel, d.status) for d in rows(records)]


def rows(records: Records) -> list[Delivery]:
    return list(records.session.scalars(select(Delivery).order_by(Delivery.id)))


def agent(records: Records, name: str, role: str = "supervisor", **more: Any) -> str:
    values = {"active": True, "email": f"{name}@city.example", "language": None, **more}
    one = Agent(name=name, role=role, password_hash="", added_at=NOW, **values)
    records.session.add(one)
    records.session.flush()
    return f"agent:{one.id}"


def claim(records: Records, row: Delivery, now: Any = NOW) -> Claim:
    taken = deliveries.claim(records.session, row.id, now, MINUTE)
    assert taken is not None
    return taken


# Posting


def test_a_notice_posted_twice_is_there_once_and_the_first_stands(records: Records) -> None:
    post(records, facts={"what": "first"})
    post(records, facts={"what": "second"})
    (notice,) = records.session.scalars(select(Notice))
    assert notice.facts == {"what": "first"}


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        ("gossip", "caller"),
        ("alert", ""),
        ("alert", "bd"),
        ("alert", "department:"),
        ("alert", "agent:mei"),
        ("alert", "agent:"),
        ("alert", "system"),
        ("alert", "caller"),
    ],
)
def test_a_kind_or_a_party_that_there_is_not_is_a_mistake(
    records: Records, kind: str, to: str
) -> None:
    with pytest.raises(ValueError, match="no notice"):
        post(records, to, kind=kind)


# To departments and agents


def test_a_department_is_told_on_every_way_it_has(records: Records) -> None:
    assert spread(records) == [("department:bd", channel, "waiting") for channel in sorted(ALL)]


def test_a_way_we_have_no_means_for_is_left_out(records: Records) -> None:
    found = spread(records, ways=frozenset({"webhook"}))
    assert found == [("department:bd", "webhook", "waiting")]


@pytest.mark.parametrize("to", ["department:wsd", "department:desk", "agent:99", "role:leader"])
def test_whom_we_cannot_reach_is_no_error_and_the_notice_stands(records: Records, to: str) -> None:
    assert spread(records, to) == []
    (notice,) = records.session.scalars(select(Notice))
    assert notice.spread_at == NOW


def test_a_notice_is_spread_once(records: Records) -> None:
    spread(records)
    assert directory().spread(records.session, NOW) == 0
    assert len(rows(records)) == len(ALL)


def test_an_agent_is_written_to(records: Records) -> None:
    to = agent(records, "mei", "agent")
    assert spread(records, to) == [(to, "email", "waiting")]


@pytest.mark.parametrize("more", [{"email": None}, {"active": False}])
def test_an_agent_without_address_or_switched_off_is_not(
    records: Records, more: dict[str, Any]
) -> None:
    assert spread(records, agent(records, "mei", "agent", **more)) == []


def test_a_role_is_everybody_who_has_it(records: Records) -> None:
    first, second = agent(records, "one"), agent(records, "two")
    agent(records, "three", "agent")
    agent(records, "four", active=False)
    assert [to for to, _, _ in spread(records, "role:supervisor")] == [first, second]


def test_each_reads_their_own_language(records: Records) -> None:
    spread(records, agent(records, "mei", language="zh-Hans"))
    (row,) = rows(records)
    address = directory().address(records.session, claim(records, row))
    assert address is not None and address.language == "cmn"


def test_a_mended_file_mends_the_next_try(records: Records) -> None:
    spread(records, ways=frozenset({"email"}))
    taken = claim(records, rows(records)[0])
    mended = directory(departments={"bd": {"email": "new@bd.example"}})
    address = mended.address(records.session, taken)
    assert address is not None and address.at == "new@bd.example"
    assert directory(departments={}).address(records.session, taken) is None


def test_a_webhook_that_said_never_again_is_left_alone_until_its_address_changes(
    records: Records,
) -> None:
    spread(records, ways=frozenset({"webhook"}))
    taken = claim(records, rows(records)[0])
    deliveries.not_sent(
        records.session,
        taken,
        "gone",
        NOW,
        again=None,
        address="https://bd.example/hooks",
        response_status=410,
    )
    found = spread(records, ways=frozenset({"webhook"}), dedupe="second")
    assert found[-1] == ("department:bd", "webhook", "skipped")


# To callers


@pytest.fixture
def case(records: Records) -> Case:
    case, _ = records.message()
    return case


def text(records: Records, case: Case, **more: Any) -> tuple[str, str | None] | None:
    """What becomes of a text message to the caller."""
    spread(records, "caller", case_id=case.id, kind="case_opened", **more)
    row = next(iter(rows(records)), None)
    return row and (row.status, row.error)


def calling_from(records: Records, case: Case, number: str) -> None:
    caller = KEY.caller(number)
    records.session.execute(
        update(Call)
        .where(Call.id == case.call_id)
        .values(caller_sealed=caller.sealed, caller_digest=caller.digest)
    )


def test_a_caller_gets_a_text_where_the_city_says_so(records: Records, case: Case) -> None:
    assert text(records, case) == ("waiting", None)


def test_and_none_where_it_does_not(records: Records, case: Case) -> None:
    assert text(records, case, texts=False) is None


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("anonymous", "withheld"),
        ("+266696687", "withheld"),
        ("sip:mei@pbx.example", "foreign"),
        ("+8613800138000", "foreign"),
        ("+1900555123", "foreign"),
        ("+85221231823", "not_mobile"),
        ("+85290012345678", "not_mobile"),
        ("+852111", "no_number"),
    ],
)
def test_who_gets_no_text_and_why(records: Records, case: Case, number: str, why: str) -> None:
    calling_from(records, case, number)
    assert text(records, case) == ("skipped", why)


def test_a_neighbouring_country_may_be_let_in(records: Records, case: Case) -> None:
    calling_from(records, case, "+8613800138000")
    assert text(records, case, caller={"prefixes": ["+852", "+86"]}) == ("waiting", None)


def test_who_asked_not_to_be_called_gets_no_text(records: Records, case: Case) -> None:
    digest = KEY.digest("+85291234567")
    outgoing.never_again(records.session, digest, "opted_out", case.id, NOW)
    assert text(records, case) == ("skipped", "opted_out")


@pytest.mark.parametrize(
    ("cap", "why"), [("per_number_per_day", "number_cap"), ("per_day", "day_cap")]
)
def test_there_are_no_more_texts_in_a_day_than_the_city_wants(
    records: Records, case: Case, cap: str, why: str
) -> None:
    rules = {"per_number_per_day": 9, "per_day": 9, cap: 1}
    text(records, case, caller=rules)
    text(records, case, caller=rules, dedupe="another")
    assert [(row.status, row.error) for row in rows(records)] == [
        ("waiting", None),
        ("skipped", why),
    ]


def test_a_number_sealed_under_another_key_is_not_guessed(records: Records, case: Case) -> None:
    records.session.execute(update(Call).values(caller_sealed="gAAAA nonsense"))
    assert text(records, case) == ("skipped", "sealed")


def test_a_caller_reads_the_number_and_a_link_of_their_own(records: Records, case: Case) -> None:
    case.language = "en"
    text(records, case)
    taken = claim(records, rows(records)[0])
    letter = letters.write(records.session, directory(), HOUSE, TrackingKey(SECRET), taken)
    assert letter is not None and case.number is not None
    assert (letter.address.at, letter.address.shown) == ("+85291234567", "+852 9*****67")
    link = f"https://hotline.example/track/{case.number}/"
    assert letter.text.short.startswith(f"City 1823: your call is on record as case {case.number}.")
    proof = letter.text.short.partition(link)[2]
    assert TrackingKey(SECRET).opens(case.number, proof)
    assert not TrackingKey(SECRET).opens("260000029", proof)
    assert not TrackingKey("another key of the tests").opens(case.number, proof)


# What a letter says


def test_a_webhook_tells_the_facts_and_nothing_else(records: Records, case: Case) -> None:
    facts = {
        "number": "spoofed",
        "what": "fire; call 9123 4567",
        "due_at": "2026-11-24T02:00:00+00:00",
        "lead": "bd",
        "link": "/report-in/token",
        "caller": "+85291234567",
        "transcript": "help",
    }
    post(records, kind="whistle", case_id=case.id, facts=facts)
    directory(frozenset({"webhook"})).spread(records.session, NOW)
    taken = claim(records, rows(records)[0])
    letter = letters.write(records.session, directory(), HOUSE, TrackingKey(SECRET), taken)
    assert letter is not None
    data = dict(letter.payload["data"])  # type: ignore[call-overload]
    assert (data.pop("subject"), data.pop("text")) == (letter.text.subject, letter.text.body)
    assert {**letter.payload, "data": data} == {
        "type": "case.whistle",
        "timestamp": "2026-11-24T01:30:00Z",
        "data": {
            "to": "department:bd",
            "number": case.number,
            "what": "fire; call ***",
            "due_at": "2026-11-24T02:00:00+00:00",
            "lead": "bd",
            "link": "https://hotline.example/report-in/token",
        },
    }
    assert "91234567" not in str(letter.payload) and "help" not in str(letter.payload)


@pytest.mark.parametrize("link", ["https://evil.example", "//evil.example", "javascript:x", None])
def test_a_link_leads_nowhere_but_to_us(records: Records, case: Case, link: str | None) -> None:
    post(records, case_id=case.id, facts={"link": link})
    directory().spread(records.session, NOW)
    taken = claim(records, rows(records)[0])
    letter = letters.write(records.session, directory(), HOUSE, TrackingKey(SECRET), taken)
    assert letter is not None
    assert f"https://hotline.example/cases/{case.number}" in letter.text.body
    assert "evil" not in letter.text.body


def test_a_link_is_forgotten_once_nobody_waits_for_it(records: Records) -> None:
    facts = {"what": "fire", "link": "/report-in/token"}
    spread(records, kind="whistle", facts=facts, ways=frozenset({"email", "webhook"}))
    (notice,) = records.session.scalars(select(Notice))
    first, second = rows(records)
    deliveries.sent(records.session, claim(records, first), NOW, address="x")
    assert notice.facts == facts
    deliveries.not_sent(records.session, claim(records, second), "no", NOW, again=None)
    assert notice.facts == {"what": "fire"}


def test_and_at_once_where_nobody_can_be_sent_it(records: Records) -> None:
    spread(records, "department:wsd", facts={"link": "/report-in/token"})
    (notice,) = records.session.scalars(select(Notice))
    assert notice.facts == {}


# The work on one


@pytest.fixture
def row(records: Records) -> Delivery:
    spread(records, ways=frozenset({"email"}))
    return rows(records)[0]


def test_a_delivery_is_in_one_hand(records: Records, row: Delivery) -> None:
    claim(records, row)
    assert deliveries.claim(records.session, row.id, NOW, MINUTE) is None
    assert deliveries.due(records.session, NOW) == []


def test_a_hand_that_died_is_followed_by_another_that_knows(
    records: Records, row: Delivery
) -> None:
    first = claim(records, row)
    later = NOW + 2 * MINUTE
    second = claim(records, row, later)
    assert (first.again, second.again, second.attempts) == (False, True, 2)
    assert first.key == second.key
    assert not deliveries.sent(records.session, first, later, address="x")
    assert deliveries.sent(records.session, second, later, address="x")


def test_a_process_that_is_replaced_lets_go_at_once(records: Records, row: Delivery) -> None:
    assert deliveries.claim(records.session, row.id, NOW, MINUTE, "beef")
    deliveries.let_go(records.session, "dead")
    assert deliveries.due(records.session, NOW) == []
    deliveries.let_go(records.session, "beef")
    assert claim(records, row).again


def test_what_failed_is_due_again_at_its_time(records: Records, row: Delivery) -> None:
    again = NOW + 5 * MINUTE
    deliveries.not_sent(records.session, claim(records, row), "500", NOW, again=again)
    assert deliveries.due(records.session, again - timedelta(seconds=1)) == []
    (due,) = deliveries.due(records.session, again)
    assert (due.delivery_id, due.attempts) == (row.id, 1)
    assert not claim(records, row, again).again


def test_what_kills_its_worker_does_not_come_back_before_all_others(
    records: Records, row: Delivery
) -> None:
    deliveries.put_off(records.session, claim(records, row), NOW + 5 * MINUTE)
    assert deliveries.due(records.session, NOW + 4 * MINUTE) == []
    assert claim(records, row, NOW + 5 * MINUTE).again


def test_what_is_given_up_is_told_to_supervisors_and_ends_there(
    records: Records, row: Delivery
) -> None:
    boss = agent(records, "boss")
    deliveries.not_sent(records.session, claim(records, row), "no", NOW, again=None)
    directory().spread(records.session, NOW)
    told = rows(records)[-1]
    assert (told.to, told.channel) == (boss, "email")
    (notice,) = records.session.scalars(select(Notice).where(Notice.kind == "undelivered"))
    assert notice.facts == {"state": "email", "department": "bd"}
    deliveries.not_sent(records.session, claim(records, told), "no", NOW, again=None)
    assert directory().spread(records.session, NOW) == 0


Tell = Callable[..., bool]


@pytest.fixture
def tell(records: Records, row: Delivery) -> Tell:
    def tell(status: Any, **more: str) -> bool:
        return deliveries.told(records.session, row.key, status, NOW, **more)

    return tell


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["sent", "delivered"], "delivered"),
        (["delivered", "sent"], "delivered"),
        (["delivered", "failed"], "delivered"),
        (["failed", "delivered", "sent"], "failed"),
        (["sent", "sent"], "sent"),
    ],
)
def test_the_providers_word_never_falls_back(
    records: Records, row: Delivery, tell: Tell, words: list[str], status: str
) -> None:
    for word in words:
        tell(word)
    records.session.refresh(row)
    assert row.status == status


def test_the_provider_may_tell_before_we_could_note_it(
    records: Records, row: Delivery, tell: Tell
) -> None:
    taken = claim(records, row)
    assert tell("sent", provider_id="SM1")
    # Our own note comes too late, and nobody sends it again.
    assert not deliveries.not_sent(records.session, taken, "timeout", NOW, again=NOW)
    assert deliveries.due(records.session, NOW + 5 * MINUTE) == []
    records.session.refresh(row)
    assert (row.status, row.provider_id) == ("sent", "SM1")


def test_a_key_that_there_is_not_changes_nothing(tell: Tell, records: Records) -> None:
    assert not deliveries.told(records.session, "msg_x", "sent", NOW)


def test_a_case_shows_its_notices_and_what_became_of_them(records: Records, case: Case) -> None:
    spread(records, case_id=case.id, ways=frozenset({"email"}))
    spread(records, "department:wsd", case_id=case.id)
    shown = deliveries.of_case(records.session, case.id)
    found = [(notice.to, delivery and delivery.channel) for notice, delivery in shown]
    assert found == [("department:bd", "email"), ("department:wsd", None)]


# The file


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"departments": {"xyz": {}}}, "xyz"),
        ({"departments": {"bd": {"email": "duty"}}}, "must be an address"),
        ({"departments": {"bd": {"email": "a@b.example\nBcc: c@d.example"}}}, "must be an address"),
        ({"departments": {"bd": {"sms": "21231823"}}}, "sms"),
        (
            {"departments": {"bd": {"webhook": {"url": "http://x.example/", "secret": "bd"}}}},
            "https",
        ),
        (
            {"departments": {"bd": {"webhook": {"url": "https://me@x.example/", "secret": "bd"}}}},
            "must look like",
        ),
        ({"departments": {"bd": {"webhook": {"url": "https://x.example/"}}}}, "secret"),
        ({"departments": {"bd": {"fax": "1"}}}, "not a field"),
        ({"caller": {"prefixes": ["852"]}}, "prefixes"),
    ],
)
def test_a_mistake_in_contacts_is_one_line(tmp_path: Any, entry: Any, problem: str) -> None:
    import yaml

    (tmp_path / contacts.FILE).write_text(yaml.safe_dump({"spec": 1, **entry}))
    with pytest.raises(PackError, match=problem) as error:
        contacts.read(tmp_path, frozenset({"bd"}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://[::1]/x", "https://x.example:8443/x?y=1"]
)
def test_addresses_of_systems(url: str) -> None:
    found = Contacts.model_validate(
        {"spec": 1, "departments": {"bd": {"webhook": {"url": url, "secret": "bd"}}}}
    )
    hook = found.departments["bd"].webhook
    assert hook is not None and hook.url == url


def test_a_city_without_the_file_reaches_nobody(tmp_path: Any) -> None:
    found = contacts.read(tmp_path, frozenset())
    assert (found.departments, found.caller.sms) == ({}, False)
