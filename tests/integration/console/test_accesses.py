"""No page shows or plays a citizen's data without a line that says who was there, whichever page it is."""

import json
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select
from werkzeug.routing import Rule

from cases import accesses, whistles
from cases.accesses import Access
from cases.case import Case
from cases.followups import Followup
from cases.recordings import Recording
from cases.whistles import Called
from console.__main__ import commands
from runtime.database import transaction
from tests.conftest import environment
from tests.support.console_app import ConsoleHouse, Visitor

# Said by the caller, and masked wherever the reader need not know it.
TOLD = "我個電話係九八七六五四三二，請打俾我。"
# Pages below an address that names a case, which show nothing of what its citizen said or is called.
# Who may have a case of a category, and how loud a recording is where: nothing of the citizen's.
SHOW_NOTHING = frozenset({"case_departments", "outline"})


@pytest.fixture
def full(one_house: ConsoleHouse) -> dict[str, object]:
    """A house with a case of every sort; what stands for each variable part of an address."""
    number = one_house.case(TOLD, masked_text="我個電話係[phone]，請打俾我。")
    _, whistle = one_house.whistle("hyd", "fsd")
    accepted = one_house.accepted("hyd")
    said = {"outcome": "done", "answer": "已辦好。"}
    one_house.officer("hyd").decide(accepted, "resolve", **said)
    with transaction(one_house.engine) as session:
        recording = session.scalars(
            select(Recording.id)
            .join(Case, Case.call_id == Recording.call_id)
            .where(Case.number == number)
        ).one()
        followup = session.scalars(select(Followup.id)).first()
    return {
        "number": number,
        "recording_id": recording,
        "whistle_id": whistle,
        "followup_id": followup,
    }


def pages(house: ConsoleHouse) -> Iterator[Rule]:
    """Every page that can be opened."""
    for rule in house.app.url_map.iter_rules():
        if rule.endpoint.startswith("console.") and "GET" in (rule.methods or ()):
            yield rule


def lines(house: ConsoleHouse) -> int:
    with transaction(house.engine) as session:
        return session.scalar(select(func.count()).select_from(Access)) or 0


def last(house: ConsoleHouse) -> tuple[str, str, str | None, object]:
    """Kind, role, department and page of the last line."""
    with transaction(house.engine) as session:
        line = session.scalars(select(Access).order_by(Access.id.desc())).first()
        assert line is not None
        return line.kind, line.role, line.department, line.detail.get("page")


def test_every_page_about_one_case_notes_who_opened_it(
    one_house: ConsoleHouse, full: dict[str, object]
) -> None:
    seen = []
    for rule in sorted(pages(one_house), key=str):
        if not rule.arguments & full.keys() or "proof" in rule.arguments:
            continue
        assert rule.arguments <= full.keys(), f"say above what stands in {rule}"
        endpoint = rule.endpoint.removeprefix("console.")
        if endpoint in SHOW_NOTHING:
            continue
        visitor, before = one_house.signed_in("admin", f"at-{endpoint}"), lines(one_house)
        with one_house.app.test_request_context():
            path = one_house.app.url_map.bind("").build(rule.endpoint, full)
        answer = visitor.get(path)
        if answer.status_code == 404 and endpoint == "masked_audio":
            continue  # nothing was said here that is silenced
        assert answer.status_code == 200, path
        assert lines(one_house) > before, f"{path} is not noted"
        seen.append(endpoint)
    assert {"case_page", "notices_page", "whistle_page", "follow_up_page", "audio"} <= {*seen}


def test_a_page_about_no_single_case_shows_nothing_unmasked_or_is_noted(
    one_house: ConsoleHouse, full: dict[str, object]
) -> None:
    visitor, opened = one_house.signed_in("admin"), 0
    for rule in pages(one_house):
        if rule.arguments:
            continue
        before = lines(one_house)
        page = visitor.get(str(rule), follow_redirects=True)
        opened += 1
        if lines(one_house) == before and page.mimetype in ("text/html", "text/csv"):
            assert "九八七六五四三二" not in page.text, rule
            assert "91234567" not in page.text, rule
    assert opened > 5


OPENED: dict[str, Callable[[Visitor, dict[str, object]], object]] = {
    "viewed": lambda v, at: v.get(f"/cases/{at['number']}"),
    "played": lambda v, at: v.get(f"/recordings/{at['recording_id']}/audio"),
    "revealed": lambda v, at: v.post(f"/cases/{at['number']}/reveal"),
    "exported": lambda v, at: v.get(f"/cases/{at['number']}/print"),
}


@pytest.mark.parametrize("kind", OPENED)
def test_what_was_done_is_told_with_role_and_page(
    one_house: ConsoleHouse, full: dict[str, object], kind: str
) -> None:
    visitor = one_house.signed_in("supervisor")
    OPENED[kind](visitor, full)
    with transaction(one_house.engine) as session:
        number = session.scalars(select(Case.id).where(Case.number == full["number"])).one()
        found = accesses.of_case(session, number)
        assert kind in [one.kind for one in found if one.role == "supervisor"]


def test_listening_in_parts_is_listening_once(
    one_house: ConsoleHouse, full: dict[str, object]
) -> None:
    visitor = one_house.signed_in()
    for part in ("bytes=0-99", "bytes=100-199", "bytes=0-"):
        visitor.get(f"/recordings/{full['recording_id']}/audio", headers={"Range": part})
    with transaction(one_house.engine) as session:
        played = select(func.count()).select_from(Access).where(Access.kind == "played")
        assert session.scalar(played) == 1


def test_who_is_refused_leaves_no_line_for_nothing_was_shown(
    one_house: ConsoleHouse, full: dict[str, object]
) -> None:
    stranger = one_house.officer("wsd")
    before = lines(one_house)
    assert stranger.get(f"/cases/{full['number']}").status_code == 404
    assert stranger.get(f"/recordings/{full['recording_id']}/audio").status_code == 403
    assert lines(one_house) == before


def test_an_officer_is_noted_with_the_department(one_house: ConsoleHouse) -> None:
    number = one_house.referred("hyd")
    one_house.officer("hyd").get(f"/cases/{number}")
    assert last(one_house) == ("viewed", "officer", "hyd", "case_page")


def test_a_department_that_opens_its_link_is_noted_without_a_sign_in(
    one_house: ConsoleHouse, full: dict[str, object]
) -> None:
    with transaction(one_house.engine) as session:
        called = session.scalars(select(Called)).first()
        assert called is not None
        called.token_digest, department = whistles.digest("token"), called.department
    one_house.visitor().get("/report-in/token")
    assert last(one_house) == ("viewed", "officer", department, "report_in")


def test_the_export_of_everything_is_one_line_that_every_case_has(
    house: ConsoleHouse,
) -> None:
    numbers = [house.case(TOLD) for _ in range(3)]
    url = house.engine.url.render_as_string(hide_password=False)
    with environment(DATABASE_URL=url):
        done = CliRunner().invoke(commands, ["export"])
    assert [json.loads(line)["number"] for line in done.stdout.splitlines()] == numbers
    assert lines(house) == 1 and last(house)[:2] == ("exported", "operator")
    with transaction(house.engine) as session:
        assert all(
            accesses.count_of_case(session, case.id) == 1 for case in session.scalars(select(Case))
        )
