"""The app against a real Odoo: events go in, and what a salesperson would see comes out."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from shared import clock
from shared.crm import odoo_sync, reconcile
from shared.outbox.execute import drain
from shared.store.models import Advisor, Contact, Delivery, Opportunity
from shared.store.session import reading, transact
from tests.conftest import forget
from tests.odoo import seed
from tests.odoo.instance import OdooServer
from tests.odoo.rpc import Session
from tests.support.world import World, contact, opportunity

pytestmark = pytest.mark.odoo

ANY_STATE = {"context": {"active_test": False}}


@pytest.fixture(params=["jsonrpc", "json2"])
def app(request: pytest.FixtureRequest, odoo: OdooServer, world: World, environment: pytest.MonkeyPatch) -> World:
    """The app as the integration user, over each transport; its clock stands at the present."""
    environment.setenv("ODOO_URL", odoo.url)
    environment.setenv("ODOO_DB", "lab")
    environment.setenv("ODOO_USERNAME", seed.INTEGRATION.login)
    environment.setenv("ODOO_PASSWORD", seed.INTEGRATION.key)
    environment.setenv("ODOO_API", request.param)
    environment.setenv("ODOO_CALLS_PER_SECOND", "100")
    environment.setenv("ODOO_BATCH_SIZE", "200")
    forget()
    return world


@pytest.fixture(autouse=True)
def present(test_clock: clock.TestClock) -> None:
    """Odoo's clock is the machine's, so the app's stands there as well."""
    test_clock.moment = datetime.now(UTC)


def leads(admin: Session, **options: Any) -> dict[str, dict[str, Any]]:
    """Every lead with a ManyChat id, by that id."""
    fields = [
        "name",
        "stage_id",
        "user_id",
        "phone",
        "email_from",
        "description",
        "source_id",
        "x_manychat_id",
        "type",
        "active",
    ]
    found = admin.call("crm.lead", "search_read", [["x_manychat_id", "!=", False]], fields=fields, **options)
    assert len({lead["x_manychat_id"] for lead in found}) == len(found), "a ManyChat id has several leads"
    return {lead["x_manychat_id"]: lead for lead in found}


def ago(**delta: float) -> str:
    """A moment before now, as a sender writes it."""
    return (clock.now() - timedelta(**delta)).isoformat()


def statuses() -> dict[str, str | None]:
    """The sync status of every opportunity."""
    with reading() as session:
        rows = session.execute(select(Opportunity.manychat_id, Opportunity.odoo_sync_status)).all()
    return {row.manychat_id: row.odoo_sync_status for row in rows}


def test_everything_that_an_event_says_is_on_the_lead(app: World, admin: Session) -> None:
    """Name, phone, e-mail, stage, channel, advisors, and the summary with its markup escaped."""
    (carla,) = admin.call("res.users", "search", [["login", "not in", ["admin", "integration"]]], limit=1)
    transact(lambda s: s.add_all([Advisor(id=4, name="Carla", odoo_user_id=carla), Advisor(id=7, name="Dra. Núñez")]))
    app.post("contact", contact("m1", at=ago(hours=2), nombre_lead="Ana 🌷", email_lead="ana@example.com"))
    state = {"summary": "Dice <b>hola</b>\ny vuelve"}
    event = opportunity("m1", 21, ago(hours=1), state=state, commercial_advisor_id=4, medical_advisor_id=7, channel="WhatsApp")
    app.post("opportunity", event | {"phone": "55 1234 5678", "first_name": None})
    app.run()
    lead = leads(admin)["m1"]
    assert (lead["name"], lead["phone"], lead["email_from"]) == ("Ana 🌷", "+525512345678", "ana@example.com")
    assert (lead["stage_id"][0], lead["user_id"][0], lead["source_id"][1], lead["type"]) == (
        21,
        carla,
        "WhatsApp",
        "opportunity",
    )
    assert "Dice &lt;b&gt;hola&lt;/b&gt;<br>y vuelve" in lead["description"]
    assert "Asesor médico: Dra. Núñez" in lead["description"]
    assert statuses() == {"m1": "success"}


def test_contacts_mode_makes_partners_and_no_leads(app: World, admin: Session, environment: pytest.MonkeyPatch) -> None:
    """Partners with the ManyChat id are kept in step; the CRM stays empty."""
    environment.setenv("ODOO_SYNC_MODE", "contacts")
    forget()
    app.post("contact", contact("m1", at=ago(hours=2), nombre_lead="Ana", whatsapp="55 1234 5678"))
    app.post("opportunity", opportunity("m1", 21, ago(hours=1)))
    app.run()
    app.post("contact", contact("m1", at=ago(minutes=5), nombre_lead="Ana María"))
    app.run()
    partners = admin.call(
        "res.partner", "search_read", [["x_manychat_id", "!=", False]], fields=["name", "phone", "x_manychat_id"]
    )
    assert [(row["name"], row["phone"], row["x_manychat_id"]) for row in partners] == [("Ana María", "+525512345678", "m1")]
    assert leads(admin) == {}
    with reading() as session:
        assert session.scalars(select(Contact.odoo_sync_status)).one() == "success"


def test_two_hundred_people_with_a_bad_one_among_them(app: World, admin: Session) -> None:
    """One batch of 200; the one that Odoo refuses is parked with its reason, the others are there."""
    for number in range(200):
        app.post("opportunity", opportunity(f"m{number}", 18, ago(hours=1)))
    while app.step("manychat-crm-opportunities-queue"):
        pass
    transact(lambda s: s.execute(update(Opportunity).where(Opportunity.manychat_id == "m77").values(stage_id=999)))
    app.run()
    assert len(leads(admin)) == 199
    assert {key for key, status in statuses().items() if status != "success"} == {"m77"}
    with reading() as session:
        bad = session.scalars(select(Delivery).where(Delivery.subject == "m77")).one()
    assert (bad.state, bad.reason) == ("dead", "odoo-unknown-reference")


def test_lost_lead_is_moved_and_not_made_again(app: World, admin: Session) -> None:
    """A lead that a person has marked as lost (archived) gets the next stage all the same."""
    app.post("opportunity", opportunity("m1", 18, ago(hours=2)))
    app.run()
    (lead_id,) = admin.call("crm.lead", "search", [["x_manychat_id", "=", "m1"]])
    admin.call("crm.lead", "action_archive", [lead_id])
    app.post("opportunity", opportunity("m1", 20, ago(hours=1)))
    app.run()
    assert leads(admin) == {}
    assert leads(admin, **ANY_STATE)["m1"]["stage_id"][0] == 20


def test_eight_workers_end_with_one_lead_each(app: World, admin: Session) -> None:
    """Eight workers drain at the same time while events come; each person has one lead with the newest stage."""
    for number in range(40):
        app.post("opportunity", opportunity(f"m{number}", 16 + number % 5, ago(hours=2)))
    while app.step("manychat-crm-opportunities-queue"):
        pass
    workers = [threading.Thread(target=drain, args=("odoo",)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for number in range(40):
        app.post("opportunity", opportunity(f"m{number}", 22, ago(hours=1)))
        while app.step("manychat-crm-opportunities-queue"):
            pass
    for worker in workers:
        worker.join()
    app.run()
    found = leads(admin)
    assert len(found) == 40
    assert {lead["stage_id"][0] for lead in found.values()} == {22}


def test_odoo_stops_in_the_middle_and_comes_back(
    app: World, admin: Session, odoo: OdooServer, test_clock: clock.TestClock
) -> None:
    """While Odoo is stopped nothing is lost and no attempt is spent; after its return everything arrives."""
    for number in range(10):
        app.post("opportunity", opportunity(f"a{number}", 18, ago(hours=2)))
    app.run()
    odoo.pause()
    for number in range(10):
        app.post("opportunity", opportunity(f"b{number}", 19, ago(hours=1)))
    app.run_for(test_clock, minutes=10)
    assert {status for key, status in statuses().items() if key.startswith("b")} <= {"error", "pending"}
    with reading() as session:
        assert set(session.scalars(select(Delivery.attempts).where(Delivery.state == "pending"))) == {0}
    odoo.resume()
    app.run_for(test_clock, minutes=20)
    assert len(leads(admin)) == 20
    assert set(statuses().values()) == {"success"}


def test_reconciliation_finds_and_mends_what_people_did(app: World, admin: Session, test_clock: clock.TestClock) -> None:
    """A deleted lead and one whose stage was changed by hand are found, and are right after the repair."""
    for number in range(20):
        app.post("opportunity", opportunity(f"m{number}", 18, ago(hours=1)))
    app.run()
    ids = {lead["x_manychat_id"]: lead["id"] for lead in leads(admin).values()}
    admin.call("crm.lead", "unlink", [ids["m1"]])
    hour_ago = clock.now() - timedelta(hours=1)
    transact(lambda s: s.execute(update(Opportunity).values(odoo_synced_at=hour_ago)))
    admin.call("crm.lead", "write", [ids["m2"]], {"stage_id": 20})
    report = reconcile.run(dry_run=False)
    assert dict(report.counts) == {"missing": 1, "by_hand:stage": 1}
    app.run()
    assert odoo_sync.SUCCESS in set(statuses().values())
    assert reconcile.run(dry_run=True).completeness == 1.0
