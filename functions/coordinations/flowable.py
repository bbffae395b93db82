"""Flowable's REST API: starts processes, completes their tasks or message events, cancels them.

Nothing there is idempotent, so whatever may have happened before is looked for first: a process by its business key, a task in
its history, a message by the variable that came with it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions.coordinations.settings import CoordinationSettings
from shared.errors import PermanentError, RetryableError
from shared.outbox.policy import TargetPolicy
from shared.settings import settings_of
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    from functions.coordinations.tables import Coordination

TARGET = "flowable"
MARK = "puenteReport"
"""The process variable by which a report is recognised that arrived although its answer got lost."""

ENDED, ERASED = "process-ended", "erased"
NOT_FOUND = "flowable-not-found"
CANCELLED = "Puente"
LAST = "9"  # after every date: what the history does not know yet was started last


def authorization(token: str) -> Mapping[str, str]:
    """A token as Bearer; one with a colon, which no Bearer token has (RFC 6750), as the user and password of Basic."""
    if not token:
        return {}
    if ":" in token:
        return {"Authorization": f"Basic {base64.b64encode(token.encode()).decode()}"}
    return {"Authorization": f"Bearer {token}"}


FLOWABLE = RestClient(
    name="Flowable",
    address="flowable_base_url",
    key="flowable_token",
    used_by="flowable_base_url",
    authorize=authorization,
    ping_by="/management/engine",
    shows="version",
    read_seconds=30,  # a start answers when the process waits for the first time
    calls=5,
    error=lambda body: (body.get("message"), body.get("exception")),
)


def start(row: Coordination) -> dict[str, Any]:
    """Start the process, unless one with its business key is there; its ids.

    A start whose answer got lost is found again. Where two are there all the same, the first stays and the others are
    cancelled: whatever they wait for, nobody else knows of them.

    Raises:
        PermanentError: `erased`; `flowable-bad-request`, there is no such definition; as `RestClient.call`.
    """
    if row.payload is None:
        raise PermanentError(ERASED, "the person was erased before the process was started")
    if found := _processes(row):
        for other in found[1:]:
            cancel_process(str(other["id"]), f"{CANCELLED}: started twice")
        return _ids(found[0])
    return _ids(FLOWABLE.call("POST", "/runtime/process-instances", repeatable=False, json=request_of(row)))


def request_of(row: Coordination) -> dict[str, Any]:
    """The body that starts a process."""
    variables = [{"name": "request", "value": row.payload}, _text("coordinationId", str(row.id))]
    body: dict[str, Any] = {"processDefinitionKey": row.process_key, "businessKey": row.business_key, "variables": variables}
    tenant = settings_of(CoordinationSettings).flowable_tenant
    return body | ({"tenantId": tenant} if tenant else {})


def report(row: Coordination) -> None:
    """Give the robot's result to the process: its task is completed, or its message event received, once.

    Raises:
        RetryableError: the process has not come so far yet.
        PermanentError: `process-ended`; as `RestClient.call`.
    """
    settings, failed = settings_of(CoordinationSettings), row.result_status != "completed"
    message = settings.coordinations_failed_message if failed else settings.coordinations_message
    if not settings.coordinations_task or (failed and message):
        _report_message(row, message or settings.coordinations_message)
    else:
        _report_task(row, settings.coordinations_task)


def results_of(row: Coordination) -> list[dict[str, Any]]:
    """The robot's result, as variables of the process."""
    found = [_text("robotStatus", str(row.result_status)), _text(MARK, str(row.id))]
    found += [
        _text(name, value) for name, value in (("robotExecutionId", row.execution_id), ("robotError", row.error)) if value
    ]
    return found + ([{"name": "robotResult", "value": row.result}] if row.result is not None else [])


def cancel(row: Coordination) -> None:
    """Cancel every process of the business key; one that is over, or gone, is left as it is."""
    for process in _processes(row) or [{"id": row.process_id}]:
        cancel_process(str(process["id"]), f"{CANCELLED}: {row.reason or 'cancelled'}")


def cancel_process(process_id: str, why: str) -> None:
    """Cancel a process; harmless where it is over."""
    try:
        FLOWABLE.call("DELETE", f"/runtime/process-instances/{process_id}", repeatable=True, params={"deleteReason": why[:200]})
    except PermanentError as error:
        if error.reason != NOT_FOUND:
            raise


def _report_task(row: Coordination, task_key: str) -> None:
    whose = {"processInstanceId": str(row.process_id), "taskDefinitionKey": task_key}
    tasks = _listed("/runtime/tasks", whose)
    if tasks and _completed(str(tasks[0]["id"]), row):
        return
    if not _listed("/history/historic-task-instances", whose | {"finished": "true"}):
        _require_mark(row, f"the task {task_key}")


def _completed(task_id: str, row: Coordination) -> bool:
    """Complete a task; False where it is no more, which its history explains."""
    body = {"action": "complete", "variables": results_of(row)}
    try:
        FLOWABLE.call("POST", f"/runtime/tasks/{task_id}", repeatable=True, json=body)
    except PermanentError as error:
        if error.reason != NOT_FOUND:
            raise
        return False
    return True


def _report_message(row: Coordination, name: str) -> None:
    whose = {"processInstanceId": str(row.process_id), "messageEventSubscriptionName": name}
    waiting = _listed("/runtime/executions", whose)
    if not waiting:
        _require_mark(row, f"the message {name}")
        return
    body = {"action": "messageEventReceived", "messageName": name, "variables": results_of(row)}
    try:
        # A second one would find nobody who waits for it, and fail for ever; so it is looked for before it is sent again.
        FLOWABLE.call("PUT", f"/runtime/executions/{waiting[0]['id']}", repeatable=False, json=body)
    except PermanentError as error:
        if error.reason == NOT_FOUND:
            raise RetryableError("Flowable: the process has moved while its message was on the way") from error
        raise


def _require_mark(row: Coordination, what: str) -> None:
    """Nothing where a report has arrived before: its variable came with it.

    Raises:
        RetryableError: the process does not wait for it yet, or its history is behind.
        PermanentError: `process-ended`, without it.
    """
    whose = {"processInstanceId": str(row.process_id), "includeProcessVariables": "true"}
    found = _listed("/history/historic-process-instances", whose)
    variables = [one for process in found for one in process.get("variables") or () if isinstance(one, dict)]
    if any(one.get("name") == MARK and one.get("value") == str(row.id) for one in variables):
        return
    if any(process.get("endTime") for process in found):
        raise PermanentError(ENDED, f"Flowable: the process has ended without {what}")
    raise RetryableError(f"Flowable: the process does not wait for {what} yet")


def _processes(row: Coordination) -> list[Mapping[str, Any]]:
    """The processes of the business key: running ones, ours first and then the first that was started; else the history's."""
    whose = {"businessKey": row.business_key, "processDefinitionKey": row.process_key}
    running = _listed("/runtime/process-instances", whose)
    if len(running) == 1:
        return running
    history = _listed("/history/historic-process-instances", whose)
    started = {str(one["id"]): str(one.get("startTime") or "") for one in history}

    def place(one: Mapping[str, Any]) -> tuple[bool, str, str]:
        return str(one["id"]) != row.process_id, started.get(str(one["id"]), LAST), str(one["id"])

    return sorted(running, key=place) or history


def _listed(path: str, params: Mapping[str, str]) -> list[Mapping[str, Any]]:
    answer = FLOWABLE.call("GET", path, repeatable=True, params=dict(params))
    data = answer.get("data")
    if not isinstance(data, list):
        raise RetryableError(f"Flowable: {path} answered without a list")
    return [one for one in data if isinstance(one, dict) and one.get("id") is not None]


def _ids(process: Mapping[str, Any]) -> dict[str, Any]:
    if not process.get("id"):
        raise RetryableError("Flowable: starting a process: the answer has no id")
    definition = process.get("processDefinitionId")
    return {"process_id": str(process["id"])[:100], "definition_id": str(definition or "")[:200]}


def _text(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "type": "string", "value": value}


def policy() -> TargetPolicy:
    """Flowable names no limit; two at a time leave it room for its people."""
    return TargetPolicy(slots=2, batches_per_second=10)
