"""Campaigns in a real Odoo, as the integration user: on leads, as tags, as records of a model that the set-up has made."""

import json
from datetime import UTC, datetime

import pytest

from shared import clock
from shared.crm import odoo_changes
from shared.privacy.erase import erase
from shared.privacy.erase import person as whom
from shared.store.models import Delivery
from shared.store.session import reading
from shared.vendors.odoo import setup
from tests.odoo import seed
from tests.odoo.instance import OdooServer
from tests.odoo.rpc import Session
from tests.support.campaigns_in_odoo import add_campaign, assign, campaigns, configure, person, rename, shown, states
from tests.support.world import World

pytestmark = pytest.mark.odoo


@pytest.fixture(params=["jsonrpc", "json2"])
def app(
    request: pytest.FixtureRequest,
    odoo: OdooServer,
    world: World,
    environment: pytest.MonkeyPatch,
    test_clock: clock.TestClock,
) -> World:
    """The app as the integration user over each transport, in the mode `both`, with tags; its clock at the present."""
    settings = {"url": odoo.url, "db": "lab", "username": seed.INTEGRATION.login, "password": seed.INTEGRATION.key}
    test_clock.moment = datetime.now(UTC)
    configure(environment, **settings, api=request.param, calls_per_second="100", sync_mode="both", campaign_contacts="tags")
    return world


def test_campaign_on_the_lead_and_tags_on_both(app: World, admin: Session) -> None:
    """Assigned before anything is there; renamed; looked at: nothing of it comes back, and nothing is written twice."""
    add_campaign(1, "Marzo")
    assign(app, "m1", 1)
    app.run()
    assert states() == ["skipped"]
    person(app)
    app.run()
    assert (shown(), states()) == ({"campaign": "Marzo", "lead": ["Marzo"], "partner": ["Marzo"]}, ["success"])
    add_campaign(2, "Abril")
    assign(app, "m1", 2, "2026-04-01T10:00:00Z")
    rename(1, "Primavera")
    app.run()
    expected = {"campaign": "Abril", "lead": ["Abril", "Primavera"], "partner": ["Abril", "Primavera"]}
    assert (shown(), campaigns()) == (expected, ["Primavera", "Abril"])
    with reading() as session:
        before = session.query(Delivery.id, Delivery.wanted).order_by(Delivery.id).all()
    clock.sleep((datetime.now(UTC) - clock.now()).total_seconds())
    assert odoo_changes.look(clock.now())
    app.run()
    with reading() as session:
        assert session.query(Delivery.id, Delivery.wanted).order_by(Delivery.id).all() == before
    erase(whom("m1"), way="anonymise", actor="dpo")
    (lead,) = admin.call("crm.lead", "search_read", [], fields=["campaign_id", "tag_ids"], context={"active_test": False})
    assert (lead["campaign_id"], lead["tag_ids"]) == (False, [])


def test_records_of_a_model_that_the_set_up_has_made(app: World, odoo: OdooServer, environment: pytest.MonkeyPatch) -> None:
    """Made by an administrator, filled by the integration user; a second person's record is a second one; erased with both."""
    from tests.support.campaigns_in_odoo import odoo as client

    model = "x_campaign_contact"
    integration = {"username": seed.INTEGRATION.login, "password": seed.INTEGRATION.key}
    configure(environment, campaign_contacts=json.dumps({"model": model}), username="admin", password=seed.ADMIN.key)
    stages = seed.STAGES
    assert setup.main([], stages) == 1
    assert setup.main(["--apply"], stages) == 0
    configure(environment, **integration)
    assert setup.main([], stages) == 0
    add_campaign(1, "Marzo")
    for who in ("m1", "m2"):
        assign(app, who, 1, summary="Prefiere llamadas")
        app.run()
        person(app, who)
        app.run()
    rows = client().search_read(model, [], ["x_key", "x_campaign_id", "x_partner_id", "x_lead_id", "x_summary"], order="id")
    assert [(row["x_key"], row["x_campaign_id"][1], row["x_summary"]) for row in rows] == [
        ("m1-1", "Marzo", "Prefiere llamadas"),
        ("m2-1", "Marzo", "Prefiere llamadas"),
    ]
    assert all(row["x_partner_id"] and row["x_lead_id"] for row in rows)
    erase(whom("m1"), way="anonymise", actor="dpo")
    left = client().search_read(model, [], ["x_key", "x_manychat_id", "x_summary", "x_lead_id"], order="id")
    assert (left[0]["x_key"], left[0]["x_manychat_id"], left[0]["x_summary"], left[0]["x_lead_id"]) == (False,) * 4
    assert left[1]["x_key"] == "m2-1"
