"""An alert in Discord for each critical assessment, once. Optional: without DISCORD_WEBHOOK_URL nothing is owed.

Light: flow pages import it to register what its deliveries do. The delivery holds only the sequence's number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import PuenteError
from shared.outbox.actions import Claimed, Done, Outcome, Skip, message
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence as Many

    from sqlalchemy.orm import Session

    from functions.christmas.tables import Sequence

TARGET = "discord"


def plan_alert(session: Session, row: Sequence) -> None:
    """Owe the sales team word of a critical assessment, once for the sequence that it began."""
    from shared.outbox import plan

    if get_settings().discord_webhook_url is not None:
        plan.message(session, ALERT, f"sequence:{row.id}", f"hot-lead:{row.key}", {"sequence": row.id}, event_key=row.event_key)


def _post(deliveries: Many[Claimed]) -> Mapping[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    for delivery in deliveries:
        try:
            outcomes[delivery.id] = _posted(int(delivery.payload["sequence"]))
        except PuenteError as error:
            outcomes[delivery.id] = error
    return outcomes


def _posted(sequence_id: int) -> Outcome:
    from functions.christmas.tables import Sequence
    from functions.christmas.texts import texts
    from shared.store.session import reading
    from shared.vendors.discord import Discord, Embed

    with reading() as session:
        row = session.get(Sequence, sequence_id)
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
    return Done({"id": Discord.from_settings(get_settings()).post(words["heading"], embed)})


def policy() -> TargetPolicy:
    """Discord takes 30 messages a minute in a channel."""
    return TargetPolicy(batches_per_second=0.5)


ALERT = message(TARGET, "hot_lead", _post)
