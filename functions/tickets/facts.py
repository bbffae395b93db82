"""A ticket as people read it: amounts and days in Spanish, and the facts for messages, notices and the sheet."""

from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from functions.tickets.tables import Ticket
from shared import clock
from shared.messages.dates import written
from shared.readers import money
from shared.readers.money_words import DOT_LOCALES
from shared.settings import get_settings


def zone() -> ZoneInfo:
    """The company's zone, in which tickets have their days."""
    return ZoneInfo(get_settings().default_time_zone)


def today() -> date:
    """The day that it is for the company."""
    return clock.now().astimezone(zone()).date()


def shown_number(value: Decimal | str) -> str:
    """A number in the way of writing of DEFAULT_PHONE_REGION: `1,250.00` in Mexico, `1.250,00` in Spain."""
    text = f"{Decimal(value):,f}"
    if f"es-{get_settings().default_phone_region}" in DOT_LOCALES:
        return text
    return text.translate(str.maketrans(",.", ".,"))


def shown_amount(value: Decimal | str, currency: str) -> str:
    """An amount with its currency, `1,250.00 MXN`."""
    exact = Decimal(value)
    return f"{shown_number(exact.quantize(Decimal(1).scaleb(-money.decimals(currency))))} {currency}"


def shown_day(day: date | str) -> str:
    """A day as `5 de marzo de 2026`."""
    value = date.fromisoformat(day) if isinstance(day, str) else day
    return f"{written(value)} de {value.year}"


def of(ticket: Ticket) -> dict[str, Any]:
    """What texts may say of a ticket; all are texts, empty where nothing is known."""
    facts = ticket.facts or {}
    return {
        "ticket": str(ticket.id),
        "supplier": ticket.supplier or "",
        "total": shown_amount(ticket.total.amount, ticket.total.currency) if ticket.total else "",
        "day": shown_day(ticket.day) if ticket.day else "",
        "method": facts.get("method") or "",
        "items": str(len(facts.get("items") or ())),
        "person": ticket.person or "",
    }
