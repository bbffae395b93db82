"""Meta's own examples: what our client sends has their names and types, and what comes to our webhook is read whole.

Not one of Meta's examples holds against its own schemas, so names and types are compared with the examples instead.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
import yaml

from functions.whatsapp.payloads import MetaEvents
from shared import clock
from shared.messages.content import ApprovedTemplate, Content, Option, WhatsAppFile
from shared.messages.letter import Letter
from shared.messages.message import Message
from shared.messages.providers import meta, meta_events
from shared.messages.templates import Rendered, Template
from shared.settings import get_settings

FOLDER = Path(os.environ.get("VENDOR_SPECS", ""))
PATH = "/{Version}/{Phone-Number-ID}/messages"
NEWER = {"recipient", "biz_opaque_callback_data"}  # than the file
WITHOUT_EXAMPLE = {(".image.caption", "str")}  # described, and in no example
TWO = (Option(id="si", title="Sí"), Option(id="no", title="No", description="Otro día"))
SAMPLES = ("message", "message_status", "callback_button", "system", "user_marketing_preferences")


@pytest.fixture(scope="module")
def described() -> Mapping[str, Any]:
    """The file, read once."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (Path(os.environ["VENDOR_SPECS"]) / "meta_whatsapp_business-messaging_v23.yaml").read_text(encoding="utf-8")
    read: Mapping[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506  # both are safe loaders
    return read


@pytest.fixture(autouse=True)
def _settings(environment: pytest.MonkeyPatch) -> None:
    """Nothing of Meta's need be set up to read or write."""
    get_settings.cache_clear()


def shape(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Every place of a body with the type of what stands there; an element of a list stands where the list does."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from shape(one, f"{at}.{name}")
    elif isinstance(value, list):
        for one in value:
            yield from shape(one, f"{at}[]")
    else:
        yield at, type(value).__name__


def letter(**more: Any) -> Letter:
    """A message that is ready to go."""
    message = Message(person="p", channel="whatsapp", to="+525512345678", dedupe_key="k", **more)
    return Letter(
        delivery_id=17,
        key="0" * 64,
        message=message,
        template=Template(name="", locale="es", channels=(), kind="transactional"),
        rendered=Rendered(subject="", text=message.text, html=""),
        first_try=clock.now(),
        headers={},
        free_text=True,
        settings=get_settings(),
    )


@pytest.mark.parametrize(
    "content",
    [
        Content(),
        Content(reply_to="wamid.Q"),
        Content(options=TWO),
        Content(options=TWO, menu_label="Ver", header="Puente", footer="Gracias"),
        *(Content(file=WhatsAppFile(kind=kind, link="https://x.example/a")) for kind in ("image", "video", "document")),
        *(Content(file=WhatsAppFile(kind=kind, media_id="9")) for kind in ("image", "video", "document")),
        Content(
            template=ApprovedTemplate(
                name="promo",
                language="es_MX",
                components=({"type": "body", "parameters": [{"type": "text", "text": "Ana"}]},),
            )
        ),
    ],
)
def test_what_we_send_is_made_as_metas_examples_are(described: Mapping[str, Any], content: Content) -> None:
    """No name that no example has, and no other type in its place."""
    bodies = described["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]["examples"].values()
    known = {place for body in bodies for place in shape(body["value"])} | WITHOUT_EXAMPLE
    more = {"text": "Hola"} if content.template is None else {}
    ours = set(
        shape({name: value for name, value in meta.request_of(letter(content=content, **more)).items() if name not in NEWER})
    )
    assert {place for place, _kind in ours} <= {place for place, _kind in known}
    assert ours <= known


def read(body: Any) -> dict[str, Any]:
    """What our webhook makes of a body."""
    raw = json.dumps(body).encode()
    request = func.HttpRequest(method="POST", url="/", headers={"content-type": "application/json"}, body=raw)
    found = meta_events.read(request, raw)
    MetaEvents.model_validate(found)
    return found


def samples() -> Iterator[Any]:
    """Every sample by its file and name; none where the folder is not given, and then the tests say so."""
    for name in SAMPLES:
        file = FOLDER / f"whatsapp_sample_{name}.json"
        bodies = json.loads(file.read_text(encoding="utf-8")) if os.environ.get("VENDOR_SPECS") else {}
        yield from (pytest.param(name, each, body, id=f"{name}-{each}") for each, body in bodies.items())


@pytest.mark.parametrize(("file", "name", "body"), list(samples()))
def test_every_sample_is_read_whole(file: str, name: str, body: Any) -> None:
    """Messages become messages, statuses statuses; nothing is left unread, and nothing is refused."""
    found = read(body)
    assert found["unread"] == []
    value = body["entry"][0]["changes"][0]["value"]
    assert len(found["statuses"]) == len(value.get("statuses", []))
    if file in ("message", "callback_button"):
        assert len(found["messages"]) == len(value.get("messages", []))
    if name == "phone_number_change":
        assert [(one["moved_from"], one["moved_to"]) for one in found["moves"]] == [("+972987654321", "+972912345678")]
    if file == "user_marketing_preferences":
        assert [one["stops"] for one in found["preferences"]] == [False]


def test_metas_own_webhook_examples_are_read(described: Mapping[str, Any]) -> None:
    """Whatever they hold, each is taken."""
    post = described["paths"]["/whatsapp/webhooks"]["post"]
    examples = post["requestBody"]["content"]["application/json"]["examples"]
    assert len(examples) > 10
    for one in examples.values():
        value, found = one["value"]["entry"][0]["changes"][0]["value"], read(one["value"])
        words = [message for message in value.get("messages", []) if message["type"] != "system"]
        assert (len(found["messages"]), found["unread"]) == (len(words), [])
