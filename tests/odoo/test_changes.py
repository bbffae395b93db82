"""What a salesperson does in a real Odoo comes to us, and nothing of ours comes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from shared import clock
from shared.crm import odoo_changes
from shared.settings import get_settings
from shared.store.models import Advisor, Contact, Delivery, Opportunity, StageChange
from shared.store.session import reading
from tests.conftest import forget
from tests.odoo import seed
from tests.odoo.instance import OdooServer
from tests.odoo.rpc import Session
from tests.support.world import World, contact, opportunity

pytestmark = pytest.mark.odoo


@pytest.fixture(params=["jsonrpc", "json2"])
def app(
    request: pytest.FixtureRequest,
    odoo: OdooServer,
    world: World,
    environment: pytest.MonkeyPatch,
    test_clock: clock.TestClock,
) -> World:
    """The app as the integration user over each transport, its clock at the present, with one lead in step."""
    settings = {"URL": odoo.url, "DB": "lab", "USERNAME": seed.INTEGRATION.login, "PASSWORD": seed.INTEGRATION.key}
    for name, value in (settings | {"API": request.param, "CALLS_PER_SECOND": "100"}).items():
        environment.setenv(f"ODOO_{name}", value)
    forget()
    test_clock.moment = datetime.now(UTC)
    report(world, 18, hours=1, first_name="Eva", last_name="Ríos", phone="55 1234 5678")
    world.run()
    look(world)
    return world


@pytest.fixture
def salesperson(odoo: OdooServer, admin: Session) -> Session:
    """An advisor of the customer, at work in Odoo. With Sales: All Documents, for the leads are nobody's yet."""
    [group] = admin.call("ir.model.data", "search_read", seed._by_name(seed.INTEGRATION.group), fields=["res_id"])
    [uid] = admin.call("res.users", "search", [["login", "=", "advisor1"]])
    admin.call("res.users", "write", [uid], {"group_ids": [[4, group["res_id"]]]})
    return Session.login(odoo.url, "lab", "advisor1", "advisor1")


def report(world: World, stage: int, *, hours: float = 0, later: float = 0, **more: Any) -> None:
    """A stage that ManyChat reports."""
    at = clock.now() - timedelta(hours=hours, seconds=-later)
    assert world.post("opportunity", opportunity("m1", stage=stage, at=at.isoformat(), **more)).status_code == 202


def look(world: World) -> None:
    """A look at what there is now, and all that follows from it."""
    clock.sleep((datetime.now(UTC) - clock.now()).total_seconds())
    assert odoo_changes.look(clock.now() + timedelta(days=1))
    world.run()


def row() -> Opportunity:
    """Our row."""
    with reading() as session:
        return session.scalars(select(Opportunity)).unique().one()


def theirs(admin: Session, *fields: str) -> dict[str, Any]:
    """Odoo's lead."""
    [found] = admin.call(
        "crm.lead", "search_read", [["x_manychat_id", "=", "m1"]], fields=list(fields), context={"active_test": False}
    )
    return dict(found)


def wanted() -> list[int]:
    """How often each delivery stood for a change."""
    with reading() as session:
        return list(session.scalars(select(Delivery.wanted).order_by(Delivery.id)))


def test_stage_comes_once_and_ours_does_not_come_back(app: World, salesperson: Session, admin: Session) -> None:
    """Moved by a salesperson; then by ManyChat, later; each is one line of the history, and nothing is written twice."""
    salesperson.call("crm.lead", "write", [row().odoo_id], {"stage_id": 21})
    look(app)
    assert row().stage_id == 21
    before = wanted()
    report(app, 22, later=5)
    app.run()
    for _ in range(2):
        look(app)
    assert (row().stage_id, theirs(admin, "stage_id")["stage_id"][0]) == (22, 22)
    assert sum(wanted()) == sum(before) + 1
    with reading() as session:
        assert [one.stage_id for one in session.scalars(select(StageChange).order_by(StageChange.id))] == [18, 21, 22]


def test_edit_right_after_ours_and_edit_that_nobody_has_looked_at(app: World, salesperson: Session, admin: Session) -> None:
    """A stage put back to what it was before our write; and one that a sync of another fact finds there."""
    report(app, 20, hours=0.5)
    app.run()
    salesperson.call("crm.lead", "write", [row().odoo_id], {"stage_id": 18})
    look(app)
    assert (row().stage_id, theirs(admin, "stage_id")["stage_id"][0]) == (18, 18)
    salesperson.call("crm.lead", "write", [row().odoo_id], {"stage_id": 23})
    app.post("contact", contact("m1", at=clock.now().isoformat(), nombre_lead="Evelia"))
    app.run()
    found = theirs(admin, "stage_id", "name")
    assert (row().stage_id, found["stage_id"][0], found["name"]) == (23, 23, "Evelia Ríos")


def test_lost_won_and_opened_again(app: World, salesperson: Session, admin: Session) -> None:
    """Lost by Odoo's own button, restored by its own button, won by its own button; a later event opens nothing."""
    number = row().odoo_id
    salesperson.call("crm.lead", "action_set_lost", [number])
    look(app)
    assert row().outcome == "lost"
    salesperson.call("crm.lead", "action_unarchive", [number])
    look(app)
    assert row().outcome is None
    salesperson.call("crm.lead", "write", [number], {"stage_id": seed.WON_STAGE})
    look(app)
    assert (row().outcome, row().stage_id) == ("won", seed.WON_STAGE)
    report(app, 20, later=5)
    app.run()
    look(app)
    assert (row().outcome, row().stage_id, theirs(admin, "won_status")["won_status"]) == ("won", seed.WON_STAGE, "won")


def test_salesperson_and_addresses(app: World, salesperson: Session, admin: Session) -> None:
    """The salesperson is theirs, found as an advisor by the address; the phone number goes back to ours, once."""
    values = {"user_id": salesperson.uid, "phone": "+52 55 0000 0000"}
    salesperson.call("crm.lead", "write", [row().odoo_id], values)
    look(app)
    with reading() as session:
        advisor = session.scalars(select(Advisor)).one()
    assert (row().commercial_advisor_id, advisor.odoo_user_id, advisor.name) == (advisor.id, salesperson.uid, "Lucía Paredes")
    found = theirs(admin, "phone", "user_id")
    assert (found["phone"], found["user_id"][0]) == ("+525512345678", salesperson.uid)
    before = wanted()
    look(app)
    assert wanted() == before


def test_partners(app: World, salesperson: Session, admin: Session, environment: pytest.MonkeyPatch) -> None:
    """In the mode `contacts` with `email: theirs`, an address typed on the partner is ours afterwards."""
    environment.setenv("ODOO_SYNC_MODE", "contacts")
    environment.setenv("ODOO_RECONCILE_POLICY", '{"email": "theirs"}')
    forget()
    app.post("contact", contact("m1", at=clock.now().isoformat(), nombre_lead="Evelia"))
    app.run()
    with reading() as session:
        number = session.scalars(select(Contact.odoo_id)).one()
    look(app)
    admin.call("res.partner", "write", [number], {"email": "eva@example.com"})
    look(app)
    with reading() as session:
        assert session.scalars(select(Contact.email)).one() == "eva@example.com"


def test_two_hundred_records_with_one_time(app: World, salesperson: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odoo gives all records of a transaction one time, in microseconds that it does not show; none is passed over."""
    monkeypatch.setattr(odoo_changes, "PAGE", 50)
    at = (clock.now() - timedelta(hours=1)).isoformat()
    for number in range(200):
        app.post("opportunity", opportunity(f"p{number}", stage=18, at=at))
    app.run()
    with reading() as session:
        ids = list(session.scalars(select(Opportunity.odoo_id).where(Opportunity.manychat_id != "m1")))
    salesperson.call("crm.lead", "write", ids, {"stage_id": 21})
    look(app)
    with reading() as session:
        assert set(session.scalars(select(Opportunity.stage_id).where(Opportunity.manychat_id != "m1"))) == {21}


def test_deleted_lead_is_made_anew(app: World, admin: Session) -> None:
    """Our next change makes it again."""
    number = row().odoo_id
    admin.call("crm.lead", "unlink", [number])
    look(app)
    report(app, 20)
    app.run()
    assert theirs(admin, "stage_id")["stage_id"][0] == 20
    assert row().odoo_id != number
    assert get_settings().odoo_policy("missing") == "ours"
