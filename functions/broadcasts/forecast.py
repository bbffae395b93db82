"""What a broadcast would do: on the real audience, with the people's own hours, their other messages, and a simulated clock.

Nothing is locked, changed or sent. The audience is gone through in the chunks in which a start goes through it; where that
takes longer than a request may, the forecast says that it is of the first part only (`is_complete`).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.broadcasts import costs, judging, known_flows, pace, planning, variants
from functions.broadcasts.audience import Audience
from functions.broadcasts.costs import Cost
from functions.broadcasts.judging import Judged
from functions.broadcasts.pace import Place
from functions.broadcasts.running_config import RunConfig
from functions.broadcasts.simulation import Course, Places, Reader, simulate
from functions.broadcasts.states import RecipientStatus
from functions.broadcasts.tables import Execution, Recipient
from shared import clock
from shared.crm.people import identities_of
from shared.messages import portfolio
from shared.messages.digests import digest_of_person
from shared.messages.windows import Window, window_for
from shared.outbox.actions import Kind, State
from shared.people import kinds
from shared.settings import get_settings
from shared.store.journey_models import Enrolment
from shared.store.message_models import MessageDay
from shared.store.models import Contact, Delivery
from shared.store.session import reading

BUDGET_SECONDS = 60
LONGEST = timedelta(days=365)
SLICE = 500
ONE_DAY = timedelta(days=1)
OPEN = ("active", "suspended")


@dataclass(frozen=True)
class Forecast:
    """What would happen. `skipped` counts by reason; `in_journeys` people by journey; `examined` is of the whole audience.

    `limit`: the messaging limit of our portfolio, None where none is known or the number has none; `limit_used`: of it, now.
    """

    starts_at: datetime
    examined: int
    is_complete: bool
    duplicates: int
    skipped: Mapping[str, int]
    course: Course
    in_journeys: Mapping[str, int]
    with_messages: int
    cost: Cost
    rate_per_hour: int
    limit: int | None
    limit_used: int


@dataclass
class _Found:
    """What the chunks have shown."""

    examined: int = 0
    seen: set[int] = field(default_factory=set)  # digests of keys: a million need tens of megabytes, as texts ten times that
    skipped: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    journeys: Counter[str] = field(default_factory=Counter)
    with_messages: int = 0
    readers: list[Reader] = field(default_factory=list)


def of_config(config: Mapping[str, Any], starts_at: datetime, budget: float = BUDGET_SECONDS) -> Forecast:
    """The forecast of an execution with that configuration, begun at `starts_at`."""
    audience = Audience(config["audience_type"], config["audience_config"] or {})
    needs, mapping = known_flows.needs_of(config["flow_id"]), config.get("variable_mapping") or {}
    found, after, until, windows = _Found(), 0, clock.steady() + budget, _Windows()
    is_complete, b = False, variants.of_config(config)
    while not is_complete and clock.steady() < until:
        with reading() as session:
            candidates, place = audience.chunk(session, after, planning.CHUNK)
            _add(session, found, judging.judge(session, candidates, mapping, needs, b), windows, starts_at)
        is_complete, after = place == after, place
    return _forecast(found, config, starts_at, is_complete=is_complete)


def of_execution(execution_id: int, budget: float = BUDGET_SECONDS) -> Forecast:
    """The forecast of an execution whose recipients are worked out, from these recipients."""
    with reading() as session:
        execution = session.get_one(Execution, execution_id)
        config, starts_at = execution.config, execution.started_at or clock.now()
    found, after, until, windows = _Found(), 0, clock.steady() + budget, _Windows()
    is_complete = False
    while not is_complete and clock.steady() < until:
        with reading() as session:
            query = select(Recipient).where(Recipient.execution_id == execution_id, Recipient.id > after)
            rows = session.scalars(query.order_by(Recipient.id).limit(planning.CHUNK)).all()
            _add(session, found, _as_judged(session, rows), windows, starts_at)
        is_complete, after = len(rows) < planning.CHUNK, rows[-1].id if rows else after
    return _forecast(found, config, starts_at, is_complete=is_complete)


def _as_judged(session: Session, rows: Sequence[Recipient]) -> list[Judged]:
    """Recipients as they were judged at their start, with the names by which they are known."""
    contacts: dict[int, Contact] = {}
    ids = sorted({row.contact_id for row in rows if row.contact_id is not None})
    for begin in range(0, len(ids), SLICE):
        some = session.scalars(select(Contact).where(Contact.id.in_(ids[begin : begin + SLICE])))
        contacts |= {contact.id: contact for contact in some}
    found = []
    for row in rows:
        contact = contacts.get(row.contact_id or 0)
        known = (*(identities_of(contact) if contact else ()), *kinds.identities(phone=row.phone_number))
        names = tuple(dict.fromkeys(name for one in known for name in kinds.names_of(one)))
        reason = row.reason if row.status == RecipientStatus.SKIPPED else None
        found.append(Judged(row.key, row.contact_id, row.phone_number, {}, reason, row.source_line, names))
    return found


def _forecast(found: _Found, config: Mapping[str, Any], starts_at: datetime, *, is_complete: bool) -> Forecast:
    run, places, used = RunConfig.of(config), *_places(config)
    return Forecast(
        starts_at=starts_at,
        examined=found.examined,
        is_complete=is_complete,
        duplicates=found.examined - len(found.seen),
        skipped=dict(sorted(found.skipped.items())),
        course=simulate(found.readers, slots_of(run, starts_at + LONGEST), starts_at, places),
        in_journeys=dict(sorted(found.journeys.items())),
        with_messages=found.with_messages,
        cost=costs.of_countries(found.countries, known_flows.category_of(config["flow_id"])),
        rate_per_hour=run.rate_per_hour,
        limit=places.most,
        limit_used=used,
    )


def _places(config: Mapping[str, Any]) -> tuple[Places, int]:
    """The places of the portfolio's messaging limit as they are now, and how many are taken."""
    settings = get_settings()
    number = known_flows.number_of(config.get("whatsapp_number_id"), config.get("chatbot_id"))
    if not portfolio.counts_number(number, settings):
        return Places(), 0
    with reading() as session:
        ends = portfolio.places_end(session)
        return Places(portfolio.limit(session, settings), ends, portfolio.COUNTED), len(ends)


def slots_of(run: RunConfig, until: datetime) -> Callable[[datetime], Iterator[datetime]]:
    """The times at which messages go by the automation's rate, batches and window, up to `until`."""
    return lambda moment: (at for at, _place in pace.dues(run, Place(moment), until))


class _Windows:
    """The hours of people, by their numbers; a window is made once for each beginning of a number."""

    def __init__(self) -> None:
        self._of = partial(window_for, get_settings())
        self._known: dict[Window, Window] = {}

    def of(self, phone: str | None) -> Window:
        """Their window; those that are equal are one object."""
        window = self._of(phone=phone)
        return self._known.setdefault(window, window)


def _add(session: Session, found: _Found, judged: Sequence[Judged], windows: _Windows, starts_at: datetime) -> None:
    """Add a chunk; who comes twice counts once."""
    found.examined += len(judged)
    new = [one for one in judged if _is_new(found, one)]
    found.skipped.update(one.reason for one in new if one.reason is not None)
    going = [one for one in new if one.reason is None]
    busy = _in_journeys(session, going, found.journeys)
    taken = _messages(session, going, starts_at)
    most = get_settings().messages_per_person_per_day
    counted = portfolio.counted_until(session, [one.phone for one in going if one.phone])
    for place, one in enumerate(going):
        found.countries[costs.country_of(one.phone)] += 1
        found.with_messages += place in busy or taken[place] > 0
        until = counted.get(one.phone) if one.phone else None
        found.readers.append(Reader(windows.of(one.phone), taken[place] >= most, until))


def _is_new(found: _Found, one: Judged) -> bool:
    is_new = hash(one.key) not in found.seen
    found.seen.add(hash(one.key))
    return is_new


def _in_journeys(session: Session, going: Sequence[Judged], journeys: Counter[str]) -> set[int]:
    """Who is in a journey now; each journey counts its people."""
    whose = {name: place for place, one in enumerate(going) for name in one.names}
    busy: dict[int, set[str]] = {}
    for names in _sliced(sorted(whose)):
        query = select(Enrolment.person, Enrolment.journey).where(Enrolment.person.in_(names), Enrolment.state.in_(OPEN))
        for person, journey in session.execute(query):
            busy.setdefault(whose[person], set()).add(journey)
    for named in busy.values():
        journeys.update(named)
    return set(busy)


def _messages(session: Session, going: Sequence[Judged], starts_at: datetime) -> Counter[int]:
    """How many messages each has had on the day of the start, or will have by what is planned for it."""
    whose = {name: place for place, one in enumerate(going) for name in one.names}
    found: Counter[int] = Counter()
    for names in _sliced(sorted(whose)):
        planned = select(Delivery.subject, func.count()).where(
            Delivery.subject.in_(names),
            Delivery.kind == Kind.MESSAGE,
            Delivery.state == State.PENDING,
            Delivery.due_at >= starts_at - ONE_DAY,
            Delivery.due_at < starts_at + ONE_DAY,
        )
        for subject, number in session.execute(planned.group_by(Delivery.subject)):
            found[whose[subject]] += number
    digests = {digest_of_person(name): place for name, place in whose.items()}
    day = starts_at.date().isoformat()
    for some in _sliced(sorted(digests)):
        counted = select(MessageDay.who, MessageDay.delivery_ids).where(MessageDay.who.in_(some), MessageDay.day == day)
        for who, delivery_ids in session.execute(counted):
            found[digests[who]] += len(delivery_ids)
    return found


def _sliced(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[begin : begin + SLICE] for begin in range(0, len(values), SLICE))
