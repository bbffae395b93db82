"""Meta's WhatsApp Cloud API: what is sent, what each answer means, and what becomes of a message without an answer."""

from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.messages.content import ApprovedTemplate, Content, Option, WhatsAppFile
from shared.messages.letter import Letter
from shared.messages.message import Message
from shared.messages.providers import meta, meta_codes
from shared.messages.providers.meta_codes import reason_of
from shared.messages.putting_off import PutOffError
from shared.messages.templates import Rendered, Template
from shared.settings import get_settings
from shared.vendors import http, rest_client
from tests.support.messages import CONFIGURED
from tests.unit.vendors.network import Answer, FakeNetwork, cut

TAKEN = Answer(
    200, {"messaging_product": "whatsapp", "contacts": [{"input": "1", "wa_id": "1"}], "messages": [{"id": "wamid.1"}]}
)
KEY = "0123456789abcdef" + "0" * 48
TWO = (Option(id="si", title="Sí"), Option(id="no", title="No", description="Otro día"))


@pytest.fixture(autouse=True)
def _configured(environment: pytest.MonkeyPatch, database) -> None:
    """Meta is set up."""
    for name, value in (CONFIGURED | {"WHATSAPP_PROVIDER": "meta"}).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    rest_client.drop_connections()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the network answers, in turn."""

    def made(*script: Answer | Exception) -> FakeNetwork:
        fake = FakeNetwork(*script)
        monkeypatch.setattr(http, "HTTPAdapter", lambda **_more: fake)
        return fake

    return made


def letter(text: str = "Hola", *, free_text: bool = True, variables: dict[str, str] | None = None, **more: Any) -> Letter:
    """A message that is ready to go."""
    given = {"person": "lead:17", "channel": "whatsapp", "to": "+525512345678", "dedupe_key": "k"}
    content = more.get("content")
    has_own = "template" in more or (content is not None and content.template is not None)
    words = {} if has_own else {"text": text}
    template = Template(name=more.get("template", ""), locale="es", channels=("whatsapp",), kind="transactional")
    return Letter(
        delivery_id=17,
        key=KEY,
        message=Message(**(given | words | more)),
        template=template,
        rendered=Rendered(subject="", text=text, html="", content_variables=variables or {}),
        first_try=clock.now(),
        headers={},
        free_text=free_text,
        settings=get_settings(),
    )


def body(**more: Any) -> dict[str, Any]:
    """What would be sent, without what every message has."""
    asked = meta.request_of(letter(**more))
    common = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": f"puente:17:{KEY[:16]}",
    }
    assert {name: asked.pop(name) for name in common} == common
    return asked


def test_a_text(network) -> None:
    """To the number without a plus, from the first of our numbers, with our key and our token."""
    asked = network(TAKEN)
    assert meta.send(letter()) == {"id": "wamid.1", "message_status": "accepted"}
    (request,) = asked.requests
    assert request.url == "https://graph.facebook.com/v23.0/106540352242922/messages"
    assert request.headers["Authorization"] == "Bearer token-de-meta"
    assert body() == {"to": "525512345678", "type": "text", "text": {"body": "Hola", "preview_url": False}}


def test_a_link_is_shown_with_a_preview() -> None:
    """Meta asks for that."""
    assert body(text="https://x.example")["text"]["preview_url"] is True


def test_a_user_without_a_phone_is_named_in_recipient() -> None:
    """In `to` the answer is 200 and nobody gets it."""
    shown = body(to="MX.13491208655302741918")
    assert (shown["recipient"], "to" in shown) == ("MX.13491208655302741918", False)


def test_buttons_a_list_and_a_quoted_message() -> None:
    """As Meta has them."""
    buttons = body(content=Content(options=TWO, header="Puente", footer="Gracias", reply_to="wamid.Q"))
    assert buttons["context"] == {"message_id": "wamid.Q"}
    assert buttons["interactive"] == {
        "type": "button",
        "body": {"text": "Hola"},
        "header": {"type": "text", "text": "Puente"},
        "footer": {"text": "Gracias"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "si", "title": "Sí"}},
                {"type": "reply", "reply": {"id": "no", "title": "No"}},
            ]
        },
    }
    rows = [{"id": "si", "title": "Sí"}, {"id": "no", "title": "No", "description": "Otro día"}]
    menu = body(content=Content(options=TWO, menu_label="Ver"))["interactive"]
    assert (menu["type"], menu["action"]) == ("list", {"button": "Ver", "sections": [{"title": "Ver", "rows": rows}]})


@pytest.mark.parametrize(
    ("file", "part"),
    [
        (WhatsAppFile(kind="image", link="https://x.example/a.png"), {"link": "https://x.example/a.png", "caption": "Hola"}),
        (WhatsAppFile(kind="document", media_id="9", file_name="a.pdf"), {"id": "9", "caption": "Hola", "filename": "a.pdf"}),
        (WhatsAppFile(kind="audio", media_id="9"), {"id": "9"}),
    ],
)
def test_a_file(file: WhatsAppFile, part: dict[str, str]) -> None:
    """By its address or by Meta's id; a recording has no caption."""
    assert body(content=Content(file=file)) == {"to": "525512345678", "type": file.kind, file.kind: part}


def test_approved_templates() -> None:
    """The message's own with its components; else that of META_TEMPLATES with our variables in order."""
    parts = ({"type": "header", "parameters": [{"type": "text", "parameter_name": "asesor", "text": "Luz"}]},)
    own = body(content=Content(template=ApprovedTemplate(name="promo", language="es_MX", components=parts)), free_text=False)
    assert own["template"] == {"name": "promo", "language": {"code": "es_MX"}, "components": list(parts)}
    ours = body(template="lead_day_3", free_text=False, variables={"1": "Ana", "2": "ventas"})["template"]
    values = [{"type": "text", "text": "Ana"}, {"type": "text", "text": "ventas"}]
    assert ours == {"name": "seguimiento", "language": {"code": "es"}, "components": [{"type": "body", "parameters": values}]}
    assert body(template="lead_missed_call", free_text=False)["template"] == {"name": "llamada", "language": {"code": "es_ES"}}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"free_text": False}, "no-whatsapp-template"),
        ({"template": "lead_day_9", "free_text": False}, "no-whatsapp-template"),
        ({"text": "x" * 4097}, "meta-too-long"),
        ({"text": "x" * 1025, "content": Content(options=TWO)}, "meta-too-long"),
    ],
)
def test_what_meta_would_refuse_is_not_even_sent(network, more: dict[str, Any], reason: str) -> None:
    """It fails with its reason."""
    asked = network(TAKEN)
    with pytest.raises(PermanentError) as caught:
        meta.send(letter(**more))
    assert (caught.value.reason, asked.requests) == (reason, [])


@pytest.mark.parametrize(
    ("code", "wanted", "reason"),
    [
        (131047, PermanentError, "meta-outside-window"),
        (131026, PermanentError, "meta-undeliverable"),
        (131049, PermanentError, "meta-marketing-limit"),
        (131050, PermanentError, "meta-marketing-stopped"),
        (132001, PermanentError, "meta-no-such-template"),
        (132000, PermanentError, "meta-template-parameters"),
        (999999, PermanentError, "meta-999999"),
        (131056, PutOffError, "meta-pair-limit"),
        (130429, PutOffError, "meta-number-limit"),
        (131048, PutOffError, "meta-spam-limit"),
        (132015, PutOffError, "meta-template-held"),
        (133010, PutOffError, "meta-number-refused"),
        (131037, PutOffError, "meta-number-refused"),
        (131045, PutOffError, "meta-number-refused"),
        (131031, UnavailableError, None),
        (368, UnavailableError, None),
        (4, ThrottledError, None),
        (80007, ThrottledError, None),
        (131000, RetryableError, None),
        (2, RetryableError, None),
        (190, UnavailableError, None),
        (131042, UnavailableError, None),
        (200, UnavailableError, None),
        (0, UnavailableError, None),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_an_answer_means_what_its_code_says(
    network, code: int, wanted: type[PuenteError], reason: str | None, status: int
) -> None:
    """Whatever the HTTP status; nothing is sent a second time by itself."""
    asked = network(Answer(status, {"error": {"code": code, "message": "(#1) no", "error_data": {"details": "no"}}}))
    with pytest.raises(wanted) as caught:
        meta.send(letter())
    assert type(caught.value) is wanted
    assert getattr(caught.value, "reason", None) == reason
    assert getattr(caught.value, "account", False) == (wanted is UnavailableError)
    assert len(asked.requests) == 1


def test_a_number_that_meta_does_not_know_is_no_fault_of_the_message(network) -> None:
    """What goes from that number waits, and no other number; else every message would fail, or all numbers stop."""
    network(Answer(400, {"error": {"code": 100, "error_subcode": 33, "message": "Object with ID '1' does not exist"}}))
    with pytest.raises(PutOffError) as caught:
        meta.send(letter())
    assert (caught.value.reason, caught.value.of_part, caught.value.after_seconds) == ("meta-number-refused", True, 900)


@pytest.mark.parametrize(
    "answer", [cut(), Answer(500, b"<html>"), Answer(200, b"<html>"), Answer(200, {"messages": []}), Answer(502, b"")]
)
def test_an_answer_that_says_nothing_leaves_the_message_in_doubt(network, answer: Any) -> None:
    """It may have gone out."""
    network(answer)
    with pytest.raises(UncertainError):
        meta.send(letter())


def test_every_code_that_waits_is_sent_again_where_a_status_brings_it() -> None:
    """The same code has the same reason both ways."""
    from shared.messages import putting_off

    assert {reason_of(code) for code in meta_codes.WAITS} <= putting_off.REASONS
    assert {reason_of(code) for code in meta_codes.TEMPORARY | meta_codes.ACCOUNT_CODES} <= putting_off.REASONS
    assert [reason_of(code) for code in (None, "", "x", "131047")] == ["", "", "", "meta-outside-window"]


def test_our_key_is_read_back() -> None:
    """And nobody else's is taken for it."""
    assert meta.delivery_of(meta.callback_data(letter())) == (17, KEY[:16])
    for other in (None, 7, "", "campaign-1", "puente:17", "puente:x:0123456789abcdef", "puente:17:0123456789ABCDEF"):
        assert meta.delivery_of(other) is None


def test_a_message_in_doubt_waits_for_its_status(database, test_clock) -> None:
    """For ten minutes; then a person decides, unless the settings have it sent again."""
    doubt = letter()
    with pytest.raises(RetryableError):
        meta.look_up(doubt)
    test_clock.advance(minutes=10)
    with pytest.raises(UncertainError):
        meta.look_up(doubt)


def test_silence_may_mean_that_it_was_not_sent(database, test_clock, environment) -> None:
    """Where META_RESEND_AFTER_MINUTES says so, and not before."""
    environment.setenv("META_RESEND_AFTER_MINUTES", "30")
    get_settings.cache_clear()
    doubt = letter()
    test_clock.advance(minutes=29)
    with pytest.raises(RetryableError):
        meta.look_up(doubt)
    test_clock.advance(minutes=1)
    assert meta.look_up(doubt) is None
    assert clock.now() - doubt.first_try == timedelta(minutes=30)
