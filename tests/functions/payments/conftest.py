"""Fixtures of the payments."""

import random
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import select

from functions.payments.tables import Payment
from shared import clock
from shared.settings import get_settings
from shared.store.session import reading
from tests.support import stripe
from tests.support.functions import named
from tests.support.world import World


class Account:
    """The account at Stripe: what it reports, and what we have kept of it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def report(self, *events: dict[str, Any]) -> None:
        """Stripe reports these events, in this order, and all is handled."""
        for each in events:
            raw = stripe.body(each)
            answer = self.world.post("stripe", raw, **{"stripe-signature": stripe.signature(raw)})
            assert answer.status_code == 202, answer.get_body()
            self.world.run()

    def report_shuffled(self, events: Iterable[dict[str, Any]], seed: int) -> None:
        """Stripe reports them in any order, some of them again."""
        dice = random.Random(seed)  # noqa: S311  # a shuffle
        several = [each for each in events for _ in range(dice.choice((1, 1, 2, 3)))]
        dice.shuffle(several)
        self.report(*several)

    @property
    def payments(self) -> list[Payment]:
        """All payments, in the order in which they were made."""
        with reading() as session:
            return list(session.scalars(select(Payment).order_by(Payment.id)))

    @property
    def payment(self) -> Payment:
        """The only one."""
        (found,) = self.payments
        return found


@pytest.fixture
def account(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Account:
    """An account whose webhook is set up."""
    from functions.payments import triggers

    environment.setenv("STRIPE_SIGNING_SECRET", stripe.SECRET)
    environment.setenv("DEFAULT_TIME_ZONE", "America/Mexico_City")
    get_settings.cache_clear()
    world.webhooks["stripe"] = triggers.WEBHOOK
    world.handlers["events-queue"] = named("events_handler")
    return Account(world)
