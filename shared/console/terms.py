"""The engine's own words as a reader of the console says them: states, outcomes, kinds and reasons, by their code.

The record, the API and the log keep the code; pages show the word. A code that is not here is shown as it is.
"""

from collections.abc import Mapping

from shared.console import words
from shared.console.words import Word, mark

TERMS: Mapping[str, str] = {
    # What became of an event.
    "applied": mark("applied"),
    "unchanged": mark("no effect"),
    "stale": mark("something newer was known"),
    "ignored": mark("of no concern here"),
    "noted": mark("noted"),
    "asked": mark("to be looked at"),
    "repeated": mark("known already"),
    "behind": mark("something newer was known"),
    "unknown-message": mark("of a message that is not ours"),
    "held": mark("waits"),
    "test": mark("a test"),
    # What stands of a delivery, of an attempt, of a stopped event, of what somebody wrote.
    "pending": mark("planned"),
    "sending": mark("sending"),
    "done": mark("done"),
    "failed": mark("failed"),
    "unavailable": mark("the system did not answer"),
    "throttled": mark("asked to slow down"),
    "uncertain": mark("uncertain: may have arrived"),
    "dead": mark("given up"),
    "skipped": mark("not sent"),
    "cancelled": mark("taken back"),
    "shadowed": mark("in shadow mode"),
    "parked": mark("stopped"),
    "replayed": mark("replayed"),
    "resolved": mark("resolved"),
    "unread": mark("unread"),
    "read": mark("read"),
    "answered": mark("answered"),
    "no-answer-needed": mark("no answer needed"),
    # What became of an approval.
    "approved": mark("approved"),
    "rejected": mark("rejected"),
    "expired": mark("expired"),
    "withdrawn": mark("withdrawn"),
    # Where somebody is in a journey.
    "delivered": mark("delivered"),
    "active": mark("in it"),
    "suspended": mark("interrupted"),
    "finished": mark("completed"),
    "exited": mark("left it"),
    "waiting": mark("waits for its date"),
    "owed": mark("planned"),
    "sent": mark("sent"),
    "goes": mark("goes out"),
    "waits": mark("waits"),
    "recorded": mark("noted"),
    # What was decided about somebody in a journey.
    "enrolled": mark("came in"),
    "moved": mark("moved"),
    "resumed": mark("went on again"),
    "gave-up": mark("the question is not put again"),
    "set": mark("facts were noted"),
    "tagged": mark("tags were given"),
    "assigned": mark("given to an advisor"),
    "capped": mark("the person has had enough for the day"),
    "not-fitting": mark("the answer did not fit"),
    "keyword": mark("a keyword was written"),
    "unanswered": mark("nobody answered"),
    "late": mark("it was too late for it"),
    "suppressed": mark("held back by a stop"),
    "changed": mark("changed"),
    # Why something waits or did not go out.
    "quiet-hours": mark("waits for the person's day to begin"),
    "day-off": mark("waits for a working day"),
    "holiday": mark("waits for the end of a holiday"),
    "daily-cap": mark("the person has had enough for the day"),
    "outage": mark("the system does not answer"),
    "backoff": mark("waits before the next attempt"),
    "pace": mark("waits for its turn"),
    "paused": mark("the system is paused"),
    "deferred": mark("put off"),
    "planned": mark("planned for then"),
    "too-late": mark("it was too late for it"),
    "suppressed-stop": mark("the person wrote STOP"),
    "suppressed-unsubscribed": mark("the person has unsubscribed"),
    "suppressed-bounced": mark("the address does not exist"),
    "suppressed-complaint": mark("the person complained of spam"),
    "suppressed-soft-bounce": mark("the mailbox is full or does not answer"),
    "suppressed-to-review": mark("somebody must look at what the person wrote"),
    "suppressed-market-limit": mark("WhatsApp lets no more marketing through to the person today"),
    "suppressed-not-on-whatsapp": mark("the number is not on WhatsApp"),
    "suppressed-by-hand": mark("somebody here stopped it"),
    "not-configured": mark("the channel is not set up"),
    "superseded": mark("something newer replaced it"),
    # Why an event is stopped.
    "unknown-stage": mark("a stage that nobody knows"),
    "unknown-advisor": mark("an advisor whom nobody knows"),
    "invalid-payload": mark("data that cannot be read"),
    "unreadable": mark("data that cannot be read"),
    "poison": mark("it failed again and again"),
    # How somebody is known.
    "phone": mark("telephone"),
    "email": mark("e-mail"),
    # Columns of reports.
    "source": mark("Source"),
    "type": mark("Kind"),
    "outcome": mark("Outcome"),
    "count": mark("Number"),
    "campaign": mark("Campaign"),
    "odoo_sync_status": mark("In Odoo"),
    "channel": mark("Channel"),
    "contacts": mark("Contacts"),
    "stage": mark("Stage"),
    "stage_id": mark("Number of the stage"),
    "opportunities": mark("Opportunities"),
    "advisor": mark("Advisor"),
    "syncs": mark("Changes"),
    "p50_ms": mark("Half within, ms"),
    "p95_ms": mark("95 of 100 within, ms"),
    "p99_ms": mark("99 of 100 within, ms"),
}


def word(code: str) -> Word:
    """The same for the values of a marked sentence, which are translated where they are shown."""
    return Word(TERMS.get(code, code))


def term(language: str, code: object) -> str:
    """The word for a code in a language; what has none, as it is."""
    text = str(code)
    return words.translations(language).gettext(TERMS[text]) if text in TERMS else text
