"""What becomes of a ticket: taken in, fetched, read, judged, asked about where it is doubtful, and booked.

Every step is a transaction that locks the ticket first and looks at its status, so that a step that comes twice, late or at
the same time as another does nothing more. Whatever happens outside is a delivery.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.tickets import booking, duplicates, effects, facts, judging, talking
from functions.tickets.payloads import TicketMessage
from functions.tickets.reading import Reading
from functions.tickets.rows import locked_ticket
from functions.tickets.settings import TicketSettings
from functions.tickets.tables import NAME_LENGTH, Ticket
from shared import clock
from shared.journeys import talking as shared_talking
from shared.journeys.talks import question
from shared.journeys.talks.events import TalkEvent
from shared.messages import consent, opt_out_keywords, replies
from shared.messages.digests import digests_of_address
from shared.messages.events import InboundMessage
from shared.money import Money
from shared.readers import phone
from shared.settings import get_settings, settings_of
from shared.store.dialect import insert_if_absent
from shared.store.session import reading as reading_session
from shared.store.session import transact
from shared.store.types import fitting, key_of

APPLIED, STALE, IGNORED = "applied", "stale", "ignored"
ANOTHER = "another"
LOST_AFTER = timedelta(days=1)  # the wait is counted from when the question went out
LONGEST_NAME = 100


def person_of(sender: str | None) -> str | None:
    """Whose phone it is, by TICKETS_SENDERS; None for everybody else's."""
    if sender is None:
        return None
    known = {
        spelling: name for number, name in settings_of(TicketSettings).tickets_senders.items() for spelling in _spelled(number)
    }
    return next((known[spelling] for spelling in _spelled(sender) if spelling in known), None)


def _spelled(number: str) -> tuple[str, ...]:
    plain = phone.e164_or_none(number, channel="whatsapp")
    return phone.spellings(plain) if plain else (number,)


def take(session: Session, message: TicketMessage, at: datetime, event_key: str | None) -> str:
    """Take in the tickets of a message, or the answer in it: "applied", "stale" (known before) or "ignored"."""
    if message.source != "api" and message.sender is not None and message.sender.startswith("+"):
        consent.wrote_to_us(session, digests_of_address(message.sender)[0], "whatsapp", message.sent_at or at)
    if not message.media:
        return _taken_words(session, message, message.sent_at or at, event_key)
    made = [_taken(session, message, place, at, event_key) for place in range(len(message.media))]
    return APPLIED if any(made) else STALE


def _taken(session: Session, message: TicketMessage, place: int, at: datetime, event_key: str | None) -> bool:
    key = key_of("ticket", message.source, message.message_id or event_key or "", str(place))
    person = person_of(message.sender) or message.sender_name or message.sender
    values: dict[str, Any] = {
        "key": key,
        "source": message.source,
        "message_id": message.message_id,
        "sender": message.sender,
        "person": fitting(person, NAME_LENGTH) if person else None,
        "note": fitting(message.text, 1000) if message.text else None,
        "received_at": clock.past(message.sent_at or at),
        "media": message.media[place].model_dump() | {"provider": message.source},
    }
    if not insert_if_absent(session, Ticket, "key", values):
        return False
    effects.FETCH.request(session, session.scalars(select(Ticket).where(Ticket.key == key)).one(), event_key)
    return True


def _taken_words(session: Session, message: TicketMessage, at: datetime, event_key: str | None) -> str:
    """Words of somebody who is asked about a ticket are taken as any message to us: their question finds them."""
    sender = message.sender
    if sender is None or not message.text.strip() or talking.asked_ticket(session, sender) is None:
        return IGNORED
    who, *others = digests_of_address(sender)
    payload = InboundMessage(
        provider="twilio" if message.source == "api" else message.source,  # programs pass on what Twilio has told them
        vendor_id=message.message_id or event_key or key_of("words", sender, at.isoformat()),
        who=who,
        others=others,
        channel="whatsapp",
        sender=sender,
        sender_name=fitting(message.sender_name, LONGEST_NAME) if message.sender_name else None,
        text=message.text,
        wish=opt_out_keywords.wish(message.text),
        ask=opt_out_keywords.needs_a_person(message.text),
    )
    return STALE if replies.take(session, payload, at) == "repeated" else APPLIED


def after_fetch(session: Session, subject: str) -> None:
    """The file is kept: have it read, unless nobody can, or it came before."""
    ticket = locked_ticket(session, subject)
    if ticket is None or ticket.status != "received" or ticket.file is None:
        return
    file: dict[str, Any] = ticket.file
    ticket.has_files = bool(file.get("names"))
    if fault := file.get("fault"):
        _unreadable(session, ticket, fault)
        return
    earlier = duplicates.of_file(session, ticket)
    ticket.sha256 = file["sha256"]
    if earlier is not None:
        _duplicate(session, ticket, earlier)
        return
    request_reading(session, ticket)


def request_reading(session: Session, ticket: Ticket) -> None:
    """Have the ticket read by whoever reads here; without a reader a person has to."""
    effect = effects.reader()
    if effect is None:
        _to_a_person(session, ticket, "no-reader")
    else:
        effect.request(session, ticket)


def after_begin(session: Session, subject: str) -> None:
    """Document Intelligence is at it: ask for the result."""
    ticket = locked_ticket(session, subject)
    if ticket is not None and ticket.operation:
        effects.RESULT.request(session, ticket)


def after_read(session: Session, subject: str) -> None:
    """Somebody has read it: judge what it says."""
    ticket = locked_ticket(session, subject)
    if ticket is None or ticket.status != "received" or ticket.reading is None:
        return
    if ticket.operation:
        effects.FORGET.request(session, ticket)
    found: dict[str, Any] = ticket.reading
    if found["outcome"] != "done":
        _to_a_person(session, ticket, f"reading-{found['outcome']}", say="ticket_unread")
        return
    judge(session, ticket, None)


def judge(session: Session, ticket: Ticket, event_key: str | None) -> None:
    """Make facts of what was read and answered; then ask what is doubtful, or book it. Judging again changes nothing."""
    read = Reading.from_json((ticket.reading or {}).get("ticket") or {})
    if read.tickets != 1 and "tickets" not in ticket.answers:
        reason = "several-tickets" if read.tickets > 1 else "no-ticket"
        _to_a_person(session, ticket, reason, say="ticket_several" if read.tickets > 1 else "ticket_unread")
        return
    judgement = judging.judge(read, ticket.answers, rules(ticket))
    _write(ticket, read, judgement)
    if judgement.doubts:
        _ask(session, ticket, [doubt.as_json() for doubt in judgement.doubts])
        return
    earlier = duplicates.of_facts(session, ticket) if ticket.answers.get(ANOTHER) != "yes" else None
    if earlier is None:
        booking.book(session, ticket, event_key)
    elif earlier.sure:
        _duplicate(session, ticket, earlier.ticket)
    else:
        ticket.duplicate_of = earlier.ticket.id
        _ask(session, ticket, [{"about": ANOTHER, "readings": [f"{earlier.ticket.day:%Y-%m-%d}"]}])


def rules(ticket: Ticket) -> judging.Rules:
    """By what this ticket is judged: its days by the day on which it came."""
    settings = settings_of(TicketSettings)
    return judging.Rules(
        today=ticket.received_at.astimezone(facts.zone()).date(),
        currency=get_settings().default_currency,
        order=settings.tickets_day_order,
        plausible_up_to=settings.tickets_plausible_up_to,
        oldest=timedelta(days=settings.tickets_believed_days),
        asks_unproven=settings.tickets_ask_unproven,
    )


def _write(ticket: Ticket, read: Reading, found: judging.Judgement) -> None:
    currency = found.currency
    ticket.supplier = found.supplier or read.supplier
    ticket.number = fitting(read.number, 100) if read.number else None
    ticket.day, ticket.month = found.day, f"{found.day:%Y-%m}" if found.day else None
    ticket.currency = currency
    ticket.total_minor = Money.of(found.total, currency).minor if found.total is not None and currency else None
    ticket.tax_minor = Money.of(found.tax, currency).minor if found.tax is not None and currency else None
    ticket.facts = {
        "address": read.address,
        "method": read.method,
        "subtotal": None if found.subtotal is None else str(found.subtotal),
        "tip": None if found.tip is None else str(found.tip),
        "items": list(found.items),
        "notes": list(found.notes),
        "proofs": dict(found.proofs),
    }
    ticket.doubts = [doubt.as_json() for doubt in found.doubts]


def _ask(session: Session, ticket: Ticket, doubts: list[dict[str, Any]]) -> None:
    ticket.doubts = doubts
    if talking.can_be_asked(ticket):
        talking.ask(session, ticket)
    else:
        _to_a_person(session, ticket, f"doubtful-{doubts[0]['about']}")


def take_end(session: Session, ticket_id: int, event: TalkEvent) -> None:
    """A question about a ticket has ended: by an answer, by answers that say nothing of it, or by silence.

    One that was taken back, or is not the ticket's question any more, changes nothing.
    """
    ticket = locked_ticket(session, f"ticket:{ticket_id}")
    if ticket is None or ticket.status != talking.ASKING or event.outcome == shared_talking.CANCELLED:
        return
    if ticket.question_id not in (None, event.enrolment_id):
        return
    ticket.question_id = None
    if event.completed:
        _answered(session, ticket, str(event.variables[question.ANSWER]))
    elif event.outcome == "not_understood":
        _to_a_person(session, ticket, "not-understood", say="ticket_person")
    else:
        _to_a_person(session, ticket, _ENDS.get(event.outcome or "", event.outcome or "no-answer"))
    talking.ask_next(session, ticket.sender)


_ENDS = {"no_response": "no-answer"}


def _answered(session: Session, ticket: Ticket, value: str) -> None:
    """Take in what was answered; a no without what is right is asked for that."""
    doubt = ticket.doubts[0]
    if value == talking.REJECTED and doubt["about"] != ANOTHER:
        ticket.doubts = [doubt | {"readings": []}, *ticket.doubts[1:]]
        talking.ask(session, ticket)
    else:
        answer(session, ticket, doubt["about"], value, None)


def answer(session: Session, ticket: Ticket, about: str, value: str, event_key: str | None) -> None:
    """Somebody has said what was doubtful, in plain notation: judge the ticket anew."""
    ticket.answers = {**ticket.answers, about: value}
    talking.withdraw(session, ticket, "answered")
    if about == ANOTHER and value == "no":
        _duplicate(session, ticket, session.get(Ticket, ticket.duplicate_of) if ticket.duplicate_of else None)
        return
    judge(session, ticket, event_key)


def _unreadable(session: Session, ticket: Ticket, reason: str) -> None:
    ticket.status, ticket.reason = "unreadable", reason
    talking.say(session, ticket, f"ticket_file_{_FAULTS.get(reason, 'broken')}", "unreadable", None)


_FAULTS = {"pdf-with-password": "password", "too-large": "large", "too-many-pages": "large", "gone": "gone"}


def _to_a_person(session: Session, ticket: Ticket, reason: str, *, say: str | None = None) -> None:
    ticket.status, ticket.reason = "person", reason[:60]
    talking.withdraw(session, ticket, reason)
    if say is not None:
        talking.say(session, ticket, say, f"person{ticket.round}", None)


def _duplicate(session: Session, ticket: Ticket, earlier: Ticket | None) -> None:
    ticket.status, ticket.reason = "duplicate", "seen-before"
    talking.withdraw(session, ticket, "seen before")
    ticket.duplicate_of = earlier.id if earlier is not None else ticket.duplicate_of
    when = f"el {facts.shown_day(earlier.received_at.astimezone(facts.zone()).date())}" if earlier is not None else "antes"
    talking.say(session, ticket, "ticket_duplicate", "duplicate", None, earlier=when)


def give_up_waiting() -> int:
    """Hand tickets to a person whose question has neither an answer nor an end, and ask the sender's next one; how many. A job.

    A question ends by itself when nobody answers it; this finds those of an earlier release, and what an alert was about.
    """
    before = clock.now() - timedelta(hours=settings_of(TicketSettings).tickets_answer_hours) - LOST_AFTER
    with reading_session() as session:
        late = select(Ticket.id).where(Ticket.status == talking.ASKING, Ticket.asked_at < before)
        numbers = session.scalars(late.order_by(Ticket.id).limit(200)).all()
    return sum(transact(partial(_given_up, number=number, before=before)) for number in numbers)


def _given_up(session: Session, number: int, before: datetime) -> int:
    ticket = locked_ticket(session, f"ticket:{number}")
    if ticket is None or ticket.status != talking.ASKING or ticket.asked_at is None or ticket.asked_at >= before:
        return 0
    _to_a_person(session, ticket, "no-answer")
    talking.ask_next(session, ticket.sender)
    return 1


def correct(session: Session, ticket: Ticket, answers: dict[str, str]) -> None:
    """An operator says what is right; a ticket that is booked already is booked anew."""
    ticket.answers = {**ticket.answers, **answers, "tickets": "1", ANOTHER: "yes"}
    ticket.reason = None
    talking.withdraw(session, ticket, "somebody has said what is right")
    judge(session, ticket, None)
