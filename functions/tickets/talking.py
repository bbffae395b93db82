"""What is said to whoever sent a ticket, by WhatsApp: the questions, one at a time, and what has become of it.

A question is one of the talking flows (`shared.journeys.talking.ask`), which has its retries, its wait, and the rule whose
answer a message is. Every text is a template (`templates/es/ticket_*`). They answer a message of the last day, so that
WhatsApp takes them as free text; later an approved template is needed (TWILIO_CONTENT_SIDS), and without one nobody is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.tickets import answering, facts
from functions.tickets.answering import LETTERS, Question, RejectedError, UnclearError
from functions.tickets.settings import TicketSettings
from functions.tickets.tables import Ticket
from shared import clock
from shared.journeys import talking as shared_talking
from shared.journeys.talks.answers import Answer, NoAnswerError
from shared.messages import planning
from shared.messages.message import Message
from shared.readers import UnreadableError
from shared.settings import get_settings, settings_of
from shared.store.dialect import locked

ASKING = "asking"
READER = "ticket"
REJECTED = "no"
RETRIES = 1  # then a person has to look
CONTEXT = "ticket"
DOUBT, CURRENCY = "doubt", "asked_currency"  # of the data, for the reader


def say(session: Session, ticket: Ticket, template: str, once: str, event_key: str | None, **more: str) -> None:
    """Tell the sender, once for `once` of this ticket; nothing where the ticket did not come from a phone."""
    if ticket.sender is None or not ticket.sender.startswith("+"):
        return
    message = Message(
        person=subject(ticket),
        channel="whatsapp",
        to=ticket.sender,
        template=template,
        dedupe_key=f"ticket:{ticket.key}:{once}",
        variables=facts.of(ticket) | more,
        window=False,
        transactional=True,
    )
    planning.enqueue(session, message, event_key=event_key)


def subject(ticket: Ticket) -> str:
    """The ticket as deliveries name it."""
    return f"ticket:{ticket.id}"


def can_be_asked(ticket: Ticket) -> bool:
    """Whether there is somebody to ask."""
    return ticket.sender is not None and ticket.sender.startswith("+")


def ask(session: Session, ticket: Ticket) -> None:
    """Ask the first doubt of a ticket, unless the sender is being asked about another one: then it comes after that."""
    ticket.status = ASKING
    session.flush()
    if ticket.asked_at is None and asked_ticket(session, ticket.sender) is not None:
        return
    _put(session, ticket)


def ask_next(session: Session, sender: str | None) -> None:
    """Ask about the sender's next doubtful ticket, where they are asked about none."""
    if sender is None:
        return
    session.flush()
    if asked_ticket(session, sender) is not None:
        return
    query = select(Ticket).where(Ticket.sender == sender, Ticket.status == ASKING, Ticket.asked_at.is_(None))
    waiting = session.scalars(query.order_by(Ticket.id).limit(1)).first()
    if waiting is not None:
        _put(session, waiting)


def asked_ticket(session: Session, sender: str | None) -> Ticket | None:
    """The ticket about which this sender is being asked; locked, so that two of their answers are taken one after the other."""
    if sender is None:
        return None
    query = select(Ticket).where(Ticket.sender == sender, Ticket.status == ASKING, Ticket.asked_at.is_not(None))
    return session.scalars(locked(query.order_by(Ticket.id).limit(1), Ticket)).first()


def _put(session: Session, ticket: Ticket) -> None:
    ticket.asked_at, ticket.asks = clock.now(), ticket.asks + 1
    doubt, currency = ticket.doubts[0], ticket.currency or get_settings().default_currency
    template, choices = _question(doubt["about"], shown(doubt, currency))
    ticket.question_id = shared_talking.ask(
        session,
        subject(ticket),
        ticket.sender or "",
        key=f"{subject(ticket)}:{ticket.asks}",
        template=template,
        variables=facts.of(ticket) | choices | {DOUBT: dict(doubt), CURRENCY: currency},
        reader=READER,
        retries=RETRIES,
        wait_at_most=f"{settings_of(TicketSettings).tickets_answer_hours}h",
        window="ignore",
        context={CONTEXT: ticket.id},
    )


def withdraw(session: Session, ticket: Ticket, reason: str) -> None:
    """Nothing is asked about this ticket any more; a question that is out is taken back. A second run changes nothing."""
    number, ticket.question_id, ticket.asked_at = ticket.question_id, None, None
    if number is not None:
        session.flush()
        shared_talking.cancel(session, number, reason)


def read_reply(answer: Answer) -> str:
    """What a reply says about the doubt that was asked, in plain notation; REJECTED for a no without what is right.

    Raises:
        UnreadableError: it says nothing of that. NoAnswerError: it brings files, which are tickets of their own.
    """
    if answer.files:
        raise NoAnswerError
    question = Question.of(
        answer.data[DOUBT],
        currency=answer.data[CURRENCY],
        order=settings_of(TicketSettings).tickets_day_order,
        zone=facts.zone().key,
    )
    try:
        return answering.read(question, answer.text, answer.at)
    except RejectedError:
        return REJECTED
    except UnclearError as error:
        raise UnreadableError("no answer to what was asked", ask=True) from error


def _question(about: str, readings: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The template of a question, and what it shows: one reading to say yes to, or several with letters."""
    if about == "another":
        return "ticket_another", {"earlier": readings[0] if readings else ""}
    if len(readings) == 1:
        return f"ticket_{about}", {"reading": readings[0]}
    if not readings:
        return f"ticket_{about}_missing", {}
    choices = "\n".join(f"{letter}) {reading}" for letter, reading in zip(LETTERS, readings, strict=False))
    return f"ticket_{about}_choice", {"choices": choices}


def shown(doubt: Mapping[str, Any], currency: str) -> list[str]:
    """The readings of a doubt as people read them."""
    shows: dict[str, Callable[[str], str]] = {
        "total": lambda text: facts.shown_amount(text, currency),
        "day": facts.shown_day,
        "another": facts.shown_day,
    }
    show = shows.get(doubt["about"], str)
    return [show(reading) for reading in doubt["readings"][: len(LETTERS)]]
