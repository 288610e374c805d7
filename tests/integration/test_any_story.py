"""Whatever happens to calls, in whatever order: one case a call at most, and no recording lost."""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import create_app
from cases import calls, readings, recordings, stations, transcripts
from cases.calls import Call
from cases.case import Case
from cases.recordings import Claim, Recording, Step
from cases.transcripts import Transcript
from runtime import clock
from runtime.city import City
from runtime.database import transaction
from runtime.settings import Settings
from tests.integration.telephone import BASE, TOKEN, Exchange, Line, Webhook
from tests.integration.work import MINUTE, heard
from watch.understanding import mind_of, understand_one

STATUSES = set(recordings.OPEN | recordings.FINAL)
STEPS = (
    *("message", "ask_again", "what_next", "add", "anew", "replace", "progress_number"),
    *("listening", "ask_place", "listening_place", "listening_anew", "right_or_again"),
)
SAID = (
    "said",
    "there is a fire at Wang Fuk Court",
    "the nets at Wang Fuk Court are flammable",
    "noise",
)

MIND = mind_of(City.read(Path(__file__).parents[2] / "cities" / "hongkong"))


class Story(RuleBasedStateMachine):
    """Webhooks of a few calls, in any order and number, among workers that live and die."""

    sent: Bundle[Webhook] = Bundle("sent")
    claims: Bundle[Claim] = Bundle("claims")
    empty: Path  # a migrated SQLite file, to be copied

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.empty, self.folder / "hotline.sqlite3")
        chosen = {"city": "hongkong", "agent_dial": "+85228001823", "redis_url": ""}
        self.exchange = Exchange(
            create_app(
                Settings(
                    _env_file=None,
                    database_url=f"sqlite:///{self.folder}/hotline.sqlite3",
                    state_dir=self.folder,
                    public_base_url=BASE,
                    twilio_auth_token=TOKEN,
                    data_key="a data key of the tests alone",
                    **chosen,
                )
            )
        )
        self.lines = [Line(self.exchange, f"CA{n:032d}", "+85291234567") for n in range(2)]
        self.now = clock.now()
        with transaction(self.exchange.phone.engine) as session:
            for step in stations.STEPS:
                stations.beat(session, step, step, self.now)
        self.seen: dict[str, str] = {}
        self.promised: set[str] = set()

    def teardown(self) -> None:
        self.exchange.phone.engine.dispose()
        shutil.rmtree(self.folder)

    def tell(self, webhook: Webhook) -> Webhook:
        (response,) = self.exchange.send(webhook)
        assert response.status_code in {200, 204}
        if webhook.form.get("RecordingStatus", "completed") != "in-progress":
            self.promised |= {webhook.form.get("RecordingSid", "")} - {""}
        return webhook

    @rule(target=sent, line=st.integers(0, 1), step=st.sampled_from(STEPS), turn=st.integers(1, 6),
          keys=st.sampled_from(["", "0", "1", "2", "*", "123456789", "4567", "hangup"]))  # fmt: skip
    def the_caller_does_something(self, line: int, step: str, turn: int, keys: str) -> Webhook:
        path = f"/voice/turn?step={step}&turn={turn}&silences=0&wrong=0"
        return self.tell(self.lines[line].webhook(path, Digits=keys))

    @rule(target=sent, line=st.integers(0, 1), number=st.integers(1, 3), with_id=st.booleans(),
          keys=st.sampled_from(["", "#", "0", "hangup"]))  # fmt: skip
    def an_action_tells_of_a_recording(
        self, line: int, number: int, with_id: bool, keys: str
    ) -> Webhook:
        told = dict(self.lines[line].callback(number=number).form)
        fields = {"RecordingUrl": told["RecordingUrl"], "Digits": keys}
        if with_id:
            fields["RecordingSid"] = told["RecordingSid"]
        path = f"/voice/turn?step=message&turn={number}&silences=0&wrong=0"
        return self.tell(self.lines[line].webhook(path, **fields))

    @rule(target=sent, line=st.integers(0, 1), number=st.integers(1, 3),
          status=st.sampled_from(["completed", "absent", "failed", "in-progress"]))  # fmt: skip
    def a_callback_tells_of_a_recording(self, line: int, number: int, status: str) -> Webhook:
        return self.tell(
            self.lines[line].callback(turn=number, number=number, RecordingStatus=status)
        )

    @rule(target=sent, line=st.integers(0, 1),
          status=st.sampled_from(["ringing", "in-progress", "completed", "no-answer"]))  # fmt: skip
    def the_call_stands(self, line: int, status: str) -> Webhook:
        return self.tell(self.lines[line].status(status))

    @rule(webhook=sent)
    def it_is_told_again(self, webhook: Webhook) -> None:
        self.tell(webhook)

    @rule(target=sent, line=st.integers(0, 1), number=st.integers(1, 3),
          step=st.sampled_from(["message", "ask_place", "anew"]))  # fmt: skip
    def something_is_said(self, line: int, number: int, step: str) -> Webhook:
        fields = {"RecordingUrl": self.lines[line].callback(number=number).form["RecordingUrl"]}
        path = f"/voice/turn?step={step}&turn={number}&silences=0&wrong=0"
        return self.tell(self.lines[line].webhook(path, **fields))

    @rule(nth=st.integers(0, 1))
    def what_was_heard_is_understood(self, nth: int) -> None:
        with transaction(self.exchange.phone.engine) as session:
            due = readings.unread(session)[nth : nth + 1]
        for case_id in due:
            understand_one(self.exchange.phone.engine, MIND, case_id)

    @rule(span=st.sampled_from([1, 40, 90, 4000]))
    def time_passes(self, span: int) -> None:
        self.now += timedelta(seconds=span)

    @rule(target=claims, step=st.sampled_from(["fetch", "transcribe"]), nth=st.integers(0, 5))
    def a_worker_takes_work(self, step: Step, nth: int) -> Claim | None:
        with transaction(self.exchange.phone.engine) as session:
            due = recordings.due(session, step, self.now)
            if not due:
                return None
            chosen = due[nth % len(due)].recording_id
            claim = recordings.claim(session, chosen, step, self.now, MINUTE)
            assert claim is not None
            assert recordings.claim(session, chosen, step, self.now, MINUTE) is None
            return claim

    @rule(claim=claims, how=st.sampled_from(["done", "silent", "later", "never", *SAID]))
    def a_worker_ends_or_died_long_ago(self, claim: Claim | None, how: str) -> None:
        if claim is None:
            return
        with transaction(self.exchange.phone.engine) as session:
            row = session.get_one(Recording, claim.recording_id)
            mine = row.lease_token == claim.token
            assert self.end(session, claim, how) == mine

    def end(self, session: Session, claim: Claim, how: str) -> bool:
        fetching = claim.storage_key is None
        match how:
            case "later":
                return recordings.give_back(session, claim, "not now", self.now + MINUTE)
            case "never":
                status = "missing" if fetching else "needs_listening"
                return transcripts.give_up(session, claim, status, "for good", self.now)
            case _ if fetching:
                return recordings.fetched(session, claim, "sound", self.now)
            case "silent":
                return transcripts.no_speech(session, claim, self.now)
            case _:
                return transcripts.finish(session, claim, heard(how), [], self.now)

    @invariant()
    def a_call_has_at_most_one_case_and_every_message_has_one(self) -> None:
        with transaction(self.exchange.phone.engine) as session:
            with_case = list(session.scalars(select(Case.call_id)))
            assert len(with_case) == len(set(with_case))
            for row in session.scalars(select(Recording)):
                assert row.status in recordings.WITHOUT_SOUND or row.call_id in with_case

    @invariant()
    def no_recording_is_lost_or_doubled(self) -> None:
        with transaction(self.exchange.phone.engine) as session:
            ids = [one for one in session.scalars(select(Recording.provider_id)) if one]
            assert len(ids) == len(set(ids))
            assert self.promised <= set(ids)

    @invariant()
    def statuses_are_legal_and_work_is_never_undone(self) -> None:
        with transaction(self.exchange.phone.engine) as session:
            for row in session.scalars(select(Recording)):
                assert row.status in STATUSES
                before = self.seen.get(str(row.id), "announced")
                final = before in recordings.FINAL - recordings.WITHOUT_SOUND
                assert not final or row.status == before
                self.seen[str(row.id)] = row.status
            for call in session.scalars(select(Call)):
                assert call.status in calls.ENDED | set(calls.STATUS_RANK)
                over = self.seen.get(call.provider_id, "") in calls.ENDED
                assert not over or call.status == self.seen[call.provider_id]
                self.seen[call.provider_id] = call.status

    @invariant()
    def flags_say_how_it_stands(self) -> None:
        with transaction(self.exchange.phone.engine) as session:
            heard_of = set(session.scalars(select(Transcript.recording_id)))
            for case in session.scalars(select(Case)):
                rows = recordings.of_call(session, case.call_id)
                pending = any(row.status in recordings.OPEN for row in rows)
                assert ("transcript_pending" in case.flags) == pending
                assert "no_speech" not in case.flags or not {r.id for r in rows} & heard_of
                assert case.number is not None


def test_no_story_breaks_the_rules(migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Story, "empty", migrated_sqlite, raising=False)
    run_state_machine_as_test(
        Story,
        settings=hypothesis_settings(
            max_examples=15,
            stateful_step_count=25,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
