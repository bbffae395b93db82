"""Pausing and trying a flow, and an execution in a real browser, at a desk and on a phone."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.operator import DESK, PHONE, Operator
from tests.support.puente import Puente

pytestmark = [pytest.mark.host, pytest.mark.browser]

PAGES = ("/console/executions/newer?than=0&since=",)
"""Parts of pages; the pages themselves are looked at in test_console_in_chromium.py."""


def usable(person: Operator, pictures: Path, name: str, size: tuple[int, int], scheme: str) -> None:
    """axe-core finds nothing and nothing has to be scrolled sideways; a picture is kept."""
    person.picture(pictures / f"console-{name}-{size[0]}-{scheme}.png")
    assert (name, person.violations(), person.scrolls_sideways(), person.errors) == (name, [], False, [])


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone-dark"])
def test_flows_can_be_paused_and_tried_by_everybody(
    browser: Any, puente: Puente, pictures: Path, size: tuple[int, int], scheme: str
) -> None:
    """The pages, what a pause and a rehearsal show, and a real test that is followed to its execution."""
    with Operator.at(browser, puente.host.base_url, size, scheme) as person:
        for path in PAGES:
            person.opens(path)
            usable(person, pictures, path.removeprefix("/console/").translate(str.maketrans("/?=&", "----")), size, scheme)
        person.opens("/console/flows/contacts")
        person.clicks_on("Pausar este flujo")
        assert "en pausa" in person.heading
        usable(person, pictures, "flow-paused", size, scheme)
        person.clicks_on("Reanudar")
        assert "en pausa" not in person.heading
        person.opens("/console/flows/opportunities/try")
        person.page.locator("button.go").click()
        person.page.wait_for_load_state("networkidle")
        assert person.heading.startswith("Ensayado")
        usable(person, pictures, "flow-rehearsed", size, scheme)
        person.page.get_by_label("De verdad").check()
        person.page.get_by_label("Mi correo").fill("olga@example.com")
        person.page.locator("button.go").click()
        person.page.get_by_role("link", name="Ver su ejecución").click(timeout=30_000)
        person.page.wait_for_load_state("networkidle")
        assert "manychat.opportunity" in person.heading
        usable(person, pictures, "execution-of-a-test", size, scheme)
