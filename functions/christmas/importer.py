"""The importer of the campaign: contacts and sequences from the Notion databases of the replaced system.

Nothing is sent because of it. Whoever is in a sequence goes on where they were: the mails that Notion says were sent count as
sent, those whose time has gone without are left out, and what is still to come is planned. Notion is not written to.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.christmas import begin, kinds, meetings, noshow, old_pages, people
from functions.christmas.begin import Start
from functions.christmas.kinds import SequenceKind
from functions.christmas.old_pages import OldContact, OldNotion, OldSequence
from functions.christmas.tables import MailSequence, SequenceContact
from functions.leads import persons
from shared import clock
from shared.importer.frame import Change, Importer, Options, Run, as_of
from shared.journeys import engine, load, memory, taking_over
from shared.journeys.enrolment_records import Standing
from shared.journeys.taking_over import TakenOver
from shared.messages import consent
from shared.outbox.record_sync import SUCCESS
from shared.settings import get_settings
from shared.store.journey_models import Enrolment
from shared.store.types import key_of
from shared.vendors.notion import Notion

SOURCE = "the_replaced_campaign"
LATE = "send-late"
TAKEN_OVER, COMPLETED = "taken_over", "completed by the replaced system"
SAME_MOMENT = timedelta(minutes=1)  # Notion keeps no seconds
_OF_TYPE = {
    kinds.NO_SHOW.type: ("calendly_event_uri", "scheduled_time", "event_type"),
    kinds.POST_CALL.type: ("call_date", "call_outcome", "call_notes", "objections", "follow_up_priority"),
    kinds.ONBOARDING.type: ("payment_amount", "payment_date", "package_type", "salon_address", "start_date"),
    kinds.FIVE_DAY.type: ("red_systems", "orange_systems", "yellow_systems", "green_systems"),
}


class CampaignRun(Run):
    """One import of the campaign."""

    def __init__(self, options: Options) -> None:
        self._sends_late = LATE in options.flags

    def apply(self, session: Session, row: Any) -> Change:
        """Take over a contact or a sequence; of those that are known, what is missing here."""
        return _contact(session, row) if isinstance(row, OldContact) else self._sequence(session, row)

    def _sequence(self, session: Session, row: OldSequence) -> Change:
        contact = people.locked_contact(session, row.sequence_email)
        known = _known(session, contact, row)
        if known is not None:
            return _more(session, contact, known, row)
        _learn(session, contact, row)
        over = replace(_taken_over(row), sends_late=self._sends_late)
        start = Start(
            kind=row.kind,
            source=_source(row),
            at=row.started,
            facts=_facts(row),
            segment=row.sequence_segment or "OPTIMIZE",
            data=_data(row),
            taken_over=over,
        )
        _outcome, made = begin.begin(session, contact, start, _key(row.id))
        if made is None:  # they are in it by another page: what this one has sent counts as well
            return Change.of(is_new=False, has_changed=_mark_open(session, contact, row.kind, over))
        made.notion_page_id, made.notion_sync_status = row.id, SUCCESS
        made.notion_synced_at = made.notion_asked_at = clock.now()
        if row.sequence_completed and made.enrolment_id is not None:
            engine.exit(session, made.enrolment_id, COMPLETED)
        _end_what_is_over(session, contact)
        return Change.NEW


def _contact(session: Session, row: OldContact) -> Change:
    contact = people.locked_contact(session, row.contact_email)
    is_new, before = not contact.fact_times, _shown(contact)
    people.observe(session, contact)
    people.learn(
        contact,
        as_of(row.edited_at),
        _key(row.id),
        first_name=row.first_name,
        last_name=row.last_name,
        business_name=row.contact_business_name,
        assessment_score=people.exact(row.contact_assessment_score),
        segment=row.contact_segment,
        phase=row.phase,
        booking_status=row.booking_status,
        diagnostic_call_at=row.diagnostic_call_date,
    )
    contact.campaign_status = contact.campaign_status or people.SIGNED_UP
    if contact.notion_page_id is None:
        contact.notion_page_id = row.id
    meetings.follow(session, contact)
    if row.unsubscribed:
        consent.suppress(session, ["email"], [contact.who], "unsubscribed", as_of(None))
    contact.unsubscribed = people.is_unsubscribed(session, contact)
    _end_what_is_over(session, contact)
    return Change.of(is_new=is_new, has_changed=_shown(contact) != before)


def _shown(contact: SequenceContact) -> tuple[Any, ...]:
    names = (contact.first_name, contact.last_name, contact.business_name, contact.notion_page_id, contact.unsubscribed)
    stands = (contact.booking_status, contact.diagnostic_call_at, contact.campaign_status, contact.phase)
    return (*names, *stands, contact.segment, contact.assessment_score)


def _learn(session: Session, contact: SequenceContact, row: OldSequence) -> None:
    """What a sequence says of its person: their name, and that they have reached its stage."""
    people.observe(session, contact)
    names = {"first_name": row.sequence_first_name, "business_name": row.sequence_business_name}
    people.learn(contact, as_of(None), _key(row.id), **names)
    if row.kind is kinds.FIVE_DAY:
        score = people.exact(row.sequence_assessment_score)
        people.learn(contact, as_of(None), _key(row.id), segment=row.sequence_segment, assessment_score=score)
    contact.campaign_status = contact.campaign_status or people.SIGNED_UP
    if row.kind is kinds.ONBOARDING:
        people.learn(contact, as_of(None), _key(row.id), phase=people.ONBOARDING_PHASE)
        people.reach(contact, kinds.PAID, row.started)
        ends = TakenOver(journey=row.kind.journey, source=SOURCE)
        begin.signal(session, contact.email, kinds.PAID, {"email": contact.email}, _key(row.id), row.started, taken_over=ends)
    else:
        people.reach(contact, row.kind.event, row.started)
    meetings.follow(session, contact)


def _known(session: Session, contact: SequenceContact, row: OldSequence) -> MailSequence | None:
    """The sequence of that page, or of the event behind it: one that has our id there, that began by it, or at that time."""
    theirs = select(MailSequence).where(MailSequence.contact_id == contact.id, MailSequence.type == row.type)
    key = key_of(contact.email, row.type, _source(row))
    for known in session.scalars(theirs.order_by(MailSequence.id)):
        is_ours = row.sequence_id == f"{known.id}-{known.key[:8]}"
        is_near = row.kind is kinds.FIVE_DAY and abs(known.started_at - row.started) < SAME_MOMENT
        if is_ours or is_near or row.id == known.notion_page_id or known.key == key:
            return known
    return None


def _more(session: Session, contact: SequenceContact, known: MailSequence, row: OldSequence) -> Change:
    """Note what the replaced system has sent of a sequence that is known."""
    news = {name: value for name, value in _facts(row).items() if name.startswith("email_") and name not in known.facts}
    marked = known.enrolment_id is not None and taking_over.mark(session, known.enrolment_id, _taken_over(row))
    if news and marked:
        known.facts = dict(known.facts) | news
    if known.notion_page_id is None:
        known.notion_page_id = row.id
    if row.sequence_completed and known.facts.get(TAKEN_OVER) and known.enrolment_id is not None:
        engine.exit(session, known.enrolment_id, COMPLETED)
    _end_what_is_over(session, contact)
    return Change.of(is_new=False, has_changed=marked)


def _mark_open(session: Session, contact: SequenceContact, kind: SequenceKind, over: TakenOver) -> bool:
    theirs = persons.names_of(session, email=contact.email)
    query = select(Enrolment.id).where(Enrolment.person.in_(theirs), Enrolment.journey == kind.journey)
    found = session.scalars(query.where(Enrolment.state == Standing.ACTIVE).order_by(Enrolment.id)).all()
    return sum(taking_over.mark(session, number, over) for number in found) > 0


def _end_what_is_over(session: Session, contact: SequenceContact) -> None:
    """End the sequences that were taken over and that their contact's page says are over. A second run changes nothing."""
    session.flush()
    mine = select(MailSequence).where(MailSequence.contact_id == contact.id, MailSequence.enrolment_id.is_not(None))
    for row in session.scalars(mine.order_by(MailSequence.id)):
        reason = _over(session, contact, kinds.KINDS[row.type]) if row.facts.get(TAKEN_OVER) else None
        if reason is not None and row.enrolment_id is not None:
            engine.exit(session, row.enrolment_id, reason)


def _over(session: Session, contact: SequenceContact, kind: SequenceKind) -> str | None:
    """Why no more of a sequence goes to somebody: they want no mail, have booked, or are beyond the five days."""
    if people.is_unsubscribed(session, contact):
        return memory.UNSUBSCRIBED
    status, call_at = contact.booking_status, contact.diagnostic_call_at
    ends = any(one.event == kinds.BOOKED for one in load.journey(kind.journey).exit_on)
    if ends and status == people.BOOKED and (call_at is None or call_at > clock.now()):
        return kinds.BOOKED
    if kind is kinds.FIVE_DAY and status in (people.COMPLETED, people.NO_SHOW):
        return kinds.POST_CALL.event if status == people.COMPLETED else kinds.NO_SHOW.event
    return None


def _source(row: OldSequence) -> str:
    """The event behind the sequence, as the reports of website and calendar name it, so that a late one begins no second."""
    dates = {kinds.POST_CALL: row.call_date, kinds.ONBOARDING: row.payment_date or row.start_date}
    match row.kind:
        case kinds.FIVE_DAY:
            return (row.mails[0].sent or row.started).isoformat()
        case kinds.NO_SHOW:
            when = row.scheduled_time.isoformat() if row.scheduled_time else None
            return noshow.event_id(row.calendly_event_uri) or when or row.id
        case kind:
            dated = dates[kind]
            return dated.isoformat() if dated else "undated" if kind is kinds.ONBOARDING else row.id


def _taken_over(row: OldSequence) -> TakenOver:
    """The steps whose mails went out, and when."""
    steps = load.journey(row.kind.journey).steps
    sent = {step.id: mail.sent for step, mail in zip(steps, row.mails, strict=False) if mail.is_sent and mail.sent}
    return TakenOver(journey=row.kind.journey, source=SOURCE, sent=sent)


def _facts(row: OldSequence) -> dict[str, Any]:
    """What the sequence's row keeps: the facts of its type, and of each mail what Notion knows."""
    found = row.model_dump(mode="json", include=set(_OF_TYPE[row.type]), exclude_none=True) | {TAKEN_OVER: True}
    if row.kind is kinds.FIVE_DAY and row.sequence_assessment_score is not None:
        found["assessment_score"] = row.sequence_assessment_score
    for number, mail in enumerate(row.mails, start=1):
        if mail.sent is not None:
            found[f"email_{number}_sent_at"] = mail.sent.isoformat()
            known = {"status": mail.status, "sent_by": mail.sent_by, "resend_id": mail.resend_id}
            found |= {f"email_{number}_{name}": value for name, value in known.items() if value}
    return found


def _data(row: OldSequence) -> dict[str, Any]:
    """What the journey counts from, and tells its enrolments apart by."""
    if row.kind is kinds.FIVE_DAY:
        return {"email_1_sent_at": (row.mails[0].sent or row.started).isoformat()}
    return {"calendly_event": _source(row)} if row.kind is kinds.NO_SHOW else {}


def _key(page_id: str) -> str:
    return key_of("import", "notion", page_id)


IMPORTER = Importer(
    name="campaign",
    about="Contacts and sequences of the campaign from Notion, with the mails that were sent.",
    kinds={old_pages.CONTACTS: OldContact, old_pages.SEQUENCES: OldSequence},
    open=lambda _options: OldNotion(Notion.from_settings(get_settings())),
    begin=CampaignRun,
    rows_at_once=50,
    flags={LATE: "messages whose time has gone and that nobody has sent go out now; else they are left out"},
)
