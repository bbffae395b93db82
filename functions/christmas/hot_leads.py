"""An alert in Discord for each critical assessment, once. Optional: without DISCORD_WEBHOOK_URL nothing is requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import discord
from shared.outbox.one_time_effect import OneTimeEffect
from shared.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.christmas.tables import MailSequence


def plan_alert(session: Session, row: MailSequence) -> None:
    """Request an alert for the sales team about a critical assessment, once for the sequence that it began."""
    ALERTS.request(session, row, row.event_key)


def _post(row: MailSequence) -> dict[str, str | None]:
    from functions.christmas import segments
    from functions.christmas.texts import texts
    from shared.vendors.discord import Discord, Embed

    alert = texts().alert
    red = str(row.facts.get("red_systems") or 0)
    embed = Embed(
        title=alert["title"],
        fields=((alert["email"], row.email), (alert["segment"], alert[segments.CRITICAL]), (alert["red_systems"], red)),
        footer=alert["footer"],
        timestamp=row.started_at,
    )
    return {"id": Discord.from_settings(get_settings()).post(alert["heading"], embed)}


ALERTS = OneTimeEffect(
    target=discord.TARGET,
    name="hot_lead",
    table="functions.christmas.tables:MailSequence",
    subject_prefix="sequence:",
    do=_post,
    once_per=lambda row: f"hot-lead:{row.key}",
    is_used=discord.is_used,
)
