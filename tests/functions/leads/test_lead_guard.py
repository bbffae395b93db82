"""Machines at the public form: pace, honeypot, captcha, origins."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.leads import captcha, endpoint, guard
from functions.leads.threads import Threads
from shared import clock
from shared.errors import PermanentError, RefusedError, UnavailableError
from shared.settings import get_settings
from tests.conftest import forget
from tests.support.leads import FORM, sent, told
from tests.unit.vendors.network import Answer, FakeNetwork

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture
def network(environment: pytest.MonkeyPatch) -> Iterator[FakeNetwork]:
    """Turnstile set up, with a network in the test's hand."""
    fake = FakeNetwork(Answer(200, {"success": True}))
    environment.setenv("TURNSTILE_SECRET", "geheim")
    environment.setattr(captcha, "kept", lambda _make, url, secret: captcha.Captcha(url, secret, fake))
    forget()
    return fake


def test_a_sender_has_ten_forms_a_minute(fresh: clock.TestClock) -> None:
    """The eleventh waits for the first to be a minute old; others are not held up."""
    for second in range(10):
        fresh.moment = fresh.moment.replace(second=second)
        assert sent(x_forwarded_for="203.0.113.9:4711")[0].status_code == 200
    refused, message = sent(x_forwarded_for="203.0.113.9:8080")
    assert (refused.status_code, message, refused.headers["Retry-After"]) == (429, None, "60")
    assert told(refused)["error"].startswith("Recibimos demasiados formularios")
    assert sent(x_forwarded_for="203.0.113.10:1")[0].status_code == 200
    fresh.moment = fresh.moment.replace(minute=fresh.moment.minute + 1, second=0)
    assert sent(x_forwarded_for="203.0.113.9:4711")[0].status_code == 200
    assert sent(x_forwarded_for="203.0.113.9:4711")[0].status_code == 429


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.integers(1, 5))
def test_no_minute_has_more_than_allowed(gaps: list[float], at_most: int) -> None:
    """However they come: in every window of a minute at most so many are let through, and no wait is longer than one."""
    pace, let_through = guard.Pace(), []
    with clock.frozen(clock.now()) as test_clock:
        for gap in gaps:
            test_clock.advance(seconds=gap)
            wait = pace.take("a", at_most)
            assert 0 <= wait <= 60
            if not wait:
                let_through.append(test_clock.moment)
    for moment in let_through:
        assert sum(moment - guard.MINUTE < other <= moment for other in let_through) <= at_most


def test_what_is_remembered_is_bounded() -> None:
    """Whoever came longest ago is forgotten first."""
    pace = guard.Pace(senders=3)
    for sender in "abcabd":
        pace.take(sender, 9)
    assert list(pace._times) == ["a", "b", "d"]


@pytest.mark.parametrize(
    ("header", "proxies", "address"),
    [
        ("", 0, ""),
        ("203.0.113.9", 0, ""),  # of no network that exists; see below
        ("8.8.8.8", 0, "8.8.8.8"),
        ("8.8.8.8:51234", 0, "8.8.8.8"),
        ("1.1.1.1, 8.8.8.8:51234", 0, "8.8.8.8"),  # what the sender wrote comes first, and is not believed
        ("1.1.1.1, 8.8.8.8:51234, 10.0.0.4:80", 0, "8.8.8.8"),  # the platform's inside
        ("1.1.1.1, 9.9.9.9, 8.8.8.8:51234", 1, "9.9.9.9"),  # a Front Door of our own
        ("8.8.8.8", 3, "8.8.8.8"),
        ("nonsense, 8.8.8.8", 0, "8.8.8.8"),
        ("8.8.8.8, nonsense", 0, "8.8.8.8"),
        ("[2606:4700::1111]:443", 0, "2606:4700::1111"),
        ("2606:4700::1111", 0, "2606:4700::1111"),
        ("10.0.0.7", 0, "10.0.0.7"),
    ],
)
def test_a_sender_is_known_by_what_our_platform_says(header: str, proxies: int, address: str) -> None:
    """Not by what they say themselves."""
    if header == "203.0.113.9":  # a documentation address is not global, and the only one there is: it counts
        address = "203.0.113.9"
    assert guard.address_of({"x-forwarded-for": header} if header else {}, proxies) == address


def test_a_made_up_header_does_not_help() -> None:
    """Ten forms, each with another invented address before the true one."""
    answers = [sent(x_forwarded_for=f"1.1.1.{number}, 8.8.8.8:{number}")[0].status_code for number in range(11)]
    assert answers == [200] * 10 + [429]


def test_an_ipv6_subscriber_is_one_sender() -> None:
    """Whichever of their 65,536 networks they use."""
    answers = [sent(x_forwarded_for=f"2606:4700:1:{number:x}::1")[0].status_code for number in range(11)]
    assert answers == [200] * 10 + [429]
    assert sent(x_forwarded_for="2606:4700:2:3::1")[0].status_code == 200


def test_ipv4_written_as_ipv6_is_ipv4() -> None:
    """All of the Internet is not one sender."""
    assert guard.sender_of({"x-forwarded-for": "::ffff:8.8.8.8"}) == "8.8.8.8"
    assert guard.sender_of({"x-forwarded-for": "[::ffff:1.1.1.1]:443"}) == "1.1.1.1"


@pytest.mark.parametrize("header", ["nonsense", "unknown, , -", "1.2.3", "8.8.8.8.", ":::1", "[", "fe80::1%eth0%x"])
def test_a_header_that_names_nobody_is_one_sender(header: str) -> None:
    """However it is garbled, it is no way around the pace; without the header, on one machine, nobody is slowed down."""
    answers = [sent(x_forwarded_for=header)[0].status_code for number in range(11)]
    assert answers == [200] * 10 + [429]
    assert sent(x_forwarded_for="x")[0].status_code == 429
    assert sent()[0].status_code == 200


@given(st.text(max_size=60))
def test_any_header_has_a_sender(header: str) -> None:
    """Never an exception, and none only where there is no header."""
    assert bool(guard.sender_of({"x-forwarded-for": header})) is bool(header.strip())


def test_a_filled_honeypot_is_answered_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """The machine learns nothing; the log counts it."""
    genuine = told(sent()[0])
    with caplog.at_level(logging.WARNING, "puente.leads"):
        answer, message = sent(FORM | {"website": "https://spam.example"})
    assert (answer.status_code, told(answer), message) == (200, genuine, None)
    assert "honeypot" in caplog.text
    assert "ana@" not in caplog.text
    assert sent(FORM | {"website": "  "})[1] is not None


def test_the_honeypot_may_have_another_name(environment: pytest.MonkeyPatch) -> None:
    """Then `website` is a field like any other."""
    environment.setenv("LEAD_HONEYPOT_FIELD", "fax")
    forget()
    assert sent(FORM | {"fax": "1"})[1] is None
    assert sent(FORM | {"website": "x"})[1] is not None


def test_a_person_passes_the_captcha(network: FakeNetwork) -> None:
    """The vendor is asked with the token and the sender's address, and the lead is marked."""
    _answer, message = sent(FORM | {"cf-turnstile-response": "tok"}, x_forwarded_for="8.8.8.8:1")
    assert b'"captcha":"passed"' in message.replace(b" ", b"")
    body = network.requests[0].body
    assert body.startswith("secret=geheim&response=tok&remoteip=8.8.8.8&idempotency_key=")


@pytest.mark.parametrize("token", ["tok", ""])
def test_a_machine_does_not(network: FakeNetwork, token: str) -> None:
    """Refused by the vendor, or without a token (then nobody is asked)."""
    network.script = [Answer(200, {"success": False, "error-codes": ["invalid-input-response"]})]
    answer, message = sent(FORM | {"g-recaptcha-response": token})
    assert (answer.status_code, message) == (403, None)
    assert len(network.requests) == bool(token)


def test_a_wrong_form_uses_up_no_token(network: FakeNetwork) -> None:
    """Tokens count once; the visitor corrects the form and sends it again."""
    assert sent(FORM | {"email": "x", "captcha_token": "tok"})[0].status_code == 400
    assert not network.requests


@pytest.mark.parametrize(
    "answer",
    [Answer(503, b""), Answer(200, b"<html>"), Answer(200, {"success": False, "error-codes": ["invalid-input-secret"]})],
)
def test_a_captcha_that_cannot_be_asked_loses_no_lead(
    network: FakeNetwork, answer: Answer, fresh: clock.TestClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Forms are taken and marked, the log says so, and after three failures the vendor is left alone for half a minute."""
    network.script = [answer]
    for _form in range(5):
        assert b'"captcha":"unchecked"' in sent(FORM | {"captcha_token": "t"})[1].replace(b" ", b"")
    assert len(network.requests) == guard.CAPTCHA_FAILURES == 3
    assert "captcha cannot be checked" in caplog.text
    fresh.advance(seconds=31)
    for _form in range(2):  # the first failure after the pause begins the next
        assert b'"captcha":"unchecked"' in sent(FORM | {"captcha_token": "t"})[1].replace(b" ", b"")
    assert len(network.requests) == 4
    network.script = [Answer(200, {"success": True})]
    fresh.advance(seconds=31)
    assert b'"captcha":"passed"' in sent(FORM | {"captcha_token": "t"})[1].replace(b" ", b"")


def test_a_failure_now_and_then_is_no_outage(network: FakeNetwork) -> None:
    """Only those in a row count, so two of three forms may fail for ever and every one is still asked about."""
    no, yes = Answer(503, b""), Answer(200, {"success": True})
    network.script = [no, no, yes] * 4
    found = [b'"unchecked"' in sent(FORM | {"captcha_token": "t"}, x_forwarded_for=f"8.8.8.{n}")[1] for n in range(12)]
    assert found == [True, True, False] * 4
    assert len(network.requests) == 12


def test_many_tokens_at_once_do_not_switch_it_off(environment: pytest.MonkeyPatch) -> None:
    """Sixty at the same moment wait for a thread; the wait counts against nobody, and each is judged by the answer."""
    environment.setenv("TURNSTILE_SECRET", "geheim")
    environment.setattr(guard, "CAPTCHA_SECONDS", 0.5)
    environment.setattr(guard, "_ask", lambda token, *_all: time.sleep(0.2) or token == "person")  # 60 / 16 * 0.2 > 0.5
    forget()

    async def all_at_once() -> list[object]:
        tokens = ["forged"] * 59 + ["person"]
        asked = (guard.person({"captcha_token": token}, "", get_settings()) for token in tokens)
        return await asyncio.gather(*asked, return_exceptions=True)

    *forged, honest = asyncio.run(all_at_once())
    assert all(isinstance(one, RefusedError) for one in forged)
    assert honest == "passed"


def test_a_loop_that_is_held_up_makes_no_call_slow(environment: pytest.MonkeyPatch) -> None:
    """The vendor answers at once while the loop does something else for longer than a call may take: the answer counts."""
    environment.setenv("TURNSTILE_SECRET", "geheim")
    environment.setattr(guard, "CAPTCHA_SECONDS", 0.1)
    answered = threading.Event()
    environment.setattr(guard, "_ask", lambda *_all: answered.set() is None)
    forget()

    async def held_up() -> object:
        asked = asyncio.create_task(guard.person({"captcha_token": "t"}, "", get_settings()))
        await asyncio.sleep(0)  # the call is on its way
        assert answered.wait(5)
        time.sleep(0.3)  # noqa: ASYNC251  # the loop is held up on purpose
        return await asked

    assert asyncio.run(held_up()) == "passed"
    assert not guard._vendor.is_left_alone()


def test_a_call_that_no_thread_takes_was_never_made(environment: pytest.MonkeyPatch) -> None:
    """Where all threads are busy the form is taken unchecked, and the vendor, who was not asked, keeps its good name."""
    environment.setenv("TURNSTILE_SECRET", "geheim")
    environment.setattr(guard, "_threads", Threads("test", 1))
    environment.setattr(guard, "CAPTCHA_QUEUE_SECONDS", 0.05)
    free, asked = threading.Event(), []
    environment.setattr(guard, "_ask", lambda token, *_all: asked.append(token) is None and free.wait(5))
    forget()

    async def two() -> list[object]:
        first = asyncio.create_task(guard.person({"captcha_token": "first"}, "", get_settings()))
        await asyncio.sleep(0)
        second = await guard.person({"captcha_token": "second"}, "", get_settings())
        free.set()
        return [await first, second]

    assert asyncio.run(two()) == ["passed", "unchecked"]
    assert asked == ["first"]
    assert guard._vendor._failures == 0


def test_a_slow_captcha_holds_up_nobody(network: FakeNetwork, environment: pytest.MonkeyPatch) -> None:
    """It is asked beside the event loop: what it waits for here is something that only the loop does."""
    went_on = threading.Event()
    environment.setattr(guard, "_ask", lambda *_all: went_on.wait(5))

    async def both() -> str | None:
        asyncio.get_running_loop().call_later(0.02, went_on.set)
        return await guard.person({"captcha_token": "t"}, "", get_settings())

    assert asyncio.run(both()) == "passed"
    assert not network.requests


def test_a_captcha_is_not_waited_for_longer_than_its_time(network: FakeNetwork, environment: pytest.MonkeyPatch) -> None:
    """The form is taken unchecked while the call is still under way, and that counts as a failure of the vendor."""
    ends = threading.Event()
    environment.setattr(guard, "CAPTCHA_SECONDS", 0.05)
    environment.setattr(guard, "_ask", lambda *_all: ends.wait(5))
    assert asyncio.run(guard.person({"captcha_token": "t"}, "", get_settings())) == "unchecked"
    assert not ends.is_set()
    ends.set()
    assert guard._vendor._failures == 1
    assert not network.requests


def test_without_a_captcha_nobody_is_asked() -> None:
    """The token of a page that still sends one is ignored."""
    assert asyncio.run(guard.person({"captcha_token": "t"}, "", get_settings())) is None


def origin(name: str) -> func.HttpRequest:
    return func.HttpRequest(method="OPTIONS", url="http://localhost/api/lead", headers={"origin": name}, body=b"")


@pytest.mark.parametrize(
    ("setting", "name", "granted"),
    [
        ("https://acme.example", "https://acme.example", True),
        ("https://x.example, https://Acme.example/", "https://acme.example", True),
        ("https://acme.example", "https://evil.example", False),
        ("https://acme.example", "https://acme.example.evil.example", False),
        ("", "https://acme.example", False),
        ("*", "https://anybody.example", True),
        ("https://acme.example", "null", False),
    ],
)
def test_pages_of_known_origins_may_post(environment: pytest.MonkeyPatch, setting: str, name: str, granted: bool) -> None:  # noqa: FBT001  # a row's expectation
    """The preflight and the answer say so; to others they say nothing, and caches keep them apart."""
    environment.setenv("LEAD_ALLOWED_ORIGINS", setting)
    forget()
    preflight, (answer, _message) = endpoint.preflight(origin(name)), sent(origin=name)
    for said in (preflight, answer):
        assert said.headers.get("Access-Control-Allow-Origin") == (name if granted else None)
        assert said.headers["Vary"] == "Origin"
    assert preflight.status_code == 204
    assert preflight.headers.get("Access-Control-Allow-Methods") == ("POST, OPTIONS" if granted else None)


def test_a_refusal_may_be_read_by_the_page_too(environment: pytest.MonkeyPatch) -> None:
    """Else a browser would hide from the visitor what is wrong."""
    environment.setenv("LEAD_ALLOWED_ORIGINS", "https://acme.example")
    forget()
    assert sent({}, origin="https://acme.example")[0].headers["Access-Control-Allow-Origin"] == "https://acme.example"


@pytest.mark.parametrize("error", [UnavailableError("x"), PermanentError("captcha-refused", "x")])
def test_only_a_no_is_a_no(environment: pytest.MonkeyPatch, error: Exception) -> None:
    """Whatever else goes wrong with the captcha, the form is taken."""
    environment.setenv("RECAPTCHA_SECRET", "geheim")
    forget()

    def fail(*_all: object) -> bool:
        raise error

    environment.setattr(guard, "_ask", fail)
    assert asyncio.run(guard.person({"captcha_token": "t"}, "", get_settings())) == "unchecked"
    guard.forget()
    environment.setattr(guard, "_ask", lambda *_all: False)
    with pytest.raises(RefusedError):
        asyncio.run(guard.person({"captcha_token": "t"}, "", get_settings()))
