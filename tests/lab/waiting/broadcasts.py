"""The places of functions/broadcasts that lock rows, and how somebody comes by them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from functions.broadcasts import (
    approval,
    automation_edits,
    forecasts,
    planning,
    progress,
    running_control,
    running_outcomes,
    running_watch,
    schedule_records,
)
from functions.broadcasts import counts as broadcast_counts
from functions.broadcasts import importer as broadcast_importer
from functions.broadcasts import ledger as broadcast_ledger
from functions.broadcasts import uploads as broadcast_uploads
from functions.broadcasts.forecast import Asked
from functions.broadcasts.forecast_tables import StoredForecast
from functions.broadcasts.running_tables import Ledger
from functions.broadcasts.states import RecipientStatus
from functions.broadcasts.tables import Automation, Execution, ExecutionCount, Recipient, Upload
from functions.broadcasts.tables import Schedule as BroadcastSchedule
from shared import clock
from shared.store.models import Contact
from tests.lab.rows import Wait, filled, one, person


def broadcast() -> Sequence[Any]:
    """An automation with a schedule, and an execution of it with a recipient."""
    return [
        filled(Automation, uuid="u1"),
        filled(BroadcastSchedule, automation_id=1),
        filled(Execution, automation_id=1),
        filled(Recipient, execution_id=1),
    ]


WAITS = {
    "functions.broadcasts.counts:_fold_page": Wait(
        ExecutionCount, one(ExecutionCount, execution_id=1), lambda session: broadcast_counts._fold_page(session, 1)
    ),
    "functions.broadcasts.approval:decided": Wait(
        Execution,
        lambda: [filled(Automation), filled(Execution, automation_id=1, uuid="x")],
        lambda session: approval.decided(session, SimpleNamespace(kind=approval.KIND, key="x", outcome="approved")),
    ),
    "functions.broadcasts.automation_edits:find": Wait(
        Automation, broadcast, lambda session: automation_edits.find(session, "u1", for_change=True)
    ),
    "functions.broadcasts.forecasts:_hand_over": Wait(
        Execution,
        lambda: [*broadcast(), filled(StoredForecast, subject="execution:1", execution_id=1)],
        lambda session: forecasts._hand_over(session, session.get_one(StoredForecast, 1), {"sends": 1}),
    ),
    "functions.broadcasts.forecasts:_begin": Wait(
        StoredForecast,
        one(StoredForecast, subject="automation:1", state="working"),
        lambda session: forecasts._begin(session, forecasts._Begun("automation:1", Asked({}, clock.now()), 1)),
    ),
    "functions.broadcasts.forecasts:_unchanged": Wait(
        StoredForecast,
        one(StoredForecast, subject="automation:1", state="working"),
        lambda session: forecasts._unchanged(session, StoredForecast(id=1)),
    ),
    "functions.broadcasts.importer:_contact": Wait(
        Contact, person, lambda session: broadcast_importer._contact(session, 1, "+525512345678")
    ),
    "functions.broadcasts.planning:_note_failure": Wait(
        Execution, broadcast, lambda session: planning._note_failure(session, 1, "KeyError")
    ),
    "functions.broadcasts.uploads:_fail": Wait(
        Upload, one(Upload, uuid="u1"), lambda session: broadcast_uploads._fail(session, 1, "x")
    ),
    "functions.broadcasts.uploads:add_rows": Wait(
        Upload, one(Upload, uuid="u1", state="ready"), lambda session: broadcast_uploads.add_rows(session, "u1", [])
    ),
    "functions.broadcasts.ledger:lock": Wait(
        Ledger,
        lambda: [*broadcast(), filled(Ledger, automation_id=1)],
        lambda session: broadcast_ledger.lock(session, 1),
    ),
    "functions.broadcasts.running_control:_locked": Wait(
        Execution, broadcast, lambda session: running_control._locked(session, 1)
    ),
    "functions.broadcasts.running_outcomes:_locked": Wait(
        Recipient, broadcast, lambda session: running_outcomes._locked(session, 1)
    ),
    "functions.broadcasts.running_watch:finish": Wait(Execution, broadcast, lambda session: running_watch.finish(session, 1)),
    "functions.broadcasts.progress:record": Wait(
        Recipient,
        broadcast,
        lambda session: progress.record(
            session, [progress.Change(recipient_id=1, status=RecipientStatus.SENT, at=clock.now())]
        ),
    ),
    "functions.broadcasts.schedule_records:of_automation": Wait(
        BroadcastSchedule, broadcast, lambda session: schedule_records.of_automation(session, 1, for_change=True)
    ),
}


SKIPS = {
    "functions.broadcasts.planning:_plan": Wait(Execution, broadcast, lambda session: planning._plan(session, 1)),
    "functions.broadcasts.uploads:_take_batch": Wait(
        Upload, one(Upload, uuid="u1"), lambda session: broadcast_uploads._take_batch(session, 1, 0, [])
    ),
}
