"""Odoo's contacts through our API: what Odoo has, what it refuses, and what a caller is told when it does not answer."""

from typing import Any

import pytest
from sqlalchemy import select

from sandbox.testing import RunningSandbox
from shared.crm import odoo_contacts
from shared.errors import NoAnswerError, PermanentError, RetryableError, ThrottledError, UncertainError
from shared.settings import get_settings
from shared.store.models import ActionLog
from shared.store.session import reading
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.errors import OdooFailureError
from tests.conftest import forget
from tests.unit.web.calls import Api

pytestmark = pytest.mark.slow

ADDRESS = "/api/v1/odoo/contacts"
ANA = {
    "name": "Ana Núñez 🌟",
    "manychat_id": "m1",
    "email": "ana@example.com",
    "phone": "+52 55 1234 5678",
    "city": "Lima",
    "is_company": False,
}


def names(answer: Any) -> list[str]:
    """Who is in a list."""
    return [item["name"] for item in answer.json["items"]]


def log() -> list[tuple[str, str, str | None, str]]:
    """Who did what to whom, and how it went."""
    with reading() as session:
        lines = session.scalars(select(ActionLog).order_by(ActionLog.id))
        return [(line.actor, line.action, line.subject, line.result) for line in lines]


class TestLife:
    """Made, read, changed and deleted in Odoo itself."""

    def test_made_read_changed_deleted(self, api: Api, sandbox: RunningSandbox) -> None:
        """What is answered is what Odoo has; each deed is logged with who did it."""
        made = api.post(ADDRESS, body=ANA)
        assert made.status == 201
        one = made.headers["location"]
        (record,) = sandbox.records("res.partner", x_manychat_id="m1")
        assert (record["name"], record["email"], record["city"]) == (ANA["name"], ANA["email"], "Lima")
        assert api.get(one).json == made.json
        assert {name: made.json[name] for name in ANA} == ANA
        changed = api("PATCH", one, body={"city": None, "phone": "555"}).json
        assert (changed["city"], changed["phone"], changed["email"]) == (None, "555", ANA["email"])
        replaced = api("PUT", one, body={"name": "Ana"}).json
        assert (replaced["name"], replaced["email"], replaced["manychat_id"]) == ("Ana", None, None)
        assert api("DELETE", one).status == 204
        assert api.get(one).status == api("DELETE", one).status == api("PATCH", one, body={"name": "X"}).status == 404
        number = f"partner:{made.json['id']}"
        assert log() == [
            ("key:ops", "odoo.partner.create", "m1", "done"),
            ("key:ops", "odoo.partner.update", number, "done"),
            ("key:ops", "odoo.partner.update", number, "done"),
            ("key:ops", "odoo.partner.delete", number, "done"),
            ("key:ops", "odoo.partner.delete", number, "odoo-missing-record"),
            ("key:ops", "odoo.partner.update", number, "odoo-missing-record"),
        ]

    def test_manychat_id_is_one_persons(self, api: Api, sandbox: RunningSandbox) -> None:
        """409 that names the other one, archived or not; one's own is no conflict."""
        first = api.post(ADDRESS, body=ANA).json["id"]
        api("PATCH", f"{ADDRESS}/{first}", body={"active": False})
        answer = api.post(ADDRESS, body=ANA)
        assert (answer.status, str(first) in answer.json["title"]) == (409, True)
        second = api.post(ADDRESS, body={"name": "Eva"}).json["id"]
        assert api("PATCH", f"{ADDRESS}/{second}", body={"manychat_id": "m1"}).status == 409
        assert api("PUT", f"{ADDRESS}/{first}", body=ANA).status == 200
        assert len(sandbox.records("res.partner", x_manychat_id="m1")) == 1

    @pytest.mark.parametrize(
        ("error", "changing", "deleting"),
        [
            (PermanentError("odoo-validation", "no"), 422, 409),
            (PermanentError("odoo-user-error", "no"), 422, 409),
            (PermanentError("odoo-unstorable-text", "no"), 422, 409),
            (PermanentError("odoo-database-refused", "no"), 409, 409),
            (PermanentError("odoo-missing-record", "no"), 404, 404),
            (PermanentError("odoo-access-error", "no"), 502, 502),
            (PermanentError("odoo-unknown-field", "no"), 502, 502),
            (OdooFailureError("no"), 502, 502),
            (RetryableError("no"), 503, 503),
            (ThrottledError("no", after_seconds=7), 503, 503),
            (NoAnswerError("no"), 504, 504),
            (UncertainError("no"), 504, 504),
        ],
    )
    def test_each_error_of_odoo_has_its_status(
        self, api: Api, environment: pytest.MonkeyPatch, error: Exception, changing: int, deleting: int
    ) -> None:
        """What Odoo objects to is a wrong value in a change, and a conflict in a deletion."""

        def fail(*_: Any, **__: Any) -> Any:
            raise error

        for name in ("write", "unlink"):
            environment.setattr(OdooClient, name, fail)
        assert api("PATCH", f"{ADDRESS}/1", body={"name": "X"}).status == changing
        assert api("DELETE", f"{ADDRESS}/1").status == deleting

    @pytest.mark.parametrize("number", [0, 2**31 - 1, 2**31, 10**18 - 1])
    def test_numbers_that_odoo_does_not_have(self, api: Api, number: int) -> None:
        """404, also beyond what its database can hold."""
        assert api.get(f"{ADDRESS}/{number}").status == 404
        assert api("PATCH", f"{ADDRESS}/{number}", body={"name": "X"}).status == 404

    @pytest.mark.parametrize(
        "body", [{}, {"name": " "}, ANA | {"email": "ana"}, ANA | {"is_company": 1}, ANA | {"nmae": "x"}, ANA | {"name": None}]
    )
    def test_what_cannot_be_meant_does_not_reach_odoo(self, api: Api, sandbox: RunningSandbox, body: Any) -> None:
        """422, without a call."""
        before = sandbox.call_count("odoo")
        assert api.post(ADDRESS, body=body).status == 422
        assert sandbox.call_count("odoo") == before

    def test_odoo_that_has_no_field_for_manychats_id(self, api: Api, sandbox: RunningSandbox) -> None:
        """409 that says what to do; without the id everything works."""
        sandbox.reset(custom_fields=False)
        answer = api.post(ADDRESS, body=ANA)
        assert (answer.status, "odoo-setup" in answer.json["title"]) == (409, True)
        assert api.get(ADDRESS, manychat_id="m1").status == 409
        made = api.post(ADDRESS, body={"name": "Eva"})
        assert (made.status, made.json["manychat_id"]) == (201, None)
        sandbox.reset()
        assert api.post(ADDRESS, body=ANA).status == 201

    def test_field_that_was_taken_away_meanwhile(self, api: Api, sandbox: RunningSandbox) -> None:
        """502 once, for what we knew of Odoo's fields is old; then we know better."""
        api.get(ADDRESS)
        sandbox.reset(custom_fields=False)
        assert api.get(ADDRESS).status == 502
        assert api.get(ADDRESS).status == 200


class TestSearch:
    """Lists are Odoo's own, page by page."""

    @pytest.fixture
    def three(self, api: Api) -> None:
        """Three people, one archived, and a company."""
        api.post(ADDRESS, body=ANA)
        api.post(ADDRESS, body={"name": "Eva", "email": "eva@example.com", "active": False})
        api.post(ADDRESS, body={"name": "Clínica", "is_company": True, "phone": "600"})

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"q": "núñ"}, [ANA["name"]]),
            ({"q": "EXAMPLE.com"}, [ANA["name"]]),
            ({"q": "1234"}, [ANA["name"]]),
            ({"q": "example.com", "archived": "true"}, ["Eva", ANA["name"]]),
            ({"email": "ana@example.com"}, [ANA["name"]]),
            ({"manychat_id": "m1"}, [ANA["name"]]),
            ({"phone": "600"}, ["Clínica"]),
            ({"q": "nobody"}, []),
        ],
    )
    def test_filters(self, api: Api, three: None, query: dict[str, str], found: list[str]) -> None:
        """A part of name, address or number; all must fit."""
        answer = api.get(ADDRESS, **query)
        assert (names(answer), answer.json["total"]) == (found, len(found))

    def test_pages_follow_each_other(self, api: Api, three: None) -> None:
        """To the end, both ways, while contacts are added."""
        for order in ("newest", "oldest"):
            whole = names(api.get(ADDRESS, order=order))
            seen, after = [], {}
            while True:
                page = api.get(ADDRESS, order=order, limit=1, **after)
                seen += names(page)
                if len(seen) == 1:
                    api.post(ADDRESS, body={"name": f"added {order}"})
                if page.json["next"] is None:
                    break
                after = {"after": page.json["next"]}
            assert [name for name in seen if name in whole] == whole

    def test_cursor_beyond_odoos_numbers_is_no_trouble(self, api: Api, three: None) -> None:
        """Everything, or nothing."""
        assert len(names(api.get(ADDRESS, after="9" * 18))) >= 2
        assert names(api.get(ADDRESS, after="9" * 18, order="oldest")) == []


class TestTrouble:
    """What goes wrong in Odoo is told as a problem document, never as a failure of ours."""

    @pytest.mark.parametrize(
        ("mode", "more", "status", "reason"),
        [
            ("down", {}, 503, "unavailable"),
            ("rate_limited", {"seconds": 7}, 503, "unavailable"),
            ("garbage", {}, 503, "unavailable"),
            ("conflict", {}, 503, "unavailable"),
        ],
    )
    def test_each_kind_has_its_status(
        self, api: Api, sandbox: RunningSandbox, mode: str, more: dict[str, Any], status: int, reason: str
    ) -> None:
        """With Retry-After where trying again makes sense."""
        sandbox.fault(mode, **more)
        for answer in (api.get(ADDRESS), api.get(f"{ADDRESS}/1"), api("DELETE", f"{ADDRESS}/1")):
            assert (answer.status, answer.json["type"]) == (status, f"urn:puente:problem:{reason}")
            assert int(answer.headers["retry-after"]) >= 1

    def test_no_answer_in_time_is_a_504(self, api: Api, sandbox: RunningSandbox, environment: pytest.MonkeyPatch) -> None:
        """Within the time limit, which is at most 30 s whatever the setting says; reads and changes alike."""
        api.get(ADDRESS)  # logged in and fields known
        environment.setattr(odoo_contacts, "LONGEST_WAIT_SECONDS", 0.2)
        sandbox.fault("slow", seconds=0.6)
        assert api.get(ADDRESS).json["type"] == "urn:puente:problem:odoo-no-answer"
        answer = api.post(ADDRESS, body={"name": "Ana"})
        assert (answer.status, "may have been done" in answer.json["title"]) == (504, True)

    def test_time_limit_is_bounded(self, api: Api, environment: pytest.MonkeyPatch) -> None:
        """30 s, or less where the setting says less."""
        for given, used in (("200", 30), ("5", 5)):
            environment.setenv("ODOO_TIMEOUT_SECONDS", given)
            get_settings.cache_clear()
            client: OdooClient = odoo_contacts.Partners("a")._client
            assert client._transport._http._timeout[1] == used

    def test_wrong_password_is_a_502_without_the_password(
        self, api: Api, sandbox: RunningSandbox, environment: pytest.MonkeyPatch
    ) -> None:
        """The settings need attention, not the caller."""
        environment.setenv("ODOO_PASSWORD", "S3CRET")
        forget()
        answer = api.get(ADDRESS)
        assert (answer.status, answer.json["type"]) == (502, "urn:puente:problem:odoo-access-denied")
        assert "S3CRET" not in answer.body.decode()

    def test_failed_change_is_logged_as_such(self, api: Api, sandbox: RunningSandbox) -> None:
        """With what is known of it in place of `done`: nobody can tell whether it was created."""
        api.get(ADDRESS)
        sandbox.fault("accept_then_drop")
        assert api.post(ADDRESS, body={"name": "Zacarías"}).status == 504
        assert [(line[1], line[3]) for line in log()] == [("odoo.partner.create", "uncertain")]
        sandbox.fault("none")
        assert names(api.get(ADDRESS, q="Zacarías")) == ["Zacarías"]
