"""An alert for each payment above the threshold of its currency, once, in Discord and in Slack, whichever is set up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from functions.payments.settings import PaymentSettings
from shared import discord, slack
from shared.outbox.one_time_effect import OneTimeEffect
from shared.settings import get_settings, settings_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.payments.tables import Payment

GREEN = 0x2E8B57
TITLE, HEADING = "Pago recibido", "Ha llegado un pago grande."


def request(session: Session, payment: Payment, event_key: str) -> None:
    """Request the alerts of a payment that has come, where it is above the threshold."""
    above = settings_of(PaymentSettings).payments_alert_above.get(payment.currency)
    if above is not None and payment.amount.amount > Decimal(above):
        for effect in (IN_DISCORD, IN_SLACK):
            effect.request(session, payment, event_key)


def _fields(row: Payment) -> tuple[tuple[str, str], ...]:
    """What the team reads; nothing of the person, whom Stripe shows."""
    given = {"Importe": f"{row.amount} {row.currency}", "Método": row.method, "Pedido": row.order_ref, "Pago": row.payment_id}
    return tuple((name, value) for name, value in given.items() if value)


def _in_discord(row: Payment) -> dict[str, str | None]:
    from shared.vendors.discord import Discord, Embed

    embed = Embed(title=TITLE, color=GREEN, fields=_fields(row), timestamp=row.paid_at)
    return {"id": Discord.from_settings(get_settings()).post(HEADING, embed)}


def _in_slack(row: Payment) -> None:
    from shared.vendors.slack import post

    post("\n".join((HEADING, *(f"{name}: {value}" for name, value in _fields(row)))))


IN_DISCORD = OneTimeEffect(
    target=discord.TARGET,
    name="payment",
    table="functions.payments.tables:Payment",
    key="payment_id",
    subject_prefix="payment:",
    do=_in_discord,
    is_used=discord.is_used,
)
IN_SLACK = replace(IN_DISCORD, target=slack.TARGET, do=_in_slack, is_used=slack.is_used)
