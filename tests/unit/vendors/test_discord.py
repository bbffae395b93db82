"""Discord: nobody is pinged, nothing is too long, the webhook's token is told nobody."""

from datetime import datetime, timedelta, timezone

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import PermanentError, PuenteError, ThrottledError, UnavailableError, UncertainError
from shared.vendors.discord import Discord, Embed
from tests.unit.vendors.network import Answer, FakeNetwork, html

URL = "https://discord.invalid/api/webhooks/1/t0ken?thread_id=5"
POSTED = Answer(200, {"id": "77"})


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_a_message() -> None:
    """Kept before it is answered, in the thread that the address names, with an id; no mention in it does anything."""
    network = FakeNetwork(POSTED)
    assert Discord(URL, network).post("Hola @everyone") == "77"
    assert network.requests[0].url == "https://discord.invalid/api/webhooks/1/t0ken?thread_id=5&wait=true"
    assert network.bodies == [{"content": "Hola @everyone", "allowed_mentions": {"parse": []}}]


def test_an_embed() -> None:
    """Title, text, fields, footer and time; an empty value is made one that Discord takes."""
    network = FakeNetwork(POSTED)
    moment = datetime(2026, 3, 2, 3, 0, tzinfo=timezone(timedelta(hours=-6)))
    fields = [("E-mail", "ana@example.com"), ("", "")]
    Discord(URL, network).post(
        embed=Embed(title="Lead crítico", description="d", fields=fields, footer="Puente", timestamp=moment)
    )
    assert network.bodies[0]["embeds"] == [
        {
            "title": "Lead crítico",
            "color": 16711680,
            "footer": {"text": "Puente"},
            "description": "d",
            "fields": [
                {"name": "E-mail", "value": "ana@example.com", "inline": True},
                {"name": "\u200b", "value": "\u200b", "inline": True},
            ],
            "timestamp": "2026-03-02T09:00:00+00:00",
        }
    ]


LONG = st.integers(0, 7000).flatmap(lambda n: st.sampled_from(["x" * n, "é" * n, "😀" * n]))


@settings(deadline=None)
@given(title=LONG, description=LONG, footer=LONG, content=LONG, fields=st.lists(st.tuples(LONG, LONG), max_size=30))
def test_nothing_is_too_long(title: str, description: str, footer: str, content: str, fields: list[tuple[str, str]]) -> None:
    """Each part and the whole stay within Discord's limits, and what is cut is still text."""
    network = FakeNetwork(POSTED)
    Discord(URL, network).post(content, Embed(title=title, description=description, footer=footer, fields=fields))
    body = network.bodies[0]
    box = body["embeds"][0]
    assert units(body.get("content", "")) <= 2000
    texts = [box["title"], box.get("description", ""), box.get("footer", {}).get("text", "")]
    assert [units(text) <= limit for text, limit in zip(texts, (256, 4096, 2048), strict=True)] == [True] * 3
    shown = box.get("fields", [])
    assert len(shown) <= 25
    assert all(1 <= units(one["name"]) <= 256 and 1 <= units(one["value"]) <= 1024 for one in shown)
    assert sum(map(units, texts)) + sum(units(one["name"]) + units(one["value"]) for one in shown) <= 6000
    assert not [text for text in texts if "\ufffd" in text]


@pytest.mark.parametrize(
    ("step", "error", "reason"),
    [
        (Answer(404, {"message": "Unknown Webhook", "code": 10015}), PermanentError, "discord-gone"),
        (Answer(400, {"message": "Invalid Form Body"}), PermanentError, "discord-refused"),
        (Answer(401, {"message": "Invalid Webhook Token"}), UnavailableError, None),
        (Answer(429, {"retry_after": 0.5}, {"Retry-After": "1"}), ThrottledError, None),
        (Answer(500), UncertainError, None),
        (html(), UncertainError, None),
        (requests.ReadTimeout(), UncertainError, None),
    ],
)
def test_each_failure_is_judged(step: Answer | Exception, error: type[PuenteError], reason: str | None) -> None:
    """And the token is in no text."""
    with pytest.raises(error) as caught:
        Discord(URL, FakeNetwork(step)).post("Hola")
    assert getattr(caught.value, "reason", None) == reason
    assert "t0ken" not in str(caught.value)
