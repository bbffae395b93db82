"""Whether a message may be sent now. Decided in the transaction that claims it, so that it still holds when it is sent."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from shared import clock
from shared.errors import ConfigurationError
from shared.messages import consent, days, moves, number_states, outcomes, portfolio, senders
from shared.messages.message import Message
from shared.messages.windows import Window, window_for
from shared.outbox.actions import Claimed, Later
from shared.people import aliases
from shared.people.aliases import Aliases
from shared.readers.phone import refusal_of_first_contact
from shared.settings import Settings, get_settings
from shared.store.models import Delivery

log = logging.getLogger("puente.messages")

SUPPRESSED = "suppressed-"
NOT_CONFIGURED = "not-configured"
NUMBER = "number-"
DAILY_CAP = "daily-cap"
WRONG_SETTINGS = "settings-wrong"
LOOK_AGAIN = timedelta(minutes=15)


@dataclass(frozen=True)
class _Day:
    """The day of its person on which a message is counted, by the zone that counts for it."""

    today: days.Today
    date: str
    zone: ZoneInfo


def unwanted(session: Session, claimed: Claimed) -> str | Later | None:
    """A reason to skip the message, a later time with it, or None: send it.

    Reasons are its owner's, `suppressed-stop` and its like, `number-premium` and its like, `not-configured`.

    None counts the message against the person's day and notes in its payload when it was first tried.
    """
    message, settings = moves.current(session, Message.from_payload(claimed.payload)), get_settings()
    if (owner := outcomes.refused(session, message.context)) is not None:
        return owner
    if message.reply and consent.in_conversation(session, message.to, message.channel):
        message = replace(message, transactional=True, window=False)
    known = aliases.of(session, [message.person])
    if reason := _never(session, message, known, settings):
        return reason
    try:
        day = _day(session, claimed, message, known)
    except ConfigurationError as error:
        log.error("delivery %d waits: %s", claimed.id, error)  # noqa: TRY400  # the message says it all
        return Later(clock.now() + LOOK_AGAIN, WRONG_SETTINGS)
    if isinstance(day, Later):
        return day
    # The places of the day and of the portfolio are asked for first and taken last: what is refused by one has taken none.
    place = portfolio.later(session, message, settings) or outcomes.place_of(session, message.context)
    if place is not None:
        if day is not None:  # an earlier attempt may have taken it
            days.give_back_today(day.today, claimed.id)
        return place
    if day is not None:
        with session.no_autoflush:  # what the listener has changed is written with the rest, once
            days.take_place(session, day.today, day.date, day.zone, claimed.id, settings.messages_per_person_per_day)
    portfolio.take(session, message, settings, claimed.id)
    _note_first_try(session, claimed)
    return None


def _never(session: Session, message: Message, known: Aliases, settings: Settings) -> str | None:
    """Why it may not be sent at all: the person's wish, their number, or a provider that is not set up."""
    if cause := consent.held_back(session, message, known):
        return SUPPRESSED + cause
    if kind := _refused_number(session, message):
        return NUMBER + kind
    return NOT_CONFIGURED if senders.missing(message, settings) else None


def _day(session: Session, claimed: Claimed, message: Message, known: Aliases) -> "_Day | Later | None":
    """The day on which the message is to be counted and has room; a later time; None: it is counted on none."""
    settings = get_settings()
    if (until := number_states.held_until(session, message, settings)) is not None:
        return Later(until, number_states.PAUSED)
    is_named = _names_zone(message) or known.time_zone is not None
    now, window = clock.now(), window_of(message, settings, known.time_zone)
    is_counted = not (message.transactional or settings.testing_mode)  # whose days are minutes
    today = days.of_person(session, known, window, now) if is_counted else None
    if today is not None and today.zone is not None and not is_named:
        window = replace(window, zone=today.zone)
    if message.window and (why := window.closed(now)):
        return Later(window.next_open(now), why)
    if today is None:
        return None
    if days.has_place(today, window.day(now), claimed.id, settings.messages_per_person_per_day):
        return _Day(today, window.day(now), window.zone)
    return Later(window.next_day(now), DAILY_CAP)


def _names_zone(message: Message) -> bool:
    """Whether the message itself says where the person lives; else what their bookings said, and then that of the day."""
    return bool(message.time_zone or message.country) or message.channel in consent.PHONE_CHANNELS


def _refused_number(session: Session, message: Message) -> str | None:
    """Why a number must not be called or written to: it costs whoever calls, or belongs to no person (`premium`, `satellite`).

    Numbers come from public forms and pages. Whoever has written to us from one may be answered there.
    """
    if message.channel not in consent.PHONE_CHANNELS or not message.to.startswith("+"):
        return None
    kind = refusal_of_first_contact(message.to)
    return kind if kind and not consent.has_written_to_us(session, message.to) else None


def window_of(message: Message, settings: Settings, time_zone: str | None = None) -> Window:
    """The window of the person the message is for. `time_zone`: theirs, which counts where the message says nothing of it.

    Raises:
        ConfigurationError: a setting of it cannot be read.
    """
    phone = message.to if message.channel in consent.PHONE_CHANNELS else None
    own = message.time_zone if _names_zone(message) else time_zone
    return window_for(settings, time_zone=own, country=message.country, phone=phone)


def _note_first_try(session: Session, claimed: Claimed) -> None:
    """What a vendor is asked later, whether the message arrived after all, begins at the first try.

    A person who has it retried by hand takes the earlier tries upon themselves, so then it begins anew.
    """
    delivery = session.get_one(Delivery, claimed.id)
    payload: dict[str, Any] = delivery.payload or {}
    by_hand = delivery.retry_of is not None and delivery.attempts == 0
    if by_hand or not payload.get("first_try"):
        delivery.payload = payload | {"first_try": clock.now().isoformat()}


def takes_another_way(reason: str) -> bool:
    """Whether a message that was skipped for this reason goes by its next channel: the person's wish is not the reason."""
    return reason in (NOT_CONFIGURED, SUPPRESSED + consent.NOT_ON_WHATSAPP) or reason.startswith(NUMBER)


def give_place_back(session: Session, delivery_id: int, payload: Mapping[str, Any]) -> None:
    """The message did not reach anybody: it no longer counts against the day on which it was tried."""
    message, first_try = Message.from_payload(payload), payload.get("first_try")
    if message.transactional or not first_try:
        return
    for moment in {first_try, clock.now().isoformat()}:
        days.give_back(session, aliases.of(session, [message.person]), datetime.fromisoformat(moment), delivery_id)
