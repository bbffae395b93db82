"""The demonstration's fourth part: the visitor leaves a cart in Shopify, is to be reminded of it, and orders after all."""

from collections.abc import Callable
from typing import Any

from local import lead
from local.part import Part

TITLE, PRICE, QUANTITY = "Taza azul", 649.5, 2


class Demo(Part):
    """Leaves a cart in the sandbox's Shopify and watches our record of it. `ask` is a request to the app with its key."""

    def show(self, name: str, email: str) -> bool:
        """Leave a cart, wait for our record of it, order, and wait for its end; whether all of it came."""
        given = {"email": email, "name": name, "title": TITLE, "price": PRICE, "quantity": QUANTITY}
        number = self._acted("leave", given)
        if number is None:
            print("    refused: no cart was left")
            return False
        if not self._came(number, "left", lambda row: row["state"] == "open"):
            return False
        self._acted("order", {"id": number})
        return self._came(number, "ordered", lambda row: row["state"] == "ordered")

    def _acted(self, action: str, given: dict[str, Any]) -> str | None:
        print(f"\n  POST {self.sandbox_url}/_sandbox/shopify/{action}")
        answer = lead.asked("POST", f"{self.sandbox_url}/_sandbox/shopify/{action}", given)
        return (answer.get("result") or {}).get("id")

    def _came(self, number: str, what: str, is_there: Callable[[dict[str, Any]], bool]) -> bool:
        path, missing = f"/api/v1/carts/?cart_id={number}", f"{what}: did not come in time"
        return self.came(path, is_there, lambda row: f"{what:<9} {_shown(what, row)}", missing)


def _shown(what: str, row: dict[str, Any]) -> str:
    if what == "left":
        return f"{row['currency']} {row['total']}; a mail goes out half an hour after the last change"
    return f"order {row['order_id']}; nothing more goes out"
