"""Any order and repetition of Stripe's reports ends in the same payment."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.payments import facts, state
from functions.payments.payloads import StripeEvent
from functions.payments.reading import data_of
from functions.payments.tables import Payment
from shared.store.session import transact
from tests.functions.payments.conftest import Account
from tests.support import stripe
from tests.support.stripe import PAID, charge, dispute, event, intent, invoice, refund, session

pytestmark = pytest.mark.slow

HOURS = [PAID + timedelta(hours=number) for number in range(6)]
SUBSCRIPTION = [
    event("checkout.session.completed", session(mode="subscription", payment_intent=None, invoice="in_1")),
    event("invoice.paid", invoice()),
    event("payment_intent.succeeded", intent()),
    event("charge.succeeded", charge()),
    event("payment_intent.succeeded", intent(), number="another_event_for_the_same_change"),
]
REFUNDED = [
    event("payment_intent.created", intent(status="requires_payment_method", amount_received=0)),
    event("payment_intent.payment_failed", intent(status="requires_payment_method", amount_received=0), HOURS[1]),
    event("charge.failed", charge("ch_0", status="failed", captured=False), HOURS[1]),
    event("payment_intent.succeeded", intent(), HOURS[2]),
    event("charge.succeeded", charge(), HOURS[2]),
    event("charge.refunded", charge(amount_refunded=1000), HOURS[3]),
    event("charge.refunded", charge(amount_refunded=1500), HOURS[4]),
    event("charge.refund.updated", refund(amount=500, status="failed"), HOURS[5]),
    event("charge.dispute.created", dispute(payment_intent=None, amount=700), HOURS[4]),
    event("charge.dispute.closed", dispute(payment_intent=None, amount=700, status="lost"), HOURS[5]),
]
VOUCHER = [
    event("checkout.session.completed", session(payment_status="unpaid")),
    event("payment_intent.requires_action", intent(status="requires_action", amount_received=0)),
    event("payment_intent.processing", intent(status="processing", amount_received=0), HOURS[1]),
    event("checkout.session.async_payment_succeeded", session(), HOURS[5]),
    event("payment_intent.succeeded", intent(), HOURS[5]),
]
STORIES = {"subscription": SUBSCRIPTION, "refunded": REFUNDED, "voucher": VOUCHER}
OWN = frozenset({"id", "created_at", "updated_at", "notified"})


def columns(row: Payment) -> dict[str, Any]:
    """What a payment says, without the numbers and times of our own."""
    return {one.key: getattr(row, one.key) for one in Payment.__table__.columns if one.key not in OWN}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("seed", range(6))
def test_stored_payment_is_the_same_in_any_order(account: Account, story: str, seed: int) -> None:
    """Through webhook, queue and database; whoever paid is known by the same names."""
    account.report(*STORIES[story])
    expected, names = columns(account.payment), set(account.payment.notified)
    transact(lambda db: [db.delete(row) for model in _models() for row in db.query(model)])
    account.world.storage.queues.clear()
    account.report_shuffled(STORIES[story], seed)
    assert columns(account.payment) == expected
    assert set(account.payment.notified) >= names - {"payment:pi_1"}


def _models() -> list[Any]:
    from functions.payments.tables import PaymentObject
    from shared.store.journey_models import JourneyEvent
    from shared.store.models import InboxEvent

    return [PaymentObject, Payment, InboxEvent, JourneyEvent]


EVENTS = st.tuples(
    st.sampled_from(
        ["charge.succeeded", "charge.refunded", "charge.failed", "charge.updated", "refund.updated", "refund.failed"]
    ),
    st.integers(0, 3),
    st.integers(0, 5),
    st.sampled_from(["succeeded", "failed", "pending"]),
)


def as_event(drawn: tuple[str, int, int, str], number: int) -> StripeEvent:
    """An event whose time, sum and state may be anything."""
    kind, hour, amount, status = drawn
    found = (
        refund(f"re_{amount % 2}", amount, status)
        if kind.startswith("refund")
        else charge(amount=9, amount_refunded=amount, status=status)
    )
    return StripeEvent.model_validate(data_of(event(kind, found, HOURS[hour], number=str(number))))


def computed(events: list[StripeEvent]) -> dict[str, Any] | None:
    """The payment that these events make, in this order."""
    known: dict[str, dict[str, Any]] = {}
    for each in events:
        known[str(each.object_id)] = facts.merged(known.get(str(each.object_id), {}), each)
    kinds = {name: kind for each in events for name, kind in each.kinds.items()}
    objects = [state.Known(object_id=name, kind=kinds[name], facts=found) for name, found in known.items()]
    return state.computed(objects, stripe.ZONE)


@given(st.lists(EVENTS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_computed_payment_depends_on_no_order(drawn: list[tuple[str, int, int, str]], dice: Any) -> None:
    """Equal seconds, contradictions and repetitions included."""
    events = [as_event(each, number) for number, each in enumerate(drawn)]
    shuffled = [*events, *dice.sample(events, k=dice.randint(0, len(events)))]
    dice.shuffle(shuffled)
    assert computed(shuffled) == computed(events)
