"""Shadow mode: whatever is declared, nothing goes out to a target that SHADOW covers, and what would have gone is recorded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import select

from shared import flows, shadow_mode
from shared.crm.odoo_contacts import Partners
from shared.errors import ConfigurationError, PermanentError, RefusedError
from shared.messages.providers import smtp
from shared.messages.providers.mail import Email
from shared.outbox import actions, effects, execute, operator_actions, plan
from shared.outbox.actions import Action, Claimed, Done, Kind, Later, Shadowed, Skip
from shared.settings import get_settings
from shared.store.models import ActionLog, Delivery, Target
from shared.store.session import reading, transact
from shared.vendors.http import HttpClient
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.transports import Json2Transport, JsonRpcTransport
from shared.web.odoo_errors import as_problems
from tests.conftest import START

WRITES = [
    ("create", {"vals_list": []}, None),
    ("write", {"vals": {}}, [1]),
    ("unlink", {}, [1]),
    ("load", {"fields": [], "data": []}, None),
    ("message_post", {"body": ""}, [1]),
    ("action_set_lost", {}, [1]),
]


class Spy(requests.adapters.BaseAdapter):
    """A network on which nothing goes out: what was about to is noted, and every question is answered with nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        """Note a request, and answer it."""
        self.seen.append(f"{request.method} {request.path_url}")
        response = requests.Response()
        response.status_code, response._content, response.request = 200, b"{}", request
        return response

    def close(self) -> None:
        """Nothing is open."""


def sent_to(monkeypatch, target: str = "all") -> None:
    """Let SHADOW cover a target."""
    monkeypatch.setenv("SHADOW", target)


def rows(model: type[Any] = Delivery) -> list[Any]:
    """All rows of a table."""
    with reading() as session:
        return list(session.scalars(select(model).order_by(model.id)))


class TestSetting:
    """Which targets it names."""

    @pytest.mark.parametrize(
        ("setting", "covered"),
        [
            ("", []),
            ("odoo", ["odoo"]),
            ("odoo, kommo", ["kommo", "odoo"]),
            ("all", ["alerts", "kommo", "odoo"]),
            ("all,-alerts", ["kommo", "odoo"]),
        ],
    )
    def test_names(self, environment, setting, covered) -> None:
        """Some, all, or all but some."""
        sent_to(environment, setting)
        assert shadow_mode.covered(["odoo", "alerts", "kommo"]) == covered

    @pytest.mark.parametrize("setting", ["oddo", "all,-oddo", "-odoo", "Odoo"])
    def test_misspelt_name_is_seen_at_the_start(self, environment, setting) -> None:
        """A name that covers nothing would let everything out."""
        sent_to(environment, setting)
        with pytest.raises(ConfigurationError, match="SHADOW"):
            get_settings()

    def test_every_target_may_be_named(self, environment) -> None:
        """Each that the deployed code can reach."""
        sent_to(environment, ",".join(sorted(actions.targets())))
        assert set(get_settings().shadow) == actions.targets()


class TestNothingGoesOut:
    """No delivery, no direct call."""

    def test_no_action_is_executed(self, environment) -> None:
        """Of every action of every flow, but for those that stay inside."""
        sent_to(environment)
        for action in actions.known().values():
            if action.is_inside:
                continue
            claimed = Claimed(id=1, subject="nobody", payload={"x": 1}, attempt=1, key="k")
            called: list[Any] = []
            spied = _spied(action, called)
            (outcome,) = execute._outcomes(spied, [claimed]).values()
            assert not called, action
            assert not (isinstance(outcome, Done) and not isinstance(outcome, Shadowed)), action

    def test_only_deliveries_to_ourselves_stay_inside(self) -> None:
        """An action that calls somebody must not claim that it calls nobody."""
        assert {(one.target, one.name) for one in actions.known().values() if one.is_inside} == {
            ("puente", "plan"),
            ("puente", "resync"),
            ("onboarding", "advance"),
        }

    def test_no_client_writes(self, environment) -> None:
        """Each declared system, and the captcha: whoever calls it beside the outbox is refused."""
        from functions.leads.captcha import CAPTCHA

        sent_to(environment)
        for client in (*(one for one in flows.parts("clients") if hasattr(one, "connect")), CAPTCHA):
            spy = Spy()
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                with pytest.raises(PermanentError, match="SHADOW covers"):
                    client.connect("http://127.0.0.1:9", "key", adapter=spy).request(method, "/x", json={})
            assert spy.seen == []

    def test_clients_are_named_as_their_targets(self) -> None:
        """So that SHADOW=<target> stops the client as well; those of another name change nothing outside."""
        names = {getattr(one, "target", "") or one.name.lower() for one in flows.parts("clients")}
        assert names - actions.targets() == {"cal.com", "calendly", "captcha"}

    @pytest.mark.parametrize("way", ["jsonrpc", "json2"])
    def test_odoo_is_only_read(self, environment, way) -> None:
        """Whatever method of a model writes, or is not known to read only, is refused; questions go through."""
        sent_to(environment, "odoo")
        spy = Spy()
        http = HttpClient("Odoo", "http://127.0.0.1:9", read_seconds=1, adapter=spy)
        transport: Any = Json2Transport(http) if way == "json2" else JsonRpcTransport(http, "db", "u", "p")
        if way == "jsonrpc":
            transport._uid = 1
        client = OdooClient(transport)
        for method, params, ids in WRITES:
            with pytest.raises(PermanentError, match="SHADOW covers odoo"):
                client.call("crm.lead", method, params, ids=ids)
        assert spy.seen == []
        client.call("crm.lead", "search_read", {"domain": []}, repeatable=True)
        assert len(spy.seen) == 1

    def test_api_refuses_to_change_odoo(self, environment, database) -> None:
        """Whoever edits a contact of Odoo's through the API reads why: 409, and nothing was called."""
        sent_to(environment, "odoo")
        partners = Partners("ana")
        environment.setattr(partners._client._transport, "_uid", 2)  # logged in before
        with pytest.raises(RefusedError) as refused, as_problems():
            partners.unlink(7)
        assert (refused.value.status, refused.value.reason) == (409, "shadow-mode")

    def test_no_mail_is_handed_over(self, environment) -> None:
        """A mail server is no HTTP system; it is not connected to."""
        sent_to(environment, "smtp")
        environment.setenv("SMTP_URL", "smtp://127.0.0.1:9")
        environment.setenv("SMTP_FROM", "a@example.com")
        get_settings.cache_clear()
        letter = Email(key="k", to="b@example.com", subject="s", text="t", html="", headers={})
        with pytest.raises(PermanentError, match="SHADOW covers smtp"):
            smtp.Smtp.from_settings(get_settings()).send(letter)


def _spied(action: Action, called: list[Any]) -> Action:
    from dataclasses import replace

    def failing(*given: Any) -> Any:
        called.append(given)
        raise AssertionError

    return replace(action, execute=failing, look_up=failing, describe=lambda delivery: {"x": delivery.subject})


class Outside:
    """An outside system in the test's hand, with one message and one sync."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.after: list[tuple[str, Any, bool]] = []
        self.wanted: Any = None
        facts = {"execute": self._execute, "after": self._after}
        self.message = actions.register(actions.message("far", "note", unwanted=lambda _s, _d: self.wanted, **facts))
        self.sync = actions.register(Action(target="far", name="row", kind=Kind.SYNC, describe=self._describe, **facts))

    def _execute(self, batch):
        self.calls += [one.subject for one in batch]
        return {one.id: Done({"id": "1"}) for one in batch}

    def _after(self, _session, delivery, outcome, final) -> None:
        self.after.append((delivery.subject, outcome, final))

    def _describe(self, delivery):
        return Skip("gone") if delivery.subject == "gone" else {"email": " Ana@Example.com", "stage": 16}

    def enqueue(self, subject: str, kind: str = "message", **more: Any) -> None:
        """Plan one."""
        if kind == "sync":
            transact(lambda s: plan.sync(s, self.sync, subject))
        else:
            payload = {"to": "ana@example.com", "text": "Hola Ana"}
            transact(lambda s: plan.message(s, self.message, subject, subject, payload, **more))


@pytest.fixture
def outside(database, storage, test_clock, environment):
    """An outside system, taken away afterwards."""
    held = dict(actions._actions)
    yield Outside()
    actions._actions.clear()
    actions._actions.update(held)


class TestRecorded:
    """What is kept of what did not go out."""

    @pytest.mark.parametrize("kind", ["message", "sync"])
    def test_delivery_says_what_it_would_have_sent(self, environment, outside, kind) -> None:
        """As digests and masked, with no value in it; the action log says `shadowed`."""
        sent_to(environment)
        outside.enqueue("person:1", kind)
        execute.drain("far")
        (row,) = rows()
        assert (row.state, outside.calls) == ("shadowed", [])
        assert row.result["effect"] == ("far.note" if kind == "message" else "far.row")
        assert row.result["who"] == effects.whom({"to": "ana@example.com"})
        assert "ana@" not in str(row.result).lower()
        assert [line.result for line in rows(ActionLog)] == ["shadowed"]
        ((_subject, outcome, final),) = outside.after
        assert (type(outcome), final) == (Shadowed, True)

    def test_lane_of_many_is_covered(self, environment, outside) -> None:
        """A broadcast as well as a single message."""
        sent_to(environment)
        outside.enqueue("person:1", source="broadcast:1")
        execute.drain("far")
        assert ([row.state for row in rows()], outside.calls) == (["shadowed"], [])

    def test_reason_not_to_send_counts(self, environment, outside) -> None:
        """What would have been skipped or put off is; and a record that nobody makes is not waited for."""
        sent_to(environment)
        outside.wanted = "no-consent"
        outside.enqueue("person:1")
        execute.drain("far")
        outside.wanted = Later(START + timedelta(days=1), "quiet-hours")
        outside.enqueue("person:2")
        execute.drain("far")
        outside.wanted = Later(START + timedelta(days=1), "waits", for_record=True)
        outside.enqueue("person:3")
        execute.drain("far")
        assert [row.state for row in rows()] == ["skipped", "pending", "shadowed"]

    def test_row_that_is_gone_is_skipped(self, environment, outside) -> None:
        """As it would have been."""
        sent_to(environment)
        outside.enqueue("gone", "sync")
        execute.drain("far")
        assert [row.state for row in rows()] == ["skipped"]

    def test_system_that_is_down_holds_nothing_up(self, environment, outside) -> None:
        """Its circuit is neither asked nor closed by what did not happen."""
        sent_to(environment)

        def down(session) -> None:
            session.add(Target(name="far", circuit="open", closed_until=START + timedelta(hours=1), failures=3))

        transact(down)
        outside.enqueue("person:1")
        execute.drain("far")
        assert [row.state for row in rows()] == ["shadowed"]
        with reading() as session:
            assert session.get_one(Target, "far").circuit == "open"

    def test_message_that_may_have_gone_before_waits(self, environment, outside) -> None:
        """It is neither sent nor taken for not sent."""
        outside.enqueue("person:1")
        transact(lambda s: setattr(s.get_one(Delivery, 1), "reason", "outcome-unknown"))
        sent_to(environment)
        execute.drain("far")
        assert [(row.state, row.reason) for row in rows()] == [("pending", "outcome-unknown")]

    def test_mistake_in_a_description_costs_one_delivery(self, environment, outside) -> None:
        """The others are recorded."""
        sent_to(environment)
        outside.enqueue("person:1", "sync")
        object.__setattr__(outside.sync, "describe", lambda _delivery: 1 / 0)
        execute.drain("far")
        (row,) = rows()
        assert (row.state, row.attempts) == ("pending", 1)


class TestSwitchedOff:
    """What was shadowed stays where it is, until an operator wants it."""

    def test_nothing_is_sent_afterwards(self, environment, outside) -> None:
        """The same event again plans nothing; a new one is carried out."""
        sent_to(environment)
        outside.enqueue("person:1")
        execute.drain("far")
        sent_to(environment, "")
        outside.enqueue("person:1")
        execute.drain("far")
        assert outside.calls == []
        outside.enqueue("person:2")
        execute.drain("far")
        assert outside.calls == ["person:2"]

    def test_operator_sends_one(self, environment, outside) -> None:
        """By a retry, as of any finished delivery."""
        sent_to(environment)
        outside.enqueue("person:1")
        execute.drain("far")
        sent_to(environment, "")
        operator_actions.retry(1, "ana")
        execute.drain("far")
        assert (outside.calls, [row.state for row in rows()]) == (["person:1"], ["shadowed", "done"])


class TestEffects:
    """Digests that can be compared with another system's."""

    def test_spellings_of_an_address_are_one(self) -> None:
        """Upper case, spaces, the 1 of Mexican mobiles."""
        assert effects.whom({"to": " Ana@Example.COM "}) == effects.whom({"email": "ana@example.com"})
        assert effects.whom({"phone": "+5215512345678"}) == effects.whom({"to": "+525512345678"})

    def test_forms_of_a_value_are_one(self) -> None:
        """The order of names, a fraction of zero, an offset from UTC."""
        assert effects.digest_of({"a": 1, "b": None}) == effects.digest_of({"a": 1.0})
        at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        assert effects.digest_of(at) == effects.digest_of(datetime.fromisoformat("2026-03-01T06:00:00-06:00"))

    def test_mask_hides_text_and_shows_numbers(self) -> None:
        """The stage is worth seeing, the name is not."""
        assert effects.masked("Ana María", "name") == "A*** (9)"
        assert effects.masked(16, "stage") == 16
        assert effects.masked("525512345678", "phone") == "5*** (12)"
