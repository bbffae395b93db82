"""The places of functions/loyalty that lock rows, and how somebody comes by them."""

from datetime import UTC, datetime

from functions.loyalty import services
from functions.loyalty.payloads import Points
from functions.loyalty.tables import Member
from tests.lab.rows import Wait, one

AT = datetime(2026, 3, 1, tzinfo=UTC)
ANA = {"email": "ana@example.com", "points": 120, "at": AT}

WAITS = {
    "functions.loyalty.services:keep": Wait(
        Member,
        one(Member, email="ana@example.com", counted_at=AT),
        lambda session: services.keep(session, Points.model_validate(ANA), "1"),
    ),
}
