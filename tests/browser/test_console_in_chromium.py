"""The console in a real browser: everybody can use it, at a desk and on a phone, and the stories take three clicks."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from shared.store.models import DeadLetter
from shared.store.session import make_engine
from tests.browser.operator import DESK, PHONE, Operator
from tests.functions.console.addresses import pages
from tests.functions.console.filling import LATE, stop
from tests.functions.console.filling import PHONE as NUMBER
from tests.support.puente import Puente

pytestmark = [pytest.mark.host, pytest.mark.browser]

LOOKS = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=["desk", "desk-dark", "phone", "phone-dark"])
def test_everybody_can_use_every_page(browser: Any, puente: Puente, pictures: Path, size: tuple[int, int], scheme: str) -> None:
    """Each that the app has: axe-core finds nothing, nothing has to be scrolled sideways, nothing fails; a picture is kept."""
    faults: dict[str, Any] = {}
    with Operator.at(browser, puente.host.base_url, size, scheme) as person:
        for path in (one for addresses in pages().values() for one in addresses):
            person.opens(path)
            found = [*person.violations(), *(["scrolls sideways"] if person.scrolls_sideways() else [])]
            if found:
                faults[path] = found
            name = path.strip("/").translate(str.maketrans("/?=&", "----"))
            person.picture(pictures / f"{name}-{size[0]}-{scheme}.png")
        logged = [error for error in person.errors if "404" not in error]
    assert (faults, logged) == ({}, [])


def test_sign_in_page_can_be_used_by_everybody(browser: Any, puente: Puente) -> None:
    """Before anybody has signed in."""
    with Operator.at(browser, puente.host.base_url, key="wrong") as person:
        assert "Entrar" in person.heading
        assert person.violations() == []


def test_story_a_vendor_was_down(operator: Operator) -> None:
    """Whom it touches, its report, and that report for the team: three clicks. Trying it now is two."""
    operator.opens("/console")
    operator.clicks_on("Ver a quién toca")
    assert "odoo no responde" in operator.heading
    assert "manychat:88213" in operator.words
    operator.page.locator("main section[aria-labelledby=outages] a").first.click()
    operator.page.wait_for_load_state("networkidle")
    assert "Hechas dos veces" in operator.words
    operator.clicks_on("Copiar para el equipo")
    assert operator.clicks + 1 <= 3


def test_story_a_vendor_is_down_now(operator: Operator) -> None:
    """Tried at once: two clicks."""
    operator.opens("/console")
    operator.clicks_on("Ver a quién toca")
    operator.clicks_on("Probar ahora")
    assert operator.clicks <= 3


def test_story_an_uncertain_message(operator: Operator) -> None:
    """It is decided in two clicks, and the list stays."""
    operator.opens("/console")
    operator.clicks_on("Decidir uno a uno")
    operator.clicks_on("Llegó")
    assert operator.clicks <= 3
    assert "state=uncertain" in operator.page.url


@pytest.mark.parametrize(("size", "scheme"), [LOOKS[0], LOOKS[3]], ids=["desk", "phone-dark"])
def test_story_answer_a_person(browser: Any, puente: Puente, pictures: Path, size: tuple[int, int], scheme: str) -> None:
    """From the first page into the field, in one's own words, sent: two clicks, and it arrives once at whoever wrote."""
    asks, words = f"¿A qué hora abren? {size[0]}", f"Sí, a las 9, te esperamos. {size[0]}"
    puente.sandbox.configure(puente.host.base_url)
    puente.sandbox.act("twilio", "reply", **{"from": NUMBER, "text": asks, "channel": "whatsapp", "name": "Dora"})
    wait_until(lambda: asks in texts(puente, "unread"))
    waiting = texts(puente, "unread")
    with Operator.at(browser, puente.host.base_url, size, scheme) as person:
        person.opens("/console")
        person.clicks_on("Responder a Dora")
        field = person.page.locator("textarea:focus")
        assert field.is_visible()
        person.page.keyboard.type(words)
        person.picture(pictures / f"console-answer-{size[0]}-{scheme}.png")
        assert (person.violations(), person.scrolls_sideways()) == ([], False)
        field.locator("xpath=ancestor::form").get_by_role("button", name="Enviar a Dora").click()
        person.page.wait_for_load_state("networkidle")
        assert person.clicks + 1 <= 3
        wait_until(lambda: sent_by_twilio(puente, words))
        person.opens("/console/people/1")
        assert words in person.words
        assert (len(sent_by_twilio(puente, words)), person.errors) == (1, [])
    oldest = waiting[-1]
    assert oldest in texts(puente, "answered")
    assert texts(puente, "unread") == waiting[:-1]


def texts(puente: Puente, state: str) -> list[str]:
    """What people wrote that stands in that state, newest first."""
    return [row["text"] for row in puente.items("/api/v1/inbound-messages") if row["state"] == state]


def sent_by_twilio(puente: Puente, words: str) -> list[dict[str, Any]]:
    """The calls at the stand-in that send these words."""
    return [one for one in puente.sandbox.calls("twilio") if words in unquote_plus(json.dumps(one, ensure_ascii=False))]


def test_message_is_settled_without_an_answer(operator: Operator) -> None:
    """From the first page to the message, and settled."""
    operator.opens("/console")
    operator.clicks_on("Responder a Dora")
    operator.clicks_on("No necesita respuesta")
    assert operator.clicks <= 3


def test_story_why_did_this_person_not_get_it(operator: Operator) -> None:
    """Searched by a number of theirs: their page says what they did not get and why, and the mend is the next click."""
    operator.opens("/console")
    operator.searches("55 1234 0147")
    assert operator.heading == "Ana Robles"
    assert "No enviada" in operator.words
    assert "espera a que empiece el día de la persona" in operator.words
    operator.clicks_on("Intentar de nuevo")
    assert "/console/deliveries/" in operator.page.url
    assert operator.clicks <= 3


def test_keys_reach_everything(operator: Operator) -> None:
    """The first Tab goes to the content; Escape closes the menu and gives the focus back."""
    operator.opens("/console")
    operator.page.keyboard.press("Tab")
    assert operator.page.evaluate("document.activeElement.className") == "skip"
    operator.page.keyboard.press("Tab")
    operator.page.set_viewport_size({"width": 390, "height": 844})
    operator.page.locator("details.menu > summary").click()
    operator.page.keyboard.press("Escape")
    assert operator.page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert not operator.page.locator("details.menu").evaluate("menu => menu.open")


def test_first_page_renews_itself_in_place(operator: Operator, puente: Puente) -> None:
    """Without loading the page again, and without losing what has the focus elsewhere."""
    operator.opens("/console")
    operator.page.evaluate("document.body.dataset.stays = 'yes'")
    operator.page.evaluate("htmx.trigger('#live', 'htmx:load')")
    operator.page.evaluate("htmx.ajax('GET', '/console', {target: '#live', select: '#live', swap: 'outerHTML'})")
    operator.page.wait_for_load_state("networkidle")
    assert operator.page.evaluate("document.body.dataset.stays") == "yes"
    assert operator.page.locator("#live h1").count() == 1


RENEW = "path => htmx.ajax('GET', path, {target: '#live', select: '#live', swap: 'outerHTML'})"


@pytest.mark.parametrize("path", ["/console", "/console/executions/1"])
def test_what_renews_itself_keeps_focus_and_what_is_open(operator: Operator, path: str) -> None:
    """Whoever goes by keyboard stays where they are, whatever else is replaced; what was unfolded stays so."""
    operator.opens(path)
    link, within = operator.page.locator("#live a").last, "document.querySelector('#live').contains(document.activeElement)"
    address = link.get_attribute("href")
    link.focus()
    operator.page.evaluate("document.querySelectorAll('#live details').forEach(one => { one.open = true; })")
    operator.page.evaluate("document.querySelector('#live').dataset.old = 'yes'")
    operator.page.evaluate(RENEW, path)
    operator.page.wait_for_function("document.querySelector('#live').dataset.old !== 'yes'")
    assert operator.page.evaluate(within)
    assert operator.page.evaluate("document.activeElement.getAttribute('href')") == address
    assert operator.page.locator("#live details:not([open])").count() == 0


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_plan_and_correction_can_be_used_by_everybody(
    browser: Any, puente: Puente, pictures: Path, size: tuple[int, int]
) -> None:
    """The pages behind the buttons of a stopped event: axe-core finds nothing, nothing has to be scrolled sideways."""
    with Operator.at(browser, puente.host.base_url, size) as person:
        for words, name in (("Ver qué haría", "plan"), ("Corregir los datos", "correct")):
            person.opens("/console/stopped/1")
            person.clicks_on(words)
            person.picture(pictures / f"console-stopped-{name}-{size[0]}.png")
            assert (person.violations(), person.scrolls_sideways(), person.errors) == ([], False, [])


def test_story_see_a_replay_before_it_is_done(operator: Operator, pictures: Path) -> None:
    """A stopped event is corrected; what its replay does is seen first, and then done: three clicks, and one into the form."""
    operator.opens("/console/stopped/1")
    operator.clicks_on("Corregir los datos")
    data = operator.page.locator("#data")
    data.fill(data.input_value().replace('"Valoración agendada"', "16"))
    operator.clicks_on("Guardar la corrección")
    operator.clicks_on("Ver qué haría")
    assert "Registros nuevos\n1" in operator.words
    operator.picture(pictures / "console-stopped-plan-applied-1280.png")
    assert operator.violations() == []
    operator.clicks_on("Aplicar 1")
    assert operator.heading == "1 parte se hizo como estaba planeada"
    assert operator.clicks <= 4


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=["desk", "desk-dark", "phone", "phone-dark"])
def test_story_replay_a_thousand(browser: Any, puente: Puente, pictures: Path, size: tuple[int, int], scheme: str) -> None:
    """A thousand events, and what they would do seen first, in three clicks; it is worked out while somebody looks on."""
    number = 1000 if (size, scheme) == LOOKS[0] else 60
    stop(puente.database, number)
    with Operator.at(browser, puente.host.base_url, size, scheme) as person:
        person.opens("/console")
        person.clicks_on("Ver la causa")
        person.clicks_on(f"Ver qué haría repetir {number}")
        person.waits_for(f"Se harían {number} cambios")
        name = f"console-plan-{size[0]}-{scheme}"
        person.picture(pictures / f"{name}-ready.png")
        assert (person.violations(), person.scrolls_sideways()) == ([], False)
        person.clicks_on(f"Aplicar {number}")
        person.waits_for(f"{number} partes se hicieron como estaban planeadas")
        assert (person.clicks, person.violations(), person.scrolls_sideways(), person.errors) == (3, [], False, [])
        person.picture(pictures / f"{name}-done.png")
    engine = make_engine(puente.database)
    with Session(engine) as session:
        left = select(func.count()).select_from(DeadLetter).where(DeadLetter.reason == LATE, DeadLetter.state != "resolved")
        assert session.scalar(left) == 0
    engine.dispose()


def test_make_a_broadcast_and_start_it(operator: Operator) -> None:
    """From the list, step by step, to the run that is being sent: no script, no API."""
    operator.opens("/console/broadcasts")
    operator.clicks_on("Nueva difusión")
    operator.page.fill("#name", "Jornada de valoración")
    operator.page.fill("#phone_numbers", "+52 55 1234 0147\n+52 55 1234 0148")
    operator.clicks_on("Guardar y seguir con el texto")
    operator.clicks_on("Novedades")
    operator.page.fill("[name='variable.first_name']", "amiga")
    operator.page.fill("[name='variable.text']", "Este sábado la valoración no tiene costo.")
    operator.clicks_on("Verlo")
    assert "Este sábado la valoración no tiene costo." in operator.words
    operator.clicks_on("Guardar y seguir con ritmo y momento")
    operator.clicks_on("Guardar y ver qué haría")
    assert "2 personas de 2" in operator.words
    operator.clicks_on("Ver el plan del inicio")
    operator.waits_for("Se escribiría a 2 personas")
    assert (operator.violations(), operator.scrolls_sideways()) == ([], False)
    operator.clicks_on("Empezar, a 2 personas")
    operator.clicks_on("Volver a donde se pidió")
    assert "/console/broadcasts/" in operator.page.url
    assert (operator.heading, operator.errors) == ("Jornada de valoración", [])


def test_stop_this_broadcast(operator: Operator) -> None:
    """Three clicks: the list, the broadcast, and the button that ends what is open of it; the reason stands on the run."""
    operator.opens("/console")
    operator.page.locator("nav[aria-label='Principal'] a[href='/console/broadcasts']").first.click()
    operator.page.wait_for_load_state("networkidle")
    operator.clicks = 1
    operator.clicks_on("Jornada")
    form = operator.page.locator("form[action$='/cancel']")
    form.locator("[name=reason]").fill("fecha equivocada")
    form.locator("button").click()
    operator.page.wait_for_load_state("networkidle")
    assert "Cancelada" in operator.words
    assert (operator.clicks, operator.errors) == (2, [])


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_story_an_unknown_stage(browser: Any, puente: Puente, pictures: Path, size: tuple[int, int]) -> None:
    """From the first page to the events being applied in three clicks, the most likely answer filled in."""
    stop(puente.database, 3, "unknown-stage", f"Comienza asesoría {size[0]}")
    with Operator.at(browser, puente.host.base_url, size) as person:
        person.opens("/console")
        person.clicks_on("Añadir la etapa y revisar")
        person.picture(pictures / f"console-stopped-stage-{size[0]}.png")
        assert (person.violations(), person.scrolls_sideways()) == ([], False)
        person.clicks_on("Guardar y ensayar")
        person.waits_for("Se harían")
        person.clicks_on("Aplicar")
        person.waits_for("se hicieron como estaban planeadas")
        assert (person.clicks, person.errors) == (3, [])
