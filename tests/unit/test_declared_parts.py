"""What flows declare for the timeline, for retention and for the sandbox is used."""

import inspect
from datetime import timedelta
from typing import ClassVar

import pytest
from sqlalchemy import select, true

from sandbox import settings, vendors
from sandbox.discord import Discord
from shared import clock, flows, retention, retention_rules
from shared.crm import timeline
from shared.flow import Rhythm
from shared.settings import get_settings
from shared.store.models import Contact
from shared.store.session import reading, transact


def declared(monkeypatch: pytest.MonkeyPatch, kind: str, part: object) -> None:
    """Let a flow declare one part more."""
    parts = flows.parts
    monkeypatch.setattr(flows, "parts", lambda name: (*parts(name), part) if name == kind else parts(name))


def test_source_of_a_flow_stands_in_the_timeline(database, test_clock, environment) -> None:
    """After the core's sources, placed by its own time."""
    source = timeline.Source(
        "visit",
        Contact,
        Contact.created_at,
        lambda whose: Contact.id.in_(whose.contacts),
        lambda _session, rows: ({"what": "seen"} for _ in rows),
    )
    declared(environment, "timeline", source)
    transact(lambda session: session.add(Contact(manychat_id="m1")))
    with reading() as session:
        contact = session.scalars(select(Contact)).one()
        found = timeline.entries(session, timeline.of_contact(session, contact), 10)
        assert [(one.kind, one.what) for one in found] == [("visit", "seen")]


def test_rule_of_a_flow_removes_its_rows(database, storage, test_clock, environment) -> None:
    """By the same job, in pages, when they are old enough."""
    rule = retention_rules.Rule(Contact, Contact.created_at, lambda _settings: 30, lambda before: Contact.created_at < before)
    declared(environment, "retention", {"contacts": rule})
    get_settings.cache_clear()
    transact(lambda session: session.add(Contact(manychat_id="old")))
    test_clock.advance(days=40)
    transact(lambda session: session.add(Contact(manychat_id="new")))
    assert retention.forget() == {"contacts": 1}
    with reading() as session:
        assert session.scalars(select(Contact.manychat_id).where(true())).all() == ["new"]
    assert clock.now() - timedelta(days=40) < clock.now()


def test_sandbox_holds_what_flows_name(environment) -> None:
    """A stand-in that a flow names is in the sandbox, once however many name it, and its settings with it."""

    class Stamps(Discord):
        """A system that no flow has talked to before."""

        name = "stamps"
        connection: ClassVar[dict[str, str]] = {"STAMPS_BASE_URL": "/stamps"}

    by_flow = (*flows.parts_by_flow("stand_ins"), (flows.installed()[0], Stamps))
    environment.setattr(flows, "parts_by_flow", lambda _kind: by_flow)
    made = vendors.makers()
    assert Stamps in made
    assert len(set(made)) == len(made) > 10
    assert settings.app_settings("http://127.0.0.1:7072")["STAMPS_BASE_URL"] == "http://127.0.0.1:7072/stamps"


def test_every_job_says_how_much_it_did():
    """A number, which is logged, or nothing: what it returns otherwise fails the job when it has done its work."""
    returned = {
        one.run: inspect.signature(flows.resolve(one.run)).return_annotation
        for rhythm in Rhythm
        for _flow, one in flows.jobs(rhythm)
    }
    assert len(returned) > 20
    assert {run: str(kind) for run, kind in returned.items() if kind not in (int, bool, None, "int", "bool", "None")} == {}
