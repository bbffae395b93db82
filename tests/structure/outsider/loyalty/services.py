"""What the shop's reports do: the customer's row, their card, and the welcome of those who are new."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.loyalty.payloads import Points
from functions.loyalty.stamps import CARDS
from functions.loyalty.tables import Member
from shared.crm.people import email_name
from shared.journeys import engine
from shared.store.dialect import insert_if_absent, locked

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def keep(session: Session, points: Points, event_key: str) -> str:
    """Keep the points: "applied", or "stale" where newer ones are known. The same report again changes nothing."""
    email = points.email
    is_new = insert_if_absent(session, Member, "email", {"email": email, "counted_at": NEVER})
    member = session.scalars(locked(select(Member).where(Member.email == email), Member)).one()
    if member.counted_at >= points.at:
        return "stale"
    member.points, member.counted_at, member.name = points.points, points.at, points.name or member.name
    CARDS.request(session, member, event_key)
    if is_new:
        data = {"email": email, "name": member.name or email, "points": points.points}
        engine.signal(session, "loyalty.joined", [email_name(email)], data, event_key=event_key, at=points.at)
    return "applied"
