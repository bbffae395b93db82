"""The demonstration's part of HubSpot: a salesman notes in what the visitor is interested, who then gets a message."""

import time
from urllib.parse import quote

from local import lead
from local.part import Part, Row

PRODUCT = "Plan Anual"
SUBSCRIBER_DIGITS = 9


class Demo(Part):
    """Makes a contact in the sandbox's HubSpot and watches what becomes of it. `ask` is a request to the app with its key."""

    def show(self, name: str) -> bool:
        """Make the contact, and wait for the message to them; whether it came."""
        print(f"\n  POST {self.sandbox_url}/_sandbox/hubspot/create  ({name})")
        subscriber = str(time.time_ns())[-SUBSCRIBER_DIGITS:].replace("0", "1")
        properties = {"firstname": name, "interes_producto": PRODUCT, "manychat_user_id": subscriber}
        answer = lead.asked("POST", f"{self.sandbox_url}/_sandbox/hubspot/create", {"properties": properties})
        number = (answer.get("result") or {}).get("id")
        if number is None:
            print("    refused: no contact was made")
            return False
        self.step(
            f"made      contact {number}, interested in {PRODUCT}; HubSpot sends {len(answer.get('webhooks', []))} request"
        )
        path = f"/api/v1/hubspot/messages?status=sent&manychat_user_id={quote(subscriber)}"
        return self.came(path, lambda _row: True, _shown, "manychat: no message came in time")


def _shown(row: Row) -> str:
    return f"manychat  “{row['mensaje_enviado'][:60]}…”"
