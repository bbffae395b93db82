"""The outside systems that flows declare: imported when asked, and what follows from their declarations."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import azure.functions as func
import pytest

from functions import system as engine
from shared import flows
from shared.errors import ConfigurationError
from shared.flow import FlowError
from shared.settings import get_settings, load
from shared.vendors import registry
from shared.vendors.rest_client import RestClient
from tests.conftest import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[3]
SYSTEMS = [
    "Alerts",
    "Brevo",
    "Cal.com",
    "Calendly",
    "Captcha",
    "Discord",
    "DocumentIntelligence",
    "Entra",
    "Flowable",
    "Google-Calendar",
    "Graph-Calendar",
    "HRIS",
    "HubSpot",
    "Kommo",
    "ManyChat",
    "Meta",
    "Notion",
    "Odoo",
    "Okta",
    "Onboarding-Calendar",
    "Onboarding-Callback",
    "Onboarding-Graph-Calendar",
    "OpenAI",
    "OpenFlow",
    "OpenFlow API",
    "OpenRPA",
    "Resend",
    "SMTP",
    "Sheets",
    "Shopify",
    "Slack",
    "Teams",
    "Ticket-Docs",
    "Ticket-Media",
    "Ticket-Sheet",
    "Twilio",
    "WooCommerce",
    "Workspace",
]
KEYS = ("KOMMO_ACCESS_TOKEN", "TWILIO_AUTH_TOKEN", "SENDINBLUE_API_KEY", "NOTION_TOKEN", "RESEND_API_KEY", "MANYCHAT_API_KEY")


def test_every_system_of_the_app_is_declared() -> None:
    """Each of them once, by the flow that uses it; a flow that somebody adds brings its own."""
    names = Counter(system.name for system in registry.systems())
    assert names.keys() >= set(SYSTEMS)
    assert {name: times for name, times in names.items() if times > 1} == {}


def test_start_of_the_app_imports_no_client() -> None:
    """A client is imported when it is asked for, and even then no HTTP library comes with it."""
    clients = ["functions.leads.kommo", "shared.vendors.notion", "shared.vendors.discord", "shared.vendors.odoo.client"]
    code = f"""
import sys, function_app
from shared.vendors import registry
print([name for name in {clients} if name in sys.modules])
registry.systems()
print("requests" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "False"]


def test_place_that_holds_no_system_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the flow that names it, so that the declaration can be mended."""
    leads = next(flow for flow in flows.installed() if flow.name == "leads")
    monkeypatch.setattr(flows, "parts_by_flow", lambda _kind: ((leads, object()),))
    with pytest.raises(FlowError, match="flow 'leads'"):
        registry.systems()


@pytest.mark.parametrize(
    ("given", "system"),
    [
        ({"DELIVERY_LONGEST_SECONDS": "200", "KOMMO_ACCESS_TOKEN": "k"}, "Kommo"),
        ({"DELIVERY_LONGEST_SECONDS": "220", "SMTP_URL": "smtp://h"}, "SMTP"),
        ({"DELIVERY_LONGEST_SECONDS": "250", "NOTION_TOKEN": "k"}, "Notion"),
    ],
)
def test_time_limit_that_a_delivery_may_outlive_is_refused(
    environment: pytest.MonkeyPatch, given: dict[str, str], system: str
) -> None:
    """A second worker would take over what the first is still sending; a system that is not used does not matter."""
    for name, value in given.items():
        environment.setenv(name, value)
    (fault,) = registry.time_limit_faults(load())
    assert fault.startswith("DELIVERY_LONGEST_SECONDS: must be above")
    assert system in fault
    with pytest.raises(ConfigurationError, match="DELIVERY_LONGEST_SECONDS"):
        registry.require_time_limit(load())
    environment.delenv(next(name for name in given if not name.startswith("DELIVERY")))
    assert registry.time_limit_faults(load()) == []


def test_nothing_is_sent_while_the_time_limit_is_too_short(environment: pytest.MonkeyPatch) -> None:
    """The worker says why instead; what is planned stays planned."""
    environment.setenv("DELIVERY_LONGEST_SECONDS", "200")
    environment.setenv("KOMMO_ACCESS_TOKEN", "k")
    get_settings.cache_clear()
    environment.setattr("shared.outbox.execute.drain", lambda _target: pytest.fail("a delivery was begun"))
    nudge = func.QueueMessage(body=b'{"target": "kommo"}')
    with pytest.raises(ConfigurationError, match="Kommo"):
        engine.deliver.build().get_user_function()(nudge)


def test_time_limit_of_today_is_long_enough_for_everything(environment: pytest.MonkeyPatch) -> None:
    """Notion's ten calls for a page included."""
    for name in KEYS:
        environment.setenv(name, "k")
    environment.setenv("SMTP_URL", "smtp://h")
    assert registry.time_limit_faults(load()) == []


def test_client_in_a_few_lines_is_a_system(environment: pytest.MonkeyPatch) -> None:
    """Its limit is its calls times the longest that each may take."""
    client = RestClient(name="Sheets", address="kommo_base_url", key="kommo_access_token", calls=3, read_seconds=10)
    assert isinstance(client, registry.OutsideSystem)
    assert (client.longest_seconds(), client.has_ping, client.is_used(load())) == (45.0, False, False)
    environment.setenv("KOMMO_ACCESS_TOKEN", "k")
    assert client.is_used(load())
