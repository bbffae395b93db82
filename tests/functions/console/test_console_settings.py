"""Settings in the console: each says where it comes from, as far as that can be known, and no secret is shown."""

import json
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from functions.console import setting_origins
from shared import commands
from shared.settings import get_settings
from tests.functions.console.browser import Browser


def shown(name: str, browser: Browser) -> str:
    """What the page says of one setting."""
    return browser.get(f"/console/settings?q={name}").words.partition(f" {name} ")[2]


@pytest.fixture
def set_here(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One setting of the file, one of the environment that goes before that of the file."""
    file = tmp_path / "local.settings.json"
    values = {"CONSOLE_TITLE": "De prueba", "REPORT_CURRENCY": "MXN"}
    file.write_text(json.dumps({"IsEncrypted": False, "Values": values}), encoding="utf-8")
    environment.setattr(commands, "FILE", file)
    environment.setenv("CONSOLE_TITLE", "De prueba")
    environment.setenv("REPORT_CURRENCY", "EUR")
    environment.setenv("OPENAI_API_KEY", "sk-not-to-be-seen")
    get_settings.cache_clear()


def test_setting_says_where_it_comes_from(console: None, set_here: None, viewer: Browser) -> None:
    assert shown("CONSOLE_TITLE", viewer).startswith("De prueba from local.settings.json")
    assert shown("REPORT_CURRENCY", viewer).startswith("EUR from the environment")
    assert shown("CONSOLE_SIGN_IN", viewer).startswith("key default")


def test_secret_is_only_said_to_be_set(console: None, set_here: None, viewer: Browser) -> None:
    page = viewer.get("/console/settings?q=OPENAI_API_KEY")
    assert "sk-not-to-be-seen" not in page.text
    assert "OPENAI_API_KEY set from the environment" in page.words


def test_in_azure_secrets_are_references_and_files_do_not_count(
    console: None, set_here: None, viewer: Browser, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("WEBSITE_SITE_NAME", "puente")
    assert setting_origins.of_file() == {}
    assert "set an app setting in Azure, by the template a reference to Key Vault" in shown("OPENAI_API_KEY", viewer)
    assert shown("CONSOLE_TITLE", viewer).startswith("De prueba an app setting in Azure")


def test_values_are_shown_as_they_are_written(console: None, viewer: Browser) -> None:
    """As JSON, not as Python would show them."""
    words = viewer.get("/console/settings").words
    assert "Decimal(" not in words
    assert " True " not in words


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("maximo de mensajes de recorridos", "MESSAGES_PER_PERSON_PER_DAY"),
        ("MÁXIMO de  mensajes", "MESSAGES_PER_PERSON_PER_DAY"),
        ("most messages of journeys", "MESSAGES_PER_PERSON_PER_DAY"),
        ("Messages_per_person", "MESSAGES_PER_PERSON_PER_DAY"),
        ("senal", "DELIVERY_LEASE_SECONDS"),
    ],
    ids=["without accents", "with accents and in capitals", "in English", "by its name", "ñ as n"],
)
def test_setting_is_found_in_both_languages(console: None, part: str, name: str) -> None:
    """Whoever reads Spanish finds it by either sentence, and sees the Spanish one; case and accents do not count."""
    words = Browser(language="es").signed_in("vera-key").get(f"/console/settings?q={quote_plus(part)}").words
    assert name in words
    assert "ODOO_URL" not in words


def test_meanings_are_said_in_the_language_of_the_reader(console: None) -> None:
    """On the page of all settings and on that of a flow, its switches too."""
    spanish, english = (Browser(language=one).signed_in("vera-key") for one in ("es", "en"))
    for page in ("/console/settings?q=CARTS_", "/console/flows/carts"):
        assert "la serie escribe también por WhatsApp" in spanish.get(page).words
        assert "the series writes by WhatsApp as well" not in spanish.get(page).words
        assert "the series writes by WhatsApp as well" in english.get(page).words


@pytest.mark.parametrize("language", ["es", "en"])
def test_meanings_are_shown_without_their_markdown(console: None, language: str) -> None:
    """It is written for `docs/settings.md`: on the page what is typed is code, and a document is named by its path."""
    reader = Browser(language=language).signed_in("vera-key")
    page = reader.get("/console/settings")
    assert "`" not in page.words
    assert "](" not in page.words
    assert "(docs/odoo.md)" in page.words
    assert "<code>partner-tags</code>" in page.text
    assert "<code>Name &lt;address&gt;</code>" in page.text
    assert "`" not in reader.get("/console/flows").words


def test_settings_stand_by_the_flow_that_brings_them(console: None) -> None:
    """Each once; what is searched for is open at once, and a group of which nothing fits is not shown."""
    browser = Browser(language="es").signed_in("vera-key")
    page = browser.get("/console/settings")
    assert "De ningún flujo en particular" in page.words
    assert "Recorridos Difusiones" in page.words  # the navigation
    assert page.text.count("<code>CARTS_WHATSAPP</code>") == 1
    assert page.text.count("<code>ODOO_URL</code>") == 1
    assert '<details class="fold" open>' not in page.text
    found = browser.get("/console/settings?q=CARTS_WHATSAPP")
    assert found.text.count('<details class="fold" open>') == 1
    assert "De ningún flujo en particular" not in found.words
