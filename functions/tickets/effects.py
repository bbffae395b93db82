"""What is done outside for a ticket: its file is fetched, it is read, and its document is made. Each is a delivery.

    ticket-media.fetch                                          the file, from the provider of the message
    openai.ticket                                               the reading, or
    documentintelligence.begin, .result, .forget                the reading
    ticket-docs.document                                        the document, kept here and posted to DOCS_WEBHOOK_URL
    ticket-sheet.row                                            the row (`functions.tickets.sheet`)
    discord.ticket, slack.ticket                                the notice

Light: the modules that do the work are imported when it is done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from functions.tickets.settings import TicketSettings
from shared import discord, openai, slack
from shared.outbox.one_time_effect import OneTimeEffect
from shared.outbox.policy import TargetPolicy
from shared.settings import settings_of

if TYPE_CHECKING:
    from functions.tickets.tables import Ticket

TABLE, PREFIX = "functions.tickets.tables:Ticket", "ticket:"
GREEN = 0x2E8B57
TITLE, HEADING = "Gasto registrado", "Se registró un gasto por WhatsApp."


def _round(ticket: Ticket) -> str:
    """A ticket is read once, unless an operator has it read again."""
    return f"{ticket.id}:{ticket.round}"


def _revision(ticket: Ticket) -> str:
    return f"{ticket.id}:{ticket.revision}"


def _azure_is_used() -> bool:
    return settings_of(TicketSettings).documentintelligence_endpoint is not None


FETCH = OneTimeEffect(
    target="ticket-media",
    name="fetch",
    table=TABLE,
    subject_prefix=PREFIX,
    do="functions.tickets.media:fetch",
    keep=("file",),
    then="functions.tickets.services:after_fetch",
    harmless_to_repeat=True,
    describe="functions.tickets.media:described",
)
VISION = OneTimeEffect(
    target=openai.TARGET,
    name="ticket",
    table=TABLE,
    subject_prefix=PREFIX,
    do="functions.tickets.vision:read",
    keep=("reading",),
    then="functions.tickets.services:after_read",
    once_per=_round,
    harmless_to_repeat=True,
    is_used=openai.is_used,
    describe="functions.tickets.media:described",
)
BEGIN = replace(
    VISION,
    target="documentintelligence",
    name="begin",
    do="functions.tickets.azure:begin",
    keep=("operation",),
    then="functions.tickets.services:after_begin",
    is_used=_azure_is_used,
)
RESULT = replace(
    BEGIN, name="result", do="functions.tickets.azure:fetch", keep=("reading",), then="functions.tickets.services:after_read"
)
FORGET = OneTimeEffect(
    target="documentintelligence",
    name="forget",
    table=TABLE,
    subject_prefix=PREFIX,
    do="functions.tickets.azure:forget",
    once_per=_round,
    harmless_to_repeat=True,
    is_used=_azure_is_used,
    describe="functions.tickets.media:described",
)
DOCUMENTS = OneTimeEffect(
    target="ticket-docs",
    name="document",
    table=TABLE,
    subject_prefix=PREFIX,
    do="functions.tickets.document:make",
    then="functions.tickets.booking:after_document",
    once_per=_revision,
    harmless_to_repeat=True,
    describe="functions.tickets.document:described",
)


def reader() -> OneTimeEffect | None:
    """Who reads tickets here; None where nobody is set up."""
    chosen = settings_of(TicketSettings).tickets_reader
    if chosen == "documentintelligence" or (chosen is None and _azure_is_used()):
        return BEGIN if _azure_is_used() else None
    return VISION if openai.is_used() else None


def docs_policy() -> TargetPolicy:
    """Two at a time."""
    return TargetPolicy(slots=2, batches_per_second=2)


def _fields(row: Ticket) -> tuple[tuple[str, str], ...]:
    """What the team reads; not who sent it."""
    from functions.tickets import facts

    known = facts.of(row)
    names = {"Proveedor": "supplier", "Total": "total", "Fecha": "day", "Método": "method", "Conceptos": "items"}
    return tuple((title, known[name]) for title, name in names.items() if known[name])


def _in_discord(row: Ticket) -> dict[str, Any]:
    from shared.settings import get_settings
    from shared.vendors.discord import Discord, Embed

    embed = Embed(title=TITLE, color=GREEN, fields=_fields(row), timestamp=row.booked_at)
    return {"id": Discord.from_settings(get_settings()).post(HEADING, embed)}


def _in_slack(row: Ticket) -> None:
    from shared.vendors.slack import post

    post("\n".join((HEADING, *(f"{name}: {value}" for name, value in _fields(row)))))


IN_DISCORD = OneTimeEffect(
    target=discord.TARGET, name="ticket", table=TABLE, subject_prefix=PREFIX, do=_in_discord, is_used=discord.is_used
)
IN_SLACK = replace(IN_DISCORD, target=slack.TARGET, do=_in_slack, is_used=slack.is_used)
