"""On one machine every outside system is the sandbox: no setting of a vendor is left that leads anywhere else."""

import json
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local import outside, values
from local.ports import Ports
from sandbox.vendors import makers
from shared.messages import template_sources, templates
from shared.settings import get_settings, load, setting_name

PORTS = Ports(7071, 7072, 10000, 10001, 10002, 7025)
# What people are sent to, and what is none of the outside.
FOR_PEOPLE = {"RESOURCE_URL", "SURVEY_URL"}
OUR_OWN = {"DATABASE_URL", "AzureWebJobsStorage"}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The environment of `make run` in a fresh checkout."""
    root = Path(__file__).resolve().parents[3]
    shutil.copy(root / "local.settings.example.json", tmp_path)
    for name in json.loads((root / "local.settings.example.json").read_text())["Values"]:
        monkeypatch.delenv(name, raising=False)
    return values.read(tmp_path, PORTS, os.environ).environment


def test_no_address_leads_off_this_machine(started: dict[str, str]) -> None:
    """Not one of those that the app calls, defaults included: they are the sandbox, the host and the mail server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(started):
            patch.setenv(name, started[name])
        settings = load()
    addresses = {}
    for field in type(settings).model_fields:
        value = getattr(settings, field)
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if isinstance(text, str) and "://" in text and setting_name(field) not in FOR_PEOPLE:
            addresses[setting_name(field)] = text
    outward = {name: text for name, text in addresses.items() if name not in OUR_OWN}
    assert {"TWILIO_BASE_URL", "BREVO_BASE_URL", "RESEND_BASE_URL", "MANYCHAT_BASE_URL", "NOTION_BASE_URL"} <= set(outward)
    assert {"SMTP_URL", "KOMMO_BASE_URL", "DISCORD_WEBHOOK_URL", "CAPTCHA_VERIFY_URL", "ODOO_URL"} <= set(outward)
    assert {urlsplit(text).hostname for text in outward.values()} == {"127.0.0.1"}
    assert {urlsplit(text).port for text in outward.values()} == {7071, 7072, 7025}


def test_every_setting_of_the_table_is_one(environment: pytest.MonkeyPatch) -> None:
    """A name that the app does not know would be set for nothing."""
    known = {setting_name(field) for field in type(get_settings()).model_fields}
    assert set(outside.systems(PORTS)) | set(outside.demonstration()) <= known


def test_webhooks_are_signed_with_what_the_app_knows(started: dict[str, str]) -> None:
    """Each vendor's secret, as the app reads it, is the one that the sandbox uses."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(started):
            patch.setenv(name, started[name])
        settings = load()
    lists = (settings.brevo_webhook_secrets, settings.resend_webhook_secrets, settings.calcom_webhook_secret)
    lists = (*lists, settings.calendly_signing_keys, settings.stripe_signing_secret, settings.hubspot_client_secret)
    lists = (*lists, settings.shopify_webhook_secrets, settings.woocommerce_webhook_secrets)
    lists = (*lists, settings.onboarding_webhook_secrets, settings.meta_app_secrets)
    read = {secret.get_secret_value() for each in lists for secret in each}
    assert settings.twilio_auth_token is not None
    read.add(settings.twilio_auth_token.get_secret_value())
    used = {vendor().default_secret for vendor in makers()} - {""}
    assert used == read


def test_the_environment_wins(tmp_path: Path, started: dict[str, str]) -> None:
    """One vendor can be the real one for a run; a file cannot make it so by an oversight."""
    real = {"TWILIO_BASE_URL": "https://api.twilio.com"}
    assert values.read(tmp_path, PORTS, real).environment["TWILIO_BASE_URL"] == "https://api.twilio.com"
    assert started["TWILIO_BASE_URL"] == "http://127.0.0.1:7072/twilio"


def test_an_approved_template_reads_as_ours(environment: pytest.MonkeyPatch) -> None:
    """With the variables that we would send, word for word what our own text says."""
    found = list(outside.contents())
    assert "lead_day_3" in [content.name for content in found]
    for content in found:
        template = template_sources.of_repository(content.name)
        rendered = templates.render(template, template.sample)
        text = content.body
        for number, value in rendered.content_variables.items():
            text = text.replace("{{" + number + "}}", value)
        assert text.split() == rendered.text.split()
        assert len(content.sid) == 34
