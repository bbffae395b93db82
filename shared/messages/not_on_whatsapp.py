"""Who is not on WhatsApp, as its vendor says again and again: nothing automatic goes to that address until they write to us.

One such failure says little: it may be the vendor who is ill, or a phone that is out of date. So an address is marked (a
suppression `not-on-whatsapp`) when two messages to it failed for that reason on two days of UTC, outside any wave of failures,
with nothing delivered and no word of theirs in between.

    status "failed" with that reason, or a refusal at once -> `note`      one row for each message, however often it is told
    so many failures that an automation is paused          -> `note_wave` what failed shortly before and after counts for nobody
    "delivered" after all                                  -> `arrived`   the failure counts no more, and marks nobody
    job of every five minutes                              -> `settle`    judges what is old enough that its wave is known

The order in which statuses arrive decides nothing: a failure is judged once, half an hour after word of it came.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import exists, select, true
from sqlalchemy.orm import Session

from shared import clock
from shared.messages import consent
from shared.messages.consent import NOT_ON_WHATSAPP
from shared.store.dialect import insert_if_absent
from shared.store.message_models import VENDOR_ID_LENGTH, Conversation, MessageStatus, Suppression
from shared.store.models import Delivery
from shared.store.session import reading, transact
from shared.store.whatsapp_models import WhatsAppFailure, WhatsAppWave

REASONS = frozenset({"meta-undeliverable", "twilio-not-on-whatsapp"})
"""The vendors' reasons that say it."""
ARRIVED = ("delivered", "opened", "clicked")
DAYS_NEEDED = 2
AROUND = timedelta(minutes=15)
"""A wave reaches from so long before it is noticed, which is what pauses an automation, to so long after."""
RENEWED = timedelta(minutes=10)
"""A wave that has so long to go is not noted anew: one row is enough for some minutes of failures."""
SETTLES = 2 * AROUND
"""A failure is judged so long after word of it came: a wave that it belongs to is known by then."""
REMEMBERED = timedelta(days=90)
"""Failures that are older count no more, and are not noted any more; so rows of that age can be deleted."""
PAGE = 200


def note(session: Session, provider: str, vendor_id: str, who: str, at: datetime, delivery_id: int | None) -> None:
    """A message to the address with the digest `who` failed at `at` for such a reason. Told again, it changes nothing."""
    now = clock.now()
    if at < now - REMEMBERED:
        return
    new = {"who": who, "delivery_id": delivery_id, "at": min(at, now), "noted_at": now}
    key = {"provider": provider, "vendor_id": vendor_id[:VENDOR_ID_LENGTH]}
    insert_if_absent(session, WhatsAppFailure, tuple(key), key | new)


def note_wave(session: Session) -> None:
    """So many messages have failed by now that the system must be ill. Again within minutes changes nothing."""
    now = clock.now()
    if not is_known_wave(session):
        session.add(WhatsAppWave(since=now - AROUND, until=now + AROUND))


def is_known_wave(session: Session) -> bool:
    """Whether a wave is under way that need not be noted anew for some minutes."""
    return bool(session.scalar(select(exists().where(WhatsAppWave.until > clock.now() + RENEWED))))


def arrived(session: Session, provider: str, vendor_id: str, at: datetime) -> None:
    """A message of which it was said that it failed was delivered after all: its address is on WhatsApp."""
    same = (WhatsAppFailure.provider == provider, WhatsAppFailure.vendor_id == vendor_id[:VENDOR_ID_LENGTH])
    row = session.scalars(select(WhatsAppFailure).where(*same)).one_or_none()
    if row is None:
        return
    row.counts = False
    consent.is_on_whatsapp(session, [row.who], max(at, row.at))


def settle() -> int:
    """Judge the failures whose wave, if they belong to one, is known by now; how many. A job of every five minutes.

    Judged twice, by two instances or after a crash, a failure gets the same verdict.
    """
    count = 0
    while numbers := _unsettled():
        transact(partial(_settle, numbers=numbers))
        count += len(numbers)
    return count


def _unsettled() -> list[int]:
    old = (WhatsAppFailure.counts.is_(None), WhatsAppFailure.noted_at <= clock.now() - SETTLES)
    with reading() as session:
        return list(session.scalars(select(WhatsAppFailure.id).where(*old).order_by(WhatsAppFailure.id).limit(PAGE)))


def _settle(session: Session, *, numbers: list[int]) -> None:
    rows = session.scalars(select(WhatsAppFailure).where(WhatsAppFailure.id.in_(numbers)).order_by(WhatsAppFailure.id)).all()
    for row in rows:
        if row.counts is None:
            row.counts = not _was_in_wave(session, row)
    session.flush()
    for who in sorted({row.who for row in rows if row.counts}):
        _judge(session, who)


def _was_in_wave(session: Session, row: WhatsAppFailure) -> bool:
    """By the vendor's clock or by ours: word of a wave may come late."""
    waves = [(WhatsAppWave.since <= moment) & (WhatsAppWave.until >= moment) for moment in (row.at, row.noted_at)]
    return bool(session.scalar(select(exists().where(waves[0] | waves[1]))))


def _judge(session: Session, who: str) -> None:
    """Mark the address if its failures since its last sign of life are of two days at least."""
    failures = _since_last_sign(session, who)
    days = {row.at.astimezone(UTC).date() for row in failures}
    if len(days) >= DAYS_NEEDED:
        consent.suppress(session, ["whatsapp"], [who], NOT_ON_WHATSAPP, max(row.at for row in failures))


def _since_last_sign(session: Session, who: str) -> list[WhatsAppFailure]:
    """The failures that count, since they wrote, since somebody lifted an earlier mark, and since a message arrived."""
    counted = (WhatsAppFailure.who == who, WhatsAppFailure.counts == true(), WhatsAppFailure.at > clock.now() - REMEMBERED)
    rows = list(session.scalars(select(WhatsAppFailure).where(*counted).order_by(WhatsAppFailure.at, WhatsAppFailure.id)))
    wrote = select(Conversation.last_inbound_at).where(Conversation.who == who, Conversation.channel == "whatsapp")
    mark = (Suppression.who == who, Suppression.channel == "whatsapp", Suppression.cause == NOT_ON_WHATSAPP)
    lifted = select(Suppression.changed_at).where(*mark, Suppression.lifted)
    signs = [*session.scalars(wrote), *session.scalars(lifted), *_arrivals(session, rows)]
    return [row for row in rows if all(row.at > sign for sign in signs)]


def _arrivals(session: Session, failures: list[WhatsAppFailure]) -> list[datetime]:
    """When the newest message to the same people arrived by WhatsApp, as far as the record knows; asked only before a mark."""
    numbers = [row.delivery_id for row in failures if row.delivery_id is not None]
    if len(failures) < DAYS_NEEDED or not numbers:
        return []
    subjects = select(Delivery.subject).where(Delivery.id.in_(numbers))
    found = select(MessageStatus.updated_at).join(Delivery, Delivery.id == MessageStatus.delivery_id)
    found = found.where(Delivery.subject.in_(subjects), Delivery.action == "whatsapp", MessageStatus.status.in_(ARRIVED))
    return list(session.scalars(found.order_by(MessageStatus.updated_at.desc()).limit(1)))
