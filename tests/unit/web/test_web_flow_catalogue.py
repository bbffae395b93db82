"""Flows and settings over the API: what runs here and what is set; neither is changed there."""

import pytest

from shared import flows
from shared.settings import get_settings
from tests.unit.web.calls import Api

SECRET = "whsec_never_to_be_shown"  # of the tests alone


def test_flows_are_those_that_declare_themselves(api: Api) -> None:
    """Each once, with the addresses of its webhooks."""
    found = api.get("/api/v1/flows").json
    assert [flow["id"] for flow in found["items"]] == sorted(flow.name for flow in flows.installed())
    payments = next(flow for flow in found["items"] if flow["id"] == "payments")
    assert "/api/v1/stripe/webhook" in payments["webhooks"]


def test_flow_is_found_in_any_namespace_by_its_old_id_too(api: Api) -> None:
    """As callers of the replaced system name it."""
    for flow_id in ("payments", "stripe_payments_to_sheets_db_ai"):
        assert api.get(f"/api/v1/flows/ventas/{flow_id}").json["id"] == "payments"
    assert api.get("/api/v1/flows/christmas/onboarding-handler").json["id"] == "christmas"
    assert api.get("/api/v1/flows/x/unknown").status == 404


def test_settings_are_named_and_never_shown(api: Api, environment: pytest.MonkeyPatch) -> None:
    """Whether each is set, whatever it holds."""
    environment.setenv("STRIPE_SIGNING_SECRET", SECRET)
    get_settings.cache_clear()
    answer = api.get("/api/v1/variables")
    known = {one["key"]: one["is_set"] for one in answer.json["items"]}
    assert (known["STRIPE_SIGNING_SECRET"], known["SHEETS_TOKEN"], known["API_KEYS"]) == (True, False, True)
    assert SECRET not in str(answer.json)


def test_neither_is_changed_here(api: Api) -> None:
    """405, with where they live."""
    made, changed = api.post("/api/v1/flows", body={}), api("PUT", "/api/v1/variables/ODOO_URL", body={"value": "x"})
    assert [(answer.status, answer.headers["allow"]) for answer in (made, changed)] == [(405, "GET")] * 2
    assert "functions/" in made.json["detail"]
    assert "settings.md" in changed.json["detail"]


def test_what_is_only_refused_is_no_method_of_the_address(api: Api) -> None:
    """Allow names what can be done there."""
    assert api("OPTIONS", "/api/v1/flows").headers["allow"] == "GET"
