"""`python -m deploy.smoke [address]`: send a test event through the deployed app and look where it arrived.

It takes the whole way of an event: in by the webhook, over the queue, into our record, out by the API. The test person,
`puente-smoke`, has no opportunity, so Odoo hears of it only where ODOO_SYNC_MODE wants partners.
"""

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.azure import Azure, Session, until
from deploy.console import DeployError, say, variable
from deploy.door import vault_open
from deploy.secrets import SMOKE_KEY, here, text_in_vault

PERSON = "puente-smoke"
AWAKE_WITHIN_SECONDS = 300
ARRIVES_WITHIN_SECONDS = 120
SECONDS = 30
OK, ACCEPTED = 200, 202


@dataclass
class Smoke:
    """The deployed app as a sender and an operator see it."""

    address: str
    key: str
    session: Session
    pause: float = 3

    def run(self) -> dict[str, float]:
        """Send one event and wait until it is in our record; the seconds that each step took.

        Raises:
            DeployError: which step failed, and where to look.
        """
        began = datetime.now(UTC)
        until(
            self._awake, AWAKE_WITHIN_SECONDS, pause=self.pause, what="/health does not answer; see docs/operate.md#unavailable"
        )
        awake = datetime.now(UTC)
        sent = self._send(awake)
        accepted = datetime.now(UTC)
        until(lambda: self._arrived(sent), ARRIVES_WITHIN_SECONDS, pause=self.pause, what=self._lost(sent))
        arrived = datetime.now(UTC)
        times = {"awake": awake - began, "accepted": accepted - awake, "arrived": arrived - accepted}
        return {step: round(taken / timedelta(seconds=1), 1) for step, taken in times.items()}

    def _get(self, path: str, **query: str) -> Any:
        headers = {"X-API-KEY": self.key}
        return self.session.request("GET", f"{self.address}{path}", headers=headers, params=query, timeout=SECONDS)

    def _awake(self) -> bool | None:
        try:
            return True if self._get("/health").status_code == OK else None
        except OSError:  # requests' errors are; the name may not resolve yet
            return None

    def _send(self, now: datetime) -> datetime:
        at = now.replace(microsecond=0)
        event = {
            "manychat_id": PERSON,
            "nombre_lead": "Prueba",
            "datetime_actual": at.isoformat(),
            "ultimo_estado": "smoke test",
        }
        answer = self.session.request(
            "POST",
            f"{self.address}/api/v1/manychat/webhook/contact",
            headers={"X-API-KEY": self.key},
            json=event,
            timeout=SECONDS,
        )
        if answer.status_code != ACCEPTED:
            raise DeployError(f"the webhook answered {answer.status_code}: {answer.text[:400]}")
        return at

    def _arrived(self, sent: datetime) -> bool | None:
        answer = self._get("/api/v1/contacts/", manychat_id=PERSON)
        if answer.status_code != OK:
            return None  # the database may be waking up
        items = answer.json()["items"]
        if not items or not items[0]["last_event_at"]:
            return None
        newest = datetime.fromisoformat(items[0]["last_event_at"])
        newest = newest if newest.tzinfo else newest.replace(tzinfo=UTC)
        return True if newest >= sent else None

    def _lost(self, sent: datetime) -> str:
        return (
            f"the event of {sent.isoformat()} was accepted but is not in our record. Look at the queue manychat-contact-queue, "
            "at /api/v1/dead-letters/, and at docs/operate.md#queue-age"
        )


def key_of_the_environment() -> str:
    """PUENTE_SMOKE_KEY, or the key `smoke` from the vault of the keys.

    Raises:
        DeployError: there is neither.
    """
    if given := os.environ.get("PUENTE_SMOKE_KEY"):
        return given
    azure, address = Azure(), variable("AZURE_KEYS_VAULT_URL")
    with vault_open(azure, here(), address):
        key = azure.secret(address, text_in_vault(SMOKE_KEY))
    if key is None:
        raise DeployError(f"no key for the test: python -m deploy.secrets new-key {SMOKE_KEY} --scopes webhook:manychat read")
    return key


def main() -> int:
    """The command line; 1 where the event did not arrive."""
    import requests

    try:
        address = sys.argv[1] if len(sys.argv) > 1 else f"https://{variable('AZURE_FUNCTION_HOST')}"
        times = Smoke(address.rstrip("/"), key_of_the_environment(), requests.Session()).run()
    except DeployError as error:
        say(f"smoke test failed: {error}")
        return 1
    say("smoke test passed: " + ", ".join(f"{step} after {seconds} s" for step, seconds in times.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
