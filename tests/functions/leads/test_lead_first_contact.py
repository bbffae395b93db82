"""What goes out after the form of a stranger: no text of theirs, whatever they type, and a greeting all the same."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.leads import first_contact, services
from functions.leads.tables import Lead
from shared.messages import template_sources, templates
from shared.messages.message import Message
from shared.messages.variables import variables_of
from tests.conftest import START, forget

pytestmark = pytest.mark.usefixtures("fresh")

TEMPLATES = ("lead_welcome", "lead_call", "lead_call_voicemail", "lead_missed_call", "lead_day_3", "lead_day_6", "lead_day_9")
HOSTILE = (
    "http://malo.example/x",
    "malo.example",
    "900 123 4567",
    "<b>oferta</b>",
    "{{ 7 * 7 }}",
    "[aquí](http://malo.example)",
)
TRACES = ("malo.example", "900", "4567", "oferta", "49", "7 * 7", "aquí](")


def text_of(name: str, service: str, template: str = "lead_welcome", **more: Any) -> str:
    """All words of a message to a lead with that name and service, as its recipient has them."""
    lead = Lead(id=17, email="ana@example.com", phone="+525512345678", name=name, service=service, company="x", source="web")
    lead.received_at = lead.said_at = START
    links = {"booking_url": "https://cal.example", "resource_url": "https://r.example"}
    given: Mapping[str, Any] = services.variables(lead) | links | more
    context = {"journey": "lead_followup", "enrolment": 1, "step": "s", "generation": 0}
    message = Message(
        person="lead:17", channel="sms", to="+525512345678", template=template, dedupe_key="k", variables=given, context=context
    )
    loaded = template_sources.of_repository(template)
    url = "" if loaded.transactional else "https://u.example"
    rendered = templates.render(loaded, variables_of(message), unsubscribe_url=url)
    return "\n".join([rendered.subject, rendered.text, rendered.html, *rendered.content_variables.values()])


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_strangers_text_goes_out(template: str, text: str) -> None:
    """Neither as name nor as service, in no template of the follow-up."""
    words = text_of(f"{text} Ana {text}", text, template).replace("Ana", "")
    without = text_of("Ana", "x", template).replace("Ana", "")
    assert [trace for trace in TRACES if trace in words and trace not in without] == []


def test_a_service_of_the_settings_is_said(environment: pytest.MonkeyPatch) -> None:
    """As the settings write it, however the form does; any other, and each where none is listed, by a neutral word."""
    assert "tu solicitud sobre nuestros servicios" in text_of("Ana", "Ventas")
    environment.setenv("LEAD_SERVICES", "Automatización de ventas, Páginas web")
    forget()
    assert "tu solicitud sobre Automatización de ventas" in text_of("Ana", " AUTOMATIZACION  DE VENTAS")
    assert "tu solicitud sobre nuestros servicios" in text_of("Ana", "Automatización de ventas gratis en malo.example")


def test_a_list_that_changes_counts_for_what_is_planned(environment: pytest.MonkeyPatch) -> None:
    """It is asked when a message goes out: the variables that it was planned with hold the text as it came."""
    planned = {"service": "Ventas", "company": "Acme", "source": "http://malo.example"}
    assert first_contact.message_variables(planned) == {"service": "nuestros servicios", "company": "Acme"}
    environment.setenv("LEAD_SERVICES", "Ventas")
    forget()
    assert first_contact.message_variables(planned)["service"] == "Ventas"
    assert first_contact.message_variables({"first_name": "Ana"}) == {"first_name": "Ana"}


def test_who_has_no_name_is_greeted_all_the_same() -> None:
    """A name of which nothing is left makes no gap."""
    assert "Hola, buen día:" in text_of("http://malo.example", "x")
    assert "Hola, Ana:" in text_of("<b>ana</b> http://malo.example", "x")


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_form_makes_a_message(name: str, service: str) -> None:
    """Never an exception, and never a link, whatever is typed."""
    words = text_of(f"x{name}", f"x{service}", "lead_missed_call", booking_url="")
    assert "://" not in words
