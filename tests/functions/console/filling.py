"""A record with something of everything in it, for the console's pages."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from functions.bookings.tables import Booking
from functions.broadcasts.tables import Automation, Execution
from shared import clock
from shared.intake.envelope import Envelope
from shared.journeys import chatbots, load
from shared.messages import replies
from shared.messages.digests import digest_of_address
from shared.messages.events import InboundMessage
from shared.outbox.actions import State
from shared.people.kinds import identities
from shared.people.observing import Seen, observe
from shared.phrases import phrase
from shared.store.approval_models import Approval
from shared.store.figure_models import EventHour
from shared.store.flow_models import LogLine, Trial
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyDecision, JourneyVersion
from shared.store.models import ActionLog, Advisor, Contact, DeadLetter, Delivery, InboxEvent, Reconciliation, Target
from shared.store.plan_models import ListVersion, Plan, PlanPart
from shared.store.session import make_engine, transact
from shared.store.text_models import TextVersion
from shared.store.trial_keys import trial_key
from shared.store.types import key_of
from shared.store.wait_models import DeliveryWait, Outage
from shared.watch import log_lines
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

UNKNOWN_STAGE = phrase("the stage %(stage)s is not in the stage map", stage="'Valoración agendada'")
LATE = "too-late"
"""The reason of the many that `stop` stops."""
KEY, SUBJECT, PHONE = "e" * 64, "manychat:88213", "+525512340147"
JOURNEY = "lead_followup"
"""A journey in which somebody is."""
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
        error_message=UNKNOWN_STAGE,
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
    run.forecast, run.error_message = forecast, phrase("approval: %(what)s", what="rejected")
    session.add(run)


def text_versions(session: Session) -> None:
    """A text that was edited twice, and taken back once."""
    body = "Hola, {{ first_name }}: {{ text }}\nSi no quieres más, responde BAJA."
    for number, text in enumerate((body, f"{body} Gracias.", body), start=1):
        restored = 1 if number == 3 else None
        row = TextVersion(name="broadcast_news", locale="es", number=number, text=text, actor="key:olga", restored=restored)
        session.add(row)


def fill_rest(engine: Engine | None = None) -> None:
    """What the pages show beside that: a plan that waits and one that was dropped, approvals, a comparison, a test event.

    And somebody in a journey by an earlier version, a booking, and a list that was changed.
    """

    def work(session: Session) -> None:
        now = clock.now()
        plans(session)
        approvals(session, now)
        enrolment(session, now)
        long_words(session, now)
        session.add(Trial(event_key=trial_key("1"), flow="contacts", event_id="1", actor="key:olga", email="olga@example.com"))
        done = {"state": "done", "finished_at": now, "compared": 3, "in_step": 2, "repaired": 0, "held_back": 1}
        examples = [{"contact_id": 1, "what": "missing"}]
        compared = Reconciliation(asked_by="timer", dry_run=True, system="calcom", counts={"missing": 1}, **done)
        compared.examples = examples
        session.add(compared)
        booking = {"calendar": "calcom", "current_uid": "b1", "said_at": now, "name": "Ana Robles"}
        session.add(Booking(uid="b1", email="ana.robles@example.com", start_at=now, status="booked", **booking))
        rows = [{"name": "Carla Ríos", "email": "carla@example.com", "phone": None, "odoo_user_id": 7}]
        session.add(ListVersion(name="advisors", rows=rows, note="Carla Ríos", made_by="key:olga"))

    transact(work, engine)


def plans(session: Session) -> None:
    """A replay of the stopped event that somebody may approve, and one that was dropped."""
    asked = {"letter": 1, "through": 1}
    names = ("create", "update", "none", "stop", "parts", "weight", "messages", "deliveries", "people", "second")
    figures = dict.fromkeys(names, 0) | {"parts": 2, "create": 1, "stop": 1, "messages": 1, "deliveries": 2, "weight": 1}
    goings = {"twilio|whatsapp|message|lead_welcome|": [1, 1, clock.now().isoformat()]}
    for state in ("ready", "dropped"):
        row = Plan(kind="replay", asked=asked, asked_by="key:olga", asker="olga", state=state, total=2, hash="c" * 64)
        row.figures, row.goings, row.ready_at = figures, goings, clock.now()
        row.error = phrase("approval: %(what)s", what="rejected") if state == "dropped" else None
        session.add(row)
        session.flush()
        facts = {"plan_id": row.id, "subject": SUBJECT, "digest": "d" * 64}
        session.add(PlanPart(unit="1", name="1", title="manychat.opportunity", what="create", detail="stage_id 16", **facts))
        session.add(
            PlanPart(
                unit="2", name="2", title="manychat.contact", what="stop", word="unknown-stage", detail=UNKNOWN_STAGE, **facts
            )
        )


def approvals(session: Session, now: datetime) -> None:
    """A start that waits for a second person, and one that was approved."""
    facts = {
        "kind": "broadcast",
        "subject": f"broadcast:{BROADCAST}",
        "asked_by": "olga",
        "title": phrase("Broadcast %(name)s", name="Jornada"),
    }
    facts |= {
        "details": [[phrase("Recipients"), "7214"], [phrase("Cost"), "310.00 MXN"]],
        "expires_at": now + timedelta(days=2),
    }
    decided = {"state": "approved", "decided_at": now, "decided_by": "ana", "comment": "Revisado con el equipo."}
    session.add_all([Approval(key="1", state="pending", **facts), Approval(key="2", **facts, **decided)])


def enrolment(session: Session, now: datetime) -> None:
    """Ana, in a journey by a version that is no longer in force, with a step that went out and one that waits."""
    definition = load.journey(JOURNEY).dumped()
    version = JourneyVersion(journey=JOURNEY, hash="a" * 40, definition=definition | {"title": "Antes"})
    session.add(version)
    session.flush()
    row = Enrolment(journey=JOURNEY, version_id=version.id, person=SUBJECT, enrol_key="1", anchor_at=now, data_at=now)
    row.counted_until = now
    session.add(row)
    session.flush()
    why = (
        None,
        phrase("it was asked as often as it may be"),
        phrase("sent_by_%(source)s at %(time)s", source="kestra", time="10:00"),
    )
    for step, state, reason in zip(load.journey(JOURNEY).steps, ("sent", "waiting", "skipped"), why, strict=False):
        late = {"state": state, "reason": reason, "due_at": now + timedelta(days=1)}
        session.add(EnrolmentStep(enrolment_id=row.id, step=step.id, **late))
    for reason in (
        phrase("its date was changed while it was being sent"),
        phrase("%(reason)s; the next channel is tried", reason="too-late"),
        phrase("no answer, time %(number)s", number=2),
        phrase("note only"),
    ):
        session.add(JourneyDecision(enrolment_id=row.id, at=now, step="day_3", kind="moved", reason=reason))


def long_words(session: Session, now: datetime) -> None:
    """An event, an advisor and what changed with words that nothing breaks but the page: ids of vendors, addresses."""
    subject = f"twilio:SM{'3661416' * 5}"
    facts = {"event_id": "2", "source": "twilio", "type": "twilio.status", "subject": subject, "data": {"sid": "f" * 64}}
    changes = {"message_statuses": {"12": {"history": [["a" * 40], ["b" * 40, "c" * 40]]}}}
    event = InboxEvent(key="f" * 64, occurred_at=now, received_at=now, handled_at=now, outcome="applied", **facts)
    event.changes = changes
    session.add(event)
    email = "maria.fernanda.de.la.concepcion@administracion.example.com"
    session.add(Advisor(name="María Fernanda de la Concepción", email=email, phone="+525512340199", odoo_user_id=7))
    session.add(
        LogLine(
            event=log_lines.of_event("twilio.status", "2"),
            at=now,
            level="INFO",
            logger="puente.inbox",
            text=f"twilio.status {'1de9d3f27d709d' * 5}",
        )
    )
