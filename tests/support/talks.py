"""Talking flows in tests: somebody enters a flow and writes, and what was sent, stored and notified is looked at."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.journeys import listeners, talking
from shared.journeys.talks.events import TalkAct, TalkEvent
from shared.messages import consent, statuses
from shared.messages.digests import digest_of_address, digest_of_person
from shared.messages.events import ProviderEvent
from shared.store.journey_models import Enrolment, JourneyTalk
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.journeys import dispatch

PHONE = "+525512345678"
SURVEY = """
name: survey
title: Encuesta
re_enrol: each_event
steps:
  - id: name
    ask: ¿Cómo te llamas?
    store: first_name
    wait_at_most: 12h
    if_no_reply: nobody
  - id: topic
    ask: {text: "¿Qué te interesa, {{ first_name }}?", options: [Ventas, Soporte], retry: Elige una., retries: 1}
    next: {soporte: help}
  - {id: staff, ask: {text: "¿Cuántas personas son?", reads: number, least: 1}}
  - {id: bye, say: "Gracias, {{ first_name }}."}
  - {id: done, end: interested}
  - {id: help, tag: soporte}
  - {id: handed, assign: {advisor: luz@example.com, note: "{{ first_name }} pide ayuda"}}
  - {id: helped, end: support}
  - {id: nobody, end: silent}
"""


class Notified:
    """What other flows were notified of."""

    def __init__(self) -> None:
        self.moved: list[TalkEvent] = []
        self.ended: list[TalkEvent] = []
        self.acts: list[TalkAct] = []


def begin(key: str = "k1", person: str = "contact:1", flow: str = "survey", **variables: Any) -> int | None:
    """Somebody enters the flow, and what is due goes out."""
    data = {"phone": PHONE, **variables}
    number = transact(lambda session: talking.begin(session, flow, person, data, key=key, context={"recipient": 7}))
    dispatch()
    return number


def says(
    text: str, *, at: datetime | None = None, sender: str = PHONE, channel: str = "whatsapp", **more: Any
) -> ReceivedMessage:
    """Somebody writes to us; the row of the message afterwards. What is due goes out."""
    values = {"text": text, "sender": sender, "channel": channel} | more
    number = receive(values | ({"received_at": at} if at else {}))
    dispatch()
    with reading() as session:
        return session.get_one(ReceivedMessage, number)


def texts() -> list[str]:
    """The words that went out or wait to, in order."""
    with reading() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.id))
        return [row.payload["text"] for row in rows]


def options() -> list[str]:
    """What the newest message gives to choose from."""
    with reading() as session:
        newest = session.scalars(select(Delivery).order_by(Delivery.id.desc())).first()
        return [one["title"] for one in newest.payload["content"]["options"]]


def talk(number: int = 1) -> JourneyTalk:
    """Where somebody stands."""
    with reading() as session:
        return session.get_one(JourneyTalk, number)


def data(number: int = 1) -> dict[str, Any]:
    """What is known of somebody."""
    with reading() as session:
        return session.get_one(Enrolment, number).data


def talking_progress(number: int = 1) -> tuple[str | None, str | None, bool]:
    """The step, outcome and completion of somebody."""
    with reading() as session:
        found = talking.progress(session, [number])[number]
    return found.node, found.outcome, found.completed


def receive(values: dict[str, Any]) -> int:
    """A message comes in, and nothing is sent yet."""
    with reading() as session:
        count = len(session.scalars(select(ReceivedMessage)).all())
    base = {"provider": "twilio", "vendor_id": f"SM{count}", "channel": "whatsapp", "sender": PHONE, "text": "", "media": []}

    def work(session: Session) -> int:
        row = ReceivedMessage(**base | {"state": "unread", "received_at": clock.now()} | values)
        session.add(row)
        session.flush()
        consent.wrote_to_us(session, digest_of_address(row.sender), row.channel, row.received_at)
        listeners.take_reply(session, row.id)
        return row.id

    return transact(work)


def vendor_id(delivery_id: int) -> str:
    """The provider's id of a message that went out, as a status brings it."""
    found = f"SMout{delivery_id}"
    event = ProviderEvent(provider="twilio", vendor_id=found, status="sent", word="sent", delivery_id=delivery_id)
    transact(lambda session: statuses.status(session, event))
    return found


def stop(channels: list[str], cause: str = "stop") -> None:
    """Somebody wants no more by these channels."""
    address = digest_of_address(PHONE) if "sms" in channels else digest_of_person("contact:1")
    transact(lambda session: consent.suppress(session, channels, [address], cause, clock.now()))  # type: ignore[arg-type]
