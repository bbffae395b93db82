"""For each place that locks rows: what there is, which of it another transaction holds, and how somebody comes by the place.

Two transactions at once: the first holds the rows and has not committed, the second comes by the place. With its lock the
statement there returns when the first has committed, so that it reads what the first has left; without it, before that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from sqlalchemy import inspect, select, true
from sqlalchemy.orm import Session

from functions.bookings import chain
from functions.bookings import services as booking_services
from functions.bookings.tables import Booking, BookingUid
from functions.broadcasts import (
    approval,
    automation_edits,
    forecast_kept,
    planning,
    progress,
    running_control,
    running_outcomes,
    running_watch,
    schedule_records,
)
from functions.broadcasts import counts as broadcast_counts
from functions.broadcasts import importer as broadcast_importer
from functions.broadcasts import ledger as broadcast_ledger
from functions.broadcasts import uploads as broadcast_uploads
from functions.broadcasts.running_tables import Ledger
from functions.broadcasts.states import RecipientStatus
from functions.broadcasts.tables import Automation, Execution, ExecutionCount, Recipient, Upload
from functions.broadcasts.tables import Schedule as BroadcastSchedule
from functions.carts import covering, recovery, wishes
from functions.carts import outcomes as cart_outcomes
from functions.carts import services as cart_services
from functions.carts.payloads import CartReport, OrderReport
from functions.carts.tables import Cart, CartMessage, ShopOrder, ShopWish
from functions.christmas import meetings
from functions.christmas import people as campaign_people
from functions.christmas.tables import SequenceContact
from functions.contacts import apply_contact
from functions.coordinations import services as coordination_services
from functions.coordinations.tables import Coordination
from functions.hubspot import deciding, interest, merges
from functions.hubspot.tables import HubSpotInterest, HubSpotMessage, HubSpotTurn
from functions.invoices import services as invoice_services
from functions.invoices.tables import Invoice
from functions.leads import services as lead_services
from functions.leads import taking_in
from functions.leads.tables import Lead
from functions.meetings import calendar_notices
from functions.meetings import holding as meeting_holding
from functions.meetings.tables import Meeting, MeetingCalendar
from functions.onboarding import rows as onboarding_rows
from functions.onboarding import services as onboarding_services
from functions.onboarding import tasks as onboarding_tasks
from functions.onboarding.tables import Onboarding, OnboardingStep, OnboardingTask
from functions.payments import services as payment_services
from functions.payments.tables import Payment, PaymentObject
from functions.scoring import services as scoring_services
from functions.scoring.score import Scored
from functions.scoring.tables import ScoredLead
from functions.tickets import duplicates as ticket_duplicates
from functions.tickets import rows as ticket_rows
from functions.tickets import talking as ticket_talking
from functions.tickets.tables import Ticket
from shared import clock
from shared.crm import (
    assignment_edits,
    campaigns,
    catalogue,
    contact_details,
    contact_profiles,
    editing,
    odoo_before,
    odoo_sync,
    odoo_take,
    opportunities,
    people,
    resync,
    stage_edits,
)
from shared.crm.odoo_sides import Side
from shared.intake import dead_letter_store
from shared.journeys import beginnings, due_beginnings, engine, enrolment_records, load, memory, pauses, step_deliveries
from shared.journeys import operator_actions as journey_actions
from shared.messages import approved_templates, consent, days, moves, notion_templates, number_states, rekey, statuses
from shared.messages import operator_actions as message_actions
from shared.messages.digests import digest_of_address
from shared.outbox import claims, expired, plan, record
from shared.outbox import operator_actions as delivery_actions
from shared.people import kinds, observing
from shared.store.contact_models import Address, ContactProfile
from shared.store.journey_models import Enrolment, JourneyBeginning, JourneyEvent, JourneyPause, JourneyVersion
from shared.store.message_models import Conversation, MessageDay, MessageStatus, Suppression, TemplateCopy
from shared.store.models import (
    Campaign,
    CampaignContact,
    Channel,
    Contact,
    DeadLetter,
    Delivery,
    EventFigure,
    Opportunity,
    StageMapping,
    Target,
)
from shared.store.people_models import Identity
from shared.store.types import key_of
from shared.store.whatsapp_models import WhatsAppMove, WhatsAppNumberState, WhatsAppTemplate
from shared.watch import flow_figures
from tests.lab.races import TARGET, card, take_place

ANA = "ana@example.com"
LEADS = Side(Opportunity, "crm.lead", "x_manychat_id", {"stage": "stage_id"})
SCORED = Scored(score=20, priority="low", email=None, errors=())
PHONE = "+525512345678"
UNKEYED = "0" * 32  # a person's digest as earlier releases stored it
TICKET = {"key": "k", "source": "api", "received_at": clock.now()}
PAYMENT = {"status": "pending", "currency": "MXN", "amount_minor": 1, "began_at": clock.now()}


@dataclass(frozen=True)
class Wait:
    """One place. `rows`: what there is, of which the other transaction holds that of `model` with the key `held`."""

    model: type[Any]
    rows: Callable[[], Sequence[Any]]
    come_by: Callable[[Session], Any]
    held: int | str = 1


def filled(model: type[Any], **values: Any) -> Any:
    """A row with these values, and with something in each other column that needs a value."""
    fillers: dict[type, Any] = {int: 1, str: "x", bool: False, type(clock.now()): clock.now()}
    for column in inspect(model).columns:
        needs = not column.nullable and column.default is None and column.server_default is None and not column.foreign_keys
        if needs and column.key not in values and not (column.primary_key and column.autoincrement is True):
            values[column.key] = fillers.get(_kind(column), {})
    return model(**{"id": 1} | values if "id" in inspect(model).columns else values)


def _kind(column: Any) -> Any:
    try:
        return column.type.impl.python_type if hasattr(column.type, "impl") else column.type.python_type
    except NotImplementedError:
        return dict


def one(model: type[Any], **values: Any) -> Callable[[], Sequence[Any]]:
    """A single row."""
    return lambda: [filled(model, **values)]


def onboarding() -> Sequence[Any]:
    """An onboarding with a step and a task."""
    day = clock.now().date()
    return [
        filled(Onboarding, open_key=ANA, start_date=day),
        filled(OnboardingStep, onboarding_id=1, target="inside"),
        filled(OnboardingTask, onboarding_id=1, due_on=day),
    ]


def broadcast() -> Sequence[Any]:
    """An automation with a schedule, and an execution of it with a recipient."""
    return [
        filled(Automation, uuid="u1"),
        filled(BroadcastSchedule, automation_id=1),
        filled(Execution, automation_id=1),
        filled(Recipient, execution_id=1),
    ]


def booking() -> Sequence[Any]:
    """A meeting with its id."""
    row = filled(Booking, calendar="calendly", uid="u1", current_uid="u1", email=ANA, status="booked", lead_id=None)
    return [row, filled(BookingUid, uid="u1", booking_id=1)]


def lead_and_booking() -> Sequence[Any]:
    """A lead, and a meeting of the same address."""
    return [lead()[0], *booking()]


def lead() -> Sequence[Any]:
    """A lead that came an hour ago."""
    return [filled(Lead, email=ANA, received_at=clock.now() - timedelta(hours=1))]


def person() -> Sequence[Any]:
    """A contact."""
    return [filled(Contact, manychat_id="m1")]


def opportunity() -> Sequence[Any]:
    """A contact with an opportunity."""
    return [*person(), filled(Opportunity, manychat_id="m1", contact_id=1)]


def assignment() -> Sequence[Any]:
    """A contact in a campaign."""
    return [*person(), filled(Campaign, name="Marzo"), filled(CampaignContact, contact_id=1, campaign_id=1)]


def delivery(**values: Any) -> Callable[[], Sequence[Any]]:
    """A delivery to the lab's target."""
    given = {"target": TARGET, "action": "card", "kind": "sync", "subject": "s", "dedupe_key": "k", "state": "pending"}
    return lambda: [filled(Target, name=TARGET), filled(Delivery, **given | values)]


def leased() -> Sequence[Any]:
    """A delivery in the hands of a worker."""
    return delivery(state="sending", lease_token="w1", lease_until=clock.now() + timedelta(minutes=5))()


def dead() -> Sequence[Any]:
    """A delivery whose worker has died."""
    return delivery(state="sending", lease_token="w1", lease_until=clock.now() - timedelta(minutes=5))()


def synced() -> Sequence[Any]:
    """A sync that is due, under the key by which it is found."""
    return delivery(dedupe_key=plan.key_of("sync", TARGET, "card", "s"))()


def handed(session: Session) -> Any:
    """The leased delivery as its worker has it."""
    row = session.scalars(select(Delivery)).one()
    return claims.as_claimed(row)


def record_outcome(session: Session) -> None:
    """The worker records that it is done."""
    claimed = handed(session)
    record.record(session, session.scalars(select(Target)).one(), card(), "w1", (claimed,), {claimed.id: None})


def a_contact_event(session: Session) -> None:
    """An event about a contact, whose opportunity is asked for."""
    payload = SimpleNamespace(manychat_id="m1", nombre_lead="Ana", apellido_lead=None, whatsapp=None, email_lead=None)
    payload.canal_entrada = payload.datetime_suscripcion = payload.estado_inicial = payload.ultimo_estado = None
    times = SimpleNamespace(time=clock.now(), received=clock.now())
    apply_contact(session, SimpleNamespace(payload=payload, envelope=times, key="k"))


def preventing(session: Session) -> None:
    """An event that may prevent a beginning that waits."""
    signal = SimpleNamespace(event="e", person_keys=["p"], at=clock.now())
    journeys = {"j": SimpleNamespace(name="j")}
    with patch.object(load, "definitions", lambda: journeys), patch.object(beginnings, "_may_prevent", lambda *_: True):
        beginnings.prevent(session, signal)


ANAS = kinds.Identity("email", ANA)


def known() -> Sequence[Any]:
    """An address by which somebody is known."""
    return [filled(Identity, key=ANAS.key, kind=ANAS.kind, value=ANAS.value)]


def observe(session: Session) -> None:
    """An event that shows it again."""
    observing.observe(session, observing.Seen(source="x", at=clock.now(), proven=[ANAS]))


ORDER: Any = SimpleNamespace(
    id=1, store="shop", cart_ref=None, other_ref=None, codes=[], email=ANA, phone=None, customer_id=None
)
ORDER_REPORT = OrderReport(store="shop", order_id="1", status="paid", ends=True)


def cart_and_order() -> Sequence[Any]:
    """A cart, and an order of the same address."""
    order = filled(ShopOrder, store="shop", order_id="1", email=ANA, placed_at=clock.now())
    return [order, filled(Cart, store="shop", cart_id="c-1", email=ANA, order_id=None)]


def message_about_a_cart() -> Sequence[Any]:
    """A message of a series, and the series."""
    series = [filled(JourneyVersion, journey="j"), filled(Enrolment, journey="j", version_id=1, person="p", data={"cart": 1})]
    return [*series, filled(Cart, order_id=None), filled(CartMessage, cart_id=1, delivery_id=5, enrolment_id=1)]


def note_about_a_cart(session: Session) -> None:
    """The message is reported as delivered."""
    outcome: Any = SimpleNamespace(word="delivered", channel="email", delivery_id=5, at=clock.now(), reason=None)
    cart_outcomes.note(session, {"enrolment": 1, "step": "mail_1"}, outcome)


JOURNEY: Any = SimpleNamespace(name="j", re_enrol="never", instance=None)
SIGNAL: Any = SimpleNamespace(event="e", data={}, person_keys=["p"], at=None, event_key="k")
BEGINNING = one(JourneyBeginning, journey="j", event="e", person="p", person_keys=["p"], state="waiting", instance=None)


def enrolment() -> Sequence[Any]:
    """Somebody in a journey."""
    return [filled(JourneyVersion, journey="j"), filled(Enrolment, journey="j", version_id=1, person="p", state="active")]


WAITS: dict[str, Wait] = {
    "functions.bookings.chain:_held": Wait(Booking, booking, lambda session: chain._held(session, [1])),
    "functions.bookings.chain:_joined": Wait(
        BookingUid, booking, lambda session: chain._joined(session, session.scalars(select(Booking)).all()), held="u1"
    ),
    "functions.bookings.chain:_records": Wait(BookingUid, booking, lambda session: chain._records(session, ["u1"]), held="u1"),
    "functions.bookings.chain:_without_ids": Wait(Booking, booking, lambda session: chain._without_ids(session, ["u1"])),
    "functions.bookings.services:_by_email": Wait(Lead, lead, lambda session: booking_services._by_email(session, ANA)),
    "functions.bookings.services:_by_number": Wait(Lead, lead, lambda session: booking_services._by_number(session, 1)),
    "functions.bookings.services:adopt": Wait(
        Booking, lead_and_booking, lambda session: booking_services.adopt(session, 1, "k")
    ),
    "functions.bookings.services:bring_in_line": Wait(
        Lead, lead, lambda session: booking_services.bring_in_line(session, 1, "k")
    ),
    "functions.broadcasts.counts:_fold_page": Wait(
        ExecutionCount, one(ExecutionCount, execution_id=1), lambda session: broadcast_counts._fold_page(session, 1)
    ),
    "functions.broadcasts.approval:decided": Wait(
        Execution,
        lambda: [filled(Automation), filled(Execution, automation_id=1, uuid="x")],
        lambda session: approval.decided(session, SimpleNamespace(kind=approval.KIND, key="x", outcome="approved")),
    ),
    "functions.broadcasts.automation_edits:find": Wait(
        Automation, broadcast, lambda session: automation_edits.find(session, "u1", for_change=True)
    ),
    "functions.broadcasts.forecast_kept:_keep": Wait(
        Execution, broadcast, lambda session: forecast_kept._keep(session, 1, {"sends": 1})
    ),
    "functions.broadcasts.importer:_contact": Wait(
        Contact, person, lambda session: broadcast_importer._contact(session, 1, "+525512345678")
    ),
    "functions.broadcasts.planning:_note_failure": Wait(
        Execution, broadcast, lambda session: planning._note_failure(session, 1, "KeyError")
    ),
    "functions.broadcasts.uploads:_fail": Wait(
        Upload, one(Upload, uuid="u1"), lambda session: broadcast_uploads._fail(session, 1, "x")
    ),
    "functions.broadcasts.uploads:add_rows": Wait(
        Upload, one(Upload, uuid="u1", state="ready"), lambda session: broadcast_uploads.add_rows(session, "u1", [])
    ),
    "functions.broadcasts.ledger:lock": Wait(
        Ledger,
        lambda: [*broadcast(), filled(Ledger, automation_id=1)],
        lambda session: broadcast_ledger.lock(session, 1),
    ),
    "functions.broadcasts.running_control:_locked": Wait(
        Execution, broadcast, lambda session: running_control._locked(session, 1)
    ),
    "functions.broadcasts.running_outcomes:_locked": Wait(
        Recipient, broadcast, lambda session: running_outcomes._locked(session, 1)
    ),
    "functions.broadcasts.running_watch:finish": Wait(Execution, broadcast, lambda session: running_watch.finish(session, 1)),
    "functions.broadcasts.progress:record": Wait(
        Recipient,
        broadcast,
        lambda session: progress.record(
            session, [progress.Change(recipient_id=1, status=RecipientStatus.SENT, at=clock.now())]
        ),
    ),
    "functions.broadcasts.schedule_records:of_automation": Wait(
        BroadcastSchedule, broadcast, lambda session: schedule_records.of_automation(session, 1, for_change=True)
    ),
    "functions.christmas.meetings:hold": Wait(
        SequenceContact, one(SequenceContact, email=ANA), lambda session: meetings.hold(session, ANA)
    ),
    "functions.christmas.people:locked_contact": Wait(
        SequenceContact, one(SequenceContact, email=ANA), lambda session: campaign_people.locked_contact(session, ANA)
    ),
    "functions.contacts:apply_contact": Wait(Opportunity, opportunity, a_contact_event),
    "functions.invoices.services:_locked": Wait(
        Invoice,
        one(Invoice, serie_key="F-1", due_on=clock.now().date()),
        lambda session: invoice_services._locked(session, "F-1"),
    ),
    "functions.meetings.calendar_notices:take": Wait(
        MeetingCalendar,
        one(MeetingCalendar, address="ana@example.com"),
        lambda session: calendar_notices.take(session, [1], [], "k"),
    ),
    "functions.meetings.holding:lock_people": Wait(
        MeetingCalendar,
        one(MeetingCalendar, address="ana@example.com"),
        lambda session: meeting_holding.lock_people(session, ["ana@example.com"]),
    ),
    "functions.meetings.holding:locked_meeting": Wait(
        Meeting,
        one(Meeting, key="k", request_key="k", organizer="ana@example.com", subject="S", minutes=30, zone="UTC"),
        lambda session: meeting_holding.locked_meeting(session, 1),
    ),
    "functions.onboarding.rows:lock": Wait(Onboarding, onboarding, lambda session: onboarding_rows.lock(session, 1)),
    "functions.onboarding.rows:steps_of": Wait(
        OnboardingStep, onboarding, lambda session: onboarding_rows.steps_of(session, 1, lock=True)
    ),
    "functions.onboarding.services:_open_one": Wait(
        Onboarding, onboarding, lambda session: onboarding_services._open_one(session, ANA)
    ),
    "functions.onboarding.tasks:of": Wait(OnboardingTask, onboarding, lambda session: onboarding_tasks.of(session, 1)),
    "functions.tickets.duplicates:of_facts": Wait(
        Ticket,
        one(Ticket, **TICKET, day=date(2026, 3, 2), total_minor=100),
        lambda session: ticket_duplicates.of_facts(session, filled(Ticket, id=2, day=date(2026, 3, 2), total_minor=100)),
    ),
    "functions.tickets.duplicates:of_file": Wait(
        Ticket,
        one(Ticket, **TICKET, sha256="a"),
        lambda session: ticket_duplicates.of_file(session, filled(Ticket, id=2, file={"sha256": "a"})),
    ),
    "functions.tickets.rows:locked_ticket": Wait(
        Ticket, one(Ticket, **TICKET), lambda session: ticket_rows.locked_ticket(session, "ticket:1")
    ),
    "functions.tickets.talking:asked_ticket": Wait(
        Ticket,
        one(Ticket, **TICKET, sender=PHONE, status="asking", asked_at=clock.now()),
        lambda session: ticket_talking.asked_ticket(session, PHONE),
    ),
    "functions.leads.taking_in:_locked": Wait(Lead, lead, lambda session: taking_in._locked(session, 1)),
    "functions.hubspot.deciding:_give_turn_back": Wait(
        HubSpotTurn,
        one(HubSpotTurn, message_id=1),
        lambda session: deciding._give_turn_back(session, filled(HubSpotMessage, id=1)),
    ),
    "functions.hubspot.deciding:settle_fetched": Wait(
        HubSpotMessage,
        one(HubSpotMessage),
        lambda session: deciding.settle_fetched(session, "hubspot-message:1"),
    ),
    "functions.hubspot.interest:_locked": Wait(
        HubSpotInterest,
        one(HubSpotInterest, contact_id="51"),
        lambda session: interest._locked(session, "51"),
    ),
    "functions.hubspot.merges:locked_turn": Wait(
        HubSpotTurn,
        one(HubSpotTurn, key=key_of("51", "p"), contact_id="51", product_key="p"),
        lambda session: merges.locked_turn(session, "51", "p"),
    ),
    "functions.leads.services:_recent": Wait(
        Lead, lead, lambda session: lead_services._recent(session, Lead.email, ANA, clock.now())
    ),
    "functions.leads.services:take": Wait(
        Lead,
        lead,
        lambda session: lead_services.take(
            session,
            SimpleNamespace(lead_id=1, email="other@example.com", telefono=""),
            clock.now(),
            "k",
        ),
    ),
    "functions.carts.covering:carts_of": Wait(
        Cart,
        one(Cart, store="shop", cart_id="c-1", email=ANA, order_id=None),
        lambda session: covering.carts_of(session, ORDER),
    ),
    "functions.carts.outcomes:note": Wait(CartMessage, message_about_a_cart, note_about_a_cart),
    "functions.carts.recovery:attribute": Wait(
        ShopOrder, cart_and_order, lambda session: recovery.attribute(session, [session.get_one(Cart, 1)])
    ),
    "functions.coordinations.services:_locked": Wait(
        Coordination, one(Coordination), lambda session: coordination_services._locked(session, 1)
    ),
    "functions.carts.services:_locked_cart": Wait(
        Cart,
        one(Cart, store="shop", cart_id="c-1", order_id=None),
        lambda session: cart_services._locked_cart(session, CartReport(store="shop", cart_id="c-1"), clock.now()),
    ),
    "functions.carts.services:_locked_order": Wait(
        ShopOrder,
        one(ShopOrder, store="shop", order_id="1"),
        lambda session: cart_services._locked_order(session, ORDER_REPORT),
    ),
    "functions.carts.wishes:_fulfilled": Wait(
        ShopWish,
        one(ShopWish, store="shopify", topic="customers/redact", state="done"),
        lambda session: wishes._fulfilled(session, 1),
    ),
    "functions.payments.services:_locked_payment": Wait(
        Payment,
        one(Payment, payment_id="pi_1"),
        lambda session: payment_services._locked_payment(session, "pi_1", PAYMENT, live=True),
    ),
    "functions.payments.services:_rows": Wait(
        PaymentObject,
        one(PaymentObject, object_id="pi_1"),
        lambda session: payment_services._rows(session, PaymentObject.object_id == "pi_1"),
    ),
    "functions.scoring.services:_locked_row": Wait(
        ScoredLead,
        one(ScoredLead, key=key_of("manychat", "1"), source="manychat", ext_id="1"),
        lambda session: scoring_services._locked_row(session, "1", SCORED, clock.now()),
    ),
    "shared.crm.contact_details:merge_address": Wait(
        Address,
        lambda: [*person(), filled(Address, contact_id=1)],
        lambda session: contact_details.merge_address(session, session.get_one(Contact, 1), {}, clock.now(), "a"),
    ),
    "shared.crm.contact_profiles:holders": Wait(
        Contact,
        one(Contact, manychat_id="m1", phone="+525512345678"),
        lambda session: contact_profiles.holders(session, "+525512345678"),
    ),
    "shared.crm.contact_profiles:_locked_profile": Wait(
        ContactProfile,
        lambda: [*person(), filled(ContactProfile, contact_id=1, uuid="u1")],
        lambda session: contact_profiles._locked_profile(session, 1),
    ),
    "shared.crm.assignment_edits:_assignment": Wait(
        CampaignContact,
        assignment,
        lambda session: assignment_edits._assignment(session, session.get_one(Contact, 1), 1),
    ),
    "shared.crm.campaigns:locked_assignment": Wait(
        CampaignContact,
        assignment,
        lambda session: campaigns.locked_assignment(
            session, session.get_one(Contact, 1), session.get_one(Campaign, 1), clock.now()
        ),
    ),
    "shared.crm.campaigns:newest_assignment": Wait(
        CampaignContact, assignment, lambda session: campaigns.newest_assignment(session, session.get_one(Contact, 1))
    ),
    "shared.crm.catalogue:_added": Wait(
        Campaign, one(Campaign), lambda session: catalogue._added(session, filled(Campaign), "campaign", "a")
    ),
    "shared.crm.catalogue:change_channel": Wait(
        Channel,
        lambda: [filled(Channel, id=n, name=name, key=catalogue._channel_key(name)) for n, name in ((1, "a"), (2, "b"))],
        lambda session: catalogue.change_channel(session, 1, {"name": "b"}, "a", editing.unguarded),
        held=2,
    ),
    "shared.crm.editing:locked_row": Wait(Contact, person, lambda session: editing.locked_row(session, Contact, 1, "contact")),
    "shared.crm.odoo_before:_note": Wait(
        Opportunity, opportunity, lambda session: odoo_before._note(session, side=LEADS, keys=["m1"], omitted={})
    ),
    "shared.crm.odoo_take:_locked": Wait(Contact, person, lambda session: odoo_take._locked(session, LEADS, "m1")),
    "shared.crm.opportunities:_OPPORTUNITY": Wait(
        Opportunity,
        opportunity,
        lambda session: opportunities.locked_opportunity(session, session.get_one(Contact, 1)),
    ),
    "shared.crm.people:_CONTACT": Wait(Contact, person, lambda session: people.locked_contact(session, "m1")),
    "shared.crm.resync:_next_page": Wait(Opportunity, opportunity, lambda session: resync._next_page(session, 0, true())),
    "shared.crm.stage_edits:change": Wait(
        StageMapping,
        lambda: [
            filled(StageMapping, id=1000 + n, manychat_name=k, manychat_key=k, odoo_stage_id=1000 + n)
            for n, k in ((1, "a"), (2, "b"))
        ],
        lambda session: stage_edits.change(session, 1001, {"manychat_name": "b"}, "a", editing.unguarded),
        held=1002,
    ),
    "shared.intake.dead_letter_store:_note_replay": Wait(
        DeadLetter, one(DeadLetter), lambda session: dead_letter_store._note_replay(session, 1, "a")
    ),
    "shared.journeys.beginnings:_row": Wait(
        JourneyBeginning, BEGINNING, lambda session: beginnings._row(session, JOURNEY, SIGNAL)
    ),
    "shared.journeys.beginnings:prevent": Wait(JourneyBeginning, BEGINNING, preventing),
    "shared.journeys.due_beginnings:_begin": Wait(
        Enrolment, lambda: [*BEGINNING(), *enrolment()], lambda session: due_beginnings._begin(session, 1)
    ),
    "shared.journeys.due_beginnings:_locked": Wait(
        JourneyBeginning, BEGINNING, lambda session: due_beginnings._locked(session, 1)
    ),
    "shared.journeys.engine:_may_enter": Wait(
        Enrolment, enrolment, lambda session: engine._may_enter(session, JOURNEY, ["p"], None, "k")
    ),
    "shared.journeys.engine:_open_enrolments": Wait(
        Enrolment, enrolment, lambda session: engine._open_enrolments(session, ["p"])
    ),
    "shared.journeys.enrolment_records:_ENROLMENT": Wait(
        Enrolment, enrolment, lambda session: enrolment_records.lock_record(session, 1)
    ),
    "shared.journeys.memory:since": Wait(
        JourneyEvent,
        one(JourneyEvent, person="p", event="e"),
        lambda session: memory.since(session, ["p"], ["e"], clock.now() - timedelta(days=1)),
    ),
    "shared.journeys.operator_actions:end": Wait(
        Enrolment, enrolment, lambda session: journey_actions.end(session, "j", 1, "a")
    ),
    "shared.journeys.pauses:_open": Wait(
        JourneyPause, one(JourneyPause, journey="j", resumed_at=None), lambda session: pauses._open(session, "j")
    ),
    "shared.journeys.step_deliveries:_locked": Wait(Delivery, delivery(), lambda session: step_deliveries._locked(session, 1)),
    "shared.messages.approved_templates:_keep": Wait(
        WhatsAppTemplate,
        one(WhatsAppTemplate, key=key_of("n", "es")),
        lambda session: approved_templates._keep(session, {"name": "n", "language": "es"}, clock.now()),
    ),
    "shared.messages.approved_templates:note_status": Wait(
        WhatsAppTemplate,
        one(WhatsAppTemplate, key=key_of("n", "es")),
        lambda session: approved_templates.note_status(session, "n", "es", "PAUSED"),
    ),
    "shared.messages.consent:arrived": Wait(
        Suppression,
        one(Suppression, who="w", channel="email", cause="soft-bounce"),
        lambda session: consent.arrived(session, "w", clock.now()),
    ),
    "shared.messages.consent:rows": Wait(
        Suppression,
        one(Suppression, who="w", channel="email", cause="stop"),
        lambda session: consent.rows(session, ["email"], ["w"], "stop"),
    ),
    "shared.messages.consent:wrote_to_us": Wait(
        Conversation,
        one(Conversation, who="w", channel="sms"),
        lambda session: consent.wrote_to_us(session, "w", "sms", clock.now()),
    ),
    "shared.messages.days:_DAYS": Wait(
        MessageDay,
        lambda: [filled(MessageDay, who=days.digest_of_person("p"), day="2026-03-02", delivery_ids=[])],
        lambda session: take_place(session, "p", 1),
    ),
    "shared.messages.moves:move": Wait(
        WhatsAppMove,
        lambda: [filled(WhatsAppMove, who=digest_of_address(PHONE))],
        lambda session: moves.move(session, PHONE, "+525522220002", clock.now()),
    ),
    "shared.messages.number_states:_row": Wait(
        WhatsAppNumberState,
        one(WhatsAppNumberState, number_id="n"),
        lambda session: number_states._row(session, "n"),
    ),
    "shared.messages.notion_templates:_keep": Wait(
        TemplateCopy,
        one(TemplateCopy, source="notion:d", name="n"),
        lambda session: notion_templates._keep(session, "d", "n", SimpleNamespace(subject="s", html="h")),
    ),
    "shared.messages.operator_actions:lift": Wait(
        Suppression, one(Suppression), lambda session: message_actions.lift(session, 1, "a")
    ),
    "shared.messages.rekey:_key": Wait(
        MessageDay,
        one(MessageDay, who=UNKEYED),
        lambda session: rekey._key(session, MessageDay, session.get_one(MessageDay, 1)),
    ),
    "shared.messages.rekey:_page": Wait(
        MessageDay, one(MessageDay, who=UNKEYED), lambda session: rekey._page(session, MessageDay)
    ),
    "shared.messages.statuses:_SAME": Wait(
        MessageStatus, one(MessageStatus, provider="p", vendor_id="v"), lambda session: statuses._row(session, "p", "v")
    ),
    "shared.messages.statuses:_claim_by_callback": Wait(
        Delivery,
        delivery(),
        lambda session: statuses._claim_by_callback(session, SimpleNamespace(provider="p"), 1, None),
    ),
    "shared.people.observing:_BY_ID": Wait(
        Identity, one(Identity, key="k"), lambda session: observing.neighbourhood(session, [1])
    ),
    "shared.people.observing:_BY_KEY": Wait(Identity, known, observe),
    "shared.outbox.claims:_TARGET": Wait(Target, delivery(), lambda session: claims.claim(session, TARGET, "w1"), held=TARGET),
    "shared.outbox.claims:taken_before": Wait(Delivery, leased, lambda session: claims.taken_before(session, TARGET, "w1")),
    "shared.outbox.operator_actions:_locked": Wait(Delivery, delivery(), lambda session: delivery_actions._locked(session, 1)),
    "shared.outbox.operator_actions:_new_sync": Wait(
        Delivery,
        synced,
        lambda session: delivery_actions._new_sync(session, card(), session.scalars(select(Delivery)).one()),
    ),
    "shared.outbox.plan:_BY_KEY": Wait(Delivery, synced, lambda session: plan.sync(session, card(), "s")),
    "shared.outbox.plan:cancel": Wait(Delivery, delivery(), lambda session: plan.cancel(session, 1, "no")),
    "shared.outbox.plan:sync_many": Wait(Delivery, synced, lambda session: plan.sync_many(session, card(), ["s"])),
    "shared.outbox.record:_take_back_retry": Wait(
        Delivery,
        lambda: [*delivery()(), filled(Delivery, id=2, target=TARGET, dedupe_key="k2", retry_of=1, state="pending")],
        lambda session: record._take_back_retry(session, 1),
        held=2,
    ),
    "shared.outbox.record:write": Wait(Delivery, leased, record_outcome),
    "shared.watch.flow_figures:_count": Wait(
        EventFigure, one(EventFigure, type=flow_figures.ALL), flow_figures._count, held=flow_figures.ALL
    ),
    "shared.outbox.row_effect:RowEffect.lock_rows": Wait(
        Contact, person, lambda session: odoo_sync.CONTACTS.lock_rows(session, ["m1"])
    ),
}
"""Places that wait for the rows."""

SKIPS: dict[str, Wait] = {
    "functions.broadcasts.planning:_plan": Wait(Execution, broadcast, lambda session: planning._plan(session, 1)),
    "functions.broadcasts.uploads:_take_batch": Wait(
        Upload, one(Upload, uuid="u1"), lambda session: broadcast_uploads._take_batch(session, 1, 0, [])
    ),
    "shared.outbox.claims:_next": Wait(Delivery, delivery(), lambda session: claims.claim(session, TARGET, "w1")),
    "shared.outbox.expired:free_expired": Wait(Delivery, dead, expired.free_expired),
}
"""Places that step over rows which another transaction holds, so that they return at once and without them."""

__all__ = ["SKIPS", "WAITS", "Wait"]
