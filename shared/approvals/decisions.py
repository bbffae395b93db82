"""Decide an approval, hand it to somebody else, let it expire, remind. Each in the caller's transaction."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared import clock
from shared.approvals import ending, invitations
from shared.approvals.approval import EXPIRED, PENDING, Verdict, same_name
from shared.approvals.requests import NOUN
from shared.crm import editing
from shared.errors import FieldError, RefusedError
from shared.setting_approvals import ApprovalSettings
from shared.settings import get_settings, settings_of
from shared.store.approval_models import Approval
from shared.store.session import reading

log = logging.getLogger("puente.approvals")

AT_ONCE = 500  # of a run of the job; what is left over comes with the next
ENGINE = "engine"


@dataclass(frozen=True)
class Decided:
    """The approval as it is afterwards, and whether this call has changed it: a second decision changes nothing."""

    approval: Approval
    changed: bool


def decide(session: Session, approval_id: int, verdict: Verdict, by: str, comment: str | None, actor: str) -> Decided:
    """Approve or reject, and notify the listeners. A second decision, whichever it is, changes nothing.

    `by` is the name of whoever decides, `actor` how the action log names them. What has expired ends as expired, whether or
    not the job came by.

    Raises:
        RefusedError: 404, there is none; 403, they have asked for it themselves, were not asked, or have handed it over.
    """
    row = editing.locked_row(session, Approval, approval_id, NOUN)
    _require_right(session, row, by)
    if not _is_open(session, row):
        return Decided(row, changed=False)
    ending.end(session, row, verdict, by, comment, actor)
    return Decided(row, changed=True)


def delegate(session: Session, approval_id: int, by: str, to: str, actor: str) -> Decided:
    """Let `to` decide in the place of `by`. The same again changes nothing; nor does it once the approval is decided.

    Raises:
        RefusedError: as `decide`; 422, nobody is called `to`, or they may not decide this one.
    """
    row = editing.locked_row(session, Approval, approval_id, NOUN)
    mine = invitations.found(session, row, by)
    if mine is not None and mine.delegated_to is not None and same_name(mine.delegated_to, to):
        return Decided(row, changed=False)
    _require_right(session, row, by)
    if not _is_open(session, row):
        return Decided(row, changed=False)
    if same_name(to, by) or not any(same_name(to, name) for name in may_be_asked(row)):
        wrong = FieldError("to", "must be the name of somebody who may decide, other than the one who asked and oneself")
        raise RefusedError(422, "invalid-fields", "Nobody of that name may decide this approval.", errors=[wrong])
    invitations.hand_over(session, row, by, to)
    editing.log(session, actor, "approval-delegated", ending.subject(row), f"to {to}")
    session.flush()
    return Decided(row, changed=True)


def may_be_asked(approval: Approval) -> list[str]:
    """The names of those to whom the approval may be handed: in APPROVERS, or of keys that may write; not who wants it."""
    keys = [key.name for key in get_settings().api_keys if key.scopes & {"write", "admin"}]
    names = [*settings_of(ApprovalSettings).approvers, *keys]
    return [name for name in dict.fromkeys(names) if not same_name(name, approval.asked_by)]


def is_over(approval: Approval) -> bool:
    """Whether the time of an open approval has passed, whether or not the job came by."""
    return approval.state == PENDING and clock.now() >= approval.expires_at


def expire() -> int:
    """End what nobody has decided in time, each in a transaction of its own; how many. A second run finds none of them."""
    due = select(Approval.id).where(Approval.state == PENDING, Approval.expires_at <= clock.now())
    return _each(due.order_by(Approval.expires_at).limit(AT_ONCE), _expire_one)


def remind() -> int:
    """Remind those who have not decided yet, once for each approval; how many approvals."""
    now = clock.now()
    due = select(Approval.id).where(Approval.state == PENDING, Approval.remind_at <= now, Approval.expires_at > now)
    return _each(due.order_by(Approval.remind_at).limit(AT_ONCE), _remind_one)


def _each(due: Select[int], work: Callable[[Session, int], bool]) -> int:
    with reading() as session:
        numbers = session.scalars(due).all()
    return sum(_safely(work, number) for number in numbers)


def _safely(work: Callable[[Session, int], bool], number: int) -> bool:
    """Whether it was done. What fails is tried again with the next run, and keeps no other."""
    try:
        return editing.committed(lambda session: work(session, number))
    except Exception:
        log.exception("approval %d", number)
        return False


def _expire_one(session: Session, approval_id: int) -> bool:
    row = editing.locked_row(session, Approval, approval_id, NOUN)
    return row.state == PENDING and not _is_open(session, row)


def _remind_one(session: Session, approval_id: int) -> bool:
    row = editing.locked_row(session, Approval, approval_id, NOUN)
    if row.state != PENDING or row.remind_at is None:
        return False
    invitations.remind(session, row)
    return True


def _is_open(session: Session, row: Approval) -> bool:
    """Whether it can still be decided. One whose time is over ends here."""
    if is_over(row):
        ending.end(session, row, EXPIRED, None, None, ENGINE)
    return row.state == PENDING


def _require_right(session: Session, row: Approval, by: str) -> None:
    if same_name(by, row.asked_by):
        raise RefusedError(403, "own-request", "Whoever asks for an approval cannot decide it.")
    invitation = invitations.found(session, row, by)
    if invitation is None and row.restricted:
        raise RefusedError(403, "not-asked", "Others were asked for this approval.")
    if invitation is not None and invitation.delegated_to is not None:
        raise RefusedError(403, "delegated", f"It was handed to {invitation.delegated_to}.")
