"""Captchas: a person, no person, or a vendor that cannot be asked."""

from urllib.parse import parse_qsl

import pytest
import requests

from functions.leads.captcha import Captcha
from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError
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
        (html(500), RetryableError),
        (html(403), PermanentError),
        (requests.ReadTimeout(), RetryableError),
        (refused(), UnavailableError),
    ],
)
def test_a_vendor_that_cannot_be_asked(step: Answer | Exception, error: type[PuenteError]) -> None:
    """It is an error and no verdict on the sender: whoever asks decides what to do without one."""
    with pytest.raises(error) as caught:
        captcha(FakeNetwork(step)).is_person("token")
    assert "s3cret" not in str(caught.value)
