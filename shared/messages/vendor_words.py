"""The vendors' words for what became of a message, in ours (`shared.messages.statuses`). None: nothing that concerns us."""

from collections.abc import Mapping

TWILIO_MESSAGE = {
    "accepted": "queued",
    "scheduled": "queued",
    "queued": "queued",
    "sending": "sending",
    "sent": "sent",
    "delivered": "delivered",
    "read": "opened",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
TWILIO_CALL = {
    "queued": "queued",
    "initiated": "queued",
    "ringing": "queued",
    "in-progress": "in-progress",
    "completed": "answered",
    "busy": "no-answer",
    "no-answer": "no-answer",
    "failed": "call-failed",
    "canceled": "call-failed",
}
BREVO = {
    "request": "sent",
    "sent": "sent",
    "deferred": "delayed",
    "delivered": "delivered",
    "opened": "opened",
    "unique_opened": "opened",
    "click": "clicked",
    "soft_bounce": "soft-bounced",
    "hard_bounce": "bounced",
    "invalid_email": "bounced",
    "blocked": "failed",
    "error": "failed",
    "spam": "complained",
    "unsubscribed": "unsubscribed",
}
RESEND = {
    "email.scheduled": "queued",
    "email.sent": "sent",
    "email.delivery_delayed": "delayed",
    "email.delivered": "delivered",
    "email.opened": "opened",
    "email.clicked": "clicked",
    "email.bounced": "bounced",
    "email.failed": "failed",
    "email.suppressed": "failed",
    "email.complained": "complained",
}
_PASSING_BOUNCES = frozenset({"transient", "undetermined"})
_MACHINES = ("machine", "fax")  # AnsweredBy: machine_start, machine_end_beep, ..., fax


def is_machine(answered_by: str) -> bool:
    """Whether Twilio's `AnsweredBy` says that nobody is listening; "unknown" and nothing at all count as a person."""
    return answered_by.startswith(_MACHINES)


def ours(provider: str, word: str, detail: Mapping[str, str]) -> str | None:
    """Our status for a vendor's word. `detail` may hold `answered_by` (calls), `bounce` (Resend's type), `call` (any text)."""
    if provider == "twilio":
        status = (TWILIO_CALL if "call" in detail else TWILIO_MESSAGE).get(word)
        return "machine" if status == "answered" and is_machine(detail.get("answered_by", "")) else status
    if provider == "brevo":
        return BREVO.get(word)
    status = RESEND.get(word)
    return "soft-bounced" if status == "bounced" and detail.get("bounce", "").lower() in _PASSING_BOUNCES else status
