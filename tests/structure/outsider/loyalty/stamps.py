"""Stamps keeps the customers' cards; its API is told the points of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.outbox.policy import TargetPolicy
from shared.outbox.record_sync import RecordSync
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    from functions.loyalty.tables import Member

STAMPS = RestClient(name="Stamps", address="stamps_base_url", key="stamps_api_key", ping_by="/me", shows="account")


def put_card(member: Member) -> dict[str, Any]:
    """Bring the customer's card up to date. Stamps makes it where there is none, so doing it twice is harmless."""
    card = {"holder": member.name or member.email, "points": member.points}
    answer = STAMPS.call("PUT", f"/cards/{member.email}", repeatable=True, json=card)
    return {"card": str(answer["number"])}


def policy() -> TargetPolicy:
    """Stamps takes five requests a second."""
    return TargetPolicy(slots=1, batches_per_second=5)


CARDS = RecordSync(
    target="stamps",
    name="card",
    table="functions.loyalty.tables:Member",
    subject_prefix="member:",
    prefix="stamps",
    put=put_card,
    keep=("card",),
    is_used=STAMPS.is_used,
)
