"""Twilio's error codes (twilio.com/docs/api/errors) and statuses, and what they mean to us."""

from collections.abc import Mapping

# Codes of refusals and of failed statuses that mean something to us; all others become `twilio-<code>`.
REASONS: Mapping[int, str] = {
    21211: "twilio-invalid-recipient",
    21217: "twilio-invalid-recipient",
    21265: "twilio-invalid-recipient",
    21614: "twilio-invalid-recipient",
    21635: "twilio-invalid-recipient",
    63024: "twilio-not-on-whatsapp",
    21214: "twilio-unreachable",
    21612: "twilio-unreachable",
    30003: "twilio-unreachable",
    30005: "twilio-unreachable",
    30006: "twilio-unreachable",
    21215: "twilio-country-not-allowed",
    21408: "twilio-country-not-allowed",
    21610: "twilio-opted-out",
    30004: "twilio-blocked",
    30007: "twilio-filtered",
    63016: "twilio-outside-window",
    63018: "twilio-sender-limit",
    63032: "twilio-user-limit",
    63049: "twilio-marketing-limit",
    21212: "twilio-invalid-sender",
    21606: "twilio-invalid-sender",
    63007: "twilio-invalid-sender",
    21617: "twilio-too-long",
    21655: "twilio-invalid-template",
    21656: "twilio-invalid-template",
}
# Too much for now, whatever the HTTP status: nothing was sent.
THROTTLED = frozenset({20429, 21611})
# More than the sender's number may send, in this minute or on this day: the message waits, others by other numbers do not.
SENDER_LIMIT = 63018
# What is refused is not this message but all of ours: the account is not let in, or suspended.
ACCOUNT_CODES = frozenset({"20003", "20005", "30002", "90010"})

MESSAGE_STATUSES: Mapping[str, str] = {
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
CALL_STATUSES: Mapping[str, str] = {
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
_MACHINES = ("machine", "fax")  # AnsweredBy: machine_start, machine_end_beep, ..., fax


def is_machine(answered_by: str) -> bool:
    """Whether Twilio's `AnsweredBy` says that nobody is listening; "unknown" and nothing at all count as a person."""
    return answered_by.startswith(_MACHINES)


def reason_of(code: object) -> str:
    """Our reason for an error code of Twilio's, from an answer or a status callback; "" where there is none."""
    number = str(code or "").strip()
    if not number.isdecimal() or int(number) == 0:
        return ""
    return REASONS.get(int(number), f"twilio-{int(number)}")
