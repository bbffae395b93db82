"""Conversations over Meta: what goes out is what people see, and what they do comes back as an answer of theirs."""

from datetime import timedelta

import pytest

from shared import clock
from shared.messages import consent, statuses
from shared.messages.content import ApprovedTemplate, Option, WhatsAppFile
from shared.messages.message import Message
from shared.messages.outcomes import PersonMessage
from shared.outbox.actions import State
from shared.store.session import reading
from tests.functions.whatsapp.conftest import Town, asking, received
from tests.functions.whatsapp.conftest import statuses as recorded
from tests.support.listeners import listen
from tests.support.messages import ANA_PHONE, deliveries, enqueue, message

YES_NO = (Option(id="si", title="Sí"), Option(id="no", title="No"))
PLACES = tuple(Option(id=f"z{number}", title=f"Zona {number}", description="De 9 a 18 h") for number in range(5))


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch) -> list[PersonMessage]:
    """What listeners were notified of."""
    seen: list[PersonMessage] = []
    listen(monkeypatch, "person.message", "test", lambda _session, event: seen.append(event))
    return seen


def test_a_button_is_an_answer_to_the_message_that_had_it(town: Town, replies: list[PersonMessage]) -> None:
    """Its id, its title, and which message of ours it belongs to."""
    town.says("Hola")
    enqueue(asking(options=YES_NO))
    town.settle()
    (question,) = town.got()
    assert [option["title"] for option in question["options"]] == ["Sí", "No"]
    town.act("tap", id=question["id"], option="no")
    reply = replies[-1]
    assert (reply.kind, reply.option_id, reply.option_title, reply.text) == ("button", "no", "No", "No")
    with reading() as session:
        assert statuses.delivery_of(session, "meta", reply.quoted_id) == deliveries()[0].id
    row = received()[-1]
    assert (row.id, row.kind, row.option_id, row.quoted_id) == (reply.received_id, "button", "no", question["id"])


def test_a_line_of_a_list_is_an_answer(town: Town, replies: list[PersonMessage]) -> None:
    """Up to ten options stand in a list."""
    town.says("Hola")
    enqueue(asking(options=PLACES, menu_label="Ver zonas"))
    town.settle()
    town.act("tap", id=town.got()[0]["id"], option="z3")
    assert (replies[-1].kind, replies[-1].option_id) == ("list", "z3")


def test_a_photo_brings_its_id_and_caption(town: Town) -> None:
    """The file is fetched by that id."""
    town.act("photo", **{"from": ANA_PHONE}, caption="Mi ticket")
    (row,) = received()
    assert (row.kind, row.text, row.media[0]["type"]) == ("image", "Mi ticket", "image/jpeg")
    assert row.media[0]["id"]


def test_a_person_without_a_phone_is_answered_at_their_user_id(town: Town, replies: list[PersonMessage]) -> None:
    """Meta takes it in `recipient`; in `to` nobody would get it."""
    town.act("reply", user_id="MX.7788abc", name="Luz", text="Hola")
    (row,) = received()
    assert (row.sender, row.user_id) == ("MX.7788abc", "MX.7788abc")
    answer = Message(person="whatsapp:MX.7788abc", channel="whatsapp", to=row.sender, text="Hola, Luz", dedupe_key="a1")
    enqueue(answer)
    town.settle()
    assert [(one["user_id"], one["status"]) for one in town.got()] == [("MX.7788abc", "delivered")]


def test_mexican_mobiles_are_the_same_with_and_without_the_1(town: Town) -> None:
    """Meta writes 521; the window opens for the number that we know."""
    town.says("Hola")
    assert received()[0].sender == ANA_PHONE
    with reading() as session:
        assert consent.takes_free_text(session, ANA_PHONE)


def test_a_message_that_comes_days_late_opens_no_window(town: Town) -> None:
    """It counts from when it was written."""
    town.says("Hola", days_late=2)
    with reading() as session:
        assert not consent.takes_free_text(session, ANA_PHONE)
    assert received()[0].received_at == clock.now() - timedelta(days=2)


def test_the_same_message_twice_is_one(town: Town, replies: list[PersonMessage]) -> None:
    """Also in a request whose other parts differ."""
    town.meta.act("reply", {"from": ANA_PHONE, "text": "Hola"})
    town.settle(copies=3)
    assert (len(received()), len(replies)) == (1, 1)


def test_outside_the_window_only_an_approved_template_goes(town: Town) -> None:
    """The message brings its own, with components; a text of its own fails and says why."""
    template = ApprovedTemplate(
        name="promo",
        language="es_MX",
        components=({"type": "body", "parameters": [{"type": "text", "parameter_name": "nombre", "text": "Ana"}]},),
    )
    town.act("template", name="promo", body="Hola, {{nombre}}", buttons=["Baja"])
    enqueue(asking("t1", text="", template=template), asking("t2"))
    town.settle()
    (sent,) = town.got()
    assert (sent["text"], sent["status"]) == ("Hola, Ana", "delivered")
    assert [(row.state, row.reason) for row in deliveries()] == [(State.DONE, None), (State.DEAD, "no-whatsapp-template")]
    town.act("tap", id=sent["id"], option="Baja")
    with reading() as session:
        assert consent.held_back(session, asking("t3")) == "stop"


def test_our_own_template_goes_under_its_approved_name(town: Town) -> None:
    """META_TEMPLATES names it; its numbered variables are the body's."""
    enqueue(message(dedupe_key="l1"))
    town.settle()
    (sent,) = town.got()
    assert sent["template"] == "seguimiento:es"
    assert recorded() == [("delivered", None)]


def test_a_file_goes_with_its_caption(town: Town) -> None:
    """By its address."""
    town.says("Hola")
    enqueue(asking(text="El manual", file=WhatsAppFile(kind="document", link="https://x.example/m.pdf", file_name="m.pdf")))
    town.settle()
    assert [(one["type"], one["text"], one["file"]) for one in town.got()] == [
        ("document", "El manual", "https://x.example/m.pdf")
    ]


def test_a_time_that_lies_ahead_does_not_hold_the_window_open(town: Town, test_clock: clock.TestClock) -> None:
    """Whose clock is fast has written now: 24 hours later WhatsApp takes no text of ours, and a later word of theirs counts."""
    came_at = clock.now()
    town.says("Hola", days_late=-5)
    assert received()[0].received_at == came_at
    test_clock.advance(hours=23)
    with reading() as session:
        assert consent.takes_free_text(session, ANA_PHONE)
    test_clock.advance(hours=2)
    with reading() as session:
        assert not consent.takes_free_text(session, ANA_PHONE)


def test_a_stop_with_a_time_that_lies_ahead_is_lifted_by_the_next_start(town: Town, test_clock: clock.TestClock) -> None:
    """Their newest word counts, not that with the latest stamp."""
    town.says("BAJA", days_late=-5)
    test_clock.advance(hours=1)
    town.says("ALTA")
    with reading() as session:
        assert consent.held_back(session, message()) is None
