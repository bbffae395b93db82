"""The states of an automation, of its executions and of their recipients, and which of them may follow which.

    automation  draft -> active -> completed; active <-> paused; archived ends it
    execution   queued -> running -> completed | failed | cancelled; running <-> paused
    recipient   pending -> queued -> sent -> delivered -> read -> replied -> completed; failed; skipped

A recipient's status only ever moves forward in `ORDER`: the events of a vendor arrive in any order, and repeatedly.
"""

from enum import StrEnum


class AutomationStatus(StrEnum):
    """Of an automation."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    ARCHIVED = "archived"


class ExecutionStatus(StrEnum):
    """Of an execution. `queued`: its recipients are being worked out, or somebody's approval is waited for."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RecipientStatus(StrEnum):
    """Of a recipient. `queued`: it is due soon and has its delivery; `skipped`: nothing was sent, `reason` says why."""

    PENDING = "pending"
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    REPLIED = "replied"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class PlanState(StrEnum):
    """How far the recipients of an execution are worked out."""

    PLANNING = "planning"
    PLANNED = "planned"


class Approval(StrEnum):
    """Whether an execution waits for a second person."""

    NONE = "none"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


OPEN = (ExecutionStatus.QUEUED, ExecutionStatus.RUNNING, ExecutionStatus.PAUSED)
"""An execution in which something may still be sent."""

UNDER_WAY = (ExecutionStatus.QUEUED, ExecutionStatus.RUNNING)
"""An execution that keeps its automation from being changed or deleted."""

ORDER = {status: place for place, status in enumerate(RecipientStatus)}
"""How far a recipient has come. `failed` and `skipped` are ends, and come last."""

ENDED = frozenset((RecipientStatus.COMPLETED, RecipientStatus.FAILED, RecipientStatus.SKIPPED))


def comes_after(new: RecipientStatus, present: RecipientStatus) -> bool:
    """Whether a recipient moves from `present` to `new`.

    What was delivered has not failed; what was sent was not skipped; an end stays what it is.
    """
    if present in ENDED:
        return False
    if new is RecipientStatus.FAILED:
        return ORDER[present] <= ORDER[RecipientStatus.SENT]
    if new is RecipientStatus.SKIPPED:
        return ORDER[present] < ORDER[RecipientStatus.SENT]
    return ORDER[new] > ORDER[present]
