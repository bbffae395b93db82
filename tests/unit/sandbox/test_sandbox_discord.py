"""The sandbox's Discord: what our client posts there, and what it refuses as the real one does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.discord import PATH, TOKEN, WEBHOOK_ID, Discord
from sandbox.vendor import UnknownActionError
from shared import clock
from shared.errors import PermanentError, ThrottledError
from shared.vendors.discord import Discord as Client
from shared.vendors.discord import Embed
from tests.support.sandbox import SandboxAdapter, call

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000)
LEAD = Embed(
    title="Lead crítico",
    description="Tiene tres sistemas en rojo.",
    fields=[("E-mail", "ana@example.com"), ("Segment", "CRITICAL")],
    footer="Puente",
    timestamp=NOW,
)


@pytest.fixture
def vendor() -> Discord:
    """A new channel, whose clock stands still and whose limits are out of the way."""
    made = Discord()
    made.now = lambda: NOW
    made.act("limit", {"per_second": 0})
    return made


@pytest.fixture
def adapter(vendor: Discord) -> SandboxAdapter:
    return SandboxAdapter(vendor)


@pytest.fixture
def client(adapter: SandboxAdapter) -> Iterator[Client]:
    with clock.frozen(NOW):
        yield Client(adapter.url + PATH, adapter)


def ask(vendor: Discord, body: Any, path: str = PATH, query: str = "?wait=true") -> tuple[int, Any]:
    """What it answers, as JSON."""
    answer = vendor.answer(call("POST", path + query, body))
    return answer.status, json.loads(answer.body) if answer.body else None


def test_our_client_posts_and_the_channel_shows_it(client: Client, vendor: Discord) -> None:
    """Each once, with ids that grow."""
    first = client.post("Hay un lead nuevo", LEAD)
    second = client.post("Otro")
    assert int(first) < int(second)
    (column,) = vendor.board()
    assert [card.title for card in column.cards] == ["Otro", "Lead crítico"]
    assert column.cards[1].lines == ("Hay un lead nuevo", LEAD.description, "E-mail: ana@example.com", "Segment: CRITICAL")
    rows, total = vendor.records("messages", {"id": first}, None)
    assert (total, rows[0]["embeds"][0]["color"]) == (1, 0xFF0000)
    assert vendor.counters() == {"Messages": 2}


def test_without_wait_it_says_nothing(vendor: Discord) -> None:
    """204, and the message is there."""
    assert ask(vendor, {"content": "x"}, query="") == (204, None)
    assert ask(vendor, {"content": "y"}, "/api/v10" + PATH.removeprefix("/api"))[1]["content"] == "y"
    assert vendor.counters() == {"Messages": 2}


def test_a_deleted_webhook_is_gone(client: Client, vendor: Discord) -> None:
    """Until it is made anew; a wrong token is another refusal."""
    vendor.act("delete", {})
    with pytest.raises(PermanentError) as gone:
        client.post("x")
    assert gone.value.reason == "discord-gone"
    vendor.act("restore", {})
    assert client.post("x")
    assert ask(vendor, {"content": "x"}, f"/api/webhooks/{WEBHOOK_ID}/other")[1]["code"] == 50027
    assert ask(vendor, {"content": "x"}, "/api/webhooks/5/other") == (404, {"message": "Unknown Webhook", "code": 10015})
    assert vendor.answer(call("PUT", PATH)).status == 405
    with pytest.raises(UnknownActionError):
        vendor.act("dance", {})


def test_five_in_two_seconds_and_thirty_in_a_minute_are_taken(vendor: Discord, adapter: SandboxAdapter) -> None:
    """429 says when to come again, in its body to the millisecond, in its header in whole seconds."""
    seconds = [0.0]
    for bucket in vendor.buckets:
        bucket.clock = lambda: seconds[0]
    vendor.reset({})
    assert [ask(vendor, {"content": "x"})[0] for _ in range(6)] == [200] * 5 + [429]
    answer = vendor.answer(call("POST", f"{PATH}?wait=true", {"content": "x"}))
    body = json.loads(answer.body)
    assert (body["message"], body["retry_after"], body["global"]) == ("You are being rate limited.", 0.4, False)
    assert (answer.headers["Retry-After"], answer.headers["X-RateLimit-Remaining"]) == ("1", "0")
    with pytest.raises(ThrottledError) as limited, clock.frozen(NOW):
        Client(adapter.url + PATH, adapter).post("x")
    assert limited.value.after_seconds == 1
    taken = 0
    for _ in range(120):
        seconds[0] += 0.5
        taken += ask(vendor, {"content": "x"})[0] == 200
    assert 30 <= taken <= 60


@pytest.mark.parametrize(
    ("body", "code", "where", "inner"),
    [
        ({"content": "x" * 2001}, 50035, ["content"], "BASE_TYPE_MAX_LENGTH"),
        ({"content": "😀" * 1001}, 50035, ["content"], "BASE_TYPE_MAX_LENGTH"),
        ({"content": 5}, 50035, ["content"], "STRING_TYPE_CONVERT"),
        ({"username": "x" * 81, "content": "x"}, 50035, ["username"], "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"title": "x" * 257}]}, 50035, ["embeds", "0", "title"], "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"title": "x"}] * 11}, 50035, ["embeds"], "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"fields": [{"name": "x"}]}]}, 50035, ["embeds", "0", "fields", "0", "value"], "BASE_TYPE_REQUIRED"),
        (
            {"embeds": [{"fields": [{"name": " ", "value": "x"}]}]},
            50035,
            ["embeds", "0", "fields", "0", "name"],
            "BASE_TYPE_REQUIRED",
        ),
        (
            {"embeds": [{"fields": [{"name": "x", "value": "y"}] * 26}]},
            50035,
            ["embeds", "0", "fields"],
            "BASE_TYPE_MAX_LENGTH",
        ),
        ({"embeds": [{"footer": {"text": "x" * 2049}}]}, 50035, ["embeds", "0", "footer", "text"], "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"color": 0x1000000}]}, 50035, ["embeds", "0", "color"], "NUMBER_TYPE_MAX"),
        ({"embeds": [{"timestamp": "ayer"}]}, 50035, ["embeds", "0", "timestamp"], "DATE_TIME_TYPE_PARSE"),
        ({"embeds": [{"description": "x" * 4000}] * 2}, 50035, ["embeds", "0"], "MAX_EMBED_SIZE_EXCEEDED"),
        ({"embeds": 5}, 50035, ["embeds"], "LIST_TYPE_CONVERT"),
        ([], 50035, [], "MODEL_TYPE_CONVERT"),
    ],
)
def test_what_discord_does_not_take(vendor: Discord, body: Any, code: int, where: list[str], inner: str) -> None:
    """It names the field; nothing is posted."""
    status, error = ask(vendor, body)
    assert (status, error["code"], error["message"]) == (400, code, "Invalid Form Body")
    errors = error["errors"]
    for name in where:
        errors = errors[name]
    assert errors["_errors"][0]["code"] == inner
    assert vendor.counters() == {"Messages": 0}


def test_an_empty_message_and_no_json_are_refused(vendor: Discord) -> None:
    """Each in its own words."""
    assert ask(vendor, {"content": " "})[1] == {"message": "Cannot send an empty message", "code": 50006}
    assert ask(vendor, b"{")[1]["code"] == 50109


@given(content=TEXTS, title=TEXTS, value=TEXTS, footer=TEXTS)
def test_takes_whatever_our_client_makes_of_any_texts(content: str, title: str, value: str, footer: str) -> None:
    """They are cut to what Discord takes."""
    vendor = Discord()
    vendor.act("limit", {"per_second": 0})
    adapter = SandboxAdapter(vendor)
    embed = Embed(title=title.strip() or "x", description=value, fields=[("E-mail", value), ("", "")], footer=footer)
    assert Client(adapter.url + PATH, adapter).post(content, embed)


def test_its_token_is_hidden_and_it_goes_on_with_what_it_held(client: Client, vendor: Discord) -> None:
    """The address of a webhook is a secret."""
    assert TOKEN not in vendor.what(call("POST", PATH)) + vendor.shown_path(call("POST", PATH))
    client.post("x")
    other = Discord()
    other.restore(json.loads(json.dumps(vendor.dump())))
    assert other.counters() == {"Messages": 1}
