"""The demonstration's part of HubSpot: a salesman notes in what the visitor is interested, who then gets a message."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from local import lead

PRODUCT = "Plan Anual"
SUBSCRIBER_DIGITS = 9


class Demo:
    """Makes a contact in the sandbox's HubSpot and watches what becomes of it. `ask` is a request to the app with its key."""

    def __init__(self, sandbox_url: str, ask: Callable[[str], dict[str, Any]]) -> None:
        self.sandbox_url, self._ask = sandbox_url, ask
        self._started = time.monotonic()

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
        self._step(
            f"made      contact {number}, interested in {PRODUCT}; HubSpot sends {len(answer.get('webhooks', []))} request"
        )
        return self._came(f"/api/v1/hubspot/messages?status=sent&manychat_user_id={quote(subscriber)}")

    def _came(self, path: str) -> bool:
        for _ in lead.moments():
            for row in self._ask(path).get("items", ()):
                self._step(f"manychat  “{row['mensaje_enviado'][:60]}…”")
                return True
        self._step("manychat: no message came in time; see .local/host.log")
        return False

    def _step(self, text: str) -> None:
        print(f"    {1000 * (time.monotonic() - self._started):7.0f} ms  {text}", flush=True)
