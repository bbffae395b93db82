"""Kommo in step with our leads: what is asked for, what is sent, and `kommo_sync_status` true to what happened."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from functions.leads import ids
from functions.leads.settings import LeadSettings
from shared import clock
from shared.errors import PuenteError
from shared.outbox.actions import Action, Claimed, Done, Kind, Outcome
from shared.outbox.policy import TargetPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from functions.leads.tables import Lead

log = logging.getLogger("puente.leads")

TARGET = "kommo"
PENDING, SUCCESS, ERROR = "pending", "success", "error"
FORGOTTEN_AFTER = timedelta(minutes=15)


def is_configured() -> bool:
    """Whether Kommo is used at all; without it nothing is owed to it."""
    settings = LeadSettings.current()
    return settings.kommo_base_url is not None and settings.kommo_access_token is not None


def ask(session: Session, lead_id: int, event_key: str | None = None) -> None:
    """Ask that Kommo be brought up to date with this lead; nothing where Kommo is not used or there is no such lead.

    Level-triggered: what SQL says when it is sent counts (the stage follows from `status`), so asking again is harmless.
    """
    from functions.leads.tables import Lead
    from shared.outbox import plan

    lead = session.get(Lead, lead_id) if is_configured() else None
    if lead is not None:
        _pending(lead)
        plan.sync(session, LEAD, ids.key(lead_id), event_key=event_key)


def rearm(session: Session, at_most: int = 500) -> int:
    """Ask again for what is in error, or pending for long, and has no open delivery; how many were asked for.

    The outbox retries by itself; this finds what fell out of it (a row edited in SQL, a delivery lost to a restored backup).
    What was parked or taken back by a person stays so until a person or the next change says otherwise.
    """
    from sqlalchemy import Unicode, and_, cast, literal, or_, select

    from functions.leads.tables import Lead
    from shared.outbox.forgotten import cared_for

    if not is_configured():
        return 0
    failed = and_(Lead.kommo_sync_status == ERROR, Lead.kommo_sync_attempts < LEAD.retry.max_attempts)
    waiting = and_(Lead.kommo_sync_status == PENDING, Lead.kommo_sync_at < clock.now() - FORGOTTEN_AFTER)
    lost = (or_(failed, waiting), ~cared_for(LEAD, Lead, literal(ids.KEY) + cast(Lead.id, Unicode(20))))
    forgotten = session.scalars(select(Lead.id).where(*lost).order_by(Lead.id).limit(at_most)).all()
    for lead_id in forgotten:
        ask(session, lead_id)
    return len(forgotten)


def policy() -> TargetPolicy:
    """Kommo's limits."""
    # One batch at a time over all instances, and the client spaces the requests within it: see `shared.vendors.pace`.
    return TargetPolicy(slots=1, batches_per_second=LeadSettings.current().kommo_requests_per_second)


def _execute(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    """Read what SQL says of each lead now, and bring Kommo up to date with it."""
    from functions.leads import kommo_rows

    return {delivery.id: kommo_rows.bring_up_to_date(delivery.subject) for delivery in deliveries}


def _pending(lead: Lead) -> None:
    lead.kommo_sync_status, lead.kommo_sync_error, lead.kommo_sync_at = PENDING, None, clock.now()


def _after(session: Session, delivery: Claimed, outcome: Outcome, final: bool) -> None:  # noqa: FBT001  # the outbox calls it so
    """Write down how the sync went. A success that a newer change has overtaken leaves the status pending: it is."""
    from sqlalchemy import update

    from functions.leads import notes
    from functions.leads.tables import Lead

    now = clock.now()
    noted: dict[str, Any] = {"kommo_sync_at": now}
    if isinstance(outcome, Done):
        noted |= {name: outcome.result[name] for name in ("kommo_lead_id", "kommo_contact_id", "kommo_stage_id")}
        noted |= {"kommo_synced_at": now, "kommo_sync_error": None, "kommo_sync_attempts": 0}
        noted |= {"kommo_sync_status": SUCCESS if final else PENDING}
    elif isinstance(outcome, PuenteError):
        noted |= {"kommo_sync_status": ERROR, "kommo_sync_error": str(outcome)[:1000], "kommo_sync_attempts": delivery.attempt}
    session.execute(update(Lead).where(Lead.id == ids.number(delivery.subject)).values(noted))
    if isinstance(outcome, Done):
        notes.wake(session, delivery.subject)


def _hold(session: Session, subjects: Sequence[str]) -> None:
    """Lock the rows themselves: a column that no index holds makes Azure SQL go to them."""
    from sqlalchemy import select

    from functions.leads.tables import Lead
    from shared.store.dialect import locked

    numbers = [ids.number(subject) for subject in subjects]
    session.execute(locked(select(Lead.id, Lead.kommo_sync_error).where(Lead.id.in_(numbers)), Lead)).all()


def _asked_again(session: Session, subject: str) -> None:
    from functions.leads.tables import Lead

    lead = session.get(Lead, ids.number(subject))
    if lead is not None:
        _pending(lead)


LEAD = Action(target=TARGET, name="lead", kind=Kind.SYNC, execute=_execute, after=_after, hold=_hold, asked_again=_asked_again)

__all__ = ["LEAD", "TARGET", "ask", "is_configured", "rearm"]
