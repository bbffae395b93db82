"""Inputs of a flow that is started by hand: what is a secret among them."""

import pytest

from shared import flows
from shared.intake import by_hand

SECRET = (
    "token key apiKey API_KEY openai_api_key access_token accessToken authToken2 STRIPE_SIGNING_SECRET clientSecrets password "
    "jdbc-password db.pwd Authorization contraseña clave_api HUBSPOTTOKEN tokens"
)
PLAIN = (
    "email name secretaria monkey keyword passenger_name compass business_name authorized_at amount bypass_count event object"
)


@pytest.mark.parametrize("name", SECRET.split())
def test_looks_secret(name: str) -> None:
    """However it is spelled."""
    assert by_hand.looks_secret(name)


@pytest.mark.parametrize("name", PLAIN.split())
def test_is_no_secret(name: str) -> None:
    """Words that only hold such a word."""
    assert not by_hand.looks_secret(name)


def test_left_out_in_any_depth_and_named_by_place() -> None:
    """What was declared as well, whatever its case; the rest is as it was."""
    inputs = {"a": 1, "Sheet_URL": "https://x", "b": {"token": "t", "c": [{"password": "p", "d": None}]}, "e": ["token"]}
    kept, left_out = by_hand.without_secrets(inputs, frozenset({"sheet_url"}))
    assert kept == {"a": 1, "b": {"c": [{"d": None}]}, "e": ["token"]}
    assert left_out == ["Sheet_URL", "b.token", "b.c.0.password"]


def test_no_payload_has_a_field_that_would_be_taken_for_a_secret() -> None:
    """It would never arrive."""
    found = [(flow, webhook) for flow in flows.installed() for webhook in by_hand.webhooks_of(flow).values()]
    assert found
    for flow, webhook in found:
        if isinstance(webhook, by_hand.Synchronous):  # reads the inputs itself
            continue
        fields = webhook.model.model_fields.keys()
        assert {name for name in fields if by_hand.looks_secret(name)} | (fields & flow.secret_inputs) == set(), webhook.name
