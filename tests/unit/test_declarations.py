"""What a declaration lacks fails when the app is imported, or at its first delivery, with a sentence that says what to add."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from shared import flows
from shared.bootstrap import build_app
from shared.flow import Flow, FlowError
from shared.intake.endpoint import webhook_routes
from shared.intake.webhook import Payload
from shared.outbox import actions
from shared.outbox.policy import TargetPolicy

WHOLE = {"name": "shop", "title": "Shop", "about": "A shop.", "functions": ("x.shop:bp",)}
TRIGGERS = """
import azure.functions as func
from shared.flow import Flow
from shared.intake.endpoint import EVENTS_QUEUE, webhook
from shared.intake.webhook import BEARER, Payload, Webhook

class Points(Payload):
    points: int

bp = func.Blueprint()
WEBHOOK = Webhook(name="till.points", queue=EVENTS_QUEUE, payload={payload}{more})
HANDLER = webhook(bp, "till_points", "api/v1/till/points", WEBHOOK, print)
FLOW = Flow(
    name="shop", title="Shop", about="A shop.", functions=("{package}.shop:bp",),
    handlers={{"till.points": "{package}.shop:HANDLER"}}{declared},
)
"""


@pytest.fixture(autouse=True)
def _installed_again(environment: pytest.MonkeyPatch) -> Iterator[None]:
    """The flows of the app, whatever a test has installed."""
    yield
    flows.install(import_module("functions"))


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> ModuleType:
    """A package of flows with one page, `shop`; a folder beside it is the flow's."""
    name = f"flows_of_{folder.name}"
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()
    (folder / name / "shop.py").write_text(text.replace("{package}", name))
    monkeypatch.syspath_prepend(folder)
    for loaded in (name, f"{name}.shop"):
        monkeypatch.delitem(sys.modules, loaded, raising=False)
    return import_module(name)


def page(declared: str = "") -> str:
    """A page that declares a flow and no more."""
    start = 'from shared.flow import Flow\nFLOW = Flow(name="shop", title="Shop", about="A shop.", functions=()'
    return f"{start}{declared})\n"


def triggers(more: str = "", declared: str = "", payload: str = "Points") -> str:
    """A page with a webhook."""
    return TRIGGERS.format(package="{package}", more=more, declared=declared, payload=payload)


@pytest.mark.parametrize("kind", ["journeys", "templates", "pages"])
def test_folder_that_is_not_declared_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Its files would be read by nobody, and nothing would say so."""
    made = package(tmp_path, monkeypatch, page())
    folder = tmp_path / made.__name__ / "shop" / kind
    folder.mkdir(parents=True)
    with pytest.raises(FlowError, match=f"flow 'shop' has a folder `{kind}/`, which nobody reads: say `has_{kind}=True`"):
        flows.install(made)


@pytest.mark.parametrize("kind", ["journeys", "templates", "pages"])
def test_folder_that_is_declared_and_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Where it is looked for stands in the sentence."""
    made = package(tmp_path, monkeypatch, page(f", has_{kind}=True"))
    with pytest.raises(FlowError, match=f"flow 'shop' says `has_{kind}`, and there is no folder .*shop/{kind}"):
        flows.install(made)


@pytest.mark.parametrize("part", ["console", "records", "waiting"])
def test_texts_in_the_console_want_a_folder_for_their_translations(part: str) -> None:
    """Without it they are English for everybody, and no test asks for a translation."""
    with pytest.raises(FlowError, match=r"say `has_pages=True`.*`pages/es.po`"):
        Flow(**WHOLE, **{part: ("x.shop:PART",)})
    Flow(**WHOLE, **{part: ("x.shop:PART",)}, has_pages=True)


def test_sender_whose_key_could_open_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook that asks for an API key wants the scope of its sender, which API_KEYS takes only where the flow names it."""
    made = package(tmp_path, monkeypatch, triggers())
    with pytest.raises(FlowError, match=r"asks for a key with the scope `webhook:till`.*senders=\('till',\)"):
        build_app(made)


@pytest.mark.parametrize(
    ("more", "declared"),
    [("", ', senders=("till",)'), (", authenticate=lambda *_request: BEARER", "")],
    ids=["declared", "checked otherwise"],
)
def test_sender_that_is_declared_or_signs_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, declared: str
) -> None:
    """Whoever checks a signature needs no scope."""
    build_app(package(tmp_path, monkeypatch, triggers(more, declared)))


@pytest.mark.parametrize(
    ("payload", "more"),
    [('"functions.shop.Points"', ""), ("Points", ', read="read"'), ("Points", ', authenticate="shop: signed"')],
)
def test_part_of_a_webhook_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, payload: str, more: str) -> None:
    """It is imported at the first event, which is too late to learn that it cannot be."""
    made = package(tmp_path, monkeypatch, triggers(more, ', senders=("till",)', payload))
    with pytest.raises(FlowError, match=r"names no part of its webhook 'till.points'; write `package.module:attribute`"):
        build_app(made)


def test_parts_that_webhooks_name_are_there(environment: pytest.MonkeyPatch) -> None:
    """No import at the start would say so: each is found, and the payload is a model of an event."""
    webhooks = [one for route in webhook_routes(flows.parts("functions")) for one in (*route.webhooks.values(), *route.also)]
    named = {reference for webhook in webhooks for reference in webhook.references()}
    assert len(named) > 40
    assert all(callable(flows.resolve(reference)) for reference in named)
    assert all(issubclass(webhook.model, Payload) for webhook in webhooks)


def test_target_without_a_client_of_its_name_is_refused() -> None:
    """Shadow mode stops a client by the name of its target: under another name it would go on writing."""
    actions.require_clients()
    bring = flows.target_policies()
    named = r"target 'carrier'.*RestClient\(\.\.\., target='carrier'\)"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows, "target_policies", lambda: bring | {"carrier": TargetPolicy})
        with pytest.raises(FlowError, match=named):
            actions.require_clients()
