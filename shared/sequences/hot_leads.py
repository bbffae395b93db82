"""An alert in Discord for each critical assessment, once. Optional: without DISCORD_WEBHOOK_URL nothing is planned.

Light: flow pages import it to register what its deliveries do. The delivery holds only the sequence's number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import discord
from shared.outbox.actions import Claimed, Skip

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.discord import Post
    from shared.store.sequence_models import Sequence


def plan_alert(session: Session, row: Sequence) -> None:
    """Plan one alert to the sales team for a critical assessment, once for the sequence that it began."""
    from shared.outbox import plan

    if discord.is_used():
        plan.message(session, ALERT, f"sequence:{row.id}", f"hot-lead:{row.key}", {"sequence": row.id}, event_key=row.event_key)


def _compose(delivery: Claimed) -> Post | Skip:
    from shared.sequences.texts import texts
    from shared.store.sequence_models import Sequence
    from shared.store.session import reading
    from shared.vendors.discord import Embed

    with reading() as session:
        row = session.get(Sequence, int(delivery.payload["sequence"]))
    if row is None:  # the person was erased meanwhile
        return Skip("no-such-record")
    words = texts().alert
    red = str(row.facts.get("red_systems") or 0)
    embed = Embed(
        title=words["title"],
        fields=(("Email", row.email), ("Segment", row.segment), ("Red Systems", red)),
        footer=words["footer"],
        timestamp=row.started_at,
    )
    return discord.Post(words["heading"], embed)


ALERT = discord.posts("hot_lead", _compose)
