"""Campaigns in Odoo: a `utm.campaign` for each of ours, with the tags of its name where tags show who is in it.

A record is found by the campaign's name or made once, with our external id, so that runs at the same time make no second one.
From then on its number is kept in our row, and a new name of ours is written to it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared import clock
from shared.errors import PermanentError, UnavailableError
from shared.settings import get_settings
from shared.store.models import Campaign
from shared.vendors.odoo import named
from shared.vendors.odoo.client import OdooClient

CAMPAIGN, PARTNER_TAG, LEAD_TAG = "utm.campaign", "res.partner.category", "crm.tag"
TITLE = {CAMPAIGN: "title", PARTNER_TAG: "name", LEAD_TAG: "name"}
"""The field that people read as the name, by model."""
EVERYBODYS = ("odoo-access-denied", "http-invalid-request")
"""What fails for these reasons fails for every record, so that Odoo counts as being away."""
KEPT_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Ours:
    """One of our campaigns, and by which numbers Odoo is said to know it: by model."""

    id: int
    name: str
    known: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Campaign) -> "Ours":
        """What the row says."""
        campaign = {CAMPAIGN: row.odoo_id} if row.odoo_id is not None else {}
        return cls(row.id, " ".join(row.name.split()) or f"Campaign {row.id}", {**(row.odoo_tags or {}), **campaign})


def put_campaign(row: Campaign) -> Mapping[str, Any]:
    """Bring the records of a campaign up to date: there, and under its present name. Doing it again changes nothing.

    Raises:
        PuenteError: as every call of Odoo. A right or a model that is missing concerns campaigns alone and opens no circuit.
    """
    client, ours = OdooClient.from_settings(get_settings()), Ours.of(row)
    try:
        numbers = {model: _named_as_ours(client, model, ours) for model in models()}
    except PermanentError as error:
        if error.reason in EVERYBODYS:
            raise UnavailableError(str(error)) from error
        raise
    tags = {**(row.odoo_tags or {}), **{model: number for model, number in numbers.items() if model != CAMPAIGN}}
    return {"odoo_id": numbers[CAMPAIGN], "odoo_tags": tags or None}


def models() -> Iterator[str]:
    """The models in which a campaign has a record, as the settings want it."""
    settings = get_settings()
    yield CAMPAIGN
    if settings.odoo_tags_partners:
        yield PARTNER_TAG
    if settings.odoo_tags_leads:
        yield LEAD_TAG


def number_of(client: OdooClient, model: str, ours: Ours) -> int:
    """The campaign's record in that model, found or made. Asked once an hour by a process.

    Raises:
        PuenteError: as every call of Odoo.
    """
    remembered: tuple[int, datetime] | None = client.memory.get((model, ours.id))
    if remembered is None or clock.now() - remembered[1] >= KEPT_FOR:
        known = ours.known.get(model)
        number = (
            known if known is not None and _title(client, model, known) is not None else _found_or_made(client, model, ours)
        )
        remembered = client.memory[model, ours.id] = (number, clock.now())
    return remembered[0]


def forget(client: OdooClient, ours: Ours) -> None:
    """Look the campaign's records up again next time: Odoo may have lost one."""
    for model in TITLE:
        client.memory.pop((model, ours.id), None)


def _named_as_ours(client: OdooClient, model: str, ours: Ours) -> int:
    forget(client, ours)
    known = ours.known.get(model)
    title = None if known is None else _title(client, model, known)
    if known is None or title is None:
        return _found_or_made(client, model, ours)
    if title == ours.name:
        return known
    try:
        client.write(model, [known], {TITLE[model]: ours.name})
    except PermanentError as error:
        if error.reason != "odoo-validation":
            raise
        if (other := _found(client, model, ours)) is None:  # Odoo has each name of a lead's tag once
            raise
        return other
    return known


def _title(client: OdooClient, model: str, number: int) -> str | None:
    """The name of a record, archived or not; None where there is no such record."""
    found = client.search_read(model, [["id", "=", number]], [TITLE[model]], archived=True)
    return str(found[0][TITLE[model]]) if found else None


def _found_or_made(client: OdooClient, model: str, ours: Ours) -> int:
    found = _found(client, model, ours)
    if found is not None:
        return found
    values = {"name": ours.name, **({"title": ours.name} if model == CAMPAIGN else {})}
    return named.make(client, model, f"campaign_{ours.id}", values)


def _found(client: OdooClient, model: str, ours: Ours) -> int | None:
    return named.find(client, model, TITLE[model], ours.name, archived=True)
