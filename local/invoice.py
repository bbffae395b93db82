"""The demonstration's invoice: it is overdue, it is paid in Stripe, and nobody is reminded of it any more."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from local import lead
from local.part import PostingPart

HOOK = "/api/v1/invoices/webhook"
TOTAL, CENTS, OVERDUE_DAYS = "11600.00", 1_160_000, 12


class Demo(PostingPart):
    """Reports an invoice and pays it in the sandbox's Stripe."""

    def show(self, name: str, email: str) -> bool:
        """Report it, pay it, and wait for our record of both; whether all of it came."""
        now = datetime.now(UTC)
        serie = f"F-{now:%d%H%M%S}"
        print(f"\n  POST {HOOK}  ({serie}, {name})")
        due = (now - timedelta(days=OVERDUE_DAYS)).date().isoformat()
        report = {"serie": serie, "total": TOTAL, "currency": "MXN", "due_date": due, "customer": name, "customer_email": email}
        if self._post(HOOK, report).get("status") != "accepted":
            print("    refused: no invoice was taken")
            return False
        if not self._came(serie, "stored", lambda row: row["status"] == "open"):
            return False
        paid = {"amount": CENTS, "currency": "mxn", "email": email, "name": name, "order": serie}
        lead.asked("POST", f"{self.sandbox_url}/_sandbox/stripe/pay", paid)
        return self._came(serie, "settled", lambda row: row["status"] == "paid")

    def _came(self, serie: str, what: str, is_there: Callable[[dict[str, Any]], bool]) -> bool:
        path, missing = f"/api/v1/invoices?serie={serie}", f"{what}: did not come in time"
        return self.came(path, is_there, lambda row: f"{what:<9} {_shown(what, row)}", missing)


def _shown(what: str, row: dict[str, Any]) -> str:
    if what == "stored":
        return f"{row['residual']} {row['currency']} open, {row['days_overdue']} days overdue"
    return "paid in Stripe by the invoice's number; nobody is reminded of it"
