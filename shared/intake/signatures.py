"""Verify webhook signatures: each vendor's own, over the raw bytes of the body.

Every function takes the request's headers (in any case), the raw body and the secrets that are good (several while one is
replaced), returns nothing when one of them signed it, and otherwise raises RefusedError:

    401 missing-signature   the request carries none
    401 bad-signature       it is not by any of these secrets, or cannot be read
    401 stale-signature     it is genuine, but its time is too far from ours: perhaps somebody sends an old request again
    503 not-configured      we have no secret to check it with; most vendors send it again (Cal.com does not)

Comparisons take the same time whatever differs. Cal.com, Meta, Twilio, Brevo, Shopify, WooCommerce and HubSpot's old versions
sign no time: a request sent again is genuine there, and is harmless because an event is taken once.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

from pydantic import SecretStr

from shared import clock
from shared.errors import RefusedError

STRIPE_TOLERANCE = timedelta(minutes=5)
# Calendly sends again for a day, and does not say whether what it repeats is signed anew. After a day without an answer
# it stops for good, so a good signature counts for that long; its own sample has three minutes, which bounds the future.
CALENDLY_TOLERANCE = timedelta(hours=24)
CALENDLY_CLOCK_AHEAD = timedelta(minutes=3)
HUBSPOT_TOLERANCE = timedelta(minutes=5)
SVIX_TOLERANCE = timedelta(minutes=5)

FORM = "application/x-www-form-urlencoded"

_TIMESTAMP = re.compile(r"[0-9]{1,15}")
_DEFAULT_PORTS = {"https": 443, "http": 80}
# HubSpot's rule for version 3: these are signed as the characters that they stand for.
_HUBSPOT_DECODED = {f"%{ord(sign):02X}": sign for sign in ":/?@!$'()*,;"}
_HUBSPOT_ENCODED = re.compile("|".join(_HUBSPOT_DECODED), re.IGNORECASE)

type Secrets = Iterable[SecretStr | str]


def calcom(headers: Mapping[str, str], raw: bytes, secrets: Secrets) -> None:
    """Cal.com: `X-Cal-Signature-256`, hex HMAC-SHA256 of the body."""
    keys = _keys(secrets)
    presented = _header(headers, "x-cal-signature-256")
    _require(presented)
    _check((_hex(key, raw) for key in keys), [presented])


def of_body(headers: Mapping[str, str], raw: bytes, secrets: Secrets, names: Sequence[str]) -> None:
    """Hex HMAC-SHA256 of the body, with or without `sha256=` before it, in the first of these headers that is there."""
    keys = _keys(secrets)
    presented = next(filter(None, (_header(headers, name) for name in names)), "")
    _require(presented)
    _check((_hex(key, raw) for key in keys), [presented.removeprefix("sha256=").lower()])


def meta(headers: Mapping[str, str], raw: bytes, secrets: Secrets) -> None:
    """Meta (WhatsApp Cloud API): `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 of the body with the app secret."""
    keys = _keys(secrets)
    presented = _header(headers, "x-hub-signature-256")
    _require(presented)
    _check(("sha256=" + _hex(key, raw) for key in keys), [presented])


def stripe(headers: Mapping[str, str], raw: bytes, secrets: Secrets, *, tolerance: timedelta = STRIPE_TOLERANCE) -> None:
    """Stripe: `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=...]`, HMAC-SHA256 of `t` + "." + body; any v1 may match."""
    _timed_hex(_header(headers, "stripe-signature"), raw, secrets, tolerance)


def calendly(headers: Mapping[str, str], raw: bytes, secrets: Secrets, *, tolerance: timedelta = CALENDLY_TOLERANCE) -> None:
    """Calendly: `Calendly-Webhook-Signature`, built as Stripe builds its own. `tolerance` is how old it may be."""
    _timed_hex(_header(headers, "calendly-webhook-signature"), raw, secrets, tolerance, ahead=CALENDLY_CLOCK_AHEAD)


def resend(headers: Mapping[str, str], raw: bytes, secrets: Secrets, *, tolerance: timedelta = SVIX_TOLERANCE) -> None:
    """Resend (Svix, Standard Webhooks): `svix-id`, `svix-timestamp`, `svix-signature: v1,<base64> v1,<base64>`.

    HMAC-SHA256 of id + "." + timestamp + "." + body; the key is what the secret holds in base64 after `whsec_`.
    """
    keys = [_svix_key(key) for key in _keys(secrets)]
    message_id, moment, presented = (_svix_header(headers, name) for name in ("id", "timestamp", "signature"))
    _require(message_id and moment and presented)
    signed = f"{message_id}.{moment}.".encode("utf-8", "surrogatepass") + raw
    _check((f"v1,{_base64(key, signed)}" for key in keys), presented.split(" "))
    _check_age(moment, tolerance)


def brevo(headers: Mapping[str, str], _raw: bytes, secrets: Secrets) -> None:
    """Brevo signs nothing: its webhook is set up to send `Authorization: Bearer <token>`."""
    keys = _keys(secrets)
    scheme, _, token = _header(headers, "authorization").partition(" ")
    _require(token if scheme.lower() == "bearer" else "")
    _check((key.decode("utf-8", "surrogatepass") for key in keys), [token.strip()])


def shopify(headers: Mapping[str, str], raw: bytes, secrets: Secrets) -> None:
    """Shopify: `X-Shopify-Hmac-Sha256`, base64 HMAC-SHA256 of the body. Topic, shop and ids are not signed."""
    _base64_of_body(headers, "x-shopify-hmac-sha256", raw, secrets)


def woocommerce(headers: Mapping[str, str], raw: bytes, secrets: Secrets) -> None:
    """WooCommerce: `X-WC-Webhook-Signature`, base64 HMAC-SHA256 of the body. The topic is a header, which is not signed."""
    _base64_of_body(headers, "x-wc-webhook-signature", raw, secrets)


def twilio(headers: Mapping[str, str], raw: bytes, secrets: Secrets, *, url: str) -> None:
    """Twilio: `X-Twilio-Signature`, base64 HMAC-SHA1 with the account's token over the address it was told to call.

    `url` is that address as Twilio knows it, query included (`public_url`); Twilio is not consistent about ports, so it is
    tried with and without. A form's fields follow it, sorted, each once per value. A body of another kind is covered by its
    SHA-256 in the address (`bodySHA256`); one that is covered by nothing is refused.
    Keys of the newer kind announce HMAC-SHA256 in `X-Twilio-Webhooks-Signature-Settings`.
    """
    keys = _keys(secrets)
    presented = _header(headers, "x-twilio-signature")
    _require(presented)
    is_form = _header(headers, "content-type").partition(";")[0].strip().lower() == FORM
    if not is_form and raw:
        _check([hashlib.sha256(raw).hexdigest()], parse_qs(urlsplit(url).query).get("bodySHA256", [])[:1])
    digest = "sha256" if "algorithm=hmac_sha256" in _header(headers, "x-twilio-webhooks-signature-settings").lower() else "sha1"
    fields = _twilio_fields(raw) if is_form else ""
    texts = [(address + fields).encode("utf-8", "surrogatepass") for address in _with_and_without_port(url)]
    _check((_base64(key, text, digest) for key in keys for text in texts), [presented])


def hubspot(
    headers: Mapping[str, str],
    raw: bytes,
    secrets: Secrets,
    *,
    method: str,
    url: str,
    tolerance: timedelta = HUBSPOT_TOLERANCE,
    versions: Collection[str] = ("v3",),
) -> None:
    """HubSpot, with the app's client secret.

        v3   X-HubSpot-Signature-v3 and X-HubSpot-Request-Timestamp (ms): base64 HMAC-SHA256 of method + url + body + time
        v2   X-HubSpot-Signature, version v2: hex SHA-256 of secret + method + url + body
        v1   X-HubSpot-Signature, version v1 (or none): hex SHA-256 of secret + body

    HubSpot sends version 3 beside the older ones, and only that has a time: the others are taken only when `versions` names
    them, and never for a request that carries version 3, so that an old request cannot come back with that header cut off
    unless that was allowed. `url` is our address as HubSpot knows it (`public_url`).
    """
    keys = _keys(secrets)
    newest, moment = _header(headers, "x-hubspot-signature-v3"), _header(headers, "x-hubspot-request-timestamp")
    if newest and "v3" in versions:
        _require(moment)
        tail = raw + moment.encode("utf-8", "surrogatepass")
        heads = [(method + address).encode("utf-8", "surrogatepass") for address in {url, _hubspot_decoded(url)}]
        _check((_base64(key, head + tail) for key in keys for head in heads), [newest])
        _check_age(moment, tolerance, units_per_second=1000)
        return
    presented = _header(headers, "x-hubspot-signature")
    version = _header(headers, "x-hubspot-signature-version") or "v1"
    _require(presented if version in versions and version in ("v1", "v2") else "")
    head = (method + url).encode("utf-8", "surrogatepass") if version == "v2" else b""
    _check((hashlib.sha256(key + head + raw).hexdigest() for key in keys), [presented])


def public_url(base_url: str, request_url: str) -> str:
    """The address that the vendor called: our public one with the path and query of `request_url`, exactly as they came.

    Behind a front end the host and scheme that the code sees are not the vendor's, and a Host header can be forged.
    """
    parts = urlsplit(request_url)
    return base_url.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")


def _timed_hex(header: str, raw: bytes, secrets: Secrets, tolerance: timedelta, *, ahead: timedelta | None = None) -> None:
    keys = _keys(secrets)
    _require(header)
    pairs = [(name.strip(), value.strip()) for name, _, value in (part.partition("=") for part in header.split(","))]
    moment = next((value for name, value in pairs if name == "t"), "")
    signed = moment.encode("utf-8", "surrogatepass") + b"." + raw
    _check((_hex(key, signed) for key in keys), [value for name, value in pairs if name == "v1"])
    _check_age(moment, tolerance, ahead=ahead)


def _base64_of_body(headers: Mapping[str, str], name: str, raw: bytes, secrets: Secrets) -> None:
    keys = _keys(secrets)
    presented = _header(headers, name)
    _require(presented)
    _check((_base64(key, raw) for key in keys), [presented])


def _check(expected: Iterable[str], presented: Sequence[str]) -> None:
    """One of `presented` is one of `expected`; all are compared whatever the others said."""
    given = [text.encode("utf-8", "surrogatepass") for text in presented]
    found = False
    for good in expected:
        for text in given:
            found |= hmac.compare_digest(good.encode("utf-8", "surrogatepass"), text)
    if not found:
        raise _refusal("bad-signature", "The signature is not by a key that is known here.")


def _check_age(moment: str, tolerance: timedelta, *, ahead: timedelta | None = None, units_per_second: int = 1) -> None:
    """`moment` (signed, so it is the vendor's own) is at most `tolerance` old, and at most `ahead` (as much) in the future."""
    if not _TIMESTAMP.fullmatch(moment):
        raise _refusal("bad-signature", "The time of the signature cannot be read.")
    age = clock.now().timestamp() - int(moment) / units_per_second
    if not -(tolerance if ahead is None else ahead).total_seconds() <= age <= tolerance.total_seconds():
        raise _refusal("stale-signature", "The signature is too old, or from the future.")


def _require(presented: str) -> None:
    if not presented:
        raise _refusal("missing-signature", "The request must be signed by its sender.")


def _refusal(reason: str, title: str) -> RefusedError:
    return RefusedError(401, reason, title)


def _keys(secrets: Secrets) -> list[bytes]:
    """The secrets as bytes; an empty one, which anybody could sign with, is none."""
    texts = (secret.get_secret_value() if isinstance(secret, SecretStr) else secret for secret in secrets)
    keys = [text.encode("utf-8", "surrogatepass") for text in texts if text]
    if not keys:
        raise RefusedError(503, "not-configured", "No secret is configured for this webhook.")
    return keys


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "").strip()


def _svix_header(headers: Mapping[str, str], name: str) -> str:
    return _header(headers, f"svix-{name}") or _header(headers, f"webhook-{name}")


def _svix_key(secret: bytes) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(b"whsec_") + b"==")
    except binascii.Error:
        key = b""
    if not key:
        raise RefusedError(503, "not-configured", "The secret of this webhook is not one: `whsec_` and base64 were expected.")
    return key


def _hex(key: bytes, signed: bytes) -> str:
    return hmac.new(key, signed, hashlib.sha256).hexdigest()


def _base64(key: bytes, signed: bytes, digest: str = "sha256") -> str:
    return base64.b64encode(hmac.digest(key, signed, digest)).decode()


def _twilio_fields(raw: bytes) -> str:
    pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)
    return "".join(name + value for name, value in sorted(set(pairs)))


def _with_and_without_port(url: str) -> list[str]:
    parts = urlsplit(url)
    host, port = parts.netloc.removesuffix(f":{parts.port}"), parts.port or _DEFAULT_PORTS.get(parts.scheme)
    start = f"{parts.scheme}://{parts.netloc}"
    return [url.replace(start, f"{parts.scheme}://{netloc}", 1) for netloc in (host, f"{host}:{port}")]


def _hubspot_decoded(url: str) -> str:
    return _HUBSPOT_ENCODED.sub(lambda found: _HUBSPOT_DECODED[found[0].upper()], url)
