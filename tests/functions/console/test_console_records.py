"""Records: each flow's lists with their rows, found by state and word; a row with its facts and what was called about it."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from shared.console import records
from shared.store.models import Delivery, Target
from shared.store.session import reading, transact
from tests.functions.console.browser import Browser
from tests.lab.rows import filled

DAY = date(2027, 1, 11)


def kept(name: str, **values: Any) -> str:
    """A row of a list, with something in each column that needs a value; what it is called."""
    chosen = records.named(name)
    states = {chosen.state: chosen.states[0]} if chosen.state and chosen.states else {}
    needed = {
        column.key: 1
        for column in inspect(chosen.model).columns
        if column.foreign_keys and not column.nullable and not column.primary_key
    }

    def work(session: Session) -> str:
        row = filled(chosen.model, **needed | states | values)
        session.add(row)
        session.flush()
        return chosen.name_of(row)

    return transact(work)


def row_of(name: str) -> Any:
    """The row, as it was kept."""
    with reading() as session:
        return session.get_one(records.named(name).model, 1)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("bookings", {}),
        ("broadcasts", {}),
        ("carts", {}),
        ("coordinations", {}),
        ("invoices", {"issued_on": DAY, "due_on": DAY}),
        ("leads", {}),
        ("meetings", {}),
        ("onboardings", {"start_date": DAY}),
        ("payments", {}),
        ("shop-orders", {}),
        ("tickets", {}),
    ],
)
def test_each_list_shows_its_rows(viewer: Browser, name: str, values: dict[str, Any]) -> None:
    """By itself, by its state, and not by another one; the row's own page has each column with a value."""
    chosen, link = records.named(name), f'href="/console/records/{name}/1"'
    assert chosen.title in viewer.get("/console/records").words
    called = " ".join(kept(name, **values).split())
    assert link in viewer.get(f"/console/records/{name}").text
    for state in chosen.states:
        assert (link in viewer.get(f"/console/records/{name}?state={state}").text) is (state == chosen.states[0])
    page = viewer.get(f"/console/records/{name}/1")
    assert (page.status, page.heading) == (200, called)
    assert [column for column in chosen.facts(row_of(name)) if column not in page.text] == []
    assert viewer.get(f"/console/records/{name}/2").status == 404


@pytest.mark.parametrize("name", ["bookings", "carts", "invoices", "leads", "payments", "shop-orders"])
def test_row_is_found_by_the_address_of_whom_it_is_about_which_stays_masked(viewer: Browser, name: str) -> None:
    """In the list and on its page; another address finds nothing."""
    days = {"issued_on": DAY, "due_on": DAY} if name == "invoices" else {}
    kept(name, email="eva.lopez@example.com", **days)
    link = f'href="/console/records/{name}/1"'
    found = viewer.get(f"/console/records/{name}?q=eva.lopez@example.com")
    assert link in found.text
    assert link not in viewer.get(f"/console/records/{name}?q=ana@example.com").text
    page = viewer.get(f"/console/records/{name}/1")
    assert "eva.lopez@example.com" not in found.words
    assert "eva.lopez@example.com" not in page.text
    if f"/console/records/{name}/1/person" in page.links():
        assert viewer.get(f"/console/records/{name}/1/person").status == 200


def test_coordination_is_found_by_each_of_its_keys_and_shows_its_calls(viewer: Browser) -> None:
    """Ours, Flowable's and the robot's; with what was called for it, and where it stands."""
    keys = {"business_key": "order-881", "process_id": "p-17", "execution_id": "r-42"}
    kept("coordinations", **keys, state="waiting", bot="process-order", process_key="businessApproval")

    def work(session: Session) -> None:
        session.add(Target(name="flowable"))
        facts = {"subject": "coordination:1", "dedupe_key": "k", "kind": "message", "action": "start", "state": "done"}
        session.add(filled(Delivery, target="flowable", **facts))

    transact(work)
    for word in keys.values():
        assert "order-881" in viewer.get(f"/console/records/coordinations?q={word}").words
    assert "order-881" not in viewer.get("/console/records/coordinations?q=order-882").words
    shown = viewer.get("/console/records/coordinations/1").words
    assert [one for one in ("waiting", "businessApproval", "process-order", "flowable.start") if one not in shown] == []
