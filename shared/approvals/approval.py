"""What is asked for, and what is decided: the two values that flows and approvals exchange. Light."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

PENDING: Final = "pending"
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
EXPIRED: Final = "expired"
WITHDRAWN: Final = "withdrawn"

CONTEXT = "approval_invitation"
"""Under this name a mail's context holds the number of the invitation."""

LENGTHS = {"kind": 40, "key": 200, "subject": 100, "title": 200, "asked_by": 60}

type State = Literal["pending", "approved", "rejected", "expired", "withdrawn"]
type Verdict = Literal["approved", "rejected"]


@dataclass(frozen=True, kw_only=True)
class ApprovalRequest:
    """A question to a second person, in words that this person reads.

    `kind` says what waits (`broadcast`), `subject` what it is about, as other tables name it: a person's name (`lead:7`) where
    it is about one, so that an erasure finds it. The same `key` of the same kind is asked once for all time.
    `title` and `details` (label -> value) are shown in the mail and on the page. `asked_by` is the name of the API key of
    whoever wants it, who may not decide; a flow that asks by itself gives its own name.
    After `expires_at` nobody can decide any more. Everybody who was asked is reminded once, at `remind_at` (None: halfway).
    `approvers`: names (of APPROVERS, or of API keys) of those who alone may decide; without any everybody else may.
    """

    kind: str
    subject: str
    key: str
    title: str
    asked_by: str
    expires_at: datetime
    details: Mapping[str, str] = field(default_factory=dict)
    remind_at: datetime | None = None
    approvers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be stored. Raises ValueError."""
        for name, at_most in LENGTHS.items():
            if not 0 < len(getattr(self, name)) <= at_most:
                raise ValueError(f"the {name} of an approval has 1 to {at_most} characters")
        if any(moment.tzinfo is None for moment in (self.expires_at, self.remind_at) if moment is not None):
            raise ValueError("a naive datetime says nothing")


@dataclass(frozen=True, kw_only=True)
class ApprovalDecided:
    """How an approval ended, for the listeners of `approval.decided`. Each approval ends once.

    `outcome`: `approved`, `rejected`, `expired` (nobody decided in time) or `withdrawn`; anything but `approved` is a no.
    `by` is the name of whoever decided or withdrew; None where it expired. `key` is that of the request.
    """

    id: int
    kind: str
    subject: str
    key: str
    outcome: Literal["approved", "rejected", "expired", "withdrawn"]
    by: str | None
    comment: str | None
    at: datetime


def same_name(one: str, other: str) -> bool:
    """Whether two names are one person's: case, blanks around it, and what was cut off to be stored make no second of it."""
    kept = LENGTHS["asked_by"]
    return one.strip()[:kept].rstrip().casefold() == other.strip()[:kept].rstrip().casefold()
