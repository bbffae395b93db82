"""Answering a person in the console: from their page and from the list of what nobody has answered."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock
from shared.messages import replies
from shared.messages.digests import digest_of_address
from shared.messages.events import InboundMessage
from shared.settings import get_settings
from shared.store.message_models import ReceivedMessage
from shared.store.models import ActionLog, Delivery
from shared.store.session import reading, transact
from tests.functions.console.browser import Browser

DORA = "+525512340147"


@pytest.fixture
def written(console: None, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> None:
    """Dora asks something by WhatsApp, which is set up, three hours ago."""
    for name, value in {
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "t",
        "TWILIO_WHATSAPP_SENDER": "+525500000002",
    }.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    says("¿Puedo pasar mi cita al viernes?", "SM1")
    test_clock.moment += timedelta(hours=3)


def says(text: str, vendor_id: str, **more) -> None:
    facts = {"provider": "twilio", "who": digest_of_address(DORA), "channel": "whatsapp", "sender": DORA}
    given = InboundMessage.model_validate(facts | {"text": text, "vendor_id": vendor_id} | more)
    transact(lambda session: replies.take(session, given, clock.now()))


def sent() -> list[str]:
    with reading() as session:
        return [row.payload["text"] for row in session.scalars(select(Delivery).order_by(Delivery.id))]


def test_answer_is_given_on_the_page_of_the_person(written, operator):
    """It says how long is left; then the conversation shows the answer, and the log who gave it. A second click is none."""
    page = operator.get(f"/console/people?q={DORA}")
    assert "Free words are taken for 21 h more." in page.words
    form = page.form("/console/answers/1/reply")
    for _click in range(2):
        shown = operator.submit(form, text="Sí, a las <b>10</b>.")
    assert shown.address.partition("#")[0] == page.address
    assert "Sí, a las &lt;b&gt;10&lt;/b&gt;." in shown.text
    assert sent() == ["Sí, a las <b>10</b>."]
    with reading() as session:
        line = session.query(ActionLog).filter(ActionLog.action == "inbound-message.answer").one()
        assert (line.actor, session.get_one(ReceivedMessage, 1).state) == ("key:olga", "answered")


def test_answer_is_given_in_the_list(written, operator):
    """Where nobody waits any more afterwards."""
    page = operator.get("/console/answers")
    assert "21 h left" in page.words
    shown = operator.submit(page.form("/console/answers/1/reply"), text="Sí.")
    assert (shown.address, sent()) == ("/console/answers", ["Sí."])
    assert "Everybody has an answer" in shown.words


def test_after_a_day_the_page_says_that_a_template_is_needed(written, test_clock):
    """And has no form; one that was opened before is refused, in the language of the page."""
    test_clock.moment += timedelta(hours=20, minutes=59, seconds=59)
    operator = Browser(language="es").signed_in("olga-key")
    form = operator.get("/console/answers").form("/console/answers/1/reply")
    test_clock.moment += timedelta(seconds=1)
    shown = operator.get("/console/answers")
    assert "WhatsApp ya solo acepta una plantilla aprobada" in shown.words
    assert [one for one in shown.forms() if one.action.endswith("/reply")] == []
    refused = operator.submit(form, text="Sí.")
    assert (refused.status, sent()) == (409, [])
    assert "WhatsApp ya solo acepta" in refused.heading


def test_message_after_a_stop_is_answered_and_the_stop_is_not(written, operator, test_clock):
    """The page of the stop says that they asked for silence."""
    says("STOP", "SM2", wish="stop")
    assert "They asked for silence" in operator.get("/console/answers").words
    test_clock.moment += timedelta(minutes=1)
    says("Perdón, ¿a qué hora era?", "SM3")
    page = operator.get(f"/console/people?q={DORA}")
    operator.submit(page.form("/console/answers/3/reply"), text="A las 12.")
    assert sent() == ["A las 12."]


def test_who_only_looks_cannot_answer(written, viewer):
    """No form on either page, and a post of theirs is refused."""
    pages = [viewer.get("/console/answers"), viewer.get(f"/console/people?q={DORA}")]
    assert [form for page in pages for form in page.forms() if form.action.endswith("/reply")] == []
    token = viewer.get("/console/me").form("/console/sign-out").fields["token"]
    refused = viewer.post("/console/answers/1/reply", {"token": token, "text": "Sí."})
    assert (refused.status, sent()) == (403, [])


def test_first_page_leads_to_the_message_whose_day_ends_first(written, test_clock):
    """Not to one that can no longer be answered in free words; its field stands open, before the newer messages."""
    test_clock.moment += timedelta(hours=22)
    says("¿Siguen ahí?", "SM2")
    test_clock.moment += timedelta(minutes=5)
    says("Gracias.", "SM3")
    operator = Browser().signed_in("olga-key")
    (address,) = (link for link in operator.get("/console").links() if link.startswith("/console/answers?"))
    assert address == "/console/answers?first=2#answer-2"
    listed = operator.get(address.partition("#")[0]).text
    assert re.findall(r'id="answer-(\d+)"', listed) == ["2", "3", "1"]
    assert listed.count("<details open>") == 1
