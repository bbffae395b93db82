"""How recipients come forward, and how that is counted.

A recipient's status never goes back, and each stage that it reaches is counted once, by its time: an event that comes again
finds the time set. What was read was delivered, and what was answered was read, also where a vendor leaves that out. A
one-message flow is `completed` once the vendor took the message; that it was delivered and read afterwards still counts.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import counts, variants
from functions.broadcasts.states import ENDED, RecipientStatus, comes_after
from functions.broadcasts.tables import Recipient
from shared.store.dialect import held

STAGES = (RecipientStatus.SENT, RecipientStatus.DELIVERED, RecipientStatus.READ, RecipientStatus.REPLIED)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A recipient has come to `status`, at `at`. `reason`, `outcome` and the error's words go with it where there are any.

    `completes`: the flow has one message, so who had failed is completed where this shows that the message went out after all.
    """

    recipient_id: int
    status: RecipientStatus
    at: datetime
    reason: str | None = None
    outcome: str | None = None
    node: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    completes: bool = False


def record(session: Session, changes: Sequence[Change]) -> set[int]:
    """Bring recipients forward and add what has changed to the counts; the ids of those for whom nothing follows any more.

    Changes may come in any order and repeatedly, of several executions; one that is older than what is known changes nothing.
    The rows are locked in the order of their ids. A recipient that was erased meanwhile is left out.
    """
    wanted = sorted({change.recipient_id for change in changes})
    query = held(select(Recipient).where(Recipient.id.in_(wanted)).order_by(Recipient.id), Recipient)
    rows = {row.id: row for row in session.scalars(query)}
    differences: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    ended: set[int] = set()
    for change in changes:
        if (row := rows.get(change.recipient_id)) is not None:
            was_over, changed = row.status in ENDED, defaultdict[str, int](int)
            _apply(row, change, changed)
            for name, number in variants.counted(row.variant, changed).items():
                differences[row.execution_id][name] += number
            if not was_over and row.status in ENDED:
                ended.add(row.id)
    for execution_id in sorted(differences):
        counts.add(session, execution_id, differences[execution_id])
    return ended


def _apply(row: Recipient, change: Change, counted: dict[str, int]) -> None:
    if change.completes and row.status == RecipientStatus.FAILED and _is_refuted(row, change.status):
        row.status, row.flow_completed, row.error_code, row.error_message = RecipientStatus.COMPLETED, True, None, None
        counted[RecipientStatus.FAILED.value] -= 1
        counted[RecipientStatus.COMPLETED.value] += 1
    if change.status in STAGES:
        _reach(row, change, counted)
    elif change.status is RecipientStatus.COMPLETED and row.status not in ENDED:
        _stage(row, RecipientStatus.SENT, change.at, counted)
    if not comes_after(change.status, RecipientStatus(row.status)):
        return
    row.status = change.status
    row.reason = change.reason
    row.flow_outcome = change.outcome or row.flow_outcome
    row.flow_current_node = change.node or row.flow_current_node
    if change.status is RecipientStatus.FAILED:
        row.error_code, row.error_message = change.error_code or row.error_code, change.error_message or row.error_message
    else:  # what was in doubt has gone out, or was never sent
        row.error_code = row.error_message = None
    if change.status in ENDED:
        row.completed_at = change.at
        row.flow_completed = change.status is RecipientStatus.COMPLETED
        counted[change.status.value] += 1
        counted["ended"] += 1


def _is_refuted(row: Recipient, word: RecipientStatus) -> bool:
    """Whether a failure is none by this: what was delivered has not failed, nor what is known to be sent by now."""
    return word is not RecipientStatus.SENT or row.sent_at is None


def _reach(row: Recipient, change: Change, counted: dict[str, int]) -> None:
    """Set the times of this stage and of those before it that have none; what failed for good was still sent."""
    for stage in STAGES[: STAGES.index(change.status) + 1]:
        _stage(row, stage, change.at, counted)


def _stage(row: Recipient, stage: RecipientStatus, at: datetime, counted: dict[str, int]) -> None:
    name = f"{stage.value}_at"
    if getattr(row, name) is not None:
        return
    setattr(row, name, at)
    counted[stage.value] += 1
    if stage is RecipientStatus.SENT and row.due_at is not None:
        counted["processed_ms"] += max((at - row.due_at) // MILLISECOND, 0)
    if stage is RecipientStatus.REPLIED and row.sent_at is not None:
        counted["response_ms"] += max((at - row.sent_at) // MILLISECOND, 0)


__all__ = ["Change", "record"]
