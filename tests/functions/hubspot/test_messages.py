"""A contact of HubSpot's that is interested in a product gets one message in ManyChat; each event says what became of it."""

import json
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import select

from functions.hubspot.tables import HubSpotMessage, HubSpotTurn
from sandbox.hubspot.shapes import SECRET
from shared.outbox.actions import State
from shared.privacy.erase import erase, person
from shared.settings import get_settings
from shared.store.models import Delivery, InboxEvent
from shared.store.session import reading
from tests.functions.hubspot.conftest import stored
from tests.support.hubspot import PRODUCT, SUBSCRIBER, Account, event
from tests.support.payloads import payload
from tests.unit.web.calls import Api

OLD = "/api/v1/executions/webhook/ventas"
OURS = {"changeSource": "INTEGRATION", "sourceId": "1160452"}
TEXT = (
    "Hola Ana López, gracias por tu interés en Plan Anual. ¿Te gustaría agendar una demo?"
    " Si prefieres no recibir más mensajes, responde BAJA."
)


def test_new_contact_gets_one_message(account: Account) -> None:
    """Its creation and each of its properties are reported by themselves, in any order, and twice."""
    account.person(email="ana@example.com", phone="1")
    account.deliver(copies=2)
    account.settle()
    assert account.sent == [("123456789", TEXT)]
    reasons = [("sent", None), *[("skipped", "duplicate")] * 2, ("skipped", "other_property")]
    assert stored() == sorted(reasons, key=str)


def test_fields_of_a_message_that_was_sent(account: Account, api: Api) -> None:
    """As the replaced flow answered them, at the list."""
    account.person()
    account.deliver()
    account.settle()
    (found,) = api.get("/api/v1/hubspot/messages", status="sent").json["items"]
    known = {name: found[name] for name in ("status", "message", "contact_id", "contact_name", "manychat_user_id")}
    assert known == {
        "status": "sent",
        "message": "Mensaje enviado exitosamente",
        "contact_id": "50",
        "contact_name": "Ana López",
        "manychat_user_id": "123456789",
    }
    assert (found["interes_producto"], found["mensaje_enviado"]) == ("Plan Anual", TEXT)
    assert (found["manychat_response"], found["http_status_code"]) == ({"status": "success"}, 200)
    assert (found["is_rate_limited"], found["error_details"], len(found["message_hash"])) == (False, None, 64)


@pytest.mark.slow
def test_product_again_after_a_day(account: Account) -> None:
    """Within it nothing; another product at once."""
    made = account.person()
    account.deliver()
    account.settle()
    for product in ("", "Plan Anual", "Curso", "plan anual"):
        account.hubspot.act("set", {"id": made["id"], "properties": {PRODUCT: product}})
        account.deliver()
        account.settle()
    assert [text.partition("en ")[2].partition(".")[0] for _to, text in account.sent] == ["Plan Anual", "Curso"]
    account.clock.advance(hours=24)
    account.hubspot.act("set", {"id": made["id"], "properties": {PRODUCT: "Plan Anual"}})
    account.deliver()
    account.settle()
    assert len(account.sent) == 3


def test_property_that_is_cleared_sends_nothing(account: Account) -> None:
    """Without any look at HubSpot."""
    account.report(event(propertyValue=""))
    account.settle()
    assert stored() == [("skipped", "no_interes_producto")]
    assert account.calls.calls == []


@pytest.mark.parametrize(
    ("properties", "reason"),
    [({PRODUCT: ""}, "no_interes_producto"), ({SUBSCRIBER: ""}, "no_manychat_user_id")],
)
def test_contact_that_lacks_something_is_skipped(account: Account, properties: dict[str, str], reason: str) -> None:
    """Only after HubSpot was asked."""
    account.person(**properties)
    account.deliver()
    account.settle()
    assert account.sent == []
    assert set(stored()) == {("skipped", reason)}


class TestOwnWrites:
    """What we write ourselves comes back as an event."""

    def test_own_change_starts_nothing(self, account: Account) -> None:
        """Neither a change nor a contact that we have made."""
        account.person()
        account.wire.sent.clear()
        account.report(event(50, **OURS), event(50, subscriptionType="contact.creation", propertyName=None, **OURS))
        account.settle()
        assert (account.sent, stored()) == ([], [("skipped", "own_write")] * 2)

    def test_other_integration_is_not_ours(self, account: Account) -> None:
        """Unless HUBSPOT_APP_IDS names it."""
        account.person()
        account.wire.sent.clear()
        account.report(event(50, changeSource="INTEGRATION", sourceId="999"))
        account.settle()
        assert len(account.sent) == 1

    @pytest.mark.parametrize(("name", "value", "count"), [("HUBSPOT_OWN_WRITES", "true", 1), ("HUBSPOT_APP_IDS", "999", 0)])
    def test_settings_say_otherwise(
        self, account: Account, environment: pytest.MonkeyPatch, name: str, value: str, count: int
    ) -> None:
        """Own changes count, or another app is ours too."""
        account.person()
        account.wire.sent.clear()
        environment.setenv(name, value)
        get_settings.cache_clear()
        source = "999" if name == "HUBSPOT_APP_IDS" else "1160452"
        account.report(event(50, changeSource="INTEGRATION", sourceId=source))
        account.settle()
        assert len(account.sent) == count


class TestShapes:
    """All bodies in which contacts are reported."""

    @pytest.mark.parametrize("shape", ["change", "flat", "contacts", "workflow"])
    def test_body_with_all_properties_needs_no_look(self, account: Account, shape: str) -> None:
        """Under the old addresses as well."""
        body = payload("hubspot.events", shape)
        path = f"{OLD}/hubspot_lead_to_manychat/hubspot-lead"
        assert account.post(body, account.signed(body, path), path).status == 202
        account.settle()
        assert [name for name, _text in account.sent] == ["123456789"]
        assert account.calls.calls == []

    def test_each_contact_of_a_body_is_one_event(self, account: Account) -> None:
        """A bad one costs no other."""
        good = payload("hubspot.events", "contacts")["contacts"]
        body = {"contacts": [*good, "nonsense", {"vid": ""}, {"vid": "x1"}, {"properties": {}}, {}]}
        account.post(body, account.signed(body))
        account.settle()
        reasons = {reason for _status, reason in stored()}
        assert len(account.sent) == 1
        assert reasons == {
            None,
            "schema_validation_failed",
            "empty_contact_id",
            "validation_failed",
            "missing_contact_id",
            "no_contact_data",
        }

    def test_generic_form_of_events(self, account: Account) -> None:
        """`object.*` with the type of contacts; of a deal nothing follows."""
        account.person()
        account.wire.sent.clear()
        change = {"subscriptionType": "object.propertyChange"}
        account.report(event(50, objectTypeId="0-1", **change), event(50, objectTypeId="0-3", subscriptionId=9, **change))
        account.settle()
        assert len(account.sent) == 1
        assert ("skipped", "other_event") in stored()

    @pytest.mark.slow
    def test_batch_of_a_hundred_is_read_in_one_call(self, account: Account) -> None:
        """Each contact once."""
        for number in range(20):
            account.person(**{SUBSCRIBER: f"10000{number}"})
        account.wire.sent.clear()
        account.report(*(event(50 + number, subscriptionType="contact.creation", propertyName=None) for number in range(100)))
        account.settle(minutes=4)
        assert len(account.sent) == 20
        assert len(account.calls.calls) == 1


class TestSender:
    """Who may tell."""

    def test_without_a_signature_nobody(self, account: Account) -> None:
        """Whatever key stands in the old address."""
        path = f"{OLD}/hubspot_to_manychat/local-webhook-key"
        assert account.post([event()], path=path).status == 401
        assert account.post([event()], account.signed([event(9)])).status == 401

    def test_old_request_is_no_way_in(self, account: Account) -> None:
        """Version 3 signs its time."""
        headers = account.signed([event()])
        account.clock.advance(minutes=6)
        assert account.post([event(at=account.clock.moment - timedelta(minutes=6))], headers).status == 401

    def test_older_versions_are_taken_unless_a_setting_says_no(self, account: Account, environment: pytest.MonkeyPatch) -> None:
        """A request that carries version 1 alone, again and again, is one event."""
        body = [event(propertyValue="")]
        newer = ("X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp")
        headers = {name: value for name, value in account.signed(body).items() if name not in newer}
        assert [account.post(body, headers).status for _ in range(2)] == [202, 202]
        account.settle()
        assert stored() == [("skipped", "no_interes_producto")]
        environment.setenv("HUBSPOT_SIGNATURE_VERSIONS", "v3")
        get_settings.cache_clear()
        assert account.post(body, headers).status == 401

    def test_workflow_signs_with_version_2(self, account: Account) -> None:
        """By HubSpot's own package."""
        from hubspot.utils.signature import Signature

        raw = json.dumps(payload("hubspot.events", "workflow"))
        path = f"{OLD}/hubspot_lead_to_manychat_improved/hubspot-lead"
        value = Signature.get_signature(SECRET, raw, "v2", f"https://puente.example{path}", "POST", None)
        headers = {"X-HubSpot-Signature": value, "X-HubSpot-Signature-Version": "v2"}
        assert account.post(raw.encode(), headers, path).status == 202

    def test_workflow_that_runs_again_weeks_later_counts_again(self, account: Account) -> None:
        """Its body has no time: signed anew, it is something new."""
        body = payload("hubspot.events", "workflow")
        for _ in range(2):
            account.post(body, account.signed(body))
            account.settle()
            account.clock.advance(days=20)
        assert len(account.sent) == 2

    def test_without_a_secret_a_key_is_asked_for(self, account: Account, environment: pytest.MonkeyPatch) -> None:
        """Never nothing."""
        environment.delenv("HUBSPOT_CLIENT_SECRET")
        environment.setenv("API_KEYS", '[{"name": "h", "key": "hook", "scopes": ["webhook:hubspot"]}]')
        get_settings.cache_clear()
        body = [event()]
        assert [account.post(body, headers).status for headers in ({}, {"X-API-KEY": "hook"})] == [401, 202]


class TestFailures:
    """What ManyChat or HubSpot do not take."""

    def test_outside_the_24_hours_is_an_error_with_its_kind(self, account: Account, api: Api) -> None:
        """ManyChat's code 3011; the turn is given back, so that a later event may try again."""
        made = account.person()
        account.manychat.act("window", {"id": "123456789", "open": False})
        account.deliver()
        account.settle()
        (found, *_others) = api.get("/api/v1/hubspot/messages", status="error").json["items"]
        assert (found["http_status_code"], found["mensaje_enviado"]) == (400, None)
        assert found["error_details"] == {
            "manychat_status": "error",
            "http_status": 400,
            "error_message": "manychat-outside-window",
            "failure_reason": "client_error",
        }
        account.manychat.act("window", {"id": "123456789", "open": True})
        account.clock.advance(hours=1)
        for product in ("", "Plan Anual"):
            account.hubspot.act("set", {"id": made["id"], "properties": {PRODUCT: product}})
        account.deliver()
        account.settle()
        assert len(account.sent) == 1

    def test_lost_answer_of_manychat_sends_no_second_message(self, account: Account) -> None:
        """It may have arrived: an error of unknown kind, and the turn is taken."""
        account.person()
        account.messages_wire.lose_answers = 1
        account.deliver()
        account.settle(minutes=10)
        assert len(account.sent) == 1
        with reading() as session:
            kinds = set(session.scalars(select(HubSpotMessage.failure).where(HubSpotMessage.status == "error")))
            assert kinds == {"unknown"}

    def test_subscriber_that_is_no_number_is_an_error(self, account: Account) -> None:
        """It is passed on as it is, and refused."""
        account.person(**{SUBSCRIBER: "none"})
        account.deliver()
        account.settle()
        assert ("error", "manychat-invalid-subscriber") in stored()

    def test_hubspot_that_is_away_is_waited_for(self, account: Account, environment: pytest.MonkeyPatch) -> None:
        """The event waits; it goes out when the contact can be read."""
        account.person()
        send = account.calls.send
        environment.setattr(account.calls, "send", _down)
        account.deliver()
        account.settle()
        assert {status for status, _reason in stored()} == {"pending"}
        environment.setattr(account.calls, "send", send)
        account.settle(minutes=10)
        assert len(account.sent) == 1

    def test_contact_that_is_gone_leaves_the_events_own_words(self, account: Account) -> None:
        """They do, or they lack something."""
        account.report(event(999))
        account.settle()
        assert stored() == [("skipped", "no_manychat_user_id")]

    def test_without_a_token_the_events_own_words_must_do(self, account: Account, environment: pytest.MonkeyPatch) -> None:
        """HubSpot cannot be asked."""
        environment.delenv("HUBSPOT_TOKEN")
        get_settings.cache_clear()
        body = payload("hubspot.events", "flat")
        account.post(body, account.signed(body))
        account.report(event(52))
        account.settle()
        assert (len(account.sent), ("skipped", "no_manychat_user_id") in stored()) == (1, True)

    def test_wish_not_to_be_written_to_holds(self, account: Account, api: Api) -> None:
        """A stop of theirs is the reason."""
        stop = {"manychat_id": "123456789"}
        assert api.post("/api/v1/suppressions", body=stop).status in (200, 201)
        account.person()
        account.deliver()
        account.settle()
        assert account.sent == []
        assert any(status == "skipped" and str(reason).startswith("suppressed-") for status, reason in stored())


def _down(*_request: Any, **_more: Any) -> requests.Response:
    raise requests.ConnectTimeout


class TestMerges:
    """Two contacts that turn into one under a new id."""

    def test_message_due_to_both_goes_out_once(self, account: Account) -> None:
        """Whichever event comes first; the deletion that follows is no exit."""
        first, second = account.person(), account.person()
        account.hubspot.act("merge", {"id": first["id"], "other": second["id"]})
        account.deliver(backwards=True)
        account.settle()
        assert len(account.sent) == 1
        with reading() as session:
            turns = session.scalars(select(HubSpotTurn)).all()
        assert any(turn.contact_id == "92" and turn.taken_at is not None for turn in turns)

    def test_message_that_went_before_the_merge_counts_after_it(self, account: Account) -> None:
        """The new contact has had it."""
        first, second = account.person(), account.person()
        account.deliver()
        account.settle()
        assert len(account.sent) == 2  # two contacts
        merged = account.hubspot.act("merge", {"id": first["id"], "other": second["id"]})
        account.deliver()
        account.report(event(int(merged["id"])))
        account.settle()
        assert len(account.sent) == 2


class TestPeople:
    """Erasure, and what is kept."""

    def test_erased_person_leaves_no_trace_and_is_not_written_to_again(self, account: Account) -> None:
        """The row keeps its key: the same event does nothing."""
        reported = event(50)
        account.person()
        account.wire.sent.clear()
        account.report(reported)
        account.settle()
        report = erase(person(manychat_id="123456789"), way="skip", actor="dpo")
        assert "50" in str(report)
        with reading() as session:
            (row,) = session.scalars(select(HubSpotMessage)).all()
            assert (row.contact_id, row.manychat_user_id, row.text, row.given, row.found) == (None, None, None, {}, None)
            assert "Ana" not in str(session.scalars(select(Delivery.payload)).all())
        account.report(reported | {"attemptNumber": 3})
        account.settle()
        assert len(account.sent) == 1

    def test_inbox_keeps_nothing_of_the_contacts(self, account: Account) -> None:
        """They have rows of their own, with a rule of their own."""
        body = payload("hubspot.events", "flat")
        account.post(body, account.signed(body))
        account.settle()
        with reading() as session:
            (kept,) = session.scalars(select(InboxEvent)).all()
        assert kept.data == {}

    def test_started_by_hand_under_each_old_name(self, account: Account, api: Api) -> None:
        """In any namespace: 202 with id, flow and state."""
        for number, name in enumerate(["hubspot_lead_to_manychat", "hubspot_lead_to_manychat_improved", "hubspot_to_manychat"]):
            inputs = payload("hubspot.events", "flat") | {"objectId": 70 + number, "manychat_api_key": "secret"}
            body = {"namespace": "any", "flowId": name, "inputs": inputs}
            answer = api.post("/api/v1/executions/trigger", body=body)
            assert (answer.status, answer.json["flowId"], answer.json["state"]["current"]) == (202, name, "CREATED")
            assert "manychat_api_key" in answer.json["warnings"][0]
        account.settle()
        assert len(account.sent) == 3
        with reading() as session:
            assert {row.state for row in session.scalars(select(Delivery))} == {State.DONE}
