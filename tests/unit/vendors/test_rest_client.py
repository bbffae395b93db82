"""A client in a few lines: where it calls, what it presents, what each answer means, and what it says of itself."""

from typing import Any

import pytest

from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.settings import load
from shared.vendors.rest_client import RestClient, kept
from tests.unit.vendors.network import Answer, FakeNetwork, html

SHEETS = RestClient(
    name="Sheets",
    address="kommo_base_url",
    key="kommo_access_token",
    ping_by="/status",
    shows="version",
    error=lambda body: (body.get("reason"), body.get("detail")),
    account_codes=frozenset({"suspended"}),
)


def call(*answers: Any, repeatable: bool = True, client: RestClient = SHEETS) -> tuple[Any, FakeNetwork]:
    """What one call comes to, and the network that it went through."""
    network = FakeNetwork(*answers)
    connection = client.connect("https://sheets.invalid/v1", "s3cret", adapter=network)
    return connection.call("POST", "/rows", "adding a row", repeatable=repeatable, json={"a": 1}), network


def test_call_presents_the_key_and_gives_the_object() -> None:
    """As a bearer token; an answer without content is an empty object."""
    answer, network = call(Answer(201, {"id": 7}))
    assert answer == {"id": 7}
    assert network.requests[0].url == "https://sheets.invalid/v1/rows"
    assert network.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert call(Answer(204, b""))[0] == {}


@pytest.mark.parametrize(
    ("answer", "repeatable", "error", "reason"),
    [
        (Answer(400, {"reason": "bad_row", "detail": "x"}), False, PermanentError, "sheets-bad-row"),
        (Answer(404), False, PermanentError, "sheets-not-found"),
        (Answer(302, b"", {"Location": "https://x.example"}), False, PermanentError, "sheets-refused"),
        (Answer(401), False, UnavailableError, None),
        (Answer(400, {"reason": "Suspended"}), False, UnavailableError, None),
        (Answer(429), False, ThrottledError, None),
        (Answer(500), True, RetryableError, None),
        (Answer(500), False, UncertainError, None),
        (html(), False, UncertainError, None),
    ],
)
def test_each_answer_has_one_verdict(answer: Answer, error: type[PuenteError], reason: str | None, *, repeatable: bool) -> None:
    """By the declaration, and else by the table of all vendors; the key is not in the text."""
    with pytest.raises(error) as caught:
        call(answer, repeatable=repeatable)
    assert type(caught.value) is error
    assert getattr(caught.value, "reason", None) == reason
    assert str(caught.value).startswith("Sheets: ")
    assert "s3cret" not in str(caught.value)


def test_ping_says_what_the_system_says_of_itself(environment: pytest.MonkeyPatch) -> None:
    """By one request; a system that lacks a setting says which."""
    network = FakeNetwork(Answer(200, {"version": 3}))
    assert SHEETS.connect("https://sheets.invalid", "k", adapter=network).ping() == "3"
    assert [request.path_url for request in network.requests] == ["/status"]
    assert SHEETS.connect("https://sheets.invalid", "k", adapter=FakeNetwork(Answer(200, {}))).ping() == "there"
    environment.setenv("KOMMO_ACCESS_TOKEN", "s3cret")
    with pytest.raises(PermanentError, match="KOMMO_BASE_URL") as caught:
        SHEETS.connected(load())
    assert (caught.value.reason, "s3cret" in str(caught.value)) == ("not-configured", False)


def test_connection_is_that_of_the_process(environment: pytest.MonkeyPatch) -> None:
    """The same settings and patience are the same connection; what is made once is kept."""
    environment.setenv("KOMMO_ACCESS_TOKEN", "k")
    environment.setenv("KOMMO_BASE_URL", "https://sheets.invalid")
    assert SHEETS.connected(load()) is SHEETS.connected(load())
    assert SHEETS.connected(load()) is not SHEETS.connected(load(), 3.0)
    assert kept(dict) is kept(dict)


def test_secret_address_is_masked(environment: pytest.MonkeyPatch) -> None:
    """Where the address itself is the key, its path stands in no text."""
    client = RestClient(name="Channel", address="discord_webhook_url")
    environment.setenv("DISCORD_WEBHOOK_URL", "https://d.invalid/api/t0ken")
    assert client.is_used(load())
    assert client.connected(load()).mask("POST https://d.invalid/api/t0ken") == "POST https://d.invalid***"
