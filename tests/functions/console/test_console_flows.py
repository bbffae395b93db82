"""A flow's page: its pause, the way of its events, its last ones, what it lacks, its addresses and settings."""

import pytest
from sqlalchemy import select

from functions import opportunities
from shared.settings import get_settings
from shared.store.flow_models import FlowHold
from shared.store.models import ActionLog
from shared.store.session import reading
from tests.functions.console.browser import Browser, keys
from tests.functions.console.filling import fill
from tests.support.world import World, contact


def log_lines() -> list[tuple[str, str]]:
    with reading() as session:
        rows = session.scalars(select(ActionLog).where(ActionLog.action.like("flow.%")).order_by(ActionLog.id))
        return [(row.actor, row.action) for row in rows]


def test_flow_is_paused_and_resumed(world: World, operator: Browser, viewer: Browser) -> None:
    """By name, with a note; its page, the first page and the action log say so; what waited is handled on resuming."""
    page = operator.get("/console/flows/contacts")
    paused = operator.submit(page.form("/console/flows/contacts/pause"), note="obras", hours="4")
    assert paused.heading == "Contacts from ManyChat is paused: its events wait"
    world.post("contact", contact("a"), **{"x-api-key": "hook-key"})
    world.run()
    shown = viewer.get("/console/flows/contacts")
    assert "Paused by key:olga" in shown.words
    assert "obras 1 event waits" in shown.words
    assert "Who has the role operator can resume it." in shown.words
    first = viewer.get("/console")
    assert "The flow Contacts from ManyChat is paused by key:olga" in first.words
    assert "4 h left" in first.words
    resumed = operator.submit(operator.get("/console/flows/contacts").form("/console/flows/contacts/resume"))
    assert resumed.heading == "Contacts from ManyChat"
    assert "manychat.contact" in resumed.words
    with reading() as session:
        assert session.get(FlowHold, "contacts") is None
    assert log_lines() == [("key:olga", "flow.contacts.pause"), ("key:olga", "flow.contacts.resume")]


@pytest.mark.parametrize("who", ["vera", "ana"])
@pytest.mark.parametrize("what", ["pause", "resume"])
def test_pausing_needs_the_role_operator(console: None, who: str, what: str) -> None:
    """Others see no button, and are refused without it."""
    browser = Browser().signed_in(f"{who}-key")
    token = browser.get("/console/me").form("/console/sign-out").fields["token"]
    assert browser.post(f"/console/flows/contacts/{what}", {"token": token}).status == 403
    posts = [form.action for form in browser.get("/console/flows/contacts").forms() if form.method == "post"]
    assert set(posts) <= {"/console/language"}


def test_page_shows_the_way_from_the_declaration(viewer: Browser) -> None:
    """Queue, systems and journeys, each with its figures; the stopped events among the last ones."""
    fill()
    shown = viewer.get("/console/flows/opportunities")
    assert opportunities.QUEUE in shown.words
    assert "odoo.opportunity" in shown.words
    assert "1 stopped" in shown.words
    assert "/console/stopped/1" in shown.links()
    assert "Of the last 1, 1 are stopped." in shown.words
    assert "/console/journeys/lead_followup" in viewer.get("/console/flows/leads").links()


def test_addresses_are_whole(viewer: Browser, environment: pytest.MonkeyPatch) -> None:
    """As they are given to the sender."""
    environment.setenv("PUBLIC_BASE_URL", "https://puente.example")
    get_settings.cache_clear()
    assert "https://puente.example/api/v1/manychat/webhook/contact" in viewer.get("/console/flows/contacts").words


def test_what_is_missing_is_told(viewer: Browser, environment: pytest.MonkeyPatch) -> None:
    """A sender without a key, and a system that is set up by half."""
    lacks = "no API key has the scope webhook:manychat"
    assert lacks not in viewer.get("/console/flows/contacts").words
    environment.setenv("API_KEYS", keys(vera=["read"]))
    environment.setenv("SHEETS_WEBHOOK_URL", "https://script.google.com/macros/s/x/exec")
    get_settings.cache_clear()
    assert lacks in viewer.get("/console/flows/contacts").words
    assert "SHEETS_TOKEN" in viewer.get("/console/flows/payments").words.partition("How an event goes")[0]


def test_secrets_are_only_shown_as_set(viewer: Browser, environment: pytest.MonkeyPatch) -> None:
    """Switches are on or off, other settings have their values."""
    environment.setenv("STRIPE_SIGNING_SECRET", "whsec_of_tests")
    environment.setenv("STRIPE_TEST_MODE", "true")
    get_settings.cache_clear()
    shown = viewer.get("/console/flows/payments")
    assert "whsec_of_tests" not in shown.text
    assert "STRIPE_SIGNING_SECRET set" in shown.words
    assert "STRIPE_TEST_MODE" in shown.words.partition("Switches")[2].partition("Settings in force")[0]


def test_flow_shows_what_it_does_by_the_clock(console: None, viewer: Browser) -> None:
    """Each job that it declares, with how often; a flow without jobs shows no such part."""
    assert "By the clock look every minute" in viewer.get("/console/flows/odoo").words
    assert "By the clock" not in viewer.get("/console/flows/contacts").words
