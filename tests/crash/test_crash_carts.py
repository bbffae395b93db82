"""The host dies while a shop reports carts and orders. Whoever ordered is not reminded, and everybody else once."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from functions.carts.tables import Cart, ShopOrder
from shared.store.journey_models import Enrolment, JourneyBeginning
from tests.crash import ledger
from tests.crash.rig import QUIET_SECONDS, Rig, Senders
from tests.support import shops

pytestmark = pytest.mark.slow

CARTS = 40
DEATHS = ("inbox.before_commit=kill:0.1", "inbox.after_commit=kill:0.1", "inbox.after_nudge=kill:0.1")
LEFT = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)


@dataclass(frozen=True)
class Report:
    """A request of Shopify's."""

    given: dict[str, Any]
    path: str = "/api/v1/carts/shopify"

    @property
    def body(self) -> bytes:
        """As Shopify writes it."""
        return shops.body(self.given)


def after(minutes: int) -> str:
    """A moment after the carts were left."""
    return (LEFT + timedelta(minutes=minutes)).isoformat()


def reports(number: int) -> Iterator[Report]:
    """A cart that is changed twice; every other person orders, from another checkout, and pays a minute later."""
    email, lines = f"p{number}@example.com", [shops.line(quantity=number)]
    for minute in (0, 1, 2):
        yield Report(shops.checkout(f"c-{number}", email, after(minute), line_items=growing(lines, minute)))
    if number % 2:
        known = {"checkout_token": f"o-{number}", "line_items": lines}
        yield Report(shops.order(number, email, after(3), financial_status="pending", **known))
        yield Report(shops.order(number, email, after(3), updated_at=after(4), **known))


def growing(lines: list[dict[str, Any]], minute: int) -> list[dict[str, Any]]:
    """The cart grows until its last change."""
    return lines if minute == 2 else [shops.line(quantity=1)]


@pytest.mark.host
def test_carts_survive_the_deaths_of_the_host(rig: Rig, seed: int) -> None:
    """Everything repeated and out of order, the host killed again and again: each report counts once."""
    posts = [report for number in range(1, CARTS + 1) for report in reports(number)] * 2
    random.Random(seed).shuffle(posts)  # noqa: S311  # an order, no secret
    with Senders(rig.host, posts) as sending:
        rig.survive(sending, DEATHS)
        wait_until(lambda: sending.done and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.2)
    rig.host.stop()
    assert set(rig.deaths) >= set(DEATHS[:2])
    with Session(rig.engine) as session:
        ledger.check_events(session, sending.accepted)
        carts = {row.cart_id: row for row in session.scalars(select(Cart))}
        assert {name: (row.state, row.shown_minor) for name, row in carts.items()} == {
            f"c-{number}": ("ordered" if number % 2 else "open", 10_000 * number) for number in range(1, CARTS + 1)
        }
        orders = session.scalars(select(ShopOrder)).all()
        assert {(row.order_id, row.status, row.paid_at is not None) for row in orders} == {
            (str(number), "paid", True) for number in range(1, CARTS + 1, 2)
        }
        waiting = session.scalars(select(JourneyBeginning.person).where(JourneyBeginning.state == "waiting")).all()
        assert sorted(waiting) == sorted(f"email:p{number}@example.com" for number in range(2, CARTS + 1, 2))
        assert session.scalars(select(Enrolment)).all() == []
