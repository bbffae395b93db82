"""What follows from a day's look: its figures are kept, finance gets a list, and the team a summary in Discord and Slack.

Each once a day: the row of the day is inserted first, and whoever inserts it has the rest follow in the same transaction.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from shared import discord, slack
from shared.money import Money
from shared.outbox.one_time_effect import OneTimeEffect
from shared.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.invoices.tables import Invoice, InvoiceDay

MOST_SHOWN = 5
COLOR = 0x1A5FB4
URGENT = ("critical", "error")


def close(session: Session, day: date) -> bool:
    """Keep the figures of a day whose look is done, and have the rest follow; False where that was done before."""
    from sqlalchemy import select

    from functions.invoices import finance
    from functions.invoices.tables import InvoiceDay
    from shared.store.dialect import insert_if_absent

    figures = _figures(session, day)
    if not insert_if_absent(session, InvoiceDay, "day", {"day": day, "figures": figures}):
        return False
    row = session.scalars(select(InvoiceDay).where(InvoiceDay.day == day)).one()
    if figures["currencies"] or figures["listed"]:
        for effect in (IN_DISCORD, IN_SLACK):
            effect.request(session, row)
    finance.enqueue(session, day, figures)
    return True


def _figures(session: Session, day: date) -> dict[str, Any]:
    from functions.invoices import finance, reports

    currencies: dict[str, Any] = {}
    for one in reports.overdue(session, day):
        currencies[one.currency] = _none() | {"overdue": one.invoices, "overdue_amount": one.amount}
    top = []
    for reminder, invoice in reports.reminded(session, day):
        found = currencies.setdefault(invoice.currency, _none())
        found["reminded"] += 1
        found["reminded_amount"] += reminder.residual_minor
        found[reminder.urgency] = found.get(reminder.urgency, 0) + 1
        top.append((reminder.residual_minor, _shown(invoice, reminder.residual_minor, reminder.days_overdue)))
    largest = [text for _amount, text in sorted(top, reverse=True)[:MOST_SHOWN]]
    return {"currencies": currencies, "top": largest, "listed": finance.counted(session, day)}


def _none() -> dict[str, int]:
    return dict.fromkeys(("overdue", "overdue_amount", "reminded", "reminded_amount", *URGENT), 0)


def _shown(invoice: Invoice, minor: int, days: int) -> str:
    late = f"{days} días vencida" if days > 0 else "por vencer"
    return f"{invoice.serie}: {_amount(minor, invoice.currency)}, {late}"


def _amount(minor: int, currency: str) -> str:
    return f"{Money(minor, currency).amount:,} {currency}"


def _heading(row: InvoiceDay) -> str:
    from shared.messages import dates

    return f"Facturas del {dates.written(row.day)} de {row.day.year}"


def _fields(row: InvoiceDay) -> tuple[tuple[str, str], ...]:
    """What the team reads: amounts and numbers of invoices; nothing of a customer."""
    fields = []
    for currency, one in sorted(row.figures["currencies"].items()):
        fields.append((f"Vencido en {currency}", f"{_amount(one['overdue_amount'], currency)} en {one['overdue']} facturas"))
        urgent = f"{one['critical']} críticos, {one['error']} graves"
        text = f"{one['reminded']} ({urgent}), {_amount(one['reminded_amount'], currency)}"
        fields.append((f"Recordatorios en {currency}", text))
    listed: dict[str, int] = row.figures["listed"]
    if listed:
        names = {"escalated": "por revisar", "credit": "con saldo a favor", "missing-email": "sin correo"}
        fields.append(("Para finanzas", ", ".join(f"{listed[name]} {names[name]}" for name in names if name in listed)))
    if row.figures["top"]:
        fields.append(("Las mayores", "; ".join(row.figures["top"])))
    return tuple(fields)


def _in_discord(row: InvoiceDay) -> dict[str, str | None]:
    from shared.vendors.discord import Discord, Embed

    embed = Embed(title=_heading(row), color=COLOR, fields=_fields(row), timestamp=row.created_at)
    return {"id": Discord.from_settings(get_settings()).post("Resumen de facturas", embed)}


def _in_slack(row: InvoiceDay) -> None:
    from shared.vendors.slack import post

    post("\n".join((_heading(row), *(f"{name}: {value}" for name, value in _fields(row)))))


IN_DISCORD = OneTimeEffect(
    target=discord.TARGET,
    name="invoices",
    table="functions.invoices.tables:InvoiceDay",
    subject_prefix="invoice-day:",
    do=_in_discord,
    is_used=discord.is_used,
)
IN_SLACK = replace(IN_DISCORD, target=slack.TARGET, do=_in_slack, is_used=slack.is_used)
