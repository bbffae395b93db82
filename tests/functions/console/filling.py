"""A record with something of everything in it, for the console's pages."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from functions.broadcasts.tables import Automation, Execution
from shared import clock
from shared.intake.envelope import Envelope
from shared.journeys import chatbots
from shared.messages import replies
from shared.messages.digests import digest_of_address
from shared.messages.events import InboundMessage
from shared.outbox.actions import State
from shared.people.kinds import identities
from shared.people.observing import Seen, observe
from shared.store.figure_models import EventHour
from shared.store.models import ActionLog, Contact, DeadLetter, Delivery, InboxEvent, Target
from shared.store.session import make_engine, transact
from shared.store.text_models import TextVersion
from shared.store.types import key_of
from shared.store.wait_models import DeliveryWait, Outage
from tests.support.world import opportunity

STOPPED = Envelope(
    id="2",
    source="manychat",
    type="manychat.opportunity",
    time=datetime(2026, 3, 1, 10, tzinfo=UTC),
    received=datetime(2026, 3, 1, 10, tzinfo=UTC),
    subject="manychat:1",
    data=opportunity("1", "Valoración agendada"),
)

LATE = "too-late"
"""The reason of the many that `stop` stops."""
KEY, SUBJECT, PHONE = "e" * 64, "manychat:88213", "+525512340147"
BROADCAST, RUN = "3f0e6c5e-0000-4000-8000-0000000000b1", "3f0e6c5e-0000-4000-8000-0000000000e1"


def fill(engine: Engine | None = None) -> None:
    """A person, an event with deliveries in every state, an outage, a stopped event, an unread answer, a broadcast."""

    def work(session: Session) -> None:
        now = clock.now()
        person(session, now)
        event(session, now)
        outage = outage_of_odoo(session, now)
        for number, state in enumerate(State):
            delivery(session, now, outage.id, number, state)
        session.add_all([stopped(now), figures(now)])
        answer(session, now)
        broadcast(session)
        text_versions(session)

    transact(work, engine)


def person(session: Session, now: datetime) -> None:
    """Ana, with whom a number is proven and an address typed."""
    session.add(Contact(manychat_id=SUBJECT.partition(":")[2], first_name="Ana", last_name="Robles"))
    own, typed = identities(manychat="88213", phone=PHONE), identities(email="ana.robles@example.com")
    observe(session, Seen(source="whatsapp", at=now, proven=own, typed=typed))


def event(session: Session, now: datetime) -> None:
    """An event that was applied, with personal data."""
    session.add(
        InboxEvent(
            key=KEY,
            event_id="1",
            source="manychat",
            type="manychat.contact",
            subject=SUBJECT,
            occurred_at=now,
            received_at=now - timedelta(seconds=2),
            handled_at=now - timedelta(seconds=1),
            data={"nombre": "Ana <b>Robles</b>", "email": "ana.robles@example.com", "telefono": "+52 55 1234 0147"},
        )
    )


def outage_of_odoo(session: Session, now: datetime) -> Outage:
    """Odoo has not answered for an hour."""
    outage = Outage(target="odoo", started_at=now - timedelta(hours=1), error="503", held_up=2, done=1)
    session.add(outage)
    session.flush()
    session.merge(Target(name="odoo", circuit="open", closed_until=now + timedelta(hours=2), outage_id=outage.id))
    return outage


def delivery(session: Session, now: datetime, outage: int, number: int, state: State) -> None:
    """One in that state, with an attempt and a wait; every second one failed, and waited for the outage."""
    row = Delivery(
        kind="message" if state in (State.UNCERTAIN, State.SKIPPED) else "sync",
        target="odoo",
        action="contact",
        subject=SUBJECT,
        state=str(state),
        due_at=now + timedelta(hours=number),
        attempts=number + 1,
        event_key=KEY,
        reason="quiet-hours" if number % 2 else None,
        finished_at=now if state is State.DONE else None,
    )
    session.add(row)
    session.flush()
    session.add(attempt(now, row.id, "unavailable" if number % 2 else "done"))
    waited = {"started_at": now - timedelta(minutes=5), "ended_at": now, "outage_id": outage if number % 2 else None}
    session.add(DeliveryWait(delivery_id=row.id, reason="outage", **waited))


def attempt(now: datetime, delivery_id: int, result: str) -> ActionLog:
    """The line of an attempt that took a second."""
    line = ActionLog(actor="puente", action="odoo.contact", delivery_id=delivery_id, attempt=1, result=result, detail="503")
    line.started_at, line.at = now, now + timedelta(seconds=1)
    return line


def stopped(now: datetime) -> DeadLetter:
    """An event with a stage that nobody knows."""
    return DeadLetter(
        key="d" * 64,
        original_queue="manychat-crm-opportunities-queue",
        original_event=STOPPED.to_bytes().decode(),
        type="manychat.opportunity",
        subject="manychat:1",
        reason="unknown-stage",
        error_message="no stage Valoración agendada",
        error_time=now,
    )


def figures(now: datetime) -> EventHour:
    """What this hour had of contacts."""
    return EventHour(type="manychat.contact", hour=now.replace(minute=0, second=0, microsecond=0), handled=3, failed=1)


def answer(session: Session, now: datetime) -> None:
    """What Dora wrote three hours ago."""
    written(session, now - timedelta(hours=3), "¿Puedo pasar mi cita al viernes?", "SM1")


def written(session: Session, at: datetime, text: str, vendor_id: str) -> None:
    """Something that Dora wrote then, taken in as from a provider: her 24 hours run."""
    message = InboundMessage(
        provider="twilio",
        vendor_id=vendor_id,
        channel="whatsapp",
        who=digest_of_address(PHONE),
        sender=PHONE,
        sender_name="Dora",
        text=text,
    )
    replies.take(session, message, at)


def stop(database: str, number: int, reason: str = LATE, stage: int | str = 16) -> None:
    """So many events of as many people that were stopped and could be applied now; each name is new to the record."""
    now, run = clock.now(), secrets.token_hex(4)

    def letter(each: int) -> DeadLetter:
        who = f"{run}{each}"
        event = replace(STOPPED, id=who, subject=f"manychat:{who}", data=opportunity(who, stage))
        return DeadLetter(
            key=key_of(who),
            original_queue="manychat-crm-opportunities-queue",
            original_event=event.to_bytes().decode(),
            type=event.type,
            subject=event.subject,
            reason=reason,
            error_message="it could not be applied",
            error_time=now,
        )

    engine = make_engine(database)
    transact(lambda session: session.add_all([letter(each) for each in range(number)]), engine)
    engine.dispose()


def broadcast(session: Session) -> None:
    """A broadcast with a run that was paused."""
    row = Automation(uuid=BROADCAST, name="Jornada", flow_id=chatbots.flow_id("encuesta_de_interes"), status="paused")
    session.add(row)
    session.flush()
    hour = clock.now().replace(minute=0, second=0, microsecond=0).isoformat()
    forecast = {"sends": 2, "skipped_total": 1, "skipped": {"no_phone": 1}, "hours": [{"hour": hour, "sends": 2}]}
    why = "12 of 20 messages failed within 15 minutes, most with not-configured"
    run = Execution(uuid=RUN, automation_id=row.id, status="paused", paused_at=clock.now(), pause_reason=why)
    run.forecast = forecast
    session.add(run)


def text_versions(session: Session) -> None:
    """A text that was edited twice, and taken back once."""
    body = "Hola, {{ first_name }}: {{ text }}\nSi no quieres más, responde BAJA."
    for number, text in enumerate((body, f"{body} Gracias.", body), start=1):
        restored = 1 if number == 3 else None
        row = TextVersion(name="broadcast_news", locale="es", number=number, text=text, actor="key:olga", restored=restored)
        session.add(row)
