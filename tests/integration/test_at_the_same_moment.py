"""Callbacks, a transcript and a person at the console meet: nobody's word is lost."""

import threading
from collections.abc import Callable, Iterator

from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from cases import calls, history, recordings, transcripts
from cases import case as case_module
from cases.calls import Call
from cases.case import Case
from cases.errors import Refused
from runtime import clock
from runtime.database import transaction
from tests.integration.telephone import Exchange, Line
from tests.integration.work import MINUTE, heard
from tests.unit.cases.conftest import LAMPS, MEI

ROUNDS = 12


def all_at_once(*actions: Callable[[], object]) -> list[BaseException]:
    """Do everything at the same moment; what went wrong."""
    start, trouble = threading.Barrier(len(actions)), list[BaseException]()

    def do(action: Callable[[], object]) -> None:
        start.wait()
        try:
            action()
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=do, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return trouble


def confirm(exchange: Exchange, line: Line) -> None:
    """An agent confirms the category; who comes too late looks again and does it once more."""
    for _ in range(20):
        try:
            with transaction(exchange.phone.engine) as session:
                statement = select(Case).join(Call).where(Call.provider_id == line.sid)
                case = session.scalars(statement).one()
                case_module.confirm(
                    session,
                    case,
                    LAMPS,
                    version=case.version,
                    by=MEI,
                    terms=exchange.phone.terms,
                    now=clock.now(),
                )
            return
        except (StaleDataError, Refused):
            continue
    raise AssertionError("never came to it")


def rounds(exchange: Exchange) -> Iterator[tuple[Line, recordings.Claim]]:
    """Calls whose message is just being heard."""
    for _ in range(ROUNDS):
        line = exchange.line()
        exchange.send(line.callback(RecordingUrl="", RecordingDuration=""))
        row = exchange.recording_rows(line.sid)[0]
        for step in recordings.READY:
            with transaction(exchange.phone.engine) as session:
                claim = recordings.claim(session, row.id, step, clock.now(), MINUTE)
                assert claim is not None
                if step == "fetch":
                    recordings.fetched(session, claim, "sound", clock.now())
        yield line, claim


def test_late_callbacks_a_transcript_and_an_agent_at_the_same_moment(exchange: Exchange) -> None:
    def finish(claim: recordings.Claim) -> bool:
        with transaction(exchange.phone.engine) as session:
            return transcripts.finish(session, claim, heard("as said"), [], clock.now())

    for line, claim in rounds(exchange):
        action = line.webhook(
            "/voice/turn?step=message&turn=1&silences=0&wrong=0",
            RecordingUrl=line.callback().form["RecordingUrl"],
            Digits="hangup",
            CallStatus="completed",
        )
        trouble = all_at_once(
            lambda claim=claim: finish(claim),
            lambda action=action: exchange.send(action),
            lambda line=line: exchange.send(line.callback(RecordingDuration="7")),
            lambda line=line: confirm(exchange, line),
        )
        assert trouble == []
        assert exchange.phone.spool.waiting() == []
        (row,) = exchange.export(line.sid)
        assert (row["transcript"], row["category"]) == ("as said", "street-lamps")
        assert row["flags"] == ["hung_up"]
        assert line.told.recordings == ("transcribed",)


def test_one_piece_of_work_is_claimed_by_one_of_many(exchange: Exchange) -> None:
    for _ in range(ROUNDS):
        line = exchange.line()
        exchange.send(line.callback())
        row = exchange.recording_rows(line.sid)[0]
        claims = []

        def claim(row_id: int = row.id, claims: list[object] = claims) -> None:
            with transaction(exchange.phone.engine) as session:
                claims.append(recordings.claim(session, row_id, "fetch", clock.now(), MINUTE))

        assert all_at_once(*[claim] * 6) == []
        assert sum(one is not None for one in claims) == 1


def test_calls_that_begin_at_the_same_moment_have_numbers_of_their_own(
    exchange: Exchange,
) -> None:
    lines = [exchange.line() for _ in range(8)]
    assert all_at_once(*[lambda n=n: exchange.send(n.callback()) for n in lines]) == []
    numbers = {str(exchange.export(line.sid)[0]["number"]) for line in lines}
    assert len(numbers) == len(lines)


def test_the_history_of_a_case_is_one_line_an_event(exchange: Exchange) -> None:
    line = exchange.line()
    assert all_at_once(*[lambda: exchange.send(line.callback())] * 6) == []
    with transaction(exchange.phone.engine) as session:
        call_id = calls.begin(
            session, line.sid, provider="twilio", caller=None, called="", now=clock.now()
        )
        case = case_module.of_call(session, call_id)
        assert case is not None
        assert [entry.action for entry in history.of_case(session, case.id)] == ["opened"]
