"""Who reads Spanish reads no English: every page is opened, and what is said there is looked through."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from functions.console import trial_form
from shared import flows
from shared.console import words
from shared.journeys import load
from tests.functions.console.addresses import pages
from tests.functions.console.browser import Browser, Shown
from tests.functions.console.filling import JOURNEY, RUN, fill, fill_rest
from tests.functions.console.test_console_pages import walked

ENGLISH = frozenset(
    re.findall(
        r"\w+",
        "an and are at been by for from is it its not nothing of on or our some than that the their them then there these "
        "they this to was we were what when where which while who with yet you your",
    )
)
"""Words of which an English sentence has some, and a Spanish one none."""
AS_TYPED = re.compile(
    r"`[^`]*`|\b(?:condición|condition|cuando|when):? .*|\S+@\S+|https?://\S+|\]\([^)]*\)|\b\w+[_.]\w+\b", re.DOTALL
)
"""What is shown as it is typed: code between backticks, conditions of journeys, addresses, names of settings and steps."""
LEFT_OUT = ("script", "style", "pre", "code", "textarea", "time")
SPOKEN = ("aria-label", "alt", "title", "placeholder")
WITHOUT_END = ("input", "br", "img", "meta", "link", "hr", "use", "rect", "line", "path", "circle", "col", "source", "wbr")
SWITCH = "English"
"""The button that switches to English says so in English."""


class Texts(HTMLParser):
    """What a page says to whoever looks at it or listens to it; `english` is what is marked as English."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.english: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.texts += [str(given[name]) for name in SPOKEN if given.get(name)]
        if tag not in WITHOUT_END:
            self._open.append((tag, given.get("lang") == "en"))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.texts += [str(value) for name, value in attributes if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text or any(tag in LEFT_OUT for tag, _ in self._open):
            return
        (self.english if any(is_english for _, is_english in self._open) else self.texts).append(text)


def unmarked(page: str) -> list[str]:
    """The texts of a page that are English, though nothing says so."""
    return [text for text in Texts(page).texts if set(re.findall(r"\w+", AS_TYPED.sub(" ", text).lower())) & ENGLISH]


def test_english_is_seen() -> None:
    """In texts and in what is read aloud; what is marked is seen as well."""
    page = '<p>Hola <b>what it is</b><img alt="the way"></p><pre>of code</pre><p>`of code` de a_or_b</p><i lang="en">So</i>'
    assert unmarked(page) == ["what it is", "the way"]
    assert Texts(page).english == ["So"]


@dataclass
class Keeping(Browser):
    """A browser that keeps what it has shown, by address."""

    kept: dict[str, Shown] = field(default_factory=dict)

    def get(self, address: str, **headers: str) -> Shown:
        shown = self.kept[address] = super().get(address, **headers)
        return shown


def every_flow() -> list[str]:
    """The page of each journey and flow, and the form with which each kind of event is tried."""
    names = [flow.name for flow in flows.installed()]
    kinds = [(name, kind) for name in names for kind in trial_form.webhooks(name)]
    tries = [f"/console/flows/{name}/try?webhook={kind}" for name, kind in kinds]
    return [f"/console/journeys/{name}" for name in load.definitions()] + [f"/console/flows/{name}" for name in names] + tries


@pytest.mark.parametrize(
    ("who", "more"), [("vera", []), pytest.param("adan", every_flow(), marks=pytest.mark.slow)], ids=["vera", "adan"]
)
def test_no_page_in_spanish_says_something_in_english(console: None, who: str, more: list[str]) -> None:
    """Neither marked as English, but for the button that switches to it, nor unmarked; texts of people are Spanish here."""
    fill()
    fill_rest()
    browser = Keeping(language="es")
    browser.signed_in(f"{who}-key")
    assert len(walked(browser)) > 60
    for address in [*(one for each in pages().values() for one in each if one not in browser.kept), *more]:
        browser.get(address)
    found = defaultdict(list)
    for address, shown in browser.kept.items():
        if shown.headers["content-type"].startswith("text/html"):
            for text in [*unmarked(shown.text), *(one for one in Texts(shown.text).english if one != SWITCH)]:
                found[text].append(address)
    assert dict(found) == {}


KEPT = (
    (
        "/console/plans/2",
        ("aprobación: rechazada", "la etapa 'Valoración agendada' no está en el mapa de etapas"),
        ("approval:",),
    ),
    (f"/console/broadcasts/executions/{RUN}", ("aprobación: rechazada",), ("approval:",)),
    ("/console/approvals", ("Difusión Jornada",), ("Broadcast Jornada",)),
    ("/console/approvals/1", ("Difusión Jornada", "Destinatarios", "Costo"), ("Broadcast Jornada", "Recipients", "Cost ")),
    ("/console/stopped/1", ("la etapa 'Valoración agendada' no está en el mapa de etapas",), ("stage map",)),
    (
        f"/console/journeys/{JOURNEY}/1",
        (
            "ya se preguntó tantas veces como se puede",
            "lo envió kestra",
            "su fecha cambió mientras se enviaba",
            "se prueba el canal siguiente",
            "sin respuesta, vez 2",
            "solo una nota",
        ),
        ("asked as often", "sent_by_", "its date was changed", "next channel", "no answer, time", "note only"),
    ),
)
"""Pages over the filled record, with what they say of sentences that are kept in English, and what they do not say."""


@pytest.mark.parametrize(("address", "spanish", "english"), KEPT, ids=[one[0] for one in KEPT])
def test_sentences_that_are_kept_in_english_are_said_in_spanish(
    console: None, address: str, spanish: tuple[str, ...], english: tuple[str, ...]
) -> None:
    """Also those without a word by which English is seen, such as titles and labels of approvals."""
    fill()
    fill_rest()
    shown = Browser(language="es").signed_in("adan-key").get(address)
    assert shown.status == 200
    assert [one for one in spanish if one not in shown.words] == []
    assert [one for one in english if one in shown.words] == []


def test_every_page_is_named_in_spanish(console: None) -> None:
    """In the browser's tab: a name that both languages have is a person's, a system's or a code."""
    fill()
    fill_rest()
    spanish, english = Browser(language="es"), Browser(language="en")
    for browser in (spanish, english):
        browser.signed_in("adan-key")
    new = "/console/broadcasts/new"
    assert "<title>Nueva difusión · Puente</title>" in spanish.get(new).text
    assert "<title>New broadcast · Puente</title>" in english.get(new).text
    for address in ("/console/approvals/1", f"/console/journeys/{JOURNEY}"):
        named = [re.findall(r"<title>(.*)</title>", browser.get(address).text) for browser in (spanish, english)]
        assert named[0] != named[1]


@pytest.mark.parametrize("place", ["", "/1", "/versions/1"])
def test_links_to_a_journey_have_its_title(console: None, place: str) -> None:
    """In the reader's language; its name stands where it is typed, as code."""
    fill()
    fill_rest()
    title = words.declared("es", words.JOURNEY, load.journey(JOURNEY).title)
    page = Browser(language="es").signed_in("vera-key").get(f"/console/journeys/{JOURNEY}{place}").text
    crumb = page[page.index('class="crumb"') : page.index("</nav>", page.index('class="crumb"'))]
    assert title is not None
    assert f">{title}<" in crumb
    assert f">{JOURNEY}<" not in crumb
