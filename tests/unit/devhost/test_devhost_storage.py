"""Connection strings and the signature of requests."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.azurite import Azurite
from devhost.settings import Settings, SettingsError
from devhost.storage import Account, find_account, parse_connection_string, signed_headers


def test_development_storage() -> None:
    """The short form means Azurite on its usual ports."""
    account = parse_connection_string("UseDevelopmentStorage=true")
    assert account == parse_connection_string(Azurite().connection_string)
    assert account.queue_url == "http://127.0.0.1:10001/devstoreaccount1"


def test_an_account_in_azure() -> None:
    """Endpoints follow from the name; a key may hold `=` and end in `;`."""
    account = parse_connection_string(
        "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5cw==;EndpointSuffix=core.x;"
    )
    assert account.key == b"keys"
    assert (account.queue_url, account.blob_url) == ("https://acme.queue.core.x", "https://acme.blob.core.x")


@pytest.mark.parametrize("text", ["", "nonsense", "AccountName=a", "AccountKey=a2V5", "UseDevelopmentStorage=false"])
def test_what_is_no_connection_string(text: str) -> None:
    """A name and a key are needed."""
    with pytest.raises(SettingsError):
        parse_connection_string(text)


def test_keys_stay_out_of_messages() -> None:
    """Neither an error nor a record shows the key."""
    with pytest.raises(SettingsError) as raised:
        find_account(Settings({"X": "AccountName=a;AccountKey=!topsecret!"}), "X")
    assert "topsecret" not in str(raised.value)
    assert "key" not in repr(Account(name="a", key=b"key", queue_url="", blob_url=""))


def test_where_a_connection_is_looked_for() -> None:
    """The prefixed name first, and ConnectionStrings before plain settings."""

    def named(name: str) -> str:
        return f"AccountName={name};AccountKey=a2V5"

    settings = {"X": named("plain"), "ConnectionStrings:X": named("section")}
    assert find_account(Settings(settings), "X").name == "section"
    assert find_account(Settings(settings | {"AzureWebJobsX": named("prefixed")}), "X").name == "prefixed"
    assert find_account(Settings({"AzureWebJobsStorage": named("main")}), "Storage").name == "main"
    assert find_account(Settings({"AzureWebJobsStorage": named("main")}), "AzureWebJobsStorage").name == "main"


@given(st.dictionaries(st.sampled_from(["popreceipt", "visibilitytimeout", "numofmessages"]), st.text(max_size=20)))
def test_a_signature_covers_what_is_asked(query: dict[str, str]) -> None:
    """Another method, place, query, header or length gives another signature; the date is always signed."""
    account = Account(name="a", key=b"key", queue_url="", blob_url="")

    def signature(method: str = "GET", place: str = "/q", more: dict[str, str] | None = None, length: int = 0) -> str:
        fixed = {"x-ms-date": "Fri, 20 Nov 2026 10:00:00 GMT"} | (more or {})
        return signed_headers(account, method, place, query, fixed, length)["Authorization"]

    different = {
        signature(),
        signature("PUT"),
        signature(place="/p"),
        signature(more={"x-ms-blob-type": "B"}),
        signature(length=1),
    }
    assert len(different) == 5
    assert all(base64.b64decode(text.removeprefix("SharedKey a:"), validate=True) for text in different)
