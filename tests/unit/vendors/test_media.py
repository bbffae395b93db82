"""Files that people send, by one interface from Meta and Twilio: from their hosts alone, bounded, and as what they are."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UnavailableError
from shared.messages import media
from shared.messages.events import Media
from shared.messages.file_types import type_of
from shared.messages.providers import meta_media
from shared.settings import get_settings
from shared.vendors import http, rest_client
from tests.support.messages import CONFIGURED
from tests.unit.vendors.network import Answer, FakeNetwork, cut

JPEG = b"\xff\xd8\xff\xe0 a photo"
PLACE = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=65463453"
AT_TWILIO = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"
STORE = "https://mms.twiliocdn.com/AC1/abc?Signature=1"

type Fetch = Callable[..., tuple[media.FetchedFile, FakeNetwork]]


@pytest.fixture
def network(environment: pytest.MonkeyPatch) -> Callable[..., FakeNetwork]:
    """Everything set up; what the network answers is given in turn."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    rest_client.drop_connections()

    def made(*script: Answer | Exception) -> FakeNetwork:
        fake = FakeNetwork(*script)
        environment.setattr(http, "HTTPAdapter", lambda **_more: fake)
        return fake

    return made


def place(**more: Any) -> Answer:
    """Where Meta says that the file lies."""
    facts = {"url": PLACE, "mime_type": "image/jpeg", "sha256": hashlib.sha256(JPEG).hexdigest(), "file_size": str(len(JPEG))}
    return Answer(200, {"messaging_product": "whatsapp", "id": "65463453"} | facts | more)


def file(content: bytes = JPEG, status: int = 200, **headers: str) -> Answer:
    """The file itself."""
    return Answer(status, content, {"Content-Type": "application/octet-stream", **headers})


def from_meta(**more: Any) -> media.FetchedFile:
    """The photo of a message that came by Meta."""
    return media.fetch("meta", {"type": "image/png", "id": "65463453", "name": "a.png"}, **more)


def test_a_file_of_metas_is_fetched_in_two_steps_with_our_token(network) -> None:
    """Its type is that of its bytes, whatever was said; its hash is checked against the hex that Meta gives there."""
    asked = network(place(), file())
    found = from_meta()
    assert (found.content, found.type, found.name) == (JPEG, "image/jpeg", "a.png")
    assert [str(one.url) for one in asked.requests] == ["https://graph.facebook.com/v23.0/65463453", PLACE]
    assert {one.headers["Authorization"] for one in asked.requests} == {"Bearer token-de-meta"}


def test_an_address_that_has_expired_is_asked_for_again(network) -> None:
    """It lives for five minutes; a second one is always good."""
    asked = network(place(), file(b"", 404), place(), file())
    assert from_meta().content == JPEG
    assert len(asked.requests) == 4


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a",
        "http://lookaside.fbsbx.com/a",
        "https://lookaside.fbsbx.com.evil.example/a",
        "https://fbsbx.com@evil.example/a",
        "https://me@lookaside.fbsbx.com/a",
        "https://lookaside.fbsbx.com:8443/a",
        "file:///etc/passwd",
        "",
    ],
)
def test_our_token_goes_to_metas_hosts_alone(network, url: str) -> None:
    """Whatever an answer names."""
    asked = network(place(url=url), file())
    with pytest.raises(PermanentError) as caught:
        from_meta()
    assert (caught.value.reason, len(asked.requests)) == (media.WRONG_HOST, 1)


@pytest.mark.parametrize("answers", [[place(file_size="11")], [place(file_size=None), file(b"\xff\xd8\xff" + b"x" * 8)]])
def test_a_file_that_is_too_large_is_not_read(network, answers: list[Answer]) -> None:
    """By what Meta says of it, or by what comes."""
    network(*answers)
    with pytest.raises(PermanentError) as caught:
        from_meta(largest=10)
    assert caught.value.reason == media.TOO_LARGE


def test_a_file_of_another_kind_is_refused_by_its_bytes(network) -> None:
    """A program that is called a picture is none."""
    network(place(sha256=None, file_size=None), file(b"MZ\x90\x00"))
    with pytest.raises(PermanentError) as caught:
        from_meta()
    assert caught.value.reason == media.WRONG_TYPE


@pytest.mark.parametrize(
    ("answers", "wanted", "reason"),
    [
        ([Answer(400, {"error": {"code": 100, "error_subcode": 33}})], PermanentError, media.GONE),
        ([place(), file(b"", 404), place(), file(b"", 404)], PermanentError, media.GONE),
        ([place(), file(b"other")], RetryableError, None),
        ([place(), file(b"", 500)], RetryableError, None),
        ([place(), file(b"", 503)], UnavailableError, None),
        ([place(), file(b"", 429)], ThrottledError, None),
        ([place(), file(b"", 401)], UnavailableError, None),
        ([place(), cut()], RetryableError, None),
        ([Answer(401, {"error": {"code": 190}})], UnavailableError, None),
    ],
)
def test_what_goes_wrong_is_said(network, answers: list[Any], wanted: type[PuenteError], reason: str | None) -> None:
    """Gone for good, not now, or our account."""
    network(*answers)
    with pytest.raises(wanted) as caught:
        from_meta()
    assert getattr(caught.value, "reason", None) == reason


def test_a_file_of_twilios_is_fetched_with_our_account(network) -> None:
    """The same interface; the store to which it points gets no key of ours."""
    asked = network(file(b"", 307, Location=STORE), file())
    found = media.fetch("twilio", {"type": "image/jpeg", "url": AT_TWILIO})
    assert (found.content, found.type) == (JPEG, "image/jpeg")
    assert [str(one.url) for one in asked.requests] == [AT_TWILIO, STORE]
    assert ["Authorization" in one.headers for one in asked.requests] == [True, False]


@pytest.mark.parametrize(("url", "points_to"), [("https://evil.example/a", ""), (AT_TWILIO, "https://evil.example/a")])
def test_twilios_files_come_from_twilios_hosts_alone(network, url: str, points_to: str) -> None:
    """Neither by the message's address nor by what that points to."""
    network(file(b"", 307, Location=points_to))
    with pytest.raises(PermanentError) as caught:
        media.fetch("twilio", {"type": "image/jpeg", "url": url})
    assert caught.value.reason == media.WRONG_HOST


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        (b"\x00\x00\x00\x18ftyp3gp4", "video/3gpp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\n\nscanner 1\n%PDF-1.4", "application/pdf"),
        (b"OggS", "audio/ogg"),
        (b"<svg xmlns=", None),
        (b"PK\x03\x04", None),
        (b"", None),
    ],
)
def test_the_type_is_that_of_the_bytes(content: bytes, wanted: str | None) -> None:
    """Of what is opened here; anything else has none."""
    assert type_of(content) == wanted


def test_metas_token_is_never_sent_to_a_path_of_the_messages_own(network) -> None:
    """The id stands in a path, so it is an id and nothing else."""
    asked = network(place(), file())
    with pytest.raises(PermanentError):
        meta_media.fetch(Media(id="../me?fields=x"), 10, get_settings())
    assert asked.requests == []
