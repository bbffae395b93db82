"""What the page of a person shows: read from all flows, for one person under any number that was ever theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from functions.console import conversation
from functions.console.conversation import Conversation
from shared.console import masking
from shared.console.words import mark
from shared.crm import timeline
from shared.errors import RefusedError
from shared.journeys import history
from shared.messages import consent, consent_history
from shared.outbox.actions import Kind, State
from shared.people import queries
from shared.people.graph import Nature
from shared.people.kinds import Identity
from shared.people.queries import Held, Profile
from shared.store import people_models as tables
from shared.store.consent_models import Consent
from shared.store.journey_models import Enrolment
from shared.store.models import Contact, DeadLetter, Delivery

MOST_SHOWN = 40
OPEN = ("active", "suspended")


@dataclass(frozen=True)
class Reason:
    """Why an identity is theirs, may be or is not: how it stood beside another one, who says so, since when."""

    nature: str
    other: Identity
    source: str
    at: datetime
    actor: str | None


@dataclass
class Person:
    """What the page of a person shows. `kept_apart` are those of whom somebody here has said that they are not this person."""

    number: int
    name: str
    identities: Sequence[Held] = ()
    reasons: Mapping[int, Sequence[Reason]] = field(default_factory=dict)
    probably_same: Sequence[tuple[int, str]] = ()
    kept_apart: Sequence[tuple[int, str]] = ()
    contact: Contact | None = None
    coming: list[Delivery] = field(default_factory=list)
    not_sent: list[Delivery] = field(default_factory=list)
    stopped: Sequence[DeadLetter] = ()
    journeys: list[history.Story] = field(default_factory=list)
    stops: Sequence[tuple[Identity, Any]] = ()
    consents: Sequence[Consent] = ()
    conversation: Conversation = field(default_factory=Conversation)
    events: Sequence[timeline.Entry] = ()

    @property
    def own(self) -> list[Held]:
        """The identities that are theirs alone: of these some may be separated from the others."""
        return [one for one in self.identities if not one.is_shared and not one.is_probable]


def no_such_person() -> RefusedError:
    """404: the number was never given, or the person was erased."""
    return RefusedError(404, "no-such-person", mark("There is no such person, or no longer."))


def read(session: Session, number: int) -> Person | None:
    """Everything about a person; None where there is none of that number, or no longer."""
    profile = queries.profile(session, number)
    if profile is None or not profile.identities:  # their number stays after an erasure
        return None
    found = _identified(session, profile)
    own = queries.identities(session, profile.id)
    ids = [one.value for one in own if one.kind == "manychat"]
    found.contact = session.scalars(select(Contact).where(Contact.manychat_id.in_(ids)).limit(1)).first() if ids else None
    whose = timeline.of_person(session, queries.names(session, profile.id))
    subjects = sorted(whose.certain.names)
    found.coming = _deliveries(session, subjects, Delivery.state == State.PENDING, Delivery.due_at)
    found.not_sent = _deliveries(session, subjects, _is_not_sent(), Delivery.id.desc())
    found.stopped = _stopped(session, subjects)
    enrolled = select(Enrolment).where(Enrolment.person.in_(subjects), Enrolment.state.in_(OPEN)).limit(MOST_SHOWN)
    found.journeys = [history.story(session, one) for one in session.scalars(enrolled)]
    found.stops = consent.stops(session, own)
    found.consents = consent_history.history(session, own)
    found.conversation = conversation.of_person(session, own, subjects, MOST_SHOWN)
    found.events = timeline.entries(session, whose, MOST_SHOWN, newest_first=True)
    return found


def _identified(session: Session, profile: Profile) -> Person:
    """Who they are and why; who they may be, and who they are not."""
    found = Person(profile.id, called(session, profile.id), profile.identities, reasons(session, profile))
    found.probably_same = [(other, called(session, other)) for other in profile.probably_same]
    own = {one.id for one in profile.identities}
    apart = {end for each in profile.links if each.nature == Nature.DIFFERENT for end in (each.first_id, each.second_id)} - own
    others = session.scalars(select(tables.Identity.person_id).where(tables.Identity.id.in_(apart)).distinct())
    found.kept_apart = [(other, called(session, other)) for other in others if other not in (None, profile.id)]
    return found


def reasons(session: Session, profile: Profile) -> Mapping[int, Sequence[Reason]]:
    """For each identity of a person, by the number of its row: the links that it has."""
    ends = {end for each in profile.links for end in (each.first_id, each.second_id)}
    rows = {row.id: row for row in session.scalars(select(tables.Identity).where(tables.Identity.id.in_(ends)))}
    found: dict[int, list[Reason]] = {}
    for each in profile.links:
        for one, other in ((each.first_id, each.second_id), (each.second_id, each.first_id)):
            identity = Identity(rows[other].kind, rows[other].value)
            found.setdefault(one, []).append(Reason(each.nature, identity, each.source, each.at, each.actor))
    return found


def _is_not_sent() -> ColumnElement[bool]:
    """Messages that did not go out, and whatever was given up."""
    is_message = (Delivery.kind == Kind.MESSAGE) & Delivery.state.in_((State.SKIPPED, State.CANCELLED))
    return or_(Delivery.state.in_((State.DEAD, State.UNCERTAIN)), is_message)


def _deliveries(session: Session, subjects: Sequence[str], state: ColumnElement[bool], order: Any) -> list[Delivery]:
    """Messages and syncs about a person that stand so."""
    query = select(Delivery).where(Delivery.subject.in_(subjects), state).order_by(order).limit(MOST_SHOWN)
    return list(session.scalars(query)) if subjects else []


def _stopped(session: Session, subjects: Sequence[str]) -> Sequence[DeadLetter]:
    """Events about them that could not be applied, so that nothing came of them."""
    query = select(DeadLetter).where(DeadLetter.subject.in_(subjects), DeadLetter.state == "parked")
    return session.scalars(query.order_by(DeadLetter.id.desc()).limit(MOST_SHOWN)).all() if subjects else ()


def full_name(row: Contact) -> str:
    """How a contact is called."""
    return " ".join(filter(None, (row.first_name, row.last_name))) or row.manychat_id


def called(session: Session, number: int) -> str:
    """How a person is called: as their contact says, else by the first of their identities, with an address masked."""
    own = queries.identities(session, number)
    return name_of(session, own) or (masking.masked_text(own[0].value) if own else f"#{number}")


def name_of(session: Session, own: Sequence[Identity]) -> str | None:
    """The name of their contact; None where they have none."""
    ids = [one.value for one in own if one.kind == "manychat"]
    row = session.scalars(select(Contact).where(Contact.manychat_id.in_(ids)).limit(1)).first() if ids else None
    return full_name(row) if row is not None else None
