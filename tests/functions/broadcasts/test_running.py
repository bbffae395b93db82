"""Executions run: everybody once, at the rate, in the window; paused, resumed, cancelled, and ended when the last has ended."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from functions.broadcasts import running, running_control, running_plan, running_send, running_watch
from functions.broadcasts.running_tables import RecentFailure
from functions.broadcasts.states import RecipientStatus
from functions.broadcasts.tables import Automation, Execution, Recipient
from shared import clock
from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.messages import sending, template_sources, text_versions
from shared.outbox.execute import drain
from shared.settings import get_settings
from shared.store.message_models import MessageDay, Suppression
from shared.store.models import Delivery
from shared.store.session import reading, transact
from shared.store.text_models import TextUse
from tests.functions.broadcasts.posting import Post
from tests.unit.web.calls import KEYS, Api


def test_everybody_once_and_then_it_is_over(post: Post) -> None:
    """Each gets one message; the counts say so, and execution and automation are completed."""
    execution_id = post.begin(50, rate_limit_per_hour=1000)
    post.go(300)
    assert sorted(post.phones()) == sorted(set(post.phones()))
    assert len(post.phones()) == 50
    assert post.recipients() == {"completed": 50}
    row = post.execution(execution_id)
    assert (row.status, row.started_at is not None, row.completed_at is not None) == ("completed", True, True)
    found = post.counted(execution_id)
    assert {name: found[name] for name in ("total", "sent", "completed", "ended")} == dict.fromkeys(
        ("total", "sent", "completed", "ended"), 50
    )
    with reading() as session:
        assert session.scalars(select(Automation.status)).one() == "completed"
    post.go(60)
    assert len(post.phones()) == 50


@pytest.mark.slow
def test_rate_holds_in_every_hour(post: Post) -> None:
    """At 60 an hour two hours send 60 each, and not one more in any hour between."""
    post.begin(130, rate_limit_per_hour=60)
    post.go(2 * 3600, step=90)
    assert post.most_in_an_hour() <= 60
    assert 117 <= len(post.phones()) <= 120


def test_only_what_is_due_soon_has_a_delivery(post: Post) -> None:
    """Of many recipients a quarter of an hour's worth is planned, in the automation's own bulk lane."""
    post.begin(500, rate_limit_per_hour=400)
    post.step()
    with reading() as session:
        found = session.scalar(select(func.count()).select_from(Delivery))
        lanes = set(session.scalars(select(Delivery.lane)))
    assert 99 <= (found or 0) <= 101
    assert lanes == {"bulk:broadcast-1"}


@pytest.mark.slow
def test_window_is_kept(post: Post) -> None:
    """Nothing goes out before or after it; what was not sent today goes out tomorrow."""
    window = {"execution_window_start": "12:00", "execution_window_end": "12:10", "execution_timezone": "America/Mexico_City"}
    post.begin(30, rate_limit_per_hour=120, **window)
    post.go(1200)
    first = len(post.phones())
    assert 15 <= first <= 22
    post.clock.advance(hours=23)
    post.go(3600)
    assert len(post.phones()) == 30
    local = [at.astimezone(pace_zone()).time() for at in post.sent_at]
    assert all("12:00:00" <= at.isoformat() <= "12:10:00" for at in local)


def pace_zone() -> Any:
    """The zone of the window."""
    from zoneinfo import ZoneInfo

    return ZoneInfo("America/Mexico_City")


@pytest.mark.slow
def test_pause_holds_and_resume_goes_on_without_loss_or_repetition(post: Post) -> None:
    """Paused in the middle nothing more goes out; resumed days later the rest gets it, and nobody twice."""
    execution_id = post.begin(120, rate_limit_per_hour=400)
    post.go(300)
    sent = len(post.phones())
    assert 0 < sent < 120
    transact(lambda session: running_control.pause(session, execution_id, "ana", "mistake in the text"))
    post.go(1200)
    assert len(post.phones()) == sent
    assert post.recipients() == {"completed": sent, "pending": 120 - sent}
    post.clock.advance(days=2)
    transact(lambda session: running_control.resume(session, execution_id, "ana"))
    post.go(3600)
    assert len(post.phones()) == len(set(post.phones())) == 120
    assert post.execution(execution_id).status == "completed"


def test_pause_touches_one_row(post: Post, database: Engine) -> None:
    """However many recipients there are, pausing and cancelling change the execution's row and log it."""
    execution_id = post.begin(300, rate_limit_per_hour=1000)
    post.step()
    written = statements(database, lambda: transact(lambda s: running_control.pause(s, execution_id, "ana", None)))
    assert [one.split()[0] for one in written if one.split()[0] in ("UPDATE", "INSERT", "DELETE")] == ["UPDATE", "INSERT"]
    written = statements(database, lambda: transact(lambda s: running_control.cancel(s, execution_id, "ana", None)))
    assert [one.split()[0] for one in written if one.split()[0] in ("UPDATE", "INSERT", "DELETE")] == ["UPDATE", "INSERT"]


def statements(engine: Engine, work: Callable[[], Any]) -> list[str]:
    """What is executed meanwhile."""
    return [text for text, _values in asked(engine, work)]


def asked(engine: Engine, work: Callable[[], Any]) -> list[tuple[str, Any]]:
    """What is executed meanwhile, with its values."""
    from sqlalchemy import event

    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, values: Any, *_more: Any) -> None:
        found.append((text, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return found


def test_cancel_takes_back_what_is_not_sent(post: Post) -> None:
    """What was planned is taken back, what was sent stays; nothing more goes out, and it cannot be cancelled again."""
    execution_id = post.begin(120, rate_limit_per_hour=400)
    post.go(300)
    sent = len(post.phones())
    transact(lambda session: running_control.cancel(session, execution_id, "ana", None))
    post.go(1800)
    assert len(post.phones()) == sent
    found = post.recipients()
    assert (found["completed"], found["queued"]) == (sent, 0)
    assert found["skipped"] + found["pending"] == 120 - sent
    with pytest.raises(Exception, match="cannot be cancelled"):
        transact(lambda session: running_control.cancel(session, execution_id, "ana", None))


def test_cancel_takes_everything_planned_back_in_the_next_round(post: Post, environment: pytest.MonkeyPatch) -> None:
    """However many messages were planned: more than one page of them."""
    environment.setenv("BROADCAST_MAX_RATE_PER_HOUR", "3000")
    get_settings.cache_clear()
    execution_id = post.begin(900, rate_limit_per_hour=3000)
    running.run_all()
    assert post.recipients()["queued"] > 3 * running_watch.PAGE
    transact(lambda session: running_control.cancel(session, execution_id, "ana", None))
    running.run_all()
    assert post.recipients()["queued"] == 0
    with reading() as session:
        assert set(session.scalars(select(Delivery.state))) == {"cancelled"}


def test_round_after_a_cancel_looks_at_nobody_who_was_never_planned(post: Post, database: Engine) -> None:
    """A million who wait are not read every half minute for the two days in which a cancelled execution is looked after."""
    if database.dialect.name != "sqlite":
        pytest.skip("reads SQLite's plans")
    execution_id = post.begin(3, rate_limit_per_hour=400)
    transact(lambda session: running_control.cancel(session, execution_id, "ana", None))
    looks = [(text, values) for text, values in asked(database, running.run_all) if "FROM broadcast_recipients" in text]
    assert looks
    with database.connect() as connection:
        plans = [
            (row[3], values)
            for text, values in looks
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
            if "broadcast_recipients" in row[3]
        ]
    assert [line for line, _values in plans if "(execution_id=? AND status=?" not in line] == []
    of_waiting = [line for line, values in plans if any(one is RecipientStatus.PENDING for one in values)]
    assert of_waiting
    assert all("due_at>?" in line for line in of_waiting), plans  # only who was planned once


def test_failure_that_may_pass_is_tried_again_and_costs_a_slot_each_time(post: Post) -> None:
    """After a growing wait; every attempt counts in the ledger."""
    post.begin(1, rate_limit_per_hour=100, max_retries=3)
    post.office.refusals = [RetryableError("busy"), RetryableError("busy")]
    post.go(1200)
    assert len(post.phones()) == 1
    with reading() as session:
        row = session.scalars(select(Recipient)).one()
        assert (row.status, row.attempts) == ("completed", 3)


@pytest.mark.parametrize(("fields", "tries"), [({"retry_failed": False}, 1), ({"max_retries": 2}, 3)])
def test_retries_end_where_the_automation_says(post: Post, fields: dict[str, Any], tries: int) -> None:
    """Without `retry_failed` after the first attempt, else after `max_retries` more; then the recipient has failed."""
    execution_id = post.begin(1, rate_limit_per_hour=100, **fields)
    post.office.refusals = [RetryableError("busy")] * 9
    post.go(1200)
    assert 9 - len(post.office.refusals) == tries
    assert post.recipients() == {"failed": 1}
    assert post.execution(execution_id).status == "completed"


def test_refusal_for_good_fails_its_recipient_alone(post: Post) -> None:
    """With its code and words; the others get theirs, and the execution ends."""
    execution_id = post.begin(3, rate_limit_per_hour=1000)
    post.office.refusals = [PermanentError("meta-131026", "not on WhatsApp")]
    post.go(300)
    assert post.recipients() == {"failed": 1, "completed": 2}
    assert post.execution(execution_id).status == "completed"
    with reading() as session:
        row = session.scalars(select(Recipient).where(Recipient.status == "failed")).one()
        assert (row.error_code, row.error_message) == ("meta-131026", "not on WhatsApp")


def test_code_of_a_failure_is_kept_whole(post: Post) -> None:
    """Those who look for it find it by the name that everything else has for it."""
    post.begin(1, rate_limit_per_hour=1000)
    post.office.refusals = [PermanentError("meta-template-parameters", "sending a message answered 400 132000 x")]
    post.go(120)
    with reading() as session:
        assert session.scalars(select(Recipient.error_code)).all() == ["meta-template-parameters"]


@pytest.mark.slow
def test_wave_of_errors_pauses_with_its_reason(post: Post) -> None:
    """More failures than the share allows: paused, alert and reason name the worst code, the rest stay as they were."""
    execution_id = post.begin(200, rate_limit_per_hour=1000)
    post.office.refusals = [PermanentError("meta-131026", "not on WhatsApp")] * 200
    post.go(600)
    row = post.execution(execution_id)
    assert row.status == "paused"
    assert "messages failed within 15 minutes, most with meta-131026" in (row.pause_reason or "")
    found = post.recipients()
    assert found["failed"] < 60
    assert found["pending"] + found["queued"] > 130
    with reading() as session:
        assert session.scalars(select(Suppression)).all() == []  # a system that is ill says nothing about anybody
    post.office.refusals = []
    transact(lambda session: running_control.resume(session, execution_id, "ana"))
    post.go(1800)
    assert post.execution(execution_id).status == "completed"
    assert len(post.phones()) == 200 - found["failed"]


@pytest.mark.slow
def test_vendor_that_is_down_costs_nobody_anything(post: Post) -> None:
    """While it is away nothing is paused and nobody fails, and deliveries do not heap up; afterwards everybody gets it once."""
    execution_id = post.begin(150, rate_limit_per_hour=200)
    post.office.refusals = [UnavailableError("down")] * 6
    post.go(2 * 3600, step=90)
    assert len(post.phones()) == len(set(post.phones())) == 150
    assert post.most_in_an_hour() <= 200
    assert post.execution(execution_id).status == "completed"


def test_provider_that_is_not_set_up_pauses_and_leaves_everybody(post: Post, environment: pytest.MonkeyPatch) -> None:
    """Nobody is skipped for what is our own doing."""
    execution_id = post.begin(10, rate_limit_per_hour=1000)
    environment.delenv("TWILIO_AUTH_TOKEN")
    get_settings.cache_clear()
    post.go(120)
    row = post.execution(execution_id)
    assert (row.status, row.pause_reason) == ("paused", "the WhatsApp provider is not set up")
    assert post.recipients()["skipped"] == 0


def test_flow_that_is_gone_pauses_and_leaves_everybody(post: Post, environment: pytest.MonkeyPatch) -> None:
    """A release has taken it away: the reason says so and operators are told; once it is there again, resuming goes on."""
    environment.setenv("ALERT_WEBHOOK_URL", "https://alerts.example/hook")
    get_settings.cache_clear()
    execution_id, flow = post.begin(3, rate_limit_per_hour=1000), running_send.flow

    def gone(_execution: Execution) -> Any:
        raise PermanentError("unknown-flow", "there is no flow x")

    environment.setattr(running_send, "flow", gone)
    post.go(120)
    row = post.execution(execution_id)
    assert (row.status, row.pause_reason) == ("paused", "its flow is not there any more")
    assert post.recipients() == {"pending": 3}
    with reading() as session:
        (alert,) = session.scalars(select(Delivery).where(Delivery.target == "alerts"))
    assert "its flow is not there any more" in alert.payload["text"]
    environment.setattr(running_send, "flow", flow)
    transact(lambda session: running_control.resume(session, execution_id, "ana"))
    post.go(120)
    assert post.recipients() == {"completed": 3}


@pytest.mark.slow
def test_calls_at_once_are_bounded(post: Post, environment: pytest.MonkeyPatch) -> None:
    """Of a block that is claimed together no more than `max_concurrent_executions` are called; the others wait."""
    post.begin(20, rate_limit_per_hour=1000, max_concurrent_executions=2)
    most = []
    send = post.office.send

    def counting(letter: Any) -> Any:
        with reading() as session:
            most.append(session.scalar(select(func.count()).select_from(Delivery).where(Delivery.state == "sending")))
        return send(letter)

    from shared.messages.providers import twilio

    environment.setattr(twilio, "send_message", counting)
    post.go(1200)
    assert len(post.phones()) == 20
    assert max(most) <= 2


def test_who_waits_for_the_rate_has_no_place_in_the_day(post: Post, environment: pytest.MonkeyPatch) -> None:
    """A place in a person's day is taken by what goes out: with a ceiling that was lowered meanwhile the others hold none."""
    post.begin(20, rate_limit_per_hour=1000)
    running.run_all()
    environment.setenv("BROADCAST_MAX_RATE_PER_HOUR", "3")
    get_settings.cache_clear()
    post.go(300)
    with reading() as session:
        held = session.scalars(select(Delivery.id).where(Delivery.state == "pending", Delivery.reason == "rate")).all()
        counted = {one for row in session.scalars(select(MessageDay)) for one in row.delivery_ids}
    assert (len(post.phones()), len(counted), len(held)) == (3, 3, 17)
    assert counted.isdisjoint(held)


def test_two_executions_to_one_person_respect_the_daily_cap(post: Post, environment: pytest.MonkeyPatch) -> None:
    """With a cap of one the second message comes on the next day."""
    environment.setenv("MESSAGES_PER_PERSON_PER_DAY", "1")
    get_settings.cache_clear()
    post.begin(1, rate_limit_per_hour=1000)
    post.begin(1, rate_limit_per_hour=1000)
    post.go(600)
    assert len(post.phones()) == 1
    post.clock.advance(hours=20)
    post.go(6 * 3600, step=900)
    assert len(post.phones()) == 2
    assert post.sent_at[1].date() > post.sent_at[0].date()


def test_late_failure_counts_and_delivery_too(post: Post) -> None:
    """What the vendor reports after it took the message: delivered and read count, and a failure makes it one."""
    from shared.messages import statuses
    from shared.messages.events import ProviderEvent

    execution_id = post.begin(2, rate_limit_per_hour=1000)
    post.go(120)
    first, second = (f"V{letter.delivery_id}" for letter in post.office.sent)

    def report(vendor_id: str, status: str, **more: Any) -> None:
        event = ProviderEvent(provider="twilio", vendor_id=vendor_id, status=status, at=clock.now(), **more)
        transact(lambda session: statuses.status(session, event))

    report(first, "delivered")
    report(first, "delivered")
    report(second, "failed", reason="meta-undeliverable", detail="131026 Message undeliverable: too old an app")
    report(second, "failed", reason="meta-undeliverable")
    found = post.counted(execution_id)
    assert {name: found.get(name) for name in ("sent", "delivered", "completed", "failed")} == {
        "sent": 2,
        "delivered": 1,
        "completed": 1,
        "failed": 1,
    }
    with reading() as session:
        row = session.scalars(select(Recipient).where(Recipient.status == "failed")).one()
        assert (row.error_code, row.error_message) == ("meta-undeliverable", "131026 Message undeliverable: too old an app")


def test_worker_that_stood_still_takes_another_slot(post: Post, environment: pytest.MonkeyPatch) -> None:
    """More time between claim and call than the slot is good for: it goes out once, with a new slot."""
    post.begin(1, rate_limit_per_hour=100)
    look, stood = sending.withdrawn, []

    def slow(context: Any) -> Any:
        if not stood:
            stood.append(True)
            post.clock.advance(seconds=20)
        return look(context)

    environment.setattr(sending, "withdrawn", slow)
    post.go(300)
    assert len(post.phones()) == 1
    with reading() as session:
        assert session.scalars(select(Recipient.attempts)).one() == 2


@pytest.mark.parametrize("state", ["gone", "cancelled"])
def test_recipient_whose_message_is_lost_is_brought_in_line(post: Post, state: str) -> None:
    """A restored backup has lost the delivery: it gets another. A person has taken it back: it is left out."""
    execution_id = post.begin(1, rate_limit_per_hour=1000)
    running_control_start(execution_id)
    running_plan.plan(execution_id)

    def lose(session: Session) -> None:
        row = session.scalars(select(Delivery)).one()
        if state == "gone":
            session.delete(row)
        else:
            row.state = "cancelled"

    transact(lose)
    post.clock.advance(minutes=11)
    post.go(300)
    assert post.recipients() == {"completed" if state == "gone" else "skipped": 1}
    assert post.execution(execution_id).status == "completed"


def running_control_start(execution_id: int) -> None:
    """Let it run."""
    assert transact(lambda session: running_control.start_if_ready(session, execution_id))


@pytest.mark.slow
def test_changed_rate_while_paused_loses_nobody(post: Post) -> None:
    """5,258 of 5,601 in small: paused, the rate changed, a new process, resumed: sent, failed and skipped make the whole."""
    execution_id = post.begin(56, rate_limit_per_hour=400)
    post.go(400)
    transact(lambda session: running_control.pause(session, execution_id, "ana", None))
    post.go(60)

    def slower(session: Session) -> None:
        row = session.get_one(Execution, execution_id)
        row.config = row.config | {"rate_limit_per_hour": 150}

    transact(slower)
    transact(lambda session: running_control.resume(session, execution_id, "ana"))
    post.go(3600)
    found = post.counted(execution_id)
    assert (post.execution(execution_id).status, found["ended"], len(set(post.phones()))) == ("completed", 56, 56)


def test_drain_twice_at_once_sends_once(post: Post) -> None:
    """The executor runs again over what it has sent: nothing more goes out."""
    post.begin(5, rate_limit_per_hour=1000)
    post.go(120)
    drain("twilio")
    assert len(post.phones()) == 5


def test_automation_is_paused_resumed_and_cancelled_over_the_api(post: Post, environment: pytest.MonkeyPatch) -> None:
    """With the reason that was given; what is in the wrong state is refused with 409."""
    environment.setenv("API_KEYS", json.dumps(KEYS))
    get_settings.cache_clear()
    api, execution_id = Api(), post.begin(200, rate_limit_per_hour=1000)
    post.step()
    with reading() as session:
        execution, automation = session.get_one(Execution, execution_id).uuid, session.scalars(select(Automation.uuid)).one()
    paths = f"/api/v1/flow-automations/{automation}", f"/api/v1/executions/{execution}"
    answer = api.post(f"{paths[0]}/pause", body={"reason": "typo"})
    assert (answer.status, answer.json["status"]) == (200, "paused")
    assert [(one["status"], one["pause_reason"]) for one in answer.json["executions"]] == [("paused", "typo")]
    assert api.post(f"{paths[1]}/resume").json["status"] == "running"
    assert api.post(f"{paths[1]}/resume").status == 409
    assert api.post(f"{paths[0]}/resume").json["status"] == "active"
    assert api.post(f"{paths[1]}/pause").json["status"] == "paused"
    assert api.post(f"{paths[0]}/cancel", body={"reason": None}).json["executions"][0]["status"] == "cancelled"
    assert api.post(f"{paths[0]}/cancel").status == 409
    assert api.post(f"{paths[1]}/cancel", body={}).status == 409


def test_edited_text_goes_out_and_is_recorded(post: Post) -> None:
    """What was published in the console, also for recipients that were planned before; the delivery keeps its number."""
    file = template_sources.of_repository("lead_day_3")
    wording = text_versions.Wording(text=f"{file.text.strip()} Gracias.")
    post.begin(1)
    transact(lambda session: text_versions.publish(session, file, wording, 0, "key:olga"))
    text_versions.forget()
    post.step()
    assert [letter.rendered.text.endswith("Gracias.") for letter in post.office.sent] == [True]
    with reading() as session:
        row = session.scalars(select(Delivery)).one()
        assert (row.result or {})["text_version"] == 1
        assert [(one.name, one.version) for one in session.scalars(select(TextUse))] == [("lead_day_3", 1)]


def test_old_failures_are_forgotten_where_nothing_runs(database: Engine, test_clock: clock.TestClock) -> None:
    """A day after the last execution they count no more; the newer ones are kept."""
    for code in ("old", "new"):
        transact(lambda session, code=code: session.add(RecentFailure(automation_id=1, code=code, at=clock.now())))
        test_clock.advance(hours=13)
        running.run_all()
    with reading() as session:
        assert session.scalars(select(RecentFailure.code)).all() == ["new"]
