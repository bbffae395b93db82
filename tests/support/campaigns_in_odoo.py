"""What the tests of campaigns in Odoo do, whichever Odoo it is: campaigns of ours, assignments, and what Odoo shows."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import select

from shared.crm import catalogue, editing
from shared.settings import get_settings
from shared.store.models import Campaign, CampaignContact
from shared.store.session import reading
from shared.vendors.odoo.client import OdooClient
from tests.conftest import forget
from tests.support.payloads import payload
from tests.support.world import World, contact, opportunity

START = datetime(2026, 2, 1, tzinfo=UTC)


def add_campaign(number: int, name: str) -> None:
    """A campaign of ours, made as the API makes it."""
    values = {"id": number, "name": name, "date_start": START}
    editing.committed(partial(catalogue.create_campaign, values=values, actor="test"))


def rename(number: int, name: str) -> None:
    """Another name for it."""
    change = partial(catalogue.change_campaign, campaign_id=number, values={"name": name})
    editing.committed(partial(change, actor="test", guard=editing.unguarded))


def assign(world: World, who: str, campaign: int, at: str = "2026-03-01T10:00:00Z", **more: Any) -> None:
    """ManyChat reports an assignment."""
    sent = payload("manychat.campaign-assignment", "assignment", manychat_id=who, campaign_id=campaign, datetime_actual=at)
    assert world.post("assignment", sent | more).status_code == 202


def person(world: World, who: str = "m1") -> None:
    """ManyChat reports a person and their stage."""
    assert world.post("contact", contact(who)).status_code == 202
    assert world.post("opportunity", opportunity(who)).status_code == 202


def configure(environment: Any, **settings: str) -> None:
    """Set settings of Odoo's, and let the app read them; what it remembers of an earlier test's Odoo is gone."""
    for name, value in settings.items():
        environment.setenv(f"ODOO_{name.upper()}", value)
    forget()
    odoo().memory.clear()


def odoo() -> OdooClient:
    """Odoo as the app sees it."""
    return OdooClient.from_settings(get_settings())


def shown(who: str = "m1") -> dict[str, Any]:
    """By name: the campaign and tags of somebody's lead, and the tags of their partner; None where there is no such record."""
    client, key = odoo(), [["x_manychat_id", "=", who]]
    leads = client.search_read("crm.lead", key, ["campaign_id", "tag_ids"], archived=True)
    partners = client.search_read("res.partner", key, ["category_id"], archived=True)
    names = {
        model: {one["id"]: one["name"] for one in client.search_read(model, [], ["name"])}
        for model in ("crm.tag", "res.partner.category")
    }
    return {
        "campaign": leads[0]["campaign_id"] and leads[0]["campaign_id"][1] if leads else None,
        "lead": sorted(names["crm.tag"][one] for one in leads[0]["tag_ids"]) if leads else None,
        "partner": sorted(names["res.partner.category"][one] for one in partners[0]["category_id"]) if partners else None,
    }


def campaigns() -> list[str]:
    """The titles of Odoo's campaigns."""
    return [one["title"] for one in odoo().search_read("utm.campaign", [], ["title"], order="id", archived=True)]


def states() -> list[str | None]:
    """How far our rows of people in campaigns are in step."""
    with reading() as session:
        return list(session.scalars(select(CampaignContact.odoo_sync_status).order_by(CampaignContact.id)))


def our_campaign(number: int) -> Campaign:
    """Our row."""
    with reading() as session:
        return session.get_one(Campaign, number)
