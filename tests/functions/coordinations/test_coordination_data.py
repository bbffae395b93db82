"""Data of people in coordinations: erased, and removed after their time."""

from datetime import timedelta

from sqlalchemy import delete

from functions.coordinations.tables import Coordination
from shared import clock
from shared.privacy.erase import erase, look, person
from shared.retention import rules
from shared.store.session import transact
from tests.functions.coordinations.conftest import Desk
from tests.unit.web.calls import Api


def test_erased_person_leaves_the_run(desk: Desk) -> None:
    """What process and robot worked on goes; the process in Flowable is named for an operator."""
    desk.ask(approval=True)
    found = look(person(email="luz@example.com"), ask_odoo=False)
    assert (found.rows["coordinations"], found.rows["approvals"]) == (1, 1)
    assert found.by_hand["processes in Flowable"] == [desk.row.process_id]
    erase(person(email="luz@example.com"), way="skip", actor="dpo")
    assert (desk.row.payload, desk.row.email, desk.row.phone, desk.row.business_key) == (None, None, None, "order-881")
    assert Api().get("/api/v1/approvals/1", key="key-of-bruno").json["details"] == []
    Api().post("/api/v1/approvals/1/approve", key="key-of-bruno", body={})
    desk.world.run()
    assert (desk.row.state, desk.row.reason, desk.runs) == ("failed", "robot-not-started", [])


def test_old_ones_go_and_open_ones_stay(desk: Desk) -> None:
    """By when they ended."""
    desk.ask()
    desk.report()
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask(business_key="order-882")
    goes = rules()["coordinations"].goes(clock.now() + timedelta(days=1))
    transact(lambda session: session.execute(delete(Coordination).where(goes)))
    assert [row.business_key for row in desk.rows] == ["order-882"]
