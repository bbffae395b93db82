"""People: found by name, number, address, event or any name of theirs; and one page of each across all flows and systems."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.console.answers import NOT_ANSWERED
from functions.console.person import called, full_name, no_such_person, read
from shared.console import masking, pages
from shared.console.navigation import Count, Entry
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.crm import editing, timeline
from shared.errors import RefusedError
from shared.journeys import operator_actions as journey_actions
from shared.messages import digests, operator_actions
from shared.messages.answering import LONGEST
from shared.people import aliases, kinds, queries
from shared.people.kinds import Identity
from shared.readers import phone
from shared.settings import get_settings
from shared.store.journey_models import Enrolment
from shared.store.limits import LONGEST_ID
from shared.store.message_models import ReceivedMessage
from shared.store.models import Contact, DeadLetter, Delivery, InboxEvent
from shared.store.plan_models import PlanPart
from shared.store.session import reading, transact
from shared.web.conditions import etag, guard
from shared.web.paging import RowId, counted
from shared.web.sorting import having_words
from shared.web.suppressions import EDITABLE

router = APIRouter(route_class=ConsoleRoute)

MOST_FOUND = 50
CHANNELS = ("email", "whatsapp", "sms", "voice", "manychat")


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


@router.get("/console/people")
def people(request: Request, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """The search; where one person fits, their page at once."""
    asked = q.strip()
    with reading() as session:
        hits = find(session, q) if asked else []
        newest = [] if asked else _newest(session)
    if len(hits) == 1:
        return RedirectResponse(hits[0].path, SEE_OTHER)
    facts: dict[str, Any] = {"q": asked, "hits": hits, "newest": newest}
    return pages.render(request, "console/people.html", here="people", heading=mark("People"), **facts)


def find(session: Session, asked: str) -> list[Hit]:
    """Whom a text may mean, as it was typed: an event's id, a name of ours, an address, a number, words of a name."""
    typed, asked = asked, asked.strip()
    event = session.scalars(
        select(InboxEvent).where(InboxEvent.event_id == asked).order_by(InboxEvent.id.desc()).limit(1)
    ).first()
    hits = [Hit(f"/console/executions/{event.id}", event.type, asked)] if event is not None else []
    hits += [Hit(f"/console/people/{number}", called(session, number), asked) for number in sorted(numbers(session, typed))]
    if not hits:
        hits = _by_words(session, asked)
    return hits[:MOST_FOUND]


def numbers(session: Session, asked: str) -> set[int]:
    """The people whose name of ours, address or number a text is."""
    meant = {number for one in _meant(asked) for number in queries.with_proposals(session, one)}
    return meant | _by_names(session, [asked.strip()])


def subjects(session: Session, asked: str) -> list[str]:
    """What events call whoever a text may mean, by words of their name as well; and the text itself."""
    known, asked = numbers(session, asked), asked.strip()
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
    if "@" in asked:
        return kinds.identities(email=asked)
    return kinds.identities(phone=phone.searched(asked, default=get_settings().default_phone_region))


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
    return [Hit(f"/console/people/{number}", full_name(row), f"ManyChat {row.manychat_id}") for number in numbers[:1]]


def _newest(session: Session) -> list[Hit]:
    rows = session.scalars(select(Contact).order_by(Contact.updated_at.desc(), Contact.id.desc()).limit(20)).all()
    return [hit for row in rows for hit in _hits_of(session, row)]


Number = Annotated[int | None, Field(ge=1, lt=10**LONGEST_ID)]


class About(BaseModel):
    """Something about somebody, by its number: they are opened by it, so that no address of theirs stands in one of ours."""

    execution: Number = None
    delivery: Number = None
    letter: Number = None
    enrolment: Number = None
    part: Number = None

    def subject(self, session: Session) -> str | None:
        """What it calls them; None where there is no such thing, or no longer."""
        columns = {
            InboxEvent.subject: (InboxEvent.id, self.execution),
            Delivery.subject: (Delivery.id, self.delivery),
            DeadLetter.subject: (DeadLetter.id, self.letter),
            Enrolment.person: (Enrolment.id, self.enrolment),
            PlanPart.subject: (PlanPart.id, self.part),
        }
        asked = [(name, column == number) for name, (column, number) in columns.items() if number is not None]
        return session.scalar(select(asked[0][0]).where(asked[0][1])) if asked else None


@router.get("/console/people/of")
def person_of(about: Annotated[About, Query()]) -> Response:
    """The page of whoever something is about; the search where nobody is known by what it calls them."""
    with reading() as session:
        subject = about.subject(session)
        known = sorted(numbers(session, subject)) if subject else []
    return RedirectResponse(f"/console/people/{known[0]}" if known else "/console/people", SEE_OTHER)


@router.get("/console/people/{person_id:id}")
def person(request: Request, person_id: RowId) -> Response:
    """Everything about one person, with addresses and numbers masked."""
    return _shown(request, person_id, masking.masked)


@router.post("/console/people/{person_id:id}/show")
def show(request: Request, person_id: RowId, operator: Signed) -> Response:
    """The same with everything in it: for operators, and noted in the action log."""
    transact(lambda session: editing.log(session, operator.actor, "person.show", f"person:{person_id}"))
    return _shown(request, person_id, _as_it_is)


def _as_it_is(value: Any) -> Any:
    return value


def _shown(request: Request, number: int, shown: Callable[[Any], Any]) -> Response:
    with reading() as session:
        found = read(session, number)
        session.expunge_all()
    if found is None:
        raise no_such_person()
    if found.number != number:
        return RedirectResponse(f"/console/people/{found.number}", SEE_OTHER)
    facts: dict[str, Any] = {"person": found, "shown": shown, "is_masked": shown is masking.masked, "channels": CHANNELS}
    facts |= {"not_answered": NOT_ANSWERED, "longest": LONGEST}
    facts["version_of"] = lambda stop: etag(stop, EDITABLE)
    return pages.render(request, "console/person.html", here="people", heading=found.name, **facts)


@router.post("/console/people/{person_id:id}/stop")
def stop(person_id: RowId, operator: Signed, channel: Annotated[str, Form()]) -> Response:
    """Nothing more to them by this channel, or by none (`all`), until somebody lifts it. What is planned is skipped then."""
    channels = CHANNELS if channel == "all" else tuple(one for one in CHANNELS if one == channel)
    if not channels:
        raise RefusedError(422, "invalid-fields", mark("There is no such channel."))

    def work(session: Session) -> None:
        names = queries.names(session, person_id)
        if not names:
            raise no_such_person()
        operator_actions.suppress(session, digests.digest_of_person(names[0]), channels, "by-hand", operator.actor)

    transact(work)
    return RedirectResponse(f"/console/people/{person_id}#permissions", SEE_OTHER)


@router.post("/console/people/{person_id:id}/lift")
def lift(
    person_id: RowId, operator: Signed, suppression: Annotated[int, Form()], version: Annotated[str, Form(max_length=40)]
) -> Response:
    """They may be written to again, as far as this goes; refused where they have said it once more since the page was open."""
    check = guard(version, EDITABLE)
    transact(lambda session: operator_actions.lift(session, suppression, operator.actor, check))
    return RedirectResponse(f"/console/people/{person_id}#permissions", SEE_OTHER)


@router.post("/console/people/{person_id:id}/leave")
def leave(person_id: RowId, operator: Signed, journey: Annotated[str, Form()], enrolment: Annotated[int, Form()]) -> Response:
    """Take them out of one journey for good; everything else goes on."""
    transact(lambda session: journey_actions.end(session, journey, enrolment, operator.actor))
    return RedirectResponse(f"/console/people/{person_id}#next", SEE_OTHER)
