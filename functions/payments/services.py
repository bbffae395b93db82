"""Keeps what Stripe reports, brings the payment up to date, and notifies journeys once the money has come."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.payments import facts, notifications, persons, revenue, state
from functions.payments.payloads import CHARGE, INTENT, StripeEvent
from functions.payments.tables import Payment, PaymentObject
from shared.crm.people import e164
from shared.errors import PermanentError
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent, locked
from shared.store.types import fitting

MOST_OBJECTS = 500


def take(session: Session, event: StripeEvent, event_key: str) -> str:
    """Take an event in: "applied", "stale" where newer reports say it all, "kept" as long as no payment is known to it.

    "ignored" are events that say nothing of a payment. The rows of all objects that an event mentions are made and locked
    first, so that two events about one payment are taken in one after the other.

    Raises:
        PermanentError: `bad-amount`; `too-many-objects`, one payment has more of them than any real one.
    """
    if event.object_id is None:
        return "ignored"
    rows = _locked_rows(session, event)
    changed = _learn(session, rows, event)
    found = _connected(session, rows)
    outcomes = [_brought_up_to_date(session, root, found, event, event_key) for root in _roots(found)]
    if not outcomes:
        return "kept"
    return "applied" if changed or any(outcomes) else "stale"


def _locked_rows(session: Session, event: StripeEvent) -> dict[str, PaymentObject]:
    for object_id, kind in sorted(event.kinds.items()):
        insert_if_absent(session, PaymentObject, "object_id", {"object_id": object_id, "kind": kind})
    return _rows(session, PaymentObject.object_id.in_(sorted(event.kinds)))


def _rows(session: Session, which: Any) -> dict[str, PaymentObject]:
    query = locked(select(PaymentObject).where(which).order_by(PaymentObject.id), PaymentObject)
    return {row.object_id: row for row in session.scalars(query)}


def _learn(session: Session, rows: Mapping[str, PaymentObject], event: StripeEvent) -> bool:
    """Add the event's facts and links to the rows; whether that is news."""
    parents = select(PaymentObject.object_id, PaymentObject.kind)
    parents = parents.where(PaymentObject.object_id.in_(sorted({row.parent for row in rows.values() if row.parent})))
    kinds = {row.object_id: row.kind for row in session.execute(parents)} | event.kinds
    own = rows[str(event.object_id)]
    before = [(row.facts, row.person, row.parent) for row in rows.values()]
    own.facts, own.person = facts.merged(own.facts, event), facts.merged_person(own.person, event)
    for child, parent in event.links:
        row = rows[child]
        if facts.nearer(row.parent, kinds.get(row.parent or ""), parent, rows[parent].kind):
            row.parent = parent
    return before != [(row.facts, row.person, row.parent) for row in rows.values()]


def _connected(session: Session, rows: dict[str, PaymentObject]) -> dict[str, PaymentObject]:
    """All objects that belong together with these, locked."""
    session.flush()
    found = dict(rows)
    while True:
        ids = sorted({*found, *(row.parent for row in found.values() if row.parent)})
        more = _rows(session, or_(PaymentObject.object_id.in_(ids), PaymentObject.parent.in_(ids)))
        if more.keys() <= found.keys():
            return found | more
        found |= more
        if len(found) > MOST_OBJECTS:
            raise PermanentError("too-many-objects", f"more than {MOST_OBJECTS} of Stripe's objects belong to one payment")


def _roots(found: Mapping[str, PaymentObject]) -> list[PaymentObject]:
    """The objects that are payments: intents, and charges that are known to have none."""
    return [
        row
        for _name, row in sorted(found.items())
        if row.kind == INTENT or (row.kind == CHARGE and row.parent is None and row.facts)
    ]


def _brought_up_to_date(
    session: Session, root: PaymentObject, found: Mapping[str, PaymentObject], event: StripeEvent, event_key: str
) -> bool:
    """Compute the payment anew from all of its objects; whether it has changed."""
    theirs = [row for row in found.values() if _root_of(row, found) == root.object_id]
    columns = state.computed([_known(row) for row in theirs], revenue.zone())
    if columns is None:
        return False
    payment, is_new = _locked_payment(session, root.object_id, columns, live=event.live)
    for row in theirs:
        row.payment_id = payment.id
    changed = _set(payment, _stored(columns)) or is_new
    if changed:
        persons.observe(session, payment)
        notifications.follow(session, payment, event_key)
    return changed


def _root_of(row: PaymentObject, found: Mapping[str, PaymentObject]) -> str:
    seen: set[str] = set()
    while row.parent is not None and row.parent in found and row.object_id not in seen:
        seen.add(row.object_id)
        row = found[row.parent]
    return row.object_id


def _known(row: PaymentObject) -> state.Known:
    return state.Known(object_id=row.object_id, kind=row.kind, facts=row.facts, person=row.person)


def _locked_payment(session: Session, payment_id: str, columns: Mapping[str, Any], *, live: bool) -> tuple[Payment, bool]:
    """The payment's row, made where there is none, locked; and whether it is new."""
    needed = {name: columns[name] for name in ("status", "currency", "amount_minor", "began_at")}
    is_new = insert_if_absent(session, Payment, "payment_id", {"payment_id": payment_id, "live": live} | needed)
    found = session.scalars(locked(select(Payment).where(Payment.payment_id == payment_id), Payment)).one()
    return found, is_new


def _set(payment: Payment, columns: Mapping[str, Any]) -> bool:
    """Set what is different; whether anything was."""
    changed = {name: value for name, value in columns.items() if getattr(payment, name) != value}
    for name, value in changed.items():
        setattr(payment, name, value)
    return bool(changed)


def _stored(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns as they are stored: a number in E.164; one that cannot be read is left out."""
    phone = columns["phone"]
    return dict(columns) | {
        "phone": e164(phone, get_settings().default_phone_region) if phone else None,
        "name": fitting(columns["name"], 200) if columns["name"] else None,
        "details": columns["details"] or {},
    }
