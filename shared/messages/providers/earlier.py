"""Events that were stored before they had our status: the provider's word and what else decides about its meaning."""

from collections.abc import Mapping
from typing import Any

from shared.messages.providers import brevo, resend, twilio_codes, twilio_events


def event(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same event as data of a `ProviderEvent`."""
    detail: Mapping[str, str] = data.get("detail") or {}
    provider, word = str(data.get("provider")), str(data.get("word"))
    kept = {name: data.get(name) for name in ("provider", "vendor_id", "word", "at", "who")}
    kept["delivery_id"] = data.get("delivery")
    if provider == "twilio":
        status = twilio_events.status_of(word, is_call="call" in detail, answered_by=detail.get("answered_by", ""))
        return kept | {"status": status, "reason": twilio_codes.reason_of(detail.get("error")) or None}
    if provider == "brevo":
        return kept | {"status": brevo.STATUSES.get(word)}
    return kept | {"status": resend.status_of(word, bounce=detail.get("bounce", ""))}
