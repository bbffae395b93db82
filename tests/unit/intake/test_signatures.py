"""Inbound signatures, against code that is not ours: the vendors' own packages, and `cryptography` where there is none."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import azure.functions as func
import pytest
import stripe
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from hubspot.utils.signature import Signature as HubSpotSignature
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from svix.webhooks import Webhook as Svix
from twilio.request_validator import RequestValidator

from functions.bookings import payloads
from functions.christmas import triggers
from shared import clock
from shared.errors import RefusedError
from shared.intake import signatures
from shared.messages.providers import brevo, resend, twilio_events
from shared.settings import load

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
URL = "https://puente.example/api/hook?tenant=a%20b&code=k%3D%3D"
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.fixture(autouse=True, scope="module")
def _frozen() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


@dataclass(frozen=True)
class Request:
    """What a vendor sends."""

    headers: dict[str, str]
    raw: bytes
    url: str = URL


@dataclass(frozen=True)
class Vendor:
    """How the vendor's own code signs, and how we check."""

    name: str
    sign: Callable[[str, bytes, datetime], Request]
    check: Callable[..., None]
    timed: timedelta | None = None
    ahead: timedelta | None = None
    secrets: tuple[str, str, str] = ("old-secret", "new-secret", "strange-secret")
    covers_body: bool = True
    content: str = field(default='{"event": "año ☀", "n": 1}')


def hmac_hex(secret: str, signed: bytes) -> str:
    mac = HMAC(secret.encode(), SHA256())  # OpenSSL's
    mac.update(signed)
    return mac.finalize().hex()


def sign_calcom(secret: str, raw: bytes, _at: datetime) -> Request:
    return Request({"X-Cal-Signature-256": hmac_hex(secret, raw)}, raw)


def sign_meta(secret: str, raw: bytes, _at: datetime) -> Request:
    return Request({"X-Hub-Signature-256": "sha256=" + hmac_hex(secret, raw)}, raw)


def sign_stripe(secret: str, raw: bytes, at: datetime) -> Request:
    make = stripe.WebhookSignature.generate_signature_header
    return Request({"Stripe-Signature": make(raw.decode(), secret, int(at.timestamp()))}, raw)


def sign_calendly(secret: str, raw: bytes, at: datetime) -> Request:
    return Request({"Calendly-Webhook-Signature": sign_stripe(secret, raw, at).headers["Stripe-Signature"]}, raw)


def sign_resend(secret: str, raw: bytes, at: datetime) -> Request:
    headers = {"svix-id": "msg_1", "svix-timestamp": str(int(at.timestamp()))}
    return Request(headers | {"svix-signature": Svix(secret).sign("msg_1", at, raw.decode())}, raw)


def sign_brevo(secret: str, raw: bytes, _at: datetime) -> Request:
    return Request({"Authorization": f"Bearer {secret}"}, raw)


def sign_twilio_json(secret: str, raw: bytes, _at: datetime) -> Request:
    url = f"{URL}&bodySHA256={hashlib.sha256(raw).hexdigest()}"
    signature = RequestValidator(secret).compute_signature(url, {})
    return Request({"X-Twilio-Signature": signature, "Content-Type": "application/json"}, raw, url)


def sign_twilio_form(secret: str, raw: bytes, _at: datetime) -> Request:
    fields = {"Body": raw.decode(), "From": "whatsapp:+5215512345678", "Empty": ""}
    signature = RequestValidator(secret).compute_signature(URL, fields)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return Request(headers, urlencode(fields).encode())


def sign_hubspot(version: str) -> Callable[[str, bytes, datetime], Request]:
    def sign(secret: str, raw: bytes, at: datetime) -> Request:
        moment = str(int(at.timestamp() * 1000))
        value = HubSpotSignature.get_signature(secret, raw.decode(), version, URL, "POST", moment)
        if version == "v3":
            return Request({"X-HubSpot-Signature-v3": value, "X-HubSpot-Request-Timestamp": moment}, raw)
        return Request({"X-HubSpot-Signature": value, "X-HubSpot-Signature-Version": version}, raw)

    return sign


def plain(check: Callable[..., None]) -> Callable[[Request, tuple[str, ...]], None]:
    return lambda request, secrets: check(request.headers, request.raw, secrets)


def check_twilio(request: Request, secrets: tuple[str, ...]) -> None:
    signatures.twilio(request.headers, request.raw, secrets, url=request.url)


def check_hubspot(*versions: str) -> Callable[[Request, tuple[str, ...]], None]:
    def check(request: Request, secrets: tuple[str, ...]) -> None:
        signatures.hubspot(request.headers, request.raw, secrets, method="POST", url=request.url, versions=versions)

    return check


SVIX_SECRETS = tuple("whsec_" + base64.b64encode(word).decode() for word in (b"old key", b"new key!", b"strange"))

VENDORS = [
    Vendor("calcom", sign_calcom, plain(signatures.calcom)),
    Vendor("meta", sign_meta, plain(signatures.meta)),
    Vendor("stripe", sign_stripe, plain(signatures.stripe), timedelta(minutes=5)),
    Vendor("calendly", sign_calendly, plain(signatures.calendly), timedelta(hours=24), timedelta(minutes=3)),
    Vendor("resend", sign_resend, plain(signatures.resend), timedelta(minutes=5), secrets=SVIX_SECRETS),  # type: ignore[arg-type]
    Vendor("brevo", sign_brevo, plain(signatures.brevo), covers_body=False),
    Vendor("twilio json", sign_twilio_json, check_twilio),
    Vendor("twilio form", sign_twilio_form, check_twilio),
    Vendor("hubspot v3", sign_hubspot("v3"), check_hubspot("v3"), timedelta(minutes=5)),
    Vendor("hubspot v2", sign_hubspot("v2"), check_hubspot("v2"), None),
    Vendor("hubspot v1", sign_hubspot("v1"), check_hubspot("v1"), None),
]
each_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
each_timed = pytest.mark.parametrize("vendor", [v for v in VENDORS if v.timed], ids=lambda vendor: vendor.name)


def refusal(vendor: Vendor, request: Request, *secrets: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        vendor.check(request, secrets or vendor.secrets[:2])
    return caught.value


def signed(vendor: Vendor, secret: str | None = None, at: datetime = NOW) -> Request:
    return vendor.sign(secret or vendor.secrets[0], vendor.content.encode(), at)


@settings(deadline=None)
@given(text=TEXTS, secret=TOKENS)
@each_vendor
def test_what_the_vendor_signs_is_taken(vendor: Vendor, text: str, secret: str) -> None:
    """Whatever the body and the secret; header names in any case."""
    if vendor.name == "resend":
        secret = "whsec_" + base64.b64encode(secret.encode()).decode()
    request = vendor.sign(secret, text.encode(), NOW)
    vendor.check(request, (secret,))
    vendor.check(Request({name.lower(): value for name, value in request.headers.items()}, request.raw, request.url), (secret,))


@settings(deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("vendor", [v for v in VENDORS if v.covers_body], ids=lambda vendor: vendor.name)
def test_one_altered_byte_is_refused(vendor: Vendor, data: st.DataObject) -> None:
    """Anywhere in the body (but for a change from %3A to %3a in a form, which says the same)."""
    request = signed(vendor)
    at = data.draw(st.integers(0, len(request.raw) - 1))
    other = data.draw(st.sampled_from([byte for byte in b'0Z{"' if byte != request.raw[at]]))
    raw = request.raw[:at] + bytes([other]) + request.raw[at + 1 :]
    assert refusal(vendor, Request(request.headers, raw, request.url)).reason == "bad-signature"


@each_vendor
def test_either_secret_is_good_while_one_is_replaced(vendor: Vendor) -> None:
    """The old one, and the new one; a third is refused, and so is the old one once it is gone."""
    old, new, strange = vendor.secrets
    vendor.check(signed(vendor, old), (old, new))
    vendor.check(signed(vendor, new), (old, new))
    assert (refusal(vendor, signed(vendor, strange)).status, refusal(vendor, signed(vendor, strange)).reason) == (
        401,
        "bad-signature",
    )
    assert refusal(vendor, signed(vendor, old), new).reason == "bad-signature"


@each_vendor
@pytest.mark.parametrize("value", ["", "   "])
def test_no_signature(vendor: Vendor, value: str) -> None:
    """An absent header, and an empty one."""
    headers = {name: kept for name, kept in signed(vendor).headers.items() if name == "Content-Type"}
    assert refusal(vendor, Request(headers, b"{}")).reason == "missing-signature"
    emptied = dict.fromkeys(signed(vendor).headers, value)
    assert refusal(vendor, Request(emptied, b"{}")).reason == "missing-signature"


@each_vendor
@pytest.mark.parametrize(
    "value", ["no-secret-provided", "Bearer x", "t=1", "v1=", "t=x,v1=abc", "sha256=", "v1,", "\udcff ñ", "=,=,,", "0" * 64]
)
def test_a_forged_or_garbled_signature(vendor: Vendor, value: str) -> None:
    """It is refused as such, whatever its form; nothing breaks over it."""
    request = signed(vendor)
    headers = {name: kept if name == "Content-Type" else value for name, kept in request.headers.items()}
    assert refusal(vendor, Request(headers, request.raw, request.url)).reason in ("bad-signature", "missing-signature")


@each_vendor
@pytest.mark.parametrize("secrets", [(), ("",)])
def test_without_a_secret_nothing_is_taken(vendor: Vendor, secrets: tuple[str, ...]) -> None:
    """Not even what is signed with the empty secret; the vendor is told to come again."""
    with pytest.raises(RefusedError) as caught:
        vendor.check(signed(vendor), secrets)
    assert (caught.value.status, caught.value.reason) == (503, "not-configured")


@each_timed
@pytest.mark.parametrize("direction", [-1, 1])
def test_an_old_request_sent_again_is_stale(vendor: Vendor, direction: int) -> None:
    """To the second, and in the future as well: such a one could be sent again for longer."""
    limit = vendor.ahead if direction > 0 and vendor.ahead else vendor.timed
    assert limit
    vendor.check(signed(vendor, at=NOW + direction * limit), vendor.secrets)
    late = signed(vendor, at=NOW + direction * (limit + timedelta(seconds=1)))
    assert refusal(vendor, late).reason == "stale-signature"


@each_timed
def test_the_time_is_signed_too(vendor: Vendor) -> None:
    """An old request with a new time is no genuine one."""
    old, new = signed(vendor, at=NOW - timedelta(hours=1)), signed(vendor)
    swapped = {}
    for name, value in old.headers.items():
        swapped[name] = new.headers[name] if "timestamp" in name.lower() else value
        if value.startswith("t="):
            swapped[name] = new.headers[name].partition(",")[0] + "," + value.partition(",")[2]
    assert refusal(vendor, Request(swapped, old.raw)).reason == "bad-signature"


@settings(deadline=None)
@given(moment=st.text(max_size=25))
def test_a_time_that_is_none_is_no_time(moment: str) -> None:
    """Even when it is genuinely signed."""
    raw = b"{}"
    header = f"t={moment},v1={hmac_hex('secret', moment.strip().encode('utf-8', 'surrogatepass') + b'.' + raw)}"
    with pytest.raises(RefusedError):
        signatures.stripe({"Stripe-Signature": header}, raw, ["secret"])


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("Bearer token", None),
        ("bearer token", None),
        ("token", "missing-signature"),
        ("Basic token", "missing-signature"),
        ("Bearer", "missing-signature"),
        ("Bearer token2", "bad-signature"),
        ("Bearer tok", "bad-signature"),
    ],
)
def test_brevos_token_is_a_bearer_token(header: str, reason: str | None) -> None:
    """RFC 6750: the scheme in any case, and the whole token."""
    request = Request({"Authorization": header}, b"{}")
    if reason is None:
        signatures.brevo(request.headers, request.raw, ["token"])
    else:
        assert refusal(VENDORS[5], request, "token").reason == reason


def test_stripe_signs_with_both_secrets_while_one_is_rolled() -> None:
    """One of several v1 is enough; v0 counts for nothing."""
    first, second = (signed(VENDORS[2], secret).headers["Stripe-Signature"] for secret in ("one", "two"))
    both = f"{first},{second.partition(',')[2]},v0=abc"
    raw = VENDORS[2].content.encode()
    signatures.stripe({"Stripe-Signature": both}, raw, [SecretStr("two")])
    assert stripe.WebhookSignature.verify_header(raw, both, "two")
    with pytest.raises(RefusedError, match="bad-signature"):
        signatures.stripe({"Stripe-Signature": both.replace("v1=", "v0=")}, raw, ["two"])


def test_resend_takes_the_standard_names_and_several_signatures() -> None:
    """Standard Webhooks calls the headers `webhook-*`; while a key is rolled there are several signatures, of any version."""
    request = sign_resend(SVIX_SECRETS[0], b"{}", NOW)
    headers = {name.replace("svix", "webhook"): value for name, value in request.headers.items()}
    headers["webhook-signature"] = "v1a,abc v1,abc " + headers["webhook-signature"]
    signatures.resend(headers, b"{}", [SVIX_SECRETS[0]])
    signatures.resend(headers, b"{}", [SVIX_SECRETS[0].removeprefix("whsec_").rstrip("=")])


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "ñ"])
def test_a_secret_of_resend_that_is_none_is_said(secret: str) -> None:
    """Not a key of no bytes that anybody can sign with."""
    with pytest.raises(RefusedError, match="not-configured"):
        signatures.resend(sign_resend(SVIX_SECRETS[0], b"{}", NOW).headers, b"{}", [secret])


@settings(deadline=None)
@given(
    pairs=st.lists(st.tuples(st.sampled_from(["Body", "body", "From", "A", "MediaUrl0"]), TEXTS), max_size=8),
    port=st.sampled_from(["", ":443", ":8443"]),
    stated=st.sampled_from(["", ":443"]),
    algorithm=st.sampled_from(["HMAC_SHA1", "HMAC_SHA256"]),
)
def test_twilio_repeated_fields_ports_and_algorithms(
    pairs: list[tuple[str, str]], port: str, stated: str, algorithm: str
) -> None:
    """Twilio's own validator, on any form, with and without the port, agrees with ours."""

    class Form(dict[str, list[str]]):
        def getall(self, name: str) -> list[str]:
            return self[name]

    form = Form()
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    ours = f"https://puente.example{port}/api/twilio?x=%2F"
    theirs = f"https://puente.example{stated or (port if port == ':8443' else '')}/api/twilio?x=%2F"
    signature = RequestValidator("token").compute_signature(theirs, form, algorithm)
    headers = {
        "x-twilio-signature": signature,
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-webhooks-signature-settings": f"key=k,algorithm={algorithm}",
    }
    request = Request(headers, urlencode(pairs).encode(), ours)
    if RequestValidator("token").validate(ours, form, signature, algorithm):
        check_twilio(request, ("token",))
    else:
        with pytest.raises(RefusedError, match="bad-signature"):
            check_twilio(request, ("token",))


def test_twilio_body_that_nothing_covers() -> None:
    """JSON without its hash in the address would be taken with any content, so it is refused; GET has no body."""
    request = Request({"x-twilio-signature": RequestValidator("token").compute_signature(URL, {})}, b"")
    check_twilio(request, ("token",))
    with pytest.raises(RefusedError, match="bad-signature"):
        check_twilio(Request(request.headers, b'{"CallStatus": "completed"}'), ("token",))


@each_vendor
def test_the_address_is_signed_where_the_vendor_signs_it(vendor: Vendor) -> None:
    """A genuine request of Twilio or HubSpot (v2, v3) sent to another address of ours is refused."""
    request = signed(vendor)
    moved = Request(request.headers, request.raw, request.url.replace("/hook", "/other"))
    if vendor.name.startswith("twilio") or vendor.name in ("hubspot v2", "hubspot v3"):
        assert refusal(vendor, moved).reason == "bad-signature"
    else:
        vendor.check(moved, vendor.secrets)


@settings(deadline=None)
@given(path=TEXTS, query=TEXTS, decoded=st.booleans())
def test_hubspot_signs_some_escapes_as_what_they_stand_for(path: str, query: str, decoded: bool) -> None:  # noqa: FBT001
    """Both readings of the address are taken, signed by HubSpot's own code."""
    url = f"https://puente.example/{quote(path, safe='')}?q={quote(query, safe='')}"
    theirs = url
    if decoded:
        for sign in ":/?@!$'()*,;":
            theirs = theirs.replace(f"%{ord(sign):02X}", sign)
    moment = str(int(NOW.timestamp() * 1000))
    value = HubSpotSignature.get_signature("secret", "[]", "v3", theirs, "POST", moment)
    headers = {"X-HubSpot-Signature-v3": value, "X-HubSpot-Request-Timestamp": moment}
    check_hubspot("v3")(Request(headers, b"[]", url), ("secret",))


def test_hubspot_old_versions_are_no_way_around_the_time() -> None:
    """They are taken only where that was allowed, and then never in place of a version 3 that is there."""
    old, new = (sign_hubspot(version)("secret", b"[]", NOW - timedelta(hours=1)) for version in ("v1", "v3"))
    with pytest.raises(RefusedError, match="missing-signature"):
        check_hubspot("v3")(old, ("secret",))
    both = Request(old.headers | new.headers, b"[]")
    with pytest.raises(RefusedError, match="stale-signature"):
        check_hubspot("v3", "v2", "v1")(both, ("secret",))
    check_hubspot("v3", "v2", "v1")(old, ("secret",))
    with pytest.raises(RefusedError, match="missing-signature"):
        check_hubspot("v2", "v1", "v9")(Request(old.headers | {"X-HubSpot-Signature-Version": "v9"}, b"[]"), ("secret",))


@pytest.mark.parametrize(
    ("base", "seen", "public"),
    [
        ("https://a.example", "http://10.0.0.4:80/api/x?a=%20&b=+", "https://a.example/api/x?a=%20&b=+"),
        ("https://a.example/", "http://localhost:7071/api/x", "https://a.example/api/x"),
        ("https://a.example/flows", "http://h/api/%C3%B1?", "https://a.example/flows/api/%C3%B1"),
    ],
)
def test_the_public_address_keeps_path_and_query_as_they_came(base: str, seen: str, public: str) -> None:
    """Only scheme and host are ours to say."""
    assert signatures.public_url(base, seen) == public


@pytest.mark.parametrize(
    ("authenticate", "vendor", "setting"),
    [
        (payloads.signed, "calcom", "calcom_webhook_secret"),
        (triggers.by_calendly_or_key, "calendly", "calendly_signing_keys"),
        (resend.verify, "resend", "resend_webhook_secrets"),
        (brevo.verify, "brevo", "brevo_webhook_secrets"),
        (twilio_events.verify, "twilio form", "twilio_auth_token"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_a_webhook_is_checked_with_the_secrets_in_the_settings(authenticate, vendor, setting) -> None:
    """As `Webhook.authenticate` is called by the host, which saw the request at an inner address."""
    chosen = next(each for each in VENDORS if each.name == vendor)
    secret = chosen.secrets[0]
    value = secret if setting == "twilio_auth_token" else f"{secret},{chosen.secrets[1]}"
    settings = load(**{setting: value, "public_base_url": "https://puente.example"})
    sent = signed(chosen)
    request = func.HttpRequest(
        "POST", sent.url.replace("https://puente.example", "http://10.1.2.3:8080"), headers=sent.headers, body=sent.raw
    )
    authenticate(request, request.get_body(), settings)
    forged = signed(chosen, chosen.secrets[2])
    request = func.HttpRequest("POST", sent.url, headers=forged.headers, body=forged.raw)
    with pytest.raises(RefusedError, match="bad-signature"):
        authenticate(request, request.get_body(), settings)
    with pytest.raises(RefusedError, match="not-configured"):
        authenticate(request, request.get_body(), load())
