"""Captchas: a person, no person, or a vendor that cannot be asked."""

import uuid
from urllib.parse import parse_qsl

import pytest
import requests

from functions.leads.captcha import Captcha, Rules
from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError, UncertainError
from tests.unit.vendors.network import Answer, FakeNetwork, html, refused


def captcha(network: FakeNetwork) -> Captcha:
    return Captcha("https://captcha.invalid/siteverify", "s3cret", network)


def test_a_person() -> None:
    """The secret, the token and the sender's address are asked about."""
    network = FakeNetwork(Answer(200, {"success": True}))
    assert captcha(network).is_person("token", "203.0.113.7")
    assert captcha(network).is_person("token")
    asked = [dict(parse_qsl(str(request.body))) for request in network.requests]
    assert asked == [
        {"secret": "s3cret", "response": "token", "remoteip": "203.0.113.7"},
        {"secret": "s3cret", "response": "token"},
    ]
    assert network.requests[0].url == "https://captcha.invalid/siteverify"


def test_turnstile_knows_a_repeated_question() -> None:
    """A cut connection is asked again under the same key, so that a person is not refused for a token that is used up."""
    network = FakeNetwork(requests.ConnectionError("cut"), Answer(200, {"success": True}))
    assert captcha(network).is_person("token", rules=Rules(is_turnstile=True))
    keys = [dict(parse_qsl(str(request.body)))["idempotency_key"] for request in network.requests]
    assert len(keys) == 2
    assert keys[0] == keys[1] == str(uuid.UUID(keys[0]))


def test_recaptcha_is_not_asked_twice() -> None:
    """It takes no key: a second answer would call the token used up, and a person would be refused."""
    network = FakeNetwork(requests.ConnectionError("cut"), Answer(200, {"success": True}))
    with pytest.raises(UncertainError):
        captcha(network).is_person("token", rules=Rules())
    assert len(network.requests) == 1


@pytest.mark.parametrize(
    ("answer", "rules", "passes"),
    [
        ({"score": 0.5}, Rules(), True),
        ({"score": 0.4}, Rules(), False),
        ({"score": 0.0}, Rules(), False),  # what a bot has with a key of v3: success is true all the same
        ({"score": 0.4}, Rules(least_score=0.3), True),
        ({"score": "0.9"}, Rules(), False),
        ({}, Rules(), True),  # v2 and Turnstile
        ({"score": 0.9, "action": "login"}, Rules(), True),
        ({"score": 0.9, "action": "login"}, Rules(action="lead"), False),
        ({"score": 0.9}, Rules(action="lead"), False),
        ({"score": 0.9, "action": "lead"}, Rules(action="lead"), True),
        ({"action": "lead"}, Rules(action="lead", is_turnstile=True), True),
    ],
)
def test_success_alone_is_no_person(answer: dict[str, object], rules: Rules, passes: bool) -> None:  # noqa: FBT001  # a row
    """A score below the least one, or a token of another form, is none."""
    network = FakeNetwork(Answer(200, {"success": True} | answer))
    assert captcha(network).is_person("token", rules=rules) is passes


@pytest.mark.parametrize("codes", [["invalid-input-response"], ["timeout-or-duplicate"], ["bad-request"], None])
def test_no_person(codes: list[str] | None) -> None:
    """A wrong, old or used token."""
    assert not captcha(FakeNetwork(Answer(200, {"success": False, "error-codes": codes}))).is_person("token")


@pytest.mark.parametrize("token", ["", "x" * 5000])
def test_what_cannot_be_a_token_is_not_asked_about(token: str) -> None:
    """Nobody waits for a vendor over it."""
    network = FakeNetwork(Answer(200, {"success": True}))
    assert not captcha(network).is_person(token)
    assert not network.requests


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (Answer(200, {"success": False, "error-codes": ["invalid-input-secret"]}), PermanentError),
        (Answer(400, {"success": False, "error-codes": ["missing-input-secret"]}), PermanentError),
        (Answer(200, {"success": False, "error-codes": ["internal-error"]}), RetryableError),
        (Answer(200, {"success": "yes"}), RetryableError),
        (html(), RetryableError),
        (html(500), PuenteError),
        (html(403), PermanentError),
        (requests.ReadTimeout(), UncertainError),
        (refused(), UnavailableError),
    ],
)
def test_a_vendor_that_cannot_be_asked(step: Answer | Exception, error: type[PuenteError]) -> None:
    """It is an error and no verdict on the sender: whoever asks decides what to do without one."""
    with pytest.raises(error) as caught:
        captcha(FakeNetwork(step)).is_person("token")
    assert "s3cret" not in str(caught.value)
