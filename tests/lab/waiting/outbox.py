"""The places of shared/outbox that lock rows, and how somebody comes by them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import odoo_sync
from shared.outbox import claims, expired, plan, record
from shared.outbox import operator_actions as delivery_actions
from shared.store.models import Contact, Delivery, Target
from tests.lab.races import TARGET, card
from tests.lab.rows import Wait, delivery, filled, person


def leased() -> Sequence[Any]:
    """A delivery in the hands of a worker."""
    return delivery(state="sending", lease_token="w1", lease_until=clock.now() + timedelta(minutes=5))()


def dead() -> Sequence[Any]:
    """A delivery whose worker has died."""
    return delivery(state="sending", lease_token="w1", lease_until=clock.now() - timedelta(minutes=5))()


def synced() -> Sequence[Any]:
    """A sync that is due, under the key by which it is found."""
    return delivery(dedupe_key=plan.key_of("sync", TARGET, "card", "s"))()


def handed(session: Session) -> Any:
    """The leased delivery as its worker has it."""
    row = session.scalars(select(Delivery)).one()
    return claims.as_claimed(row)


def record_outcome(session: Session) -> None:
    """The worker records that it is done."""
    claimed = handed(session)
    record.record(session, session.scalars(select(Target)).one(), card(), "w1", (claimed,), {claimed.id: None})


WAITS = {
    "shared.outbox.claims:_TARGET": Wait(Target, delivery(), lambda session: claims.claim(session, TARGET, "w1"), held=TARGET),
    "shared.outbox.claims:taken_before": Wait(Delivery, leased, lambda session: claims.taken_before(session, TARGET, "w1")),
    "shared.outbox.operator_actions:_locked": Wait(Delivery, delivery(), lambda session: delivery_actions._locked(session, 1)),
    "shared.outbox.operator_actions:_new_sync": Wait(
        Delivery,
        synced,
        lambda session: delivery_actions._new_sync(session, card(), session.scalars(select(Delivery)).one()),
    ),
    "shared.outbox.plan:_BY_KEY": Wait(Delivery, synced, lambda session: plan.sync(session, card(), "s")),
    "shared.outbox.plan:cancel": Wait(Delivery, delivery(), lambda session: plan.cancel(session, 1, "no")),
    "shared.outbox.plan:sync_many": Wait(Delivery, synced, lambda session: plan.sync_many(session, card(), ["s"])),
    "shared.outbox.record:_take_back_retry": Wait(
        Delivery,
        lambda: [*delivery()(), filled(Delivery, id=2, target=TARGET, dedupe_key="k2", retry_of=1, state="pending")],
        lambda session: record._take_back_retry(session, 1),
        held=2,
    ),
    "shared.outbox.record:write": Wait(Delivery, leased, record_outcome),
    "shared.outbox.row_effect:RowEffect.lock_rows": Wait(
        Contact, person, lambda session: odoo_sync.CONTACTS.lock_rows(session, ["m1"])
    ),
}


SKIPS = {
    "shared.outbox.claims:_next": Wait(Delivery, delivery(), lambda session: claims.claim(session, TARGET, "w1")),
    "shared.outbox.expired:free_expired": Wait(Delivery, dead, expired.free_expired),
}
