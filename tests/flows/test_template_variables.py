"""Every text that a journey sends gets what it needs: what the flows give is held against what the texts ask for."""

import json

import pytest

from functions.carts import series
from functions.carts.tables import Cart
from functions.christmas import texts, variables
from functions.christmas.tables import SequenceContact
from functions.leads import services
from functions.leads.tables import Lead
from shared import clock
from shared.journeys import load
from shared.messages import template_sources, templates
from shared.settings import get_settings
from tests.conftest import ROOT
from tests.support.variables import asked_in, lacking, names

LINKS = {name: f"https://{name.lower()}.example/x" for name in ("BOOKING_URL", "RESOURCE_URL", "SURVEY_URL")}
# Only whoever runs the campaign knows these; without them the mails that need them are parked with the name.
BY_SETTING = {"portal_url": "https://portal.example"}
CAMPAIGN = ("assessment", "noshow", "postcall", "onboarding")


@pytest.fixture(autouse=True)
def _settings(environment: pytest.MonkeyPatch) -> None:
    """The links are set."""
    for name, value in LINKS.items():
        environment.setenv(name, value)
    environment.setenv("CAMPAIGN_VARIABLES", json.dumps(BY_SETTING))
    get_settings.cache_clear()


def test_lead() -> None:
    """By the form alone, without the optional fields of the lead."""
    lead = Lead(id=17, name="ana lópez", email="ana@example.com", phone=None, company="", service="ventas", source="web")
    assert lacking("lead_followup", set(services.variables(lead))) == {}


@pytest.mark.parametrize("journey", CAMPAIGN)
def test_campaign(journey: str) -> None:
    """Of somebody of whom nothing but the address is known."""
    words = texts.texts()
    person = variables.of_person(SequenceContact(email="ana@example.com"), {}, words, "America/Mexico_City")
    given = variables.of_campaign(person, get_settings(), clock.now(), "America/Mexico_City")
    assert lacking(journey, set(given)) == {}
    for name in names(journey):
        assert "None" not in templates.render(template_sources.of_repository(name), given).text


def test_cart() -> None:
    """Of which nothing is known but its number and an address; WhatsApp is not wanted then."""
    cart = Cart(id=1, store="shopify", cart_id="c-1", email="ana@example.com", variant="b", facts={}, items=None)
    given = series.facts_of(cart)
    assert (lacking("cart_recovery", set(given) | {"cart_url"}), given["whatsapp"]) == ({}, False)
    for name in ("cart_mail_1", "cart_mail_2", "cart_mail_3"):
        assert "None" not in templates.render(template_sources.of_repository(name), given).text


def test_employee() -> None:
    """Of a new employee the manager is told with the two names; the manager's may be empty."""
    given = {"email": "m@example.com", "employee": "Ana López", "manager": ""}
    assert lacking("employee_followup", set(given)) == {}
    for name in names("employee_followup"):
        assert "None" not in templates.render(template_sources.of_repository(name), given).text


def test_every_journey_is_looked_at() -> None:
    """A new one needs a test that asks `lacking("<journey>", ...)`, here or among those of its flow.

    The booking's texts are held by its own flow's tests.
    """
    planned = {name for name, journey in load.definitions().items() if not journey.talks}  # those that talk: test_chatbots
    unseen = planned - set(asked_in(ROOT / "tests")) - {"booking", *CAMPAIGN}
    assert unseen == set(), 'no test asks tests.support.variables.lacking("<journey>", <names that the flow gives>) of these'
