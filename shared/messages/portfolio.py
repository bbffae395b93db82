"""The messaging limit of our business portfolio at Meta: with how many people we may open a conversation in 24 hours.

A conversation is opened by a template that goes to somebody outside their 24-hour window. The limit is the portfolio's, shared
by all its numbers, and counts different people in any 24 hours. Who would be one too many waits until a place comes free.

A place is taken in the transaction that claims a message, under the lock of the portfolio's one row, so instances, restarts and
retries count together. A call begins at most GOOD_FOR after its place was taken, and the day that is counted is longer by that;
so the limit holds for the calls themselves. How many there are is a sum over the minutes of a day, however many people.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import clock, shadow_mode
from shared.messages import consent, numbers
from shared.messages.digests import digest_of_address
from shared.messages.message import Message
from shared.outbox import lanes, plan
from shared.outbox.actions import Later
from shared.settings import Settings, get_settings
from shared.store.dialect import insert_if_absent, locked, unclaimed
from shared.store.models import Delivery
from shared.store.session import reading, transact
from shared.store.whatsapp_models import WhatsAppNumberState, WhatsAppOpening, WhatsAppOpeningMinute, WhatsAppPortfolio

LIMIT = "messaging-limit"
GOOD_FOR = timedelta(minutes=5)
"""So long after its place was taken a call may begin."""
MINUTE = timedelta(minutes=1)
COUNTED = timedelta(hours=24) + GOOD_FOR + MINUTE
"""So long a minute's openings count: the day, what a call may be late, and the minute itself."""
NO_SHORTER = timedelta(seconds=1)
OFFERED = 200
"""To so many at most places are offered at once; to the others within the next minutes."""
SLICE = 500  # values in one IN: Azure SQL takes 2,100 parameters
_TIER = re.compile(r"TIER_(\d{1,6})(K?)")
_HELD = "whatsapp_portfolio"


@dataclass
class _Held:
    """The portfolio as this transaction has locked it; nobody else changes it until the commit."""

    row: WhatsAppPortfolio
    now: datetime
    minutes: dict[datetime, WhatsAppOpeningMinute] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(one.taken for one in self.minutes.values())


def people(tier: str | None) -> int | None:
    """The number of people in a limit as Meta writes it (`TIER_2K`); None where there is none, or it is not known."""
    found = _TIER.fullmatch(tier or "")
    return int(found[1]) * (1000 if found[2] else 1) if found else None


def limit(session: Session, settings: Settings) -> int | None:
    """The portfolio's limit, as Meta says of our numbers: the lowest, for it is one. None: no limit is known."""
    mine = [one.id for one in numbers.configured(settings) if one.provider == numbers.META]
    query = select(WhatsAppNumberState.messaging_limit).where(WhatsAppNumberState.number_id.in_(mine))
    return min((known for tier in session.scalars(query) if (known := people(tier)) is not None), default=None)


def used(session: Session) -> int:
    """With how many people a conversation was opened within a day, counted as the limit counts them. Nothing is locked."""
    counts = WhatsAppOpeningMinute.minute > clock.now() - COUNTED
    return session.scalar(select(func.coalesce(func.sum(WhatsAppOpeningMinute.taken), 0)).where(counts)) or 0


def counts_number(number_id: str | None, settings: Settings) -> bool:
    """Whether what goes from a number of ours (None: the default one) counts against the portfolio's limit."""
    found = next((one for one in numbers.configured(settings) if one.id == number_id), None)
    return (found.provider if found is not None else settings.whatsapp_provider) == numbers.META


def places_end(session: Session) -> list[datetime]:
    """When each place that is taken now comes free again, the first one first."""
    query = select(WhatsAppOpeningMinute).where(WhatsAppOpeningMinute.minute > clock.now() - COUNTED)
    rows = session.scalars(query.order_by(WhatsAppOpeningMinute.minute))
    return [row.minute + COUNTED for row in rows for _place in range(row.taken)]


def counted_until(session: Session, phones: Iterable[str]) -> dict[str, datetime]:
    """Until when those of these numbers are counted to whom a place is given now: a second message to them takes none."""
    by_digest = {digest_of_address(one): one for one in phones}
    found: dict[str, datetime] = {}
    for some in batched(sorted(by_digest), SLICE, strict=False):
        query = select(WhatsAppOpening).where(WhatsAppOpening.who.in_(some), WhatsAppOpening.at > clock.now() - COUNTED)
        found |= {by_digest[row.who]: _minute(row.at) + COUNTED for row in session.scalars(query)}
    return found


def later(session: Session, message: Message, settings: Settings) -> Later | None:
    """When a message is to be asked for again, because no place is free for its person; None where it may go."""
    if not _opens(session, message, settings) or (most := limit(session, settings)) is None:
        return None
    held = _hold(session)
    if held.total < most or _opening(session, message, held) is not None:
        return None
    return Later(_promised(held, most), LIMIT)


def take(session: Session, message: Message, settings: Settings, delivery_id: int) -> None:
    """Take the place of a message's person, as `later` has allowed; nothing where it opens no conversation."""
    if not _opens(session, message, settings):
        return
    held = _hold(session)
    row, who, now = _opening(session, message, held), digest_of_address(message.to), held.now
    if row is None:
        insert_if_absent(session, WhatsAppOpening, "who", {"who": who, "at": now, "delivery_id": delivery_id})
        row = session.scalars(select(WhatsAppOpening).where(WhatsAppOpening.who == who)).one()
        row.before = None
    else:
        held.minutes[_minute(row.at)].taken -= 1
        row.before = row.before if row.delivery_id == delivery_id else row.at
    row.at, row.delivery_id, held.row.last_at = now, delivery_id, now
    _in_minute(session, held, now).taken += 1


def give_back(session: Session, delivery_id: int) -> None:
    """The message has reached nobody: its person counts as they did before it. A second run changes nothing."""
    query = select(WhatsAppOpening.id).where(WhatsAppOpening.delivery_id == delivery_id)
    if (number := session.scalars(query).first()) is None:
        return
    held = _hold(session)
    row = session.get(WhatsAppOpening, number, populate_existing=True)
    if row is None or row.delivery_id != delivery_id:
        return
    if (minute := held.minutes.get(_minute(row.at))) is not None:
        minute.taken -= 1
    if row.before is not None and row.before > held.now - COUNTED:
        row.at, row.before, row.delivery_id = row.before, None, 0
        _in_minute(session, held, row.at).taken += 1
    else:
        session.delete(row)
        session.flush()
    _offer(session, held)


def offer_free() -> int:
    """Offer places that are free to those who wait for a later one; to how many. A job, for a limit may be raised.

    Where nobody waits this is one query.
    """
    with reading() as session:
        counts = WhatsAppOpeningMinute.minute > clock.now() - COUNTED
        someone = session.scalars(select(WhatsAppOpeningMinute.minute).where(counts, WhatsAppOpeningMinute.promised > 0))
        if someone.first() is None:
            return 0
    return transact(lambda session: _offer(session, _hold(session)))


def _offer(session: Session, held: _Held) -> int:
    """Let the first who wait ask again now, as many as places are free; those who are due already are among them."""
    most = limit(session, get_settings())
    free = OFFERED if most is None else min(most - held.total, OFFERED)
    if free <= 0 or not any(one.promised for one in held.minutes.values()):
        return 0
    some = Delivery.lane.in_(lanes.pending(session, numbers.META))
    query = select(Delivery).where(Delivery.target == numbers.META, some, lanes.IS_PENDING, Delivery.waits_for == LIMIT)
    rows = session.scalars(unclaimed(query.order_by(Delivery.due_at, Delivery.id).limit(free), Delivery)).all()
    offered = [row for row in rows if row.due_at > held.now]
    for row in offered:
        promise = held.minutes.get(row.due_at - COUNTED)
        if promise is not None and promise.promised > 0:
            promise.promised -= 1
        row.due_at = row.owed_since = held.now
        plan.mark_due(session, row.target, row.lane)
    return len(offered)


def has_place(session: Session, to: str) -> bool:
    """Whether the call that opens a conversation may begin: the person's place was taken so lately that it is good still."""
    since = clock.now() - GOOD_FOR
    query = select(WhatsAppOpening.id).where(WhatsAppOpening.who == digest_of_address(to), WhatsAppOpening.at >= since)
    return session.scalars(query).first() is not None


def _opens(session: Session, message: Message, settings: Settings) -> bool:
    """Whether it opens a conversation of the portfolio's: by WhatsApp through Meta, to somebody whose window is not open."""
    if message.channel != "whatsapp" or shadow_mode.covers(numbers.META):
        return False
    return numbers.provider_of(message, settings) == numbers.META and not consent.takes_free_text(session, message.to)


def _hold(session: Session) -> _Held:
    """Lock the portfolio until the transaction ends; read once in it, for a block of messages is claimed in one."""
    held: _Held | None = session.info.get(_HELD)
    if held is None:
        row = _locked(session)
        now = max(clock.now(), row.last_at or clock.now())
        query = select(WhatsAppOpeningMinute).where(WhatsAppOpeningMinute.minute > now - COUNTED)
        minutes = session.scalars(query.order_by(WhatsAppOpeningMinute.minute).execution_options(populate_existing=True))
        held = session.info[_HELD] = _Held(row, now, {one.minute: one for one in minutes})
    held.now = max(held.now, clock.now())
    for minute in [each for each in held.minutes if each <= held.now - COUNTED]:
        del held.minutes[minute]
    return held


def _locked(session: Session) -> WhatsAppPortfolio:
    query = locked(select(WhatsAppPortfolio).where(WhatsAppPortfolio.name == numbers.META), WhatsAppPortfolio)
    row = session.scalars(query).one_or_none()
    if row is None:
        insert_if_absent(session, WhatsAppPortfolio, "name", {"name": numbers.META})
        row = session.scalars(query).one()
    return row


def _opening(session: Session, message: Message, held: _Held) -> WhatsAppOpening | None:
    """The person's last opening, if it counts still."""
    query = select(WhatsAppOpening).where(WhatsAppOpening.who == digest_of_address(message.to))
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    return row if row is not None and _minute(row.at) in held.minutes else None


def _in_minute(session: Session, held: _Held, moment: datetime) -> WhatsAppOpeningMinute:
    minute = _minute(moment)
    if minute not in held.minutes:
        insert_if_absent(session, WhatsAppOpeningMinute, "minute", {"minute": minute})
        query = select(WhatsAppOpeningMinute).where(WhatsAppOpeningMinute.minute == minute)
        held.minutes[minute] = session.scalars(query).one()
    return held.minutes[minute]


def _promised(held: _Held, most: int) -> datetime:
    """The time to ask again: each who waits is given another place that comes free, so that they do not all come for one."""
    free, given = most - held.total, 0
    for minute in sorted(held.minutes):
        row = held.minutes[minute]
        free, given = free + row.taken, given + row.promised
        if free > given:
            row.promised += 1
            return max(minute + COUNTED, held.now + NO_SHORTER)
    return max(held.minutes) + COUNTED


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
