"""What a declaration lacks fails when the app is imported, or at its first delivery, with a sentence that says what to add."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from shared import flows
from shared.bootstrap import build_app
from shared.flow import Flow, FlowError, IdentityKind, Job, Rhythm
from shared.intake.endpoint import webhook_routes
from shared.intake.webhook import Payload
from shared.outbox import actions
from shared.outbox.policy import TargetPolicy
from shared.references import is_reference

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


def beside(folder: Path, made: ModuleType, declared: str, name: str = "bills") -> None:
    """One more page, whose flow has that name."""
    (folder / made.__name__ / "bills.py").write_text(page(declared).replace('"shop"', f'"{name}"'))


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


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({"syncs": ("functions.shop",)}, "'functions.shop' names no part; write `package.module:attribute`"),
        ({"handlers": {"till.points": "HANDLER"}}, "'HANDLER' names no part; write `package.module:attribute`"),
        ({"jobs": (Job(name="count", rhythm=Rhythm.NIGHT, run="count"),)}, "'count' names no part"),
        ({"identities": (IdentityKind(name="till", title="Till", read="digits"),)}, "'digits' names no part"),
        ({"tables": ("functions.shop:Till",)}, "'functions.shop:Till' names no module of tables; write `package.module`"),
        ({"name": "Shop"}, "its name is to be 2 to 40 lower-case letters, digits and hyphens"),
        ({"about": " "}, "it has no about; say in `about` what it is, for people"),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, dict) else "",
)
def test_declaration_of_no_form_is_refused(declared: dict[str, Any], sentence: str) -> None:
    """Where it is made, with what is to be written instead."""
    with pytest.raises(FlowError, match=re.escape(sentence)):
        Flow(**WHOLE | declared)


def test_every_part_that_a_flow_names_is_looked_at(environment: pytest.MonkeyPatch) -> None:
    """In whichever field it stands: one that is left out could be misspelt until somebody needs it."""
    for flow in flows.installed():
        given = [getattr(flow, one.name) for one in fields(flow)]
        lists = [tuple(one.values()) if isinstance(one, Mapping) else one for one in given if isinstance(one, Mapping | tuple)]
        single = [one for one in given if isinstance(one, str)]
        texts = [part for part in (*single, *(part for several in lists for part in several)) if isinstance(part, str)]
        assert {text for text in texts if is_reference(text)} - set(flow.references()) == set(), flow.name


@pytest.mark.slow
def test_every_part_that_a_flow_names_is_there(environment: pytest.MonkeyPatch) -> None:
    """No import at the start would say so, nor would a type checker: each name is found."""
    named = {reference for flow in flows.installed() for reference in flow.references()}
    assert len(named) > 200
    assert all(flows.resolve(reference) is not None for reference in named)


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (', requires=("stock",)', "flow 'shop' requires the flow 'stock', which is not installed: remove both, or neither"),
        (', queues=("bills-queue",)', "flows 'bills' and 'shop' both declare the queue 'bills-queue'; one of them owns it"),
        (
            ', listeners={"bill.paid": "x.shop:paid"}',
            "flow 'shop' listens to 'bill.paid', which no flow has in its `events`: bill.sent",
        ),
    ],
    ids=["requires", "queue", "event"],
)
def test_flows_that_do_not_fit_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: str, sentence: str
) -> None:
    """A misspelt event would call nobody, a queue of two flows would give each half of the messages."""
    made = package(tmp_path, monkeypatch, page(declared))
    beside(tmp_path, made, ', queues=("bills-queue",), events=("bill.sent",)')
    with pytest.raises(FlowError, match=re.escape(sentence)):
        flows.install(made)


def test_two_flows_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them would be left out."""
    made = package(tmp_path, monkeypatch, page())
    beside(tmp_path, made, "", name="shop")
    with pytest.raises(FlowError, match="have one name: shop, shop"):
        flows.install(made)


@pytest.mark.parametrize("text", ["", "FLOW = 1\n"])
def test_page_without_a_declaration_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Nothing of it would be registered, and nothing would say so."""
    with pytest.raises(FlowError, match=r"shop.py declares no flow; write `FLOW = Flow\(\.\.\.\)` there"):
        flows.install(package(tmp_path, monkeypatch, text))


def test_part_that_is_not_there_is_named_with_its_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for it reads who names it."""
    flows.install(package(tmp_path, monkeypatch, page(', routers=("functions.nowhere:ROUTER",)')))
    with pytest.raises(FlowError, match=r"'functions.nowhere:ROUTER' \(named by shop\) cannot be imported"):
        flows.parts("routers")


def test_kind_of_identity_in_two_wordings_is_refused(environment: pytest.MonkeyPatch) -> None:
    """Who declares it otherwise would join or part people otherwise."""
    one, other = (
        Flow(**WHOLE | {"name": name, "identities": (IdentityKind(name="till", title=name),)}) for name in ("aa", "bb")
    )
    environment.setattr(flows, "installed", lambda: (one, other))
    flows.identity_kinds.cache_clear()
    with pytest.raises(FlowError, match="flow 'bb': it declares the kind of identity 'till' otherwise than another flow"):
        flows.identity_kinds()


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
    assert build_app(package(tmp_path, monkeypatch, triggers(more, declared))).get_functions()


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
