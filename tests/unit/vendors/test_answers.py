"""What an answer means where the vendor says nothing better."""

import pytest
import requests

from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError, UncertainError
from shared.vendors import answers
from tests.unit.vendors.network import Answer, html


def response(answer: Answer) -> requests.Response:
    return answer.to(requests.PreparedRequest())


@pytest.mark.parametrize(
    ("status", "safe", "unsafe", "reason"),
    [
        (500, RetryableError, UncertainError, None),
        (520, RetryableError, UncertainError, None),
        (402, UnavailableError, UnavailableError, None),
        (408, RetryableError, RetryableError, None),
        (409, RetryableError, RetryableError, None),
        (423, RetryableError, RetryableError, None),
        (401, UnavailableError, UnavailableError, None),
        (403, PermanentError, PermanentError, "acme-forbidden"),
        (404, PermanentError, PermanentError, "acme-not-found"),
        (400, PermanentError, PermanentError, "acme-invalid-thing"),
        (422, PermanentError, PermanentError, "acme-invalid-thing"),
        (301, PermanentError, PermanentError, "acme-invalid-thing"),
        (302, PermanentError, PermanentError, "acme-invalid-thing"),
        (308, PermanentError, PermanentError, "acme-invalid-thing"),
    ],
)
def test_each_status_has_one_verdict(status: int, safe: type, unsafe: type, reason: str | None) -> None:
    """As the table at the head of the module says."""
    for repeatable, expected in ((True, safe), (False, unsafe)):
        error = answers.failure(response(Answer(status)), "acme", "Acme: x", repeatable=repeatable, code="Invalid_Thing")
        assert type(error) is expected
        assert getattr(error, "reason", None) == reason


@pytest.mark.parametrize(("status", "account"), [(401, True), (402, True), (400, False), (503, False)])
def test_refused_account_is_told_from_a_refused_call(status: int, *, account: bool) -> None:
    """It is a matter of all calls, so it is an outage of the system, and only a person can mend it."""
    error = answers.failure(response(Answer(status)), "acme", "Acme: x", repeatable=True)
    assert getattr(error, "account", False) is account
    named = answers.failure(response(Answer(400)), "acme", "Acme: x", repeatable=True, account=True)
    assert isinstance(named, UnavailableError)
    assert named.account


@pytest.mark.parametrize(("status", "good"), [(199, False), (200, True), (204, True), (299, True), (300, False), (304, False)])
def test_success_is_200_to_299(status: int, *, good: bool) -> None:
    """A redirect is none: nothing was done where it came from."""
    assert answers.is_good(response(Answer(status))) is good


def test_redirect_says_whereto_without_its_path() -> None:
    """The path may hold a secret."""
    moved = response(Answer(301, b"", {"Location": "https://new.example/token/s3cret"}))
    error = answers.failure(moved, "acme", "Acme: x", repeatable=True)
    assert "points to new.example" in str(error)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("code", [None, "", "ana@example.com wrote", "x" * 60, "ñ"])
def test_what_is_no_code_makes_no_reason(code: str | None) -> None:
    """A reason is something to filter by, not a text."""
    error = answers.failure(response(Answer(400)), "acme", "Acme: x", repeatable=True, code=code)
    assert isinstance(error, PermanentError)
    assert error.reason == "acme-refused"


@pytest.mark.parametrize(
    ("answer", "repeatable", "error"),
    [(html(), True, RetryableError), (html(), False, UncertainError), (Answer(200, [1]), False, UncertainError)],
)
def test_a_good_status_with_a_strange_body(answer: Answer, error: type[PuenteError], *, repeatable: bool) -> None:
    """A proxy's page is no answer: nobody knows what became of the call."""
    with pytest.raises(error):
        answers.mapping(response(answer), "Acme: x", repeatable=repeatable)


def test_no_content_is_an_empty_object() -> None:
    """As 204 has it."""
    assert answers.mapping(response(Answer(204, b"")), "Acme: x", repeatable=False) == {}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The 'To' number +5215512345678 is not valid", "The … number … is not valid"),
        ("ana@example.com has\n opted out", "… has opted out"),
        ('bad value "Ana López" for `x`', "bad value … for …"),
        ("error 63016", "error 63016"),
    ],
)
def test_a_vendors_text_loses_what_may_name_a_person(text: str, kept: str) -> None:
    """Addresses, numbers, quotations."""
    assert answers.clean(text) == kept
    assert len(answers.clean("word " * 100)) == answers.LONGEST_MESSAGE
