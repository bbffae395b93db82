"""People: found by name, number, address, event or any name of theirs; and one page of each across all flows and systems."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from functions.console import conversation
from functions.console.answers import NOT_ANSWERED
from functions.console.conversation import Conversation
from shared.console import masking, pages
from shared.console.navigation import Count, Entry
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.crm import timeline
from shared.errors import RefusedError
from shared.journeys import history
from shared.messages import consent, consent_history, digests, operator_actions
from shared.messages.answering import LONGEST
from shared.outbox.actions import State
from shared.people import aliases, kinds, queries
from shared.people.kinds import Identity
from shared.store.consent_models import Consent
from shared.store.journey_models import Enrolment
from shared.store.message_models import ReceivedMessage
from shared.store.models import Contact, Delivery, InboxEvent
from shared.store.session import reading, transact
from shared.web.paging import RowId, counted
from shared.web.sorting import having_words

router = APIRouter(route_class=ConsoleRoute)

MOST_FOUND = 50
MOST_SHOWN = 40
CHANNELS = ("email", "whatsapp", "sms", "voice", "manychat")
NOT_SENT = (State.SKIPPED, State.DEAD, State.CANCELLED)
OPEN = ("active", "suspended")


def unread(session: Session) -> Count:
    """How many messages of people wait for an answer."""
    waiting = select(ReceivedMessage.id).where(ReceivedMessage.state.in_(("unread", "read")))
    return Count(counted(session, waiting), mark("messages without an answer"))


ENTRY = Entry(name="people", title=mark("People"), path="/console/people", group="now", icon="people", place=2, count=unread)


@dataclass(frozen=True)
class Hit:
    """Somebody who was found: their page, how they are called, and by what they were found."""

    path: str
    name: str
    detail: str


@dataclass
class Person:
    """What the page of a person shows."""

    number: int
    name: str
    identities: Sequence[queries.Held] = ()
    links: Sequence[Any] = ()
    probably_same: Sequence[tuple[int, str]] = ()
    contact: Contact | None = None
    coming: list[Delivery] = field(default_factory=list)
    not_sent: list[Delivery] = field(default_factory=list)
    journeys: list[history.Story] = field(default_factory=list)
    stops: Sequence[tuple[Identity, Any]] = ()
    consents: Sequence[Consent] = ()
    conversation: Conversation = field(default_factory=Conversation)
    events: Sequence[timeline.Entry] = ()


@router.get("/console/people")
def people(request: Request, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """The search; where one person fits, their page at once."""
    asked = q.strip()
    with reading() as session:
        hits = find(session, asked) if asked else []
        newest = [] if asked else _newest(session)
    if len(hits) == 1:
        return RedirectResponse(hits[0].path, SEE_OTHER)
    facts: dict[str, Any] = {"q": asked, "hits": hits, "newest": newest}
    return pages.render(request, "console/people.html", here="people", heading=mark("People"), **facts)


def find(session: Session, asked: str) -> list[Hit]:
    """Whom a text may mean: an event's id, a name of ours, an address, a number, words of a name."""
    event = session.scalars(
        select(InboxEvent).where(InboxEvent.event_id == asked).order_by(InboxEvent.id.desc()).limit(1)
    ).first()
    hits = [Hit(f"/console/executions/{event.id}", event.type, asked)] if event is not None else []
    hits += [Hit(f"/console/people/{number}", _name(session, number), asked) for number in sorted(numbers(session, asked))]
    if not hits:
        hits = _by_words(session, asked)
    return hits[:MOST_FOUND]


def numbers(session: Session, asked: str) -> set[int]:
    """The people whose name of ours, address or number a text is."""
    meant = {number for one in _meant(asked) for number in queries.with_proposals(session, one)}
    return meant | _by_names(session, [asked])


def subjects(session: Session, asked: str) -> list[str]:
    """What events call whoever a text may mean, by words of their name as well; and the text itself."""
    known = numbers(session, asked)
    if not known:
        words = select(Contact.manychat_id).where(having_words(Contact.search_text, asked)).order_by(Contact.search_text)
        ids = session.scalars(words.limit(MOST_FOUND)).all()
        known = {number for one in ids for number in queries.of(session, Identity("manychat", one))}
    found = {asked}
    for number in sorted(known)[:MOST_FOUND]:
        found |= set(timeline.of_person(session, queries.names(session, number)).certain.names)
    return sorted(found)


def _meant(asked: str) -> tuple[Identity, ...]:
    """The identities that a text may be the value of."""
    return kinds.identities(email=asked) if "@" in asked else kinds.identities(phone=asked)


def _by_names(session: Session, names: Collection[str]) -> set[int]:
    known = aliases.of(session, list(names))
    return {number for one in known.own for number in queries.of(session, one)}


def _by_words(session: Session, asked: str) -> list[Hit]:
    """Contacts by the words of their names, each with the page of the person that it belongs to."""
    rows = session.scalars(
        select(Contact).where(having_words(Contact.search_text, asked)).order_by(Contact.search_text).limit(MOST_FOUND)
    ).all()
    return [hit for row in rows for hit in _hits_of(session, row)]


def _hits_of(session: Session, row: Contact) -> list[Hit]:
    numbers = queries.of(session, Identity("manychat", row.manychat_id))
    return [Hit(f"/console/people/{number}", _full_name(row), f"ManyChat {row.manychat_id}") for number in numbers[:1]]


def _newest(session: Session) -> list[Hit]:
    rows = session.scalars(select(Contact).order_by(Contact.updated_at.desc(), Contact.id.desc()).limit(20)).all()
    return [hit for row in rows for hit in _hits_of(session, row)]


def _full_name(row: Contact) -> str:
    return " ".join(filter(None, (row.first_name, row.last_name))) or row.manychat_id


def _name(session: Session, number: int) -> str:
    """How a person is called: as their contact says, else by the first of their identities."""
    own = queries.identities(session, number)
    ids = [one.value for one in own if one.kind == "manychat"]
    row = session.scalars(select(Contact).where(Contact.manychat_id.in_(ids)).limit(1)).first() if ids else None
    if row is not None:
        return _full_name(row)
    return masking.masked_text(own[0].value) if own else f"#{number}"


@router.get("/console/people/{person_id:id}")
def person(request: Request, person_id: RowId, after: str | None = None) -> Response:
    """Everything about one person."""
    with reading() as session:
        found = _person(session, person_id)
        if found is None:
            raise RefusedError(404, "no-such-person", mark("There is no such person, or no longer."))
        session.expunge_all()
    if found.number != person_id:
        return RedirectResponse(f"/console/people/{found.number}", SEE_OTHER)
    return pages.render(
        request,
        "console/person.html",
        here="people",
        heading=found.name,
        person=found,
        masked=masking.masked,
        channels=CHANNELS,
        not_answered=NOT_ANSWERED,
        longest=LONGEST,
    )


def _person(session: Session, number: int) -> Person | None:
    profile = queries.profile(session, number)
    if profile is None:
        return None
    found = Person(profile.id, _name(session, profile.id), profile.identities, profile.links)
    found.probably_same = [(other, _name(session, other)) for other in profile.probably_same]
    own = queries.identities(session, profile.id)
    names = queries.names(session, profile.id)
    ids = [one.value for one in own if one.kind == "manychat"]
    found.contact = session.scalars(select(Contact).where(Contact.manychat_id.in_(ids)).limit(1)).first() if ids else None
    whose = timeline.of_person(session, names)
    subjects = sorted(whose.certain.names)
    found.coming = _deliveries(session, subjects, Delivery.state == State.PENDING, Delivery.due_at)
    found.not_sent = _deliveries(session, subjects, Delivery.state.in_(NOT_SENT), Delivery.id.desc())
    enrolled = select(Enrolment).where(Enrolment.person.in_(subjects), Enrolment.state.in_(OPEN)).limit(MOST_SHOWN)
    found.journeys = [history.story(session, one) for one in session.scalars(enrolled)]
    found.stops = consent.stops(session, own)
    found.consents = consent_history.history(session, own)
    found.conversation = conversation.of_person(session, own, subjects, MOST_SHOWN)
    found.events = timeline.entries(session, whose, MOST_SHOWN, newest_first=True)
    return found


def _deliveries(session: Session, subjects: Sequence[str], state: ColumnElement[bool], order: Any) -> list[Delivery]:
    """Messages and syncs about a person that stand so."""
    query = select(Delivery).where(Delivery.subject.in_(subjects), state).order_by(order).limit(MOST_SHOWN)
    return list(session.scalars(query)) if subjects else []


@router.post("/console/people/{person_id:id}/stop")
def stop(person_id: RowId, operator: Signed, channel: Annotated[str, Form()]) -> Response:
    """Nothing more to them by this channel, or by none (`all`), until somebody lifts it. What is planned is skipped then."""
    channels = CHANNELS if channel == "all" else tuple(one for one in CHANNELS if one == channel)
    if not channels:
        raise RefusedError(422, "invalid-fields", mark("There is no such channel."))

    def work(session: Session) -> None:
        names = queries.names(session, person_id)
        if not names:
            raise RefusedError(404, "no-such-person", mark("There is no such person, or no longer."))
        operator_actions.suppress(session, digests.digest_of_person(names[0]), channels, "by-hand", operator.actor)

    transact(work)
    return RedirectResponse(f"/console/people/{person_id}#permissions", SEE_OTHER)


@router.post("/console/people/{person_id:id}/lift")
def lift(person_id: RowId, operator: Signed, suppression: Annotated[int, Form()]) -> Response:
    """They may be written to again, as far as this goes."""
    transact(lambda session: operator_actions.lift(session, suppression, operator.actor))
    return RedirectResponse(f"/console/people/{person_id}#permissions", SEE_OTHER)
