"""The demonstration's third part: the visitor pays in Stripe, and what follows from the payment is waited for."""

from collections.abc import Callable
from typing import Any

from local import lead
from local.part import Part

AMOUNT, CURRENCY = 129_900, "mxn"


class Demo(Part):
    """Makes a payment in the sandbox's Stripe and watches our record of it. `ask` is a request to the app with its key."""

    def show(self, name: str, email: str) -> bool:
        """Pay, and wait for our record, the row in the sheet and the analysis; whether all of it came."""
        print(f"\n  POST {self.sandbox_url}/_sandbox/stripe/pay  ({name})")
        given = {"amount": AMOUNT, "currency": CURRENCY, "email": email, "name": name, "order": "881"}
        answer = lead.asked("POST", f"{self.sandbox_url}/_sandbox/stripe/pay", given)
        number = (answer.get("result") or {}).get("id")
        if number is None:
            print("    refused: no payment was made")
            return False
        self.step(f"paid      {number}; Stripe sends {len(answer.get('webhooks', []))} events")
        return self._came(number, "stored", lambda row: row["status"] == "succeeded") and self._followed(number)

    def _followed(self, number: str) -> bool:
        in_sheet = self._came(number, "sheet", lambda row: row["sheet_sync_status"] == "success")
        return in_sheet and self._came(number, "analysed", lambda row: bool(row["analysis"]))

    def _came(self, number: str, what: str, is_there: Callable[[dict[str, Any]], bool]) -> bool:
        for _ in lead.moments():
            row = self._ask(f"/api/v1/payments/{number}")
            if "payment_id" in row and is_there(row):
                self.step(f"{what:<9} {_shown(what, row)}")
                return True
        self.step(f"{what}: did not come in time; see .local/host.log")
        return False


def _shown(what: str, row: dict[str, Any]) -> str:
    if what == "stored":
        return f"{row['amount']} {row['currency']}, {row['status']}, of {row['paid_on']}"
    if what == "sheet":
        return "the row in the Google Sheet is in step"
    return f"{row['analysis'].get('context')}, {row['analysis']['cost_usd']} USD"
