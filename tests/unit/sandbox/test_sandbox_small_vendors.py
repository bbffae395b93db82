"""The sandbox's ManyChat and captcha verifiers, by our own clients, unchanged."""

from urllib.parse import urlencode

import pytest

from functions.leads.captcha import Captcha, Rules
from sandbox import captcha as sandbox_captcha
from sandbox.captcha import Captcha as SandboxCaptcha
from sandbox.manychat import API_KEY
from sandbox.manychat import ManyChat as SandboxManyChat
from sandbox.vendor import Call
from shared.errors import PermanentError, UnavailableError, UncertainError
from shared.messages.providers.manychat import ManyChat, text_content
from tests.support.sandbox import SandboxAdapter, wired

ANA = "123456"


@pytest.fixture
def page() -> tuple[ManyChat, SandboxManyChat, SandboxAdapter]:
    """Our client and the page behind it."""
    vendor, adapter, _ = wired(SandboxManyChat())
    return ManyChat("http://127.0.0.1:7072/manychat", API_KEY, adapter), vendor, adapter


def test_what_is_written_stands_in_the_conversation(page: tuple[ManyChat, SandboxManyChat, SandboxAdapter]) -> None:
    """Every text of it, under the subscriber's name."""
    client, vendor, _ = page
    vendor.act("subscriber", {"id": ANA, "first_name": "Ana", "email": "Ana@example.com", "phone": "+525512345678"})
    client.send_content(ANA, text_content(["Hola", "¿Qué tal?"], "instagram"))
    client.send_flow(ANA, "content2026")
    first, second = vendor.inbox()
    assert (first.person, first.name, first.sender, first.text) == ("ManyChat 123456", "Ana", "instagram", "Hola\n\n¿Qué tal?")
    assert second.text == "[flow content2026]"


def test_a_closed_window_takes_tagged_content_only(page: tuple[ManyChat, SandboxManyChat, SandboxAdapter]) -> None:
    """Beyond the 24 hours ManyChat refuses with 3011."""
    client, vendor, _ = page
    vendor.act("window", {"id": ANA, "open": False})
    with pytest.raises(PermanentError) as refusal:
        client.send_content(ANA, text_content(["Hola"]))
    assert refusal.value.reason == "manychat-outside-window"
    client.send_content(ANA, text_content(["Hola"]), message_tag="ACCOUNT_UPDATE")
    vendor.act("window", {"id": ANA, "open": True})
    client.send_content(ANA, text_content(["Hola"]))
    assert len(vendor.inbox()) == 2


def test_fields_and_tags_are_seen_with_the_subscriber(page: tuple[ManyChat, SandboxManyChat, SandboxAdapter]) -> None:
    """A tag that is there already stays one."""
    client, _, _ = page
    client.set_field(ANA, "etapa", "cita")
    client.set_field(ANA, "puntos", 7)
    for _ in range(2):
        client.add_tag(ANA, "lead")
    info = client.get_info(ANA)
    assert [(field["name"], field["value"]) for field in info["custom_fields"]] == [("etapa", "cita"), ("puntos", 7)]
    assert [tag["name"] for tag in info["tags"]] == ["lead"]
    assert info["id"] == ANA


def test_a_subscriber_is_found_by_address_or_number(page: tuple[ManyChat, SandboxManyChat, SandboxAdapter]) -> None:
    """Whoever is unknown is none."""
    client, vendor, _ = page
    vendor.act("subscriber", {"id": ANA, "email": "Ana@example.com", "phone": "+525512345678"})
    for found in (client.find_subscriber(email="ana@example.com"), client.find_subscriber(phone="+525512345678")):
        assert found is not None
        assert found["id"] == ANA
    assert client.find_subscriber(email="luz@example.com", phone="+525500000000") is None


def test_manychat_refusals(page: tuple[ManyChat, SandboxManyChat, SandboxAdapter]) -> None:
    """A wrong token, nobody of that number, too many messages, an answer that got lost."""
    client, vendor, adapter = page
    with pytest.raises(UnavailableError, match="401"):
        ManyChat("http://127.0.0.1:7072/manychat", "wrong", adapter).get_info(ANA)
    vendor.act("forget", {"id": ANA})
    with pytest.raises(PermanentError, match="Validation error"):
        client.send_flow(ANA, "x")
    vendor.act("subscriber", {"id": ANA})
    with pytest.raises(PermanentError):
        client.send_content(ANA, {"version": "v2", "content": {"messages": [{"type": "text", "text": "x"}] * 11}})
    adapter.lose_answers = 1
    with pytest.raises(UncertainError):
        client.send_content(ANA, text_content(["Hola"]))
    assert len(vendor.inbox()) == 1


@pytest.fixture(params=[sandbox_captcha.TURNSTILE, sandbox_captcha.RECAPTCHA])
def verifier(request: pytest.FixtureRequest) -> tuple[str, SandboxAdapter]:
    """Each of the two."""
    _, adapter, _ = wired(SandboxCaptcha())
    return f"http://127.0.0.1:7072/captcha{request.param}", adapter


def test_a_good_token_vouches_once(verifier: tuple[str, SandboxAdapter]) -> None:
    """A second time it is used up; every other is refused."""
    url, adapter = verifier
    client = Captcha(url, sandbox_captcha.SECRET, adapter)
    assert client.is_person("sandbox-person-1", "127.0.0.1")
    assert not client.is_person("sandbox-person-1")
    assert client.is_person("sandbox-person-2")
    assert not client.is_person("anything")


def test_turnstile_answers_a_repeated_question_as_before() -> None:
    """Under the same key; reCAPTCHA knows none, and another key is another question."""
    vendor, _, _ = wired(SandboxCaptcha())

    def outcome(path: str, token: str, key: str) -> str:
        body = urlencode({"secret": sandbox_captcha.SECRET, "response": token, "idempotency_key": key}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return str(vendor.answer(Call(method="POST", path=path, headers=headers, body=body)).outcome)

    asked = [outcome(sandbox_captcha.TURNSTILE, "sandbox-person-1", key) for key in ("a", "a", "b")]
    assert asked == ["ok", "ok", "timeout-or-duplicate"]
    asked = [outcome(sandbox_captcha.RECAPTCHA, "sandbox-person-2", key) for key in ("a", "a")]
    assert asked == ["ok", "timeout-or-duplicate"]


def test_a_token_of_recaptcha_v3_has_a_score_and_an_action() -> None:
    """Success is true for machines as well."""
    _, adapter, _ = wired(SandboxCaptcha())
    client = Captcha(f"http://127.0.0.1:7072/captcha{sandbox_captcha.RECAPTCHA}", sandbox_captcha.SECRET, adapter)
    tokens = [f"sandbox-person-{score}-score-{score}-action-lead" for score in ("0.1", "0.9")]
    assert [client.is_person(token) for token in tokens] == [False, True]
    assert client.is_person("sandbox-person-1-score-0.9-action-lead", rules=Rules(action="lead"))
    assert not client.is_person("sandbox-person-2-score-0.9-action-login", rules=Rules(action="lead"))


def test_a_wrong_secret_is_our_fault(verifier: tuple[str, SandboxAdapter]) -> None:
    """And uses up no token."""
    url, adapter = verifier
    with pytest.raises(PermanentError) as refusal:
        Captcha(url, "wrong", adapter).is_person("sandbox-person-1")
    assert refusal.value.reason == "captcha-refused"
    assert Captcha(url, sandbox_captcha.SECRET, adapter).is_person("sandbox-person-1")


def test_turnstile_takes_json_as_well() -> None:
    """As its documentation says; what is neither form nor JSON has no secret."""
    vendor, _, _ = wired(SandboxCaptcha())
    body = b'{"secret": "sandbox-captcha-secret", "response": "sandbox-person-1"}'
    for raw, outcome in ((body, "ok"), (body, "timeout-or-duplicate"), (b"{", "missing-input-secret")):
        call = Call(method="POST", path=sandbox_captcha.TURNSTILE, headers={"Content-Type": "application/json"}, body=raw)
        assert vendor.answer(call).outcome == outcome
