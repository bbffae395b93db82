"""Work out the recipients of an execution, in chunks: each is one transaction, with the cursor behind it.

Whoever plans holds the execution's row, so that a chunk is planned once; a crash between two chunks leaves the cursor where the
next one begins, and repeats nobody. Recipients are told apart by their address in its one spelling: who comes a second time is
counted as a duplicate and is none.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from functions.broadcasts import approval, counts, judging, known_flows, variants
from functions.broadcasts.audience import Audience, find_upload
from functions.broadcasts.judging import Judged
from functions.broadcasts.states import Approval, ExecutionStatus, PlanState, RecipientStatus
from functions.broadcasts.tables import Execution, Recipient, Upload
from shared import clock, faults
from shared.alerts import plan_alert
from shared.errors import ConfigurationError, RetryableError
from shared.phrases import phrase
from shared.store.dialect import held, unclaimed
from shared.store.session import reading, transact

CHUNK = 1000
SLICE = 500
BUDGET_SECONDS = 20  # of each half minute
MOST_ATTEMPTS = 10  # of a chunk that fails
AFTER_CHUNK = faults.point("broadcasts.after_chunk")
log = logging.getLogger("puente.broadcasts")


def plan_all() -> int:
    """Go on with every execution whose recipients are being worked out; how many chunks. A job of every half minute.

    An execution that fails is tried again with the next job, at most MOST_ATTEMPTS times, and fails no other.
    """
    until, done = clock.steady() + BUDGET_SECONDS, 0
    with reading() as session:
        query = select(Execution.id).where(
            Execution.status == ExecutionStatus.QUEUED, Execution.plan_state == PlanState.PLANNING
        )
        execution_ids = session.scalars(query.order_by(Execution.id).limit(50)).all()
    for execution_id in execution_ids:
        while clock.steady() < until and plan_chunk(execution_id):
            done += 1
    return done


def plan_chunk(execution_id: int) -> bool:
    """Plan the next chunk; False where nothing is left to do now. What fails costs the execution an attempt, and is logged."""
    try:
        goes_on = transact(partial(_plan, execution_id=execution_id))
    except (RetryableError, ConfigurationError):
        raise  # the database is away or busy: the execution is not to blame
    except Exception as error:
        log.exception("the recipients of execution %d cannot be worked out", execution_id)
        transact(partial(_note_failure, execution_id=execution_id, words=getattr(error, "reason", type(error).__name__)))
        return False
    faults.hit(AFTER_CHUNK)
    return goes_on


def audience_of(execution: Execution) -> Audience:
    """Whom an execution is for."""
    config: Mapping[str, Any] = execution.config
    test_ids = tuple(execution.test_contact_ids) if execution.is_test else None
    return Audience(config.get("audience_type", "custom"), config.get("audience_config") or {}, test_ids)


def _plan(session: Session, execution_id: int) -> bool:
    query = unclaimed(select(Execution).where(Execution.id == execution_id), Execution)
    execution = session.scalars(query).one_or_none()
    if execution is None or execution.status != ExecutionStatus.QUEUED or execution.plan_state != PlanState.PLANNING:
        return False
    audience, cursor = audience_of(execution), execution.plan_cursor or {"after": 0, "duplicates": 0}
    if waits_for_list(session, audience):
        return False
    candidates, after = audience.chunk(session, cursor["after"], CHUNK)
    if after == cursor["after"]:
        _finish(session, execution)
        return False
    needs = known_flows.needs_of(execution.config["flow_id"])
    mapping, b = execution.config.get("variable_mapping") or {}, variants.of_config(execution.config)
    judged = judging.judge(session, candidates, mapping, needs, b)
    duplicates = len(judged) - _add(session, execution.id, judged)
    execution.plan_cursor = cursor | {"after": after, "duplicates": cursor["duplicates"] + duplicates}
    return True


def waits_for_list(session: Session, audience: Audience) -> bool:
    """Whether the list is still being read: its rows are planned once all of them are there."""
    if audience.ids is not None or audience.kind != "uploaded":
        return False
    upload: Upload | None = find_upload(session, audience.config.get("upload_id"))
    return upload is not None and upload.state == "reading"


def _add(session: Session, execution_id: int, judged: Sequence[Judged]) -> int:
    """Insert those who are not recipients yet; how many that are."""
    first = {one.key: one for one in reversed(judged)}
    known = set()
    for begin in range(0, len(keys := sorted(first)), SLICE):
        same = (Recipient.execution_id == execution_id, Recipient.key.in_(keys[begin : begin + SLICE]))
        known |= set(session.scalars(select(Recipient.key).where(*same)))
    new = [one for one in judged if first[one.key] is one and one.key not in known]
    if new:
        session.execute(insert(Recipient), [_row(execution_id, one) for one in new])
        skipped = sum(one.reason is not None for one in new)
        of_b = sum(one.variant == variants.B for one in new)
        counts.add(session, execution_id, {"total": len(new), "skipped": skipped, "ended": skipped, "b_total": of_b})
    return len(new)


def _row(execution_id: int, one: Judged) -> dict[str, Any]:
    status = RecipientStatus.PENDING if one.reason is None else RecipientStatus.SKIPPED
    return {
        "execution_id": execution_id,
        "key": one.key,
        "contact_id": one.contact_id,
        "phone_number": one.phone,
        "variables": dict(one.variables),
        "variant": one.variant,
        "status": status,
        "reason": one.reason,
        "completed_at": None if one.reason is None else clock.now(),
        "source_line": one.line,
    }


def _finish(session: Session, execution: Execution) -> None:
    """Everybody is there: what is sent may begin, unless nobody is, or somebody has to approve it."""
    totals = counts.of(session, [execution.id])[execution.id]
    execution.plan_state, execution.total_recipients = PlanState.PLANNED, totals["total"]
    if totals["total"] == 0:
        _fail(session, execution, phrase("empty-audience: nobody belongs to it"))
        return
    if execution.approval == Approval.NONE and not execution.is_test:
        approval.ask_if_needed(session, execution, totals["total"] - totals["skipped"])


def _note_failure(session: Session, execution_id: int, words: str) -> None:
    execution = session.scalars(held(select(Execution).where(Execution.id == execution_id), Execution)).one()
    execution.plan_attempts += 1
    if execution.plan_attempts >= MOST_ATTEMPTS and execution.status == ExecutionStatus.QUEUED:
        _fail(
            session, execution, phrase("its recipients cannot be worked out (%(error)s); the log has the reason", error=words)
        )


def _fail(session: Session, execution: Execution, reason: str) -> None:
    """End it before anything has gone out, and tell the operators: of a schedule's run nobody else would look."""
    execution.status, execution.completed_at, execution.error_message = ExecutionStatus.FAILED, clock.now(), reason
    text = f"Puente: broadcast execution {execution.uuid} has failed: {reason}"
    plan_alert(session, f"broadcast-failed:{execution.id}", text)
