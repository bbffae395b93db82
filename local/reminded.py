"""The demonstration's carts in the reports: two that were left an hour ago are reminded of, and one is bought after all.

The first reminder goes out within half a minute; the rest of the demonstration goes on meanwhile (`leave`), and at its end the
order comes, and the day is counted once more (`bought`), which a job does every quarter of an hour.
"""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from local.part import PostingPart, Row
from local.ports import ROOT

LEFT_AGO = timedelta(hours=1)
CARTS_HOOK, ORDERS_HOOK = "/api/v1/carts/events", "/api/v1/carts/orders"
STORE, TOTAL, CURRENCY = "tienda.example", "1299.00", "MXN"
COUNTING = "local.counting"


class Demo(PostingPart):
    """Reports two carts at the app's webhook, as a plugin of a shop does. `post` and `ask` are requests with its key."""

    def leave(self, now: datetime) -> None:
        """Two people left a cart each, an hour ago; returns at once."""
        self._left = now
        for number in (1, 2):
            self._post(CARTS_HOOK, {**self._cart(number), "first_name": "Rosa Demo", "items": [_line()]})

    def bought(self, environment: Mapping[str, str]) -> bool:
        """Wait until both were reminded of, have one bought and paid for, and count the day; whether all of it came."""
        print("\n  Two carts that were left an hour ago  (tienda.example)")
        reminded = [self._came("reminded", number, _was_reminded_of) for number in (1, 2)]
        now = datetime.now(UTC).isoformat()
        order = {"order_id": f"o-{self._name(1)}", "financial_status": "paid", "placed_at": now, "paid_at": now}
        self._post(ORDERS_HOOK, {**self._cart(1), **order, "updated_at": now})
        ordered = self._came("bought", 1, lambda row: bool(row["recovered"]))
        counted = subprocess.run([sys.executable, "-m", COUNTING], cwd=ROOT, env=dict(environment), check=False)  # noqa: S603
        self.step("counted   the figures of the day" if counted.returncode == 0 else "the day was not counted")
        return all(reminded) and ordered and counted.returncode == 0

    def _name(self, number: int) -> str:
        return f"demo-{self._left:%d%H%M%S}-{number}"

    def _cart(self, number: int) -> Row:
        moment = (self._left - LEFT_AGO).isoformat()
        email = f"rosa.{number}.{self._left:%d%H%M%S}@example.com"
        facts = {"store": STORE, "cart_id": self._name(number), "email": email, "currency": CURRENCY, "total_price": TOTAL}
        return facts | {"abandoned_at": moment}

    def _came(self, what: str, number: int, is_there: Any) -> bool:
        path, missing = f"/api/v1/carts/?cart_id={self._name(number)}", f"{what}: did not come in time"
        return self.came(path, is_there, lambda row: f"{what:<9} {_shown(row)}", missing)


def _line() -> Row:
    return {"title": "Taza azul", "quantity": 2, "price": "649.50", "product_id": "7"}


def _was_reminded_of(row: Row) -> bool:
    return any(message["status"] in ("sent", "delivered") for message in row["messages"])


def _shown(row: Row) -> str:
    return f"cart {row['cart_id']}: {row['state']}, {len(row['messages'])} mail"
