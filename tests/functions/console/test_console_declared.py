"""What flows declare is said in the reader's language; what has no translation is shown as it is written, and marked so."""

import html

import pytest
from babel.messages.catalog import Catalog

from functions import contacts
from shared.console import words
from tests.functions.console.browser import Browser

CURRENCY = "The currency of the prices below, in which reports say what flows and campaigns cost."


@pytest.fixture
def spanish(console: None) -> Browser:
    return Browser(language="es").signed_in("vera-key")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """The translations that there are of declarations: none, until a test adds some."""
    for language in words.LANGUAGES:
        words.translations(language)  # which are kept: of all that is in the catalogues
    catalogue = Catalog(locale="es")
    monkeypatch.setattr(words, "catalogue", lambda _language: catalogue)
    return catalogue


def test_declaration_is_said_in_spanish(known: Catalog, spanish: Browser) -> None:
    """Titles and descriptions in the list of flows and on a flow's page; what a setting means wherever it is shown."""
    known.add(contacts.FLOW.title, "Contactos de ManyChat", context=words.FLOW)
    known.add(contacts.FLOW.about, "ManyChat avisa de una persona.", context=words.FLOW)
    known.add(CURRENCY, "La moneda de los precios.", context=words.SETTING)
    page = spanish.get("/console/flows/contacts")
    assert page.heading == "Contactos de ManyChat"
    assert "<title>Contactos de ManyChat" in page.text
    for shown in (page, spanish.get("/console/flows")):
        assert "ManyChat avisa de una persona." in shown.words
        assert contacts.FLOW.title not in shown.words
    for address in ("/console/settings?q=REPORT_CURRENCY", "/console/flows/console"):
        assert "La moneda de los precios." in spanish.get(address).words


def test_what_has_no_translation_is_marked_as_english(known: Catalog, spanish: Browser) -> None:
    """As in a flow that brings no catalogue: it works, and a screen reader pronounces it rightly."""
    for text in (contacts.FLOW.title, contacts.FLOW.about):
        assert f'<span lang="en">{html.escape(text, quote=False)}</span>' in html.unescape(spanish.get("/console/flows").text)
    assert f'<span lang="en">{CURRENCY}</span>' in spanish.get("/console/settings?q=REPORT_CURRENCY").text
    english = Browser(language="en").signed_in("vera-key")
    assert contacts.FLOW.title in english.get("/console/flows").words
    assert 'lang="en">' not in english.get("/console/flows").text.partition("<body")[2].replace('lang="en">English', "")


def test_setting_is_found_by_its_meaning_as_it_is_shown(known: Catalog, spanish: Browser) -> None:
    known.add(CURRENCY, "La moneda de los precios.", context=words.SETTING)
    assert "REPORT_CURRENCY" in spanish.get("/console/settings?q=la+MONEDA+de+los").words
