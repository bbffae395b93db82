"""Odoo's contacts through our API, with a real Odoo behind it: what it takes, what it refuses, and how that is told."""

from typing import Any

import pytest

from shared.vendors.odoo.client import _client
from tests.conftest import forget
from tests.odoo import seed
from tests.odoo.instance import OdooServer
from tests.odoo.rpc import Session
from tests.support.world import LOCAL_KEY, World
from tests.unit.web.calls import Answer, Api

pytestmark = pytest.mark.odoo

ADDRESS = "/api/v1/odoo/contacts"
ANA = {"name": "Ana Núñez 🌷", "manychat_id": "m1", "email": "ana@example.com", "phone": "+52 55 1234 5678", "city": "Lima"}


class Caller:
    """The API with the administrator's key of the tests."""

    def __init__(self) -> None:
        self._api = Api()

    def __call__(self, method: str, path: str, **more: Any) -> Answer:
        return self._api(method, path, key=LOCAL_KEY, **more)


def connect(environment: pytest.MonkeyPatch, odoo: OdooServer, who: seed.Person, api: str) -> Caller:
    """The app as this user of Odoo."""
    values = {"URL": odoo.url, "DB": "lab", "USERNAME": who.login, "PASSWORD": who.key, "API": api}
    for name, value in values.items():
        environment.setenv(f"ODOO_{name}", value)
    forget()
    _client.cache_clear()
    return Caller()


@pytest.fixture(params=["jsonrpc", "json2"])
def call(request: pytest.FixtureRequest, odoo: OdooServer, world: World, environment: pytest.MonkeyPatch) -> Caller:
    """The app as Odoo's administrator, over each of Odoo's APIs."""
    return connect(environment, odoo, seed.ADMIN, request.param)


def test_made_read_found_changed_deleted(call: Caller, admin: Session) -> None:
    """What is answered is what Odoo has."""
    made = call("POST", ADDRESS, body=ANA)
    assert made.status == 201
    one = made.headers["location"]
    number = made.json["id"]
    (record,) = admin.call("res.partner", "read", [number], fields=["name", "email", "phone", "city", "x_manychat_id"])
    assert record == {"id": number, **{name: ANA[name] for name in ("name", "email", "phone", "city")}, "x_manychat_id": "m1"}
    assert call("GET", one).json == made.json
    for query in ({"q": "núñez"}, {"email": "ANA@example"}, {"manychat_id": "m1"}, {"phone": "1234"}):
        assert [item["id"] for item in call("GET", ADDRESS, **query).json["items"]] == [number], query
    changed = call("PATCH", one, body={"city": None, "active": False}).json
    assert (changed["city"], changed["active"], changed["email"]) == (None, False, ANA["email"])
    assert call("GET", ADDRESS, manychat_id="m1").json["total"] == 0
    assert call("GET", ADDRESS, manychat_id="m1", archived="true").json["total"] == 1
    assert call("POST", ADDRESS, body=ANA).status == 409
    assert call("DELETE", one).status == 204
    assert [
        call(method, one, body=body).status for method, body in (("GET", None), ("PATCH", {"name": "X"}), ("DELETE", None))
    ] == [
        404,
        404,
        404,
    ]


def test_contact_of_a_user_cannot_be_deleted(call: Caller, admin: Session) -> None:
    """409 with Odoo's reason."""
    (user,) = admin.call("res.users", "search_read", [["login", "=", "advisor1"]], fields=["partner_id"])
    answer = call("DELETE", f"{ADDRESS}/{user['partner_id'][0]}")
    assert (answer.status, bool(answer.json["detail"])) == (409, True)


@pytest.mark.parametrize("number", [0, 2**31 - 1, 2**31])
def test_numbers_that_odoo_does_not_have(call: Caller, number: int) -> None:
    """404, at the bound of its database as well."""
    assert call("GET", f"{ADDRESS}/{number}").status == 404
    assert call("GET", ADDRESS, after=str(number)).status == 200


def test_integration_user_may_do_it_but_for_deleting(odoo: OdooServer, world: World, environment: pytest.MonkeyPatch) -> None:
    """The rights that the sync needs suffice to read and write; for deleting, 502 says that Odoo does not let us."""
    call = connect(environment, odoo, seed.INTEGRATION, "jsonrpc")
    made = call("POST", ADDRESS, body={"name": "Eva"})
    assert (made.status, call("PATCH", made.headers["location"], body={"city": "Lima"}).json["city"]) == (201, "Lima")
    answer = call("DELETE", made.headers["location"])
    assert (answer.status, answer.json["type"]) == (502, "urn:puente:problem:odoo-access-error")


def test_odoo_that_is_stopped_is_a_503(call: Caller, odoo: OdooServer) -> None:
    """With Retry-After; and it works again once Odoo is back."""
    assert call("GET", ADDRESS).status == 200
    odoo.pause()
    answer = call("GET", ADDRESS)
    assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
    odoo.resume()
    assert call("GET", ADDRESS).status == 200
