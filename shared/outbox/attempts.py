"""Attempts in the action log: a line for each, with its result in a word."""

from sqlalchemy.orm import Session

from shared.errors import PermanentError
from shared.outbox.actions import Action, Claimed, Done, Outcome, Shadowed, Skip
from shared.store.models import ERROR_LENGTH, ActionLog

SYSTEM = "system"
LATE = "late "  # an outcome that came when somebody else held the delivery already
NO_FAILURE = frozenset(("done", "shadowed", "skipped", "moved"))
"""The results in the action log that say of an attempt that nothing went wrong; every other one is the reason of a failure."""


def is_failure(result: str) -> bool:
    """Whether a line of the action log tells of an attempt that failed."""
    return result.removeprefix(LATE) not in NO_FAILURE


def log_outcome(session: Session, action: Action, delivery: Claimed, result: str, detail: str | None) -> None:
    """One line of the action log for one attempt."""
    session.add(
        ActionLog(
            actor=SYSTEM,
            action=f"{action.target}.{action.name}",
            subject=delivery.subject,
            delivery_id=delivery.id,
            started_at=delivery.claimed_at,
            attempt=delivery.attempt,
            result=result,
            detail=detail[:ERROR_LENGTH] if detail else None,
        )
    )


def result_code(outcome: Outcome) -> str:
    """The result of an attempt in a word of at most 32 characters."""
    if isinstance(outcome, Done):
        return "shadowed" if isinstance(outcome, Shadowed) else "done"
    if isinstance(outcome, Skip):
        return "skipped"
    return outcome.reason[:32] if isinstance(outcome, PermanentError) else type(outcome).__name__.removesuffix("Error").lower()
