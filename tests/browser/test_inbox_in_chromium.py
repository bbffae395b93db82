"""A flow with three questions and one from code, answered on the sandbox's inbox page: buttons, a text, a photo, a list."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from sandbox.settings import app_settings
from shared.journeys import talking
from shared.settings import get_settings
from shared.store.session import make_engine
from tests.browser.operator import AXE, DESK, PHONE, TAGS
from tests.support.puente import Puente, running

pytestmark = [pytest.mark.host, pytest.mark.browser]

ANA = "+525512345678"
FLOW = "encuesta_de_interes"
DAYS = ("Lunes", "Martes", "Miércoles", "Jueves", "Viernes")
ALWAYS = {"WHATSAPP_PROVIDER": "meta", "QUIET_HOURS": "00:00-00:00", "WORKING_DAYS": "mon,tue,wed,thu,fri,sat,sun"}


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """A Puente that writes by WhatsApp, and a sandbox that tells it of answers."""
    settings = {name: value for name, value in app_settings("{sandbox}").items() if name.startswith("META_")}
    with running(tmp_path_factory.mktemp("inbox"), settings | ALWAYS) as started:
        started.sandbox.configure(f"http://127.0.0.1:{started.host.port}")
        yield started


class Phone:
    """Ana's telephone: the inbox page, and what she does on it."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def gets(self, words: str) -> Any:
        """The message with these words, once it is there."""
        found = self.page.locator("li.item:not(.incoming)", has_text=words).last
        found.wait_for()
        return found

    def taps(self, words: str, option: str) -> None:
        """A button of that message."""
        self.gets(words).get_by_role("button", name=option, exact=True).click()

    def writes(self, words: str) -> None:
        """A text in the field under the messages."""
        self.page.fill("#reply input[name=text]", words)
        self.page.click("#reply button.solid")


@pytest.fixture
def phone(browser: Any, talks: Puente) -> Iterator[Phone]:
    """The page, opened at Ana, who has written to us; no error on it."""
    talks.sandbox.act("meta", "reply", **{"from": ANA, "text": "Hola"})
    wait_until(lambda: len(talks.items("/api/v1/inbound-messages")) == 1)
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]}, bypass_csp=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{talks.sandbox.url}/inbox#{ANA}")
    yield Phone(page)
    context.close()
    assert errors == []


def asked(talks: Puente, work: Any) -> int:
    """Something is begun in the record of the running app."""
    engine = make_engine(talks.database)
    with Session(engine) as session:
        number = work(session)
        session.commit()
    engine.dispose()
    assert isinstance(number, int)
    return number


def enrolment(talks: Puente, flow: str) -> dict[str, Any]:
    """Where the API says that she stands."""
    (row,) = talks.items(f"/api/v1/journeys/{flow}/enrolments")
    _status, _headers, body = talks.ask("GET", f"/api/v1/journeys/{flow}/enrolments/{row['id']}")
    return dict(json.loads(body))


def violations(page: Any) -> list[str]:
    """What axe-core finds on the page."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("tags => axe.run({runOnly: {type: 'tag', values: tags}})", TAGS)
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


def test_flow_is_answered_on_the_page(talks: Puente, phone: Phone, pictures: Path, environment: pytest.MonkeyPatch) -> None:
    """Each question comes after the answer before it; a photo is no number, so that one is asked once more."""
    for name, value in (app_settings(talks.sandbox.url) | ALWAYS).items():
        environment.setenv(name, value)  # whoever begins a flow chooses the provider
    get_settings.cache_clear()
    asked(talks, lambda session: talking.begin(session, FLOW, "contact:1", {"phone": ANA}, key="k1"))
    question = phone.gets("¿Qué te interesa mejorar")
    options = question.locator("button.answer")
    assert options.all_inner_texts() == ["Ventas", "Atención", "Facturación"]
    phone.taps("¿Qué te interesa mejorar", "Atención")
    phone.gets("¿Cuántas personas trabajan contigo?")
    phone.page.click("#photo")
    phone.gets("Escribe solo el número, por favor.")
    phone.writes("somos 12")
    phone.taps("platicar de atencion", "Ahora no")
    phone.gets("Gracias por tu tiempo.")
    wait_until(lambda: enrolment(talks, FLOW)["talk"]["state"] == "ended")
    assert enrolment(talks, FLOW)["talk"]["outcome"] == "not_interested"
    asked(talks, lambda session: talking.ask(session, "contact:1", ANA, "¿Qué día te llamamos?", key="k2", options=DAYS))
    menu = phone.gets("¿Qué día te llamamos?").locator("details.menu")
    menu.locator("summary", has_text="Elegir").click()
    assert menu.get_by_role("button").all_inner_texts() == list(DAYS)
    _look(phone.page, pictures)
    menu.get_by_role("button", name="Jueves").click()
    wait_until(lambda: enrolment(talks, "question")["talk"]["outcome"] == "completed")
    assert phone.page.locator("li.item.incoming").last.inner_text().startswith("Jueves")
    states = {row["text"]: row["state"] for row in talks.items("/api/v1/inbound-messages")}
    texts = ("Atención", "", "somos 12", "Ahora no", "Jueves")
    assert states == {"Hola": "unread"} | dict.fromkeys(texts, "answered")


def _look(page: Any, pictures: Path) -> None:
    """At a desk and on a phone, dark and light: everybody can use it, and nothing is cut off."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for name, size in (("desk", DESK), ("phone", PHONE)):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.screenshot(path=pictures / f"inbox-{name}-{scheme}.png")
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert violations(page) == []
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    assert page.locator("details.menu").last.evaluate("menu => menu.open")
