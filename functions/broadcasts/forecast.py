"""What a broadcast would do: on the real audience, with the people's own hours, their other messages, and a simulated clock.

Nothing is locked, changed or sent. The audience is gone through in the chunks in which a start goes through it (`chunk`), and
what they show is put together at the end (`of_parts`); where that takes longer than a request may, it is done in the background
(`forecasts`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.broadcasts import costs, judging, known_flows, pace, planning, variants
from functions.broadcasts.audience import Audience
from functions.broadcasts.costs import Cost
from functions.broadcasts.forecast_parts import Group, Part, Seen
from functions.broadcasts.judging import Judged
from functions.broadcasts.pace import Place
from functions.broadcasts.running_config import RunConfig
from functions.broadcasts.simulation import Course, Places, Reader, simulate
from functions.broadcasts.states import RecipientStatus
from functions.broadcasts.tables import Recipient
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

LONGEST = timedelta(days=365)
SLICE = 500
ONE_DAY = timedelta(days=1)
OPEN = ("active", "suspended")


@dataclass(frozen=True)
class Forecast:
    """What would happen. `skipped` counts by reason; `in_journeys` people by journey; `examined` is of the whole audience.

    `limit`: the messaging limit of our portfolio, None where none is known or the number has none; `limit_used`: of it, now.
    `faults`: why nobody would get anything, whatever the rest says.
    """

    starts_at: datetime
    examined: int
    duplicates: int
    skipped: Mapping[str, int]
    course: Course
    in_journeys: Mapping[str, int]
    with_messages: int
    cost: Cost
    rate_per_hour: int
    limit: int | None
    limit_used: int
    faults: Sequence[str]


@dataclass(frozen=True)
class Asked:
    """What is forecast: an execution with that configuration, begun at `starts_at`.

    `execution_id`: one whose recipients are worked out, from whom its forecast is made.
    """

    config: Mapping[str, Any]
    starts_at: datetime
    execution_id: int | None = None


class Windows:
    """The hours of people, by their numbers. Those that are equal are one object, so that many people cost little memory."""

    def __init__(self) -> None:
        self._of = partial(window_for, get_settings())
        self._known: dict[Window, Window] = {}

    def of(self, phone: str | None) -> Window:
        """Somebody's window."""
        return self.one(self._of(phone=phone))

    def one(self, window: Window) -> Window:
        """The one object for this window."""
        return self._known.setdefault(window, window)


def chunk(asked: Asked, after: int, windows: Windows) -> tuple[Part, int]:
    """What the next people behind a place (0: the first) are like, and the place behind them: the same where none is left."""
    with reading() as session:
        if asked.execution_id is None:
            judged, place = _audience_chunk(session, asked.config, after)
        else:
            judged, place = _recipients_chunk(session, asked.execution_id, after)
        return _part(session, judged, windows, asked), place


def _audience_chunk(session: Session, config: Mapping[str, Any], after: int) -> tuple[list[Judged], int]:
    audience = Audience(config["audience_type"], config["audience_config"] or {})
    candidates, place = audience.chunk(session, after, planning.CHUNK)
    needs, mapping = known_flows.needs_of(config["flow_id"]), config.get("variable_mapping") or {}
    return judging.judge(session, candidates, mapping, needs, variants.of_config(config)), place


def _recipients_chunk(session: Session, execution_id: int, after: int) -> tuple[list[Judged], int]:
    query = select(Recipient).where(Recipient.execution_id == execution_id, Recipient.id > after)
    rows = session.scalars(query.order_by(Recipient.id).limit(planning.CHUNK)).all()
    return _as_judged(session, rows), rows[-1].id if rows else after


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


def of_parts(asked: Asked, parts: Iterable[Part]) -> Forecast:
    """The forecast of everybody whom these parts show."""
    seen, config = Seen().add(parts), asked.config
    run, places, used = RunConfig.of(config), *_places(config)
    going = {group: number for group, number in seen.groups.items() if group.reason is None}
    return Forecast(
        starts_at=asked.starts_at,
        examined=seen.examined,
        duplicates=seen.examined - len(seen.people),
        skipped=_sums((group.reason, number) for group, number in seen.groups.items() if group.reason is not None),
        course=simulate(seen.readers, slots_of(run, asked.starts_at + LONGEST), asked.starts_at, places),
        in_journeys=_sums((name, number) for group, number in going.items() for name in group.journeys),
        with_messages=sum(number for group, number in going.items() if group.journeys or group.has_messages),
        cost=costs.of_countries(
            _sums((group.country, number) for group, number in going.items()), known_flows.category_of(config["flow_id"])
        ),
        rate_per_hour=run.rate_per_hour,
        limit=places.most,
        limit_used=used,
        faults=_faults(config),
    )


def _sums(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The numbers of equal names together, in the order of the names."""
    found: Counter[str] = Counter()
    for name, number in counted:
        found[name] += number
    return dict(sorted(found.items()))


def _faults(config: Mapping[str, Any]) -> list[str]:
    number = known_flows.number_of(config.get("whatsapp_number_id"), config.get("chatbot_id"))
    with reading() as session:
        return [one.message for one in known_flows.template_faults(session, config["flow_id"], number)]


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


def _part(session: Session, judged: Sequence[Judged], windows: Windows, asked: Asked) -> Part:
    """What these people are like."""
    going = [one for one in judged if one.reason is None]
    busy = _in_journeys(session, going)
    taken = _messages(session, going, asked.starts_at)
    most = get_settings().messages_per_person_per_day
    counted = portfolio.counted_until(session, [one.phone for one in going if one.phone])
    part, place = Part(), 0
    for one in judged:
        group = Group(one.reason)
        if one.reason is None:
            reader = Reader(windows.of(one.phone), taken[place] >= most, counted.get(one.phone or ""))
            group = Group(None, costs.country_of(one.phone), tuple(sorted(busy.get(place, ()))), taken[place] > 0, reader)
            place += 1
        part.add(one.key, group)
    return part


def _in_journeys(session: Session, going: Sequence[Judged]) -> dict[int, set[str]]:
    """In which journeys each is now, by their place."""
    whose = {name: place for place, one in enumerate(going) for name in one.names}
    busy: dict[int, set[str]] = {}
    for names in _sliced(sorted(whose)):
        query = select(Enrolment.person, Enrolment.journey).where(Enrolment.person.in_(names), Enrolment.state.in_(OPEN))
        for person, journey in session.execute(query):
            busy.setdefault(whose[person], set()).add(journey)
    return busy


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
