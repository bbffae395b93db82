"""What is known of our WhatsApp numbers at Meta: quality, throughput, the portfolio's limit, and pauses.

A number that may send no more for now is paused by itself: what goes from it waits, without a call; other numbers go on.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.alerts import plan_alert
from shared.messages import numbers
from shared.messages.message import Message
from shared.messages.providers import meta_codes
from shared.settings import Settings, get_settings
from shared.store.dialect import insert_if_absent, locked
from shared.store.session import transact
from shared.store.whatsapp_models import WhatsAppNumberState

PAUSED = "number-paused"
ASKED_EVERY = timedelta(hours=1)
LONGEST_PAUSE = timedelta(hours=6)


def paused_until(session: Session, number_id: str) -> datetime | None:
    """Until when nothing goes out from a number; None where it may send."""
    query = select(WhatsAppNumberState.paused_until).where(WhatsAppNumberState.number_id == number_id)
    until = session.scalars(query).first()
    return until if until is not None and until > clock.now() else None


def held_until(session: Session, message: Message, settings: Settings) -> datetime | None:
    """Until when a message waits because the number of Meta's from which it goes is paused; None where it need not."""
    if message.channel != "whatsapp":
        return None
    number = numbers.of_message(message, settings)
    return paused_until(session, number.id) if number is not None and number.provider == numbers.META else None


def pause(number_id: str, seconds: float, reason: str) -> None:
    """Let nothing go out from a number for so long. Of two pauses at once the longer counts."""
    transact(lambda session: _pause(session, number_id, seconds, reason))


def pause_of(session: Session, message: Message, reason: str) -> None:
    """The same for the number of a message that Meta had taken, where the reason for its failure is that number's."""
    seconds = meta_codes.OF_THE_NUMBER.get(reason)
    number = numbers.of_message(message, get_settings()) if seconds is not None else None
    if number is not None and seconds is not None:
        _pause(session, number.id, seconds, reason)


def _pause(session: Session, number_id: str, seconds: float, reason: str) -> None:
    """Pause it. Where Meta refuses the number, which only a person can mend, an alert says so once a day."""
    until = clock.now() + min(timedelta(seconds=seconds), LONGEST_PAUSE)
    row = _row(session, number_id)
    if row.paused_until is None or row.paused_until < until:
        row.paused_until, row.paused_reason = until, reason
    if reason == meta_codes.NUMBER_REFUSED:
        phone = next((one.phone for one in numbers.configured(get_settings()) if one.id == number_id), number_id)
        text = f"Puente: Meta refuses our WhatsApp number {phone}, and what goes from it waits until somebody mends that."
        plan_alert(session, f"meta-number:{number_id}:{clock.now():%Y-%m-%d}", text)


def states(session: Session) -> Mapping[str, WhatsAppNumberState]:
    """What is known of each number, by its `whatsapp_number_id`."""
    return {row.number_id: row for row in session.scalars(select(WhatsAppNumberState))}


def is_due(number_id: str) -> bool:
    """Whether Meta is to be asked for a number now; whoever gets True asks, and nobody else for an hour."""

    def work(session: Session) -> bool:
        row = _row(session, number_id)
        if row.asked_at is not None and row.asked_at > clock.now() - ASKED_EVERY:
            return False
        row.asked_at = clock.now()  # before it is asked: a number that Meta refuses is not asked for every minute
        return True

    return transact(work)


def keep(number_id: str, facts: Mapping[str, Any]) -> None:
    """Keep what Meta says of a number."""
    throughput = facts.get("throughput")

    def work(session: Session) -> None:
        row = _row(session, number_id)
        row.name = _text(facts.get("verified_name"), 200)
        row.quality = _text(facts.get("quality_rating"), 20)
        row.status = _text(facts.get("status"), 30)
        row.throughput = _text(throughput.get("level"), 30) if isinstance(throughput, Mapping) else row.throughput
        row.messaging_limit = _text(facts.get("whatsapp_business_manager_messaging_limit"), 30) or row.messaging_limit

    transact(work)


def note_quality(session: Session, phone: str, event: str, limit: str | None) -> bool:
    """Meta has judged a number anew: `event` is its word (FLAGGED, UNFLAGGED, ...); whether the number is one of ours."""
    number = next((one for one in numbers.configured(get_settings()) if one.phone == phone), None)
    if number is None:
        return False
    row = _row(session, number.id)
    row.quality, row.messaging_limit = {"FLAGGED": "RED"}.get(event, row.quality), limit or row.messaging_limit
    row.asked_at = None  # so that the next look says what it is now
    return True


def _text(value: object, longest: int) -> str | None:
    return str(value)[:longest] if isinstance(value, str) and value else None


def _row(session: Session, number_id: str) -> WhatsAppNumberState:
    insert_if_absent(session, WhatsAppNumberState, "number_id", {"number_id": number_id})
    query = select(WhatsAppNumberState).where(WhatsAppNumberState.number_id == number_id)
    return session.scalars(locked(query, WhatsAppNumberState)).one()
