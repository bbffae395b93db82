"""Whoever has another number at WhatsApp is still the same person: their stops, their open window and what is planned follow.

Only WhatsApp's own word counts, which Meta signs. A number that somebody has given up may get another owner: once a message
comes from it, written after the move, the move counts no more.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import cast

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared.messages import consent
from shared.messages.digests import digest_of_address, digests_of_address
from shared.messages.message import Message
from shared.people import aliases, kinds, observing
from shared.people.observing import Seen
from shared.store.dialect import insert_if_absent, locked
from shared.store.message_models import Conversation, Suppression
from shared.store.whatsapp_models import WhatsAppMove

MOST_MOVES = 5  # of one person, one after the other
SOURCE = "meta.move"


def move(session: Session, old: str, new: str, at: datetime) -> bool:
    """Note that the person at `old` (a number or WhatsApp's user id) is at `new` since `at`; whether that was news.

    A second run, or word of an earlier move of the same address, changes nothing.
    """
    who, to_digest = digest_of_address(old), digest_of_address(new)
    values = {"who": who, "moved_to": new, "to_digest": to_digest, "at": at}
    if not insert_if_absent(session, WhatsAppMove, "who", values):
        row = session.scalars(locked(select(WhatsAppMove).where(WhatsAppMove.who == who), WhatsAppMove)).one()
        if at <= row.at:
            return False
        row.moved_to, row.to_digest, row.at = new, to_digest, at
    _take_along(session, digests_of_address(old), to_digest)
    consent.is_on_whatsapp(session, [to_digest], at)
    identities = [*_identities(old), *_identities(new)]
    if len(identities) > 1:
        observing.observe(session, Seen(source=SOURCE, at=at, proven=identities[:1], same=[(identities[0], identities[1])]))
    return True


def _identities(address: str) -> tuple[kinds.Identity, ...]:
    return kinds.identities(phone=address) if address.startswith("+") else kinds.identities(whatsapp=address)


def _take_along(session: Session, old: Collection[str], new: str) -> None:
    """What holds at the old address holds at the new one: wishes, limits, and the 24 hours in which WhatsApp takes free text.

    That nobody was on WhatsApp at the old one says nothing of the new one, which is there by WhatsApp's own word.
    """
    held = select(Suppression).where(Suppression.who.in_(old), ~Suppression.lifted).order_by(Suppression.id)
    for row in session.scalars(held).all():
        if row.cause == consent.MARKET_LIMIT:
            consent.limited(session, [new], row.changed_at)
        elif row.channel in consent.PHONE_CHANNELS and row.cause != consent.NOT_ON_WHATSAPP:
            consent.suppress(session, [row.channel], [new], cast("consent.Cause", row.cause), row.changed_at)
    talks = select(Conversation.last_inbound_at).where(Conversation.who.in_(old), Conversation.channel == "whatsapp")
    last = max(session.scalars(talks), default=None)
    if last is not None:
        consent.wrote_to_us(session, new, "whatsapp", last)


def written_from(session: Session, whose: Collection[str], at: datetime) -> None:
    """A message came from this address: a move away from it, before the message was written, counts no more."""
    session.execute(delete(WhatsAppMove).where(WhatsAppMove.who.in_(whose), WhatsAppMove.at < at))


def address_now(session: Session, address: str) -> str:
    """Where the person is now to whom this address belonged: the same address unless they have moved."""
    seen = [address]
    while len(seen) <= MOST_MOVES:
        query = select(WhatsAppMove.moved_to).where(WhatsAppMove.who.in_(digests_of_address(seen[-1])))
        moved_to = session.scalars(query).first()
        if moved_to is None or moved_to in seen:
            break
        seen.append(moved_to)
    return seen[-1]


def current(session: Session, message: Message) -> Message:
    """A WhatsApp message to where its person is now; any other message as it is."""
    if message.channel != "whatsapp":
        return message
    to = address_now(session, message.to)
    return message if to == message.to else replace(message, to=to)


def with_earlier(session: Session, whose: Iterable[str]) -> list[str]:
    """These digests, and those of the addresses that the person had before."""
    found = list(dict.fromkeys(whose))
    for _step in range(MOST_MOVES):
        query = select(WhatsAppMove.who).where(WhatsAppMove.to_digest.in_(found), WhatsAppMove.who.not_in(found))
        earlier = session.scalars(query).all()
        if not earlier:
            break
        found += earlier
    return found


def numbers_before(session: Session, addresses: Collection[str]) -> list[str]:
    """The numbers that the person at these addresses had before, by WhatsApp's word; none that has another owner since.

    A move keeps digests alone, so these are the ones among the numbers that are known of the person.
    """
    now = [digest for each in addresses for digest in digests_of_address(each)]
    earlier = set(with_earlier(session, now)).difference(now)
    if not earlier:
        return []
    names = [name for each in addresses for one in _identities(each) for name in kinds.names_of(one)]
    return [one for one in aliases.of(session, names).addresses if not earlier.isdisjoint(digests_of_address(one))]
