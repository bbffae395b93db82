"""How long one batch for an outside system may take, held against the lease of a delivery.

A worker that outlives its lease is taken for dead: another takes over what the first is still sending. So the lease must be
longer than all the calls of a batch, each of them ended just before its time limit.

    seconds of a batch = calls * (5 s to connect + the client's read time limit)

Odoo's batches are bounded by time and not by calls: none begins after `odoo_batch_seconds`, and the last has its time limit.
"""

from dataclasses import dataclass
from typing import Any

CONNECT_SECONDS = 5.0
ODOO_BATCH_SECONDS = 100.0


@dataclass(frozen=True)
class Limit:
    """A system that is used where the setting `used_by` is given: most calls for a delivery, and each one's read time limit."""

    system: str
    used_by: str
    calls: int
    read_seconds: float

    @property
    def seconds(self) -> float:
        """The longest that a batch may take."""
        return self.calls * (CONNECT_SECONDS + self.read_seconds)


LIMITS = (
    Limit("Kommo", "kommo_access_token", 8, 20),
    Limit("Twilio", "twilio_auth_token", 2, 20),
    Limit("Brevo", "sendinblue_api_key", 2, 20),
    Limit("Resend", "resend_api_key", 1, 20),
    Limit(
        "SMTP", "smtp_url", 9, 20
    ),  # greeting, encryption, log-in, sender, recipient, content, farewell: each waits by itself
    Limit("ManyChat", "manychat_api_key", 1, 15),
    Limit("Notion", "notion_token", 4, 30),
    Limit("Discord", "discord_webhook_url", 1, 10),
    Limit("the address for alerts", "alert_webhook_url", 1, 10),
)


def lease_faults(settings: Any) -> list[str]:
    """What is wrong with DELIVERY_LEASE_SECONDS beside the other settings; one sentence, or none."""
    needed = {"Odoo (ODOO_TIMEOUT_SECONDS)": settings.odoo_timeout_seconds + CONNECT_SECONDS}
    needed |= {limit.system: limit.seconds for limit in LIMITS if getattr(settings, limit.used_by)}
    system, seconds = max(needed.items(), key=lambda pair: pair[1])
    if settings.delivery_lease_seconds > seconds:
        return []
    why = "else a second worker takes over what the first is still sending"
    return [f"DELIVERY_LEASE_SECONDS: must be above {seconds:g}, the longest that a batch for {system} may take; {why}"]
