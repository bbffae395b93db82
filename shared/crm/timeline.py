"""Everything that is known of one person, in the order in which we learnt of it.

Several tables are read, each by its index over the person, and merged. What is only probably the same person's, because
somebody typed their address, is there as well and says so. A place in the timeline is the entry's time, kind and
number, so a page begins exactly where the one before it ended, whatever was added meanwhile. Only what was recorded is shown:
a second delivery of an event leaves no trace, by design.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import gt, lt
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from shared import flows
from shared.crm.odoo_sync import MEMBERS
from shared.people import aliases, kinds
from shared.people.aliases import Aliases
from shared.people.kinds import Identity
from shared.readers import phone
from shared.store.models import (
    ActionLog,
    Campaign,
    CampaignChange,
    CampaignContact,
    Contact,
    DeadLetter,
    Delivery,
    InboxEvent,
    Opportunity,
    StageChange,
    StageMapping,
)

type Order = Callable[[Any, Any], Any]
"""`gt` where later entries come later, `lt` where the newest come first."""


class EntryPlace(NamedTuple):
    """Where an entry stands. Kinds of the same instant follow each other as causes and effects do."""

    at: datetime
    kind: int
    id: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that happened. `outcome` is a short word, `reason` says why, where something was skipped or failed."""

    place: EntryPlace
    kind: str
    what: str
    outcome: str | None = None
    reason: str | None = None
    actor: str | None = None
    occurred_at: datetime | None = None
    is_probable: bool = False
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Whose:
    """By what rows name a person: names, the ids of their contacts, their numbers in every spelling, and their identities."""

    names: frozenset[str] = frozenset()
    contacts: frozenset[int] = frozenset()
    numbers: frozenset[str] = frozenset()
    known: frozenset[Identity] = frozenset()

    def values(self, kind: str) -> list[str]:
        """Their identities of that kind."""
        return sorted(one.value for one in self.known if one.kind == kind)

    def __sub__(self, other: Self) -> Self:
        """What is in this and not in the other."""
        parts = (getattr(self, one.name) - getattr(other, one.name) for one in fields(self))
        return type(self)(*parts)

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.names or self.contacts)


@dataclass(frozen=True)
class Subject:
    """Whose timeline it is: what is certainly theirs, and what is only probably theirs."""

    certain: Whose
    probable: Whose


def of_contact(session: Session, contact: Contact) -> Subject:
    """The person of a contact. Its address and number are probable where nothing has proven them."""
    written = (*kinds.identities(email=contact.email), *kinds.identities(phone=contact.phone))
    return _subject(session, aliases.of(session, [contact.manychat_id]), written)


def of_person(session: Session, names: Iterable[str]) -> Subject:
    """The person of these names."""
    return _subject(session, aliases.of(session, names), ())


def _subject(session: Session, known: Aliases, written: Iterable[Identity]) -> Subject:
    certain = _whose(session, known.names, {*known.own, *known.shared})
    probable = _whose(session, (), {*known.probable, *written} - {*known.own, *known.shared})
    return Subject(certain, probable - certain)


def _whose(session: Session, names: Iterable[str], known: Collection[Identity]) -> Whose:
    numbers = {number for one in known if one.kind == "phone" for number in phone.spellings(one.value)}
    mails = {one.value for one in known if one.kind == "email"}
    named = {name for one in known for name in kinds.names_of(one)}
    manychat_ids = sorted({one.value for one in known if one.kind == "manychat"} | set(names))
    found = session.scalars(select(Contact).where(Contact.manychat_id.in_(manychat_ids))).all() if manychat_ids else []
    written = {row.email for row in found if row.email and row.email.lower() in mails}
    contacts = frozenset(row.id for row in found)
    members = map(MEMBERS.subject_of, session.scalars(_assignments(contacts))) if contacts else ()
    every = frozenset({*names, *named, *mails, *written, *numbers, *members})
    return Whose(every, contacts, frozenset(numbers), frozenset(known))


def entries(
    session: Session, whose: Subject, limit: int, after: EntryPlace | None = None, *, newest_first: bool = False
) -> list[Entry]:
    """The next `limit` entries behind `after`, oldest first unless `newest_first`. What is certainly theirs comes once."""
    comes_later = lt if newest_first else gt
    certain = [_rows(session, whose.certain, number, limit, after, comes_later) for number in range(len(sources()))]
    taken = {entry.place for found in certain for entry in found}
    probable = [
        [replace(entry, is_probable=True) for entry in found if entry.place not in taken]
        for number in range(len(sources()) if whose.probable else 0)
        if (found := _rows(session, whose.probable, number, limit, after, comes_later))
    ]
    return list(islice(merge(*certain, *probable, key=lambda entry: entry.place, reverse=newest_first), limit))


@dataclass(frozen=True)
class Source:
    """One table of the timeline: which rows are about a person, the time that orders them, and how they are shown."""

    kind: str
    model: type[Any]
    time: Any  # when the row was written, so that nothing is ever added behind a page that was read
    about: Callable[[Whose], ColumnElement[bool]]
    details: Callable[[Session, Sequence[Any]], Iterator[dict[str, Any]]]


def _rows(session: Session, whose: Whose, number: int, limit: int, after: EntryPlace | None, comes_later: Order) -> list[Entry]:
    source = sources()[number]
    query: Select[Any] = select(source.model).where(source.about(whose))
    if after is not None:
        query = query.where(_behind(source, number, after, comes_later))
    order = (source.time, source.model.id)
    query = query.order_by(*(column.desc() if comes_later is lt else column for column in order)).limit(limit)
    rows = session.scalars(query).all()
    places = [EntryPlace(getattr(row, source.time.key), number, row.id) for row in rows]
    return [
        Entry(place=place, kind=source.kind, **values)
        for place, values in zip(places, source.details(session, rows), strict=True)
    ]


def _behind(source: Source, number: int, after: EntryPlace, comes_later: Order) -> ColumnElement[bool]:
    """Rows that stand behind `after` in the order that is asked for."""
    later: ColumnElement[bool] = comes_later(source.time, after.at)
    same: ColumnElement[bool] = source.time == after.at
    if number != after.kind:
        return or_(later, same) if comes_later(number, after.kind) else later
    return or_(later, and_(same, comes_later(source.model.id, after.id)))


def _events(_session: Session, rows: Sequence[InboxEvent]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            "what": row.type,
            "outcome": row.outcome,
            "reason": EVENT_REASONS.get(row.outcome),
            "occurred_at": row.occurred_at,
            "details": {
                "event_id": row.event_id,
                "source": row.source,
                "received_at": _iso(row.received_at),
                "replay_of": row.replay_of,
                "data": row.data,
                **({"left_out": row.left_out} if row.left_out else {}),
            },
        }


EVENT_REASONS = {
    "stale": "newer events had said it all already",
    "unchanged": "it said nothing that was not known already",
}


def _dead_letters(_session: Session, rows: Sequence[DeadLetter]) -> Iterator[dict[str, Any]]:
    for row in rows:
        details = {"original_queue": row.original_queue, "attempts": row.attempts, "replay_of": row.replay_of}
        yield {
            "what": row.type or "unreadable",
            "outcome": row.state,
            "reason": f"{row.reason}: {row.error_message}",
            "details": details | {"replays": row.replays, "resolved_at": _iso(row.resolved_at)},
        }


def _stages(session: Session, rows: Sequence[StageChange]) -> Iterator[dict[str, Any]]:
    ids = {row.stage_id for row in rows}
    query = select(StageMapping).where(StageMapping.odoo_stage_id.in_(ids)).order_by(StageMapping.id.desc())
    names = {stage.odoo_stage_id: stage.odoo_name for stage in session.scalars(query)}
    for row in rows:
        yield {
            "what": names.get(row.stage_id, f"stage {row.stage_id}"),
            "outcome": "applied" if row.applied else "skipped",
            "reason": None if row.applied else "a newer stage was known already",
            "occurred_at": row.state_date,
            "details": {"stage_id": row.stage_id, "summary": row.summary},
        }


def _campaigns(session: Session, rows: Sequence[CampaignChange]) -> Iterator[dict[str, Any]]:
    query = select(CampaignContact.id, Campaign.id, Campaign.name).join(Campaign, Campaign.id == CampaignContact.campaign_id)
    wanted = query.where(CampaignContact.id.in_({row.campaign_contact_id for row in rows}))
    campaigns = {row_id: (campaign_id, name) for row_id, campaign_id, name in session.execute(wanted)}
    for row in rows:
        campaign_id, name = campaigns[row.campaign_contact_id]
        yield {
            "what": name,
            "outcome": "applied" if row.changed else "skipped",
            "reason": None if row.changed else "newer words had said it all already",
            "actor": row.actor,
            "occurred_at": row.at,
            "details": {"campaign_id": campaign_id, "said": row.said, "changed": row.changed},
        }


def _deliveries(_session: Session, rows: Sequence[Delivery]) -> Iterator[dict[str, Any]]:
    for row in rows:
        details = {"kind": row.kind, "attempts": row.attempts, "due_at": _iso(row.due_at), "result": row.result}
        yield {
            "what": f"{row.target}.{row.action}",
            "outcome": row.state,
            "reason": row.reason or (row.last_error if row.state != "done" else None),
            "details": details | {"finished_at": _iso(row.finished_at), "retry_of": row.retry_of, "payload": row.payload},
        }


def _actions(_session: Session, rows: Sequence[ActionLog]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            "what": row.action,
            "outcome": row.result,
            "reason": row.detail,
            "actor": row.actor,
            "details": {"delivery_id": row.delivery_id, "dead_letter_id": row.dead_letter_id, "attempt": row.attempt},
        }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _named(column: Any) -> Callable[[Whose], ColumnElement[bool]]:
    return lambda whose: column.in_(sorted(whose.names))


def _opportunity_of(whose: Whose) -> Select[Any]:
    return select(Opportunity.id).where(Opportunity.contact_id.in_(sorted(whose.contacts)))


def _assignments_of(whose: Whose) -> Select[Any]:
    return _assignments(whose.contacts)


def _assignments(contacts: Collection[int]) -> Select[Any]:
    return select(CampaignContact.id).where(CampaignContact.contact_id.in_(sorted(contacts)))


SOURCES = (
    Source("event", InboxEvent, InboxEvent.handled_at, _named(InboxEvent.subject), _events),
    Source("dead_letter", DeadLetter, DeadLetter.created_at, _named(DeadLetter.subject), _dead_letters),
    Source(
        "stage",
        StageChange,
        StageChange.recorded_at,
        lambda who: StageChange.opportunity_id.in_(_opportunity_of(who)),
        _stages,
    ),
    Source(
        "campaign",
        CampaignChange,
        CampaignChange.recorded_at,
        lambda who: CampaignChange.campaign_contact_id.in_(_assignments_of(who)),
        _campaigns,
    ),
    Source("delivery", Delivery, Delivery.created_at, _named(Delivery.subject), _deliveries),
    Source("action", ActionLog, ActionLog.at, _named(ActionLog.subject), _actions),
)


def sources() -> tuple[Source, ...]:
    """Where entries come from: the core's tables, then what the flows declare as `timeline` (each part is a `Source`)."""
    return (*SOURCES, *flows.parts("timeline"))
