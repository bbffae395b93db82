"""Our numbers and templates at Meta: what is known of them, and what follows when one of them may not send."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from sandbox.meta.server import NUMBERS
from shared import clock
from shared.errors import PermanentError
from shared.messages import approved_templates, meta_account, number_states, numbers
from shared.messages.carriers import meta_policy
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.models import Target
from shared.store.session import reading, transact
from shared.store.types import key_of
from shared.store.wait_models import TargetPart
from shared.store.whatsapp_models import WhatsAppTemplate
from tests.functions.whatsapp.conftest import Town, asking, statuses
from tests.support.listeners import listen
from tests.support.messages import carry_out, deliveries, enqueue, message

FIRST, SECOND = (numbers.id_of(phone) for phone in NUMBERS.values())
FIRST_KEY, SECOND_KEY = NUMBERS


def test_numbers_are_listed_with_what_meta_says_of_each(town: Town, api: Any) -> None:
    """Those of the settings, Twilio's too; quality and throughput are each number's, the limit is the portfolio's."""
    assert meta_account.read_numbers() == 2
    assert meta_account.read_numbers() == 0
    listed = {one["whatsapp_number_id"]: one for one in api.get("/api/v1/whatsapp-numbers").json}
    assert [listed[one]["is_default"] for one in (FIRST, SECOND)] == [True, False]
    first = listed[FIRST]
    assert (first["provider"], first["quality"], first["throughput"], first["messaging_limit"]) == (
        "meta",
        "GREEN",
        "STANDARD",
        "TIER_2K",
    )
    assert {one["provider"] for one in listed.values()} == {"meta", "twilio"}


def test_a_number_that_is_judged_worse_is_known_at_once(town: Town) -> None:
    """By Meta's own notice."""
    meta_account.read_numbers()
    town.act("quality", number=list(NUMBERS)[1], rating="RED")
    with reading() as session:
        states = number_states.states(session)
    assert (states[FIRST].quality, states[SECOND].quality) == ("GREEN", "RED")


def test_a_number_that_may_send_no_more_is_left_alone_and_the_other_goes_on(town: Town, test_clock: clock.TestClock) -> None:
    """What goes from it waits without a call, and goes later, once."""
    town.says("Hola")
    town.meta.act("deliver", {"outcome": "number-limit", "once": True})
    enqueue(asking("k1"))
    calls = len(town.network.adapters["/meta"].calls)
    enqueue(asking("k2"), replace(asking("k3"), whatsapp_number_id=SECOND))
    assert len(town.network.adapters["/meta"].calls) == calls + 1
    assert [(row.state, row.reason) for row in deliveries()][1] == (State.PENDING, number_states.PAUSED)
    assert [one["number"] for one in town.got()] == [list(NUMBERS)[1]]
    test_clock.advance(minutes=2)
    carry_out()
    town.settle()
    assert sorted(row.state for row in deliveries()) == [State.DONE] * 3
    assert len(town.got()) == 3


@pytest.mark.parametrize("fault", ["unknown-to-meta", "number-unregistered"])
def test_a_number_that_meta_refuses_concerns_that_number_alone(
    town: Town, environment: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch, test_clock: clock.TestClock, fault: str
) -> None:
    """Meta does not know it (100/33), or says that it is not registered: what goes from it waits without a call.

    The other number goes on, no account is said to be refused, and whoever mends it is told once.
    """
    refusals: list[str] = []
    listen(monkeypatch, "account.refused", "test", lambda _session, target, _error: refusals.append(target))
    environment.setenv("ALERT_WEBHOOK_URL", "http://127.0.0.1:9/alerts")
    get_settings.cache_clear()
    town.says("Hola")
    if fault == "unknown-to-meta":
        monkeypatch.delitem(NUMBERS, FIRST_KEY)
    else:
        town.meta.act("deliver", {"outcome": fault, "once": True})
    enqueue(asking("k0"))
    enqueue(*(asking(f"k{number}") for number in range(1, 4)), replace(asking("other"), whatsapp_number_id=SECOND))
    assert [one["number"] for one in town.got()] == [SECOND_KEY]
    ours = [row for row in deliveries() if row.target == "meta"]
    assert [(row.state, row.attempts) for row in ours] == [(State.PENDING, 0)] * 4 + [(State.DONE, 0)]
    with reading() as session:
        target = session.get_one(Target, "meta")
        assert (target.circuit, target.failures, refusals) == ("closed", 0, [])
        assert number_states.paused_until(session, FIRST) is not None
        assert number_states.paused_until(session, SECOND) is None
    alerts = [row.payload["text"] for row in deliveries() if row.target == "alerts"]
    assert len(alerts) == 1
    assert "+525500000004" in alerts[0]


def test_a_number_that_is_refused_after_a_message_was_taken_is_paused_as_well(town: Town) -> None:
    """A status says it, and what goes from that number waits; the other number goes on."""
    town.says("Hola")
    town.meta.act("deliver", {"outcome": "unregistered-later", "once": True})
    enqueue(asking("k1"))
    town.settle()
    enqueue(asking("k2"), replace(asking("k3"), whatsapp_number_id=SECOND))
    with reading() as session:
        assert number_states.paused_until(session, FIRST) is not None
    assert [(row.state, row.reason) for row in deliveries()] == [
        (State.PENDING, "meta-number-refused"),
        (State.PENDING, number_states.PAUSED),
        (State.DONE, None),
    ]


def test_the_pace_is_each_numbers(town: Town) -> None:
    """What the first number has sent takes no turn of the second's; both are named by the number from which a message goes."""
    enqueue(*(asking(f"k{number}") for number in range(5)), replace(asking("other"), whatsapp_number_id=SECOND))
    with reading() as session:
        turns = {row.part: row.next_call_at for row in session.scalars(select(TargetPart))}
    assert turns.keys() == {FIRST, SECOND}
    assert turns[SECOND] <= turns[FIRST]  # though its message came last
    assert (meta_policy().by_part, meta_policy().slots) == (True, 2 + 3)


def test_of_two_pauses_the_longer_counts(town: Town, test_clock: clock.TestClock) -> None:
    """And each ends by itself."""
    number_states.pause(FIRST, 60, "a")
    number_states.pause(FIRST, 10, "b")
    with reading() as session:
        assert number_states.paused_until(session, FIRST) is not None
    test_clock.advance(seconds=61)
    with reading() as session:
        assert number_states.paused_until(session, FIRST) is None


def test_a_number_that_nobody_has_set_up_sends_nothing(town: Town) -> None:
    """The message is skipped and says so, instead of going out from another."""
    enqueue(replace(asking(), whatsapp_number_id=numbers.id_of("+525599999999")))
    assert [(row.state, row.reason) for row in deliveries()] == [(State.SKIPPED, "not-configured")]


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, "meta"),
        ({"provider": "twilio"}, "twilio"),
        ({"whatsapp_number_id": SECOND}, "meta"),
        ({"whatsapp_number_id": numbers.id_of("+525500000002")}, "twilio"),
    ],
)
def test_the_provider_is_the_messages_else_its_numbers_else_the_settings(town: Town, more: dict[str, Any], wanted: str) -> None:
    """In that order."""
    assert numbers.provider_of(replace(asking(), **more), get_settings()) == wanted


def read_templates(town: Town) -> None:
    """What Meta has, read."""
    town.act("template", name="seguimiento", language="es", body="Hola, {{nombre}}: te escribimos por {{tema}}.")
    town.act("template", name="fijo", language="es", body="Hola.")
    assert meta_account.read_templates() == 2


def test_parameters_come_from_the_templates_own_shape(town: Town) -> None:
    """Named ones by their names, found in order; what does not fit is found before anything is sent."""
    read_templates(town)
    known = approved_templates.find("seguimiento", "es")
    assert known is not None
    assert approved_templates.holes(known) == ["nombre", "tema"]
    (body,) = approved_templates.components(known, {"nombre": "Ana\n ", "tema": "ventas"})
    assert body["parameters"][0] == {"type": "text", "text": "Ana", "parameter_name": "nombre"}
    for wrong in ({}, {"nombre": " ", "tema": "x"}):
        with pytest.raises(PermanentError, match="nombre"):
            approved_templates.components(known, wrong)
    with pytest.raises(PermanentError, match="2 values, not 1"):
        approved_templates.by_order(known, ["Ana"])


def test_our_template_goes_with_named_parameters(town: Town) -> None:
    """By the shape that was read; ours has other variables, so it fails before it is sent, with its reason."""
    read_templates(town)
    enqueue(message(dedupe_key="l1"))
    town.settle()
    assert ([row.reason for row in deliveries()], town.got()) == (["meta-template-parameters"], [])


def test_templates_are_read_once_an_hour_and_forgotten_with_meta(town: Town, test_clock: clock.TestClock) -> None:
    """What is not there any more is not offered."""
    read_templates(town)
    assert meta_account.read_templates() == 0
    town.meta.shelf.drop("templates", "fijo:es")
    test_clock.advance(hours=1)
    assert meta_account.read_templates() == 1
    assert approved_templates.find("fijo", "es") is None


def test_a_template_that_meta_pauses_is_known_at_once(town: Town, api: Any) -> None:
    """By Meta's notice."""
    read_templates(town)
    town.act("template", name="fijo", language="es", body="Hola.", status="PAUSED")
    shown = api.get("/api/v1/whatsapp-templates?status=PAUSED").json["items"]
    assert [(one["name"], one["parameters"]) for one in shown] == [("fijo", [])]


def test_positional_parameters_have_a_number_each(database: Any) -> None:
    """Header first; at Meta each component counts anew."""
    parts = [
        {"type": "HEADER", "text": "Para {{1}}"},
        {"type": "BODY", "text": "{{1}} y {{2}} y {{1}}"},
        {"type": "FOOTER", "text": "x"},
    ]
    shape = {"parameter_format": "POSITIONAL", "components": parts}
    row = {
        "key": key_of("t", "es"),
        "name": "t",
        "language": "es",
        "status": "APPROVED",
        "shape": shape,
        "read_at": clock.now(),
    }
    transact(lambda session: session.add(WhatsAppTemplate(**row)))
    with reading() as session:
        known = session.scalars(select(WhatsAppTemplate)).one()
    made = approved_templates.by_order(known, ["Luz", "a", "b"])
    assert [(part["type"], [one["text"] for one in part["parameters"]]) for part in made] == [
        ("header", ["Luz"]),
        ("body", ["a", "b"]),
    ]
    assert statuses() == []
