"""Odoo in step with our record: what is asked for, what is sent, and `odoo_sync_status` true to what happened."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import clock
from shared.errors import PermanentError, PuenteError
from shared.outbox.actions import Action, Claimed, Done, Kind, Outcome
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.store.models import Contact, Opportunity
    from shared.vendors.odoo.client import OdooClient

log = logging.getLogger("puente.odoo")

TARGET = "odoo"
PENDING, SUCCESS, ERROR = "pending", "success", "error"
FORGOTTEN_AFTER = timedelta(minutes=15)


def policy() -> TargetPolicy:
    """Odoo's limits."""
    # One batch at a time: Odoo gains nothing from parallel calls, and two writes to one lead make it retry for seconds.
    return TargetPolicy(slots=1, batches_per_second=get_settings().odoo_calls_per_second)


def ask(session: "Session", contact: "Contact", opportunity: "Opportunity | None", event_key: str | None = None) -> None:
    """Ask that Odoo be brought up to date with this person, as far as ODOO_SYNC_MODE wants it."""
    from shared.outbox import plan

    mode = get_settings().odoo_sync_mode
    if mode in ("contacts", "both"):
        _pending(contact)
        plan.sync(session, CONTACT, contact.manychat_id, event_key=event_key)
    if opportunity is not None and mode in ("opportunities", "both"):
        _pending(opportunity)
        plan.sync(session, OPPORTUNITY, opportunity.manychat_id, event_key=event_key)


def ask_many(session: "Session", manychat_ids: Sequence[str]) -> None:
    """Ask the same for many opportunities at once, of which only the opportunity has to be brought up to date."""
    from sqlalchemy import update

    from shared.outbox import plan
    from shared.store.models import Opportunity

    if get_settings().odoo_sync_mode not in ("opportunities", "both"):
        return
    now = clock.now()
    pending = {"odoo_sync_status": PENDING, "odoo_sync_error": None, "odoo_sync_at": now}
    session.execute(update(Opportunity).where(Opportunity.manychat_id.in_(manychat_ids)).values(**pending))
    plan.sync_many(session, OPPORTUNITY, manychat_ids)


def _pending(row: "Contact | Opportunity") -> None:
    row.odoo_sync_status, row.odoo_sync_error, row.odoo_sync_at = PENDING, None, clock.now()


def _sync_opportunities(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    """Read what SQL says of the opportunities now, and bring their leads up to date."""
    from shared.crm import odoo_rows
    from shared.store.models import Opportunity

    return _sync(deliveries, Opportunity, odoo_rows.lead_facts, odoo_rows.send_leads)


def _sync_contacts(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    """Read what SQL says of the contacts now, and bring their partners up to date."""
    from shared.crm import odoo_rows
    from shared.store.models import Contact

    return _sync(deliveries, Contact, odoo_rows.partner_rows, odoo_rows.send_partners)


def _sync(
    deliveries: Sequence[Claimed],
    table: type[Any],
    read: Callable[["Session", Iterable[Any]], Sequence[Any]],
    send: Callable[["OdooClient", Sequence[Any]], Mapping[str, Outcome]],
) -> Mapping[int, Outcome]:
    from sqlalchemy import select

    from shared.store.session import reading
    from shared.vendors.odoo.client import OdooClient

    subjects = [delivery.subject for delivery in deliveries]
    with reading() as session:
        rows = read(session, session.scalars(select(table).where(table.manychat_id.in_(subjects))).unique())
    sent = send(OdooClient.from_settings(get_settings()), rows)
    missing = PermanentError("no-such-record", "our own record of it no longer exists")
    return {delivery.id: sent.get(delivery.subject, missing) for delivery in deliveries}


def _after_opportunity(session: "Session", delivery: Claimed, outcome: Outcome, final: bool) -> None:  # noqa: FBT001
    from shared.store.models import Opportunity

    _note(session, Opportunity, delivery, outcome, final=final)


def _after_contact(session: "Session", delivery: Claimed, outcome: Outcome, final: bool) -> None:  # noqa: FBT001
    from shared.store.models import Contact

    _note(session, Contact, delivery, outcome, final=final)


def _hold_opportunities(session: "Session", manychat_ids: Sequence[str]) -> None:
    from shared.store.models import Opportunity

    _hold(session, Opportunity, manychat_ids)


def _hold_contacts(session: "Session", manychat_ids: Sequence[str]) -> None:
    from shared.store.models import Contact

    _hold(session, Contact, manychat_ids)


def _hold(session: "Session", table: type[Any], manychat_ids: Sequence[str]) -> None:
    """Lock the rows themselves: a column that no index holds makes Azure SQL go to them."""
    from sqlalchemy import select

    from shared.store.dialect import locked

    query = select(table.id, table.odoo_sync_error).where(table.manychat_id.in_(manychat_ids))
    session.execute(locked(query, table)).all()


def _opportunity_again(session: "Session", manychat_id: str) -> None:
    from shared.store.models import Opportunity

    _asked_again(session, Opportunity, manychat_id)


def _contact_again(session: "Session", manychat_id: str) -> None:
    from shared.store.models import Contact

    _asked_again(session, Contact, manychat_id)


def _asked_again(session: "Session", table: type[Any], manychat_id: str) -> None:
    from sqlalchemy import select

    from shared.store.dialect import locked

    row = session.scalars(locked(select(table).where(table.manychat_id == manychat_id), table)).one_or_none()
    if row is not None:
        _pending(row)


def _note(session: "Session", table: type[Any], delivery: Claimed, outcome: Outcome, *, final: bool) -> None:
    """Write down how the sync went. A success that a newer change has overtaken leaves the status pending: it is."""
    from sqlalchemy import update

    now = clock.now()
    noted: dict[str, Any] = {"odoo_sync_at": now}
    if isinstance(outcome, Done):
        noted |= {"odoo_id": outcome.result["odoo_id"], "odoo_linked": outcome.result["linked"], "odoo_synced_at": now}
        noted |= {"odoo_sync_status": SUCCESS if final else PENDING, "odoo_sync_error": None, "odoo_sync_attempts": 0}
    elif isinstance(outcome, PuenteError):
        noted |= {"odoo_sync_status": ERROR, "odoo_sync_error": str(outcome)[:1000], "odoo_sync_attempts": delivery.attempt}
    session.execute(update(table).where(table.manychat_id == delivery.subject).values(noted))


def rearm(session: "Session", at_most: int = 500) -> int:
    """Ask again for what is in error, or pending for long, and has no open delivery; how many were asked for.

    The outbox retries by itself; this finds what fell out of it (a row edited in SQL, a delivery lost to a restored backup).
    What was parked or taken back by a person stays so until a person or the next change says otherwise.
    """
    from shared.store.models import Contact, Opportunity

    return _forgotten(session, Contact, CONTACT, at_most) + _forgotten(session, Opportunity, OPPORTUNITY, at_most)


def _forgotten(session: "Session", table: type[Any], action: Action, at_most: int) -> int:
    from sqlalchemy import and_, or_, select

    from shared.outbox import plan
    from shared.outbox.forgotten import cared_for

    failed = and_(table.odoo_sync_status == ERROR, table.odoo_sync_attempts < action.retry.max_attempts)
    waiting = and_(table.odoo_sync_status == PENDING, table.odoo_sync_at < clock.now() - FORGOTTEN_AFTER)
    lost = (or_(failed, waiting), ~cared_for(action, table, table.manychat_id))
    query = select(table).where(*lost).order_by(table.id).limit(at_most)
    rows = session.scalars(query).all()
    for row in rows:
        row.odoo_sync_at = clock.now()
        plan.sync(session, action, row.manychat_id)
    return len(rows)


OPPORTUNITY = Action(
    target=TARGET,
    name="opportunity",
    kind=Kind.SYNC,
    execute=_sync_opportunities,
    batch_size=lambda: get_settings().odoo_batch_size,
    after=_after_opportunity,
    hold=_hold_opportunities,
    asked_again=_opportunity_again,
)
CONTACT = Action(
    target=TARGET,
    name="contact",
    kind=Kind.SYNC,
    execute=_sync_contacts,
    batch_size=lambda: get_settings().odoo_batch_size,
    after=_after_contact,
    hold=_hold_contacts,
    asked_again=_contact_again,
)

__all__ = ["CONTACT", "OPPORTUNITY", "TARGET", "ask", "ask_many", "rearm"]
