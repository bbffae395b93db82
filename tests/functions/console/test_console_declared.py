"""What flows declare is said in the reader's language; what has no translation is shown as it is written, and marked so."""

import html
import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog

from functions import contacts
from shared import flows
from shared.console import words
from shared.intake import pausing
from shared.journeys import load
from shared.settings import setting_name, settings_class
from tests.functions.console.browser import Browser
from tests.functions.console.filling import fill

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


def declarations() -> Iterator[tuple[str, str, str]]:
    """Each flow's own words and those of its journeys: the flow, the context, the text."""
    for flow in flows.installed():
        yield from ((flow.name, words.FLOW, text) for text in (flow.title, flow.about))
        if flow.has_journeys:
            every = load.definitions()
            for path in flows.folders_by_flow("journeys")[flow.name].glob("*.yaml"):
                texts = (every[path.stem].title, every[path.stem].description)
                yield from ((flow.name, words.JOURNEY, text) for text in texts if text)


def test_flows_that_lack_spanish() -> None:
    """None of the repository's: a flow without pages, or without its words there, would be named here."""
    assert len(list(declarations())) > 2 * len(flows.installed())
    assert {name for name, context, text in declarations() if words.declared("es", context, text) is None} == set()


def test_settings_that_lack_spanish() -> None:
    """None of the repository's, whichever class declares it, in `shared/` or in a flow; the same sentence once more is none."""
    meanings = {setting_name(name): field.description or "" for name, field in settings_class().model_fields.items()}
    assert len(meanings) > 300
    lacking = [name for name, meaning in meanings.items() if words.declared("es", words.SETTING, meaning) in (None, meaning)]
    assert lacking == []


def test_journeys_that_lack_english() -> None:
    """They are written in the language of their authors."""
    texts = [(name, text) for name, context, text in declarations() if context == words.JOURNEY]
    assert texts
    assert {name for name, text in texts if words.declared("en", words.JOURNEY, text) is None} == set()


@pytest.mark.parametrize(
    ("language", "title", "description"),
    [
        ("es", "Cita reservada", "En torno a una cita reservada"),
        ("en", "Meeting booked", "Around a meeting that was booked"),
    ],
)
def test_journey_is_said_in_the_language_of_the_reader(console: None, language: str, title: str, description: str) -> None:
    """In the list and on its own page, in whatever language its file is written."""
    browser = Browser(language=language).signed_in("vera-key")
    assert title in browser.get("/console/journeys").words
    page = browser.get("/console/journeys/booking")
    assert page.heading == title
    assert description in page.words


@pytest.mark.parametrize(("language", "title"), [("es", "Contactos de ManyChat"), ("en", "Contacts from ManyChat")])
def test_flow_is_called_by_its_title(console: None, language: str, title: str) -> None:
    """In the list of executions, its filter and the path of one, on the first page by flow, and where it is paused."""
    fill()
    pausing.pause("contacts", "key:olga", None, "")
    browser = Browser(language=language).signed_in("olga-key")
    executions = browser.get("/console/executions?since=")
    assert f'<option value="contacts">{title}</option>' in executions.text
    for page in (executions, browser.get("/console/executions/1"), browser.get("/console?by=flow")):
        assert title in re.sub(r"<option.*?</option>", "", page.text)
    assert f"{title} " in browser.get("/console").words
    assert browser.get("/console/executions?flow=contacts&since=").form("/console/executions").fields["flow"] == "contacts"


def test_what_is_no_flow_keeps_its_name() -> None:
    """As that of one whose folder was deleted while its events are kept."""
    assert words.flow_title("es", "gone-flow") == "gone-flow"
