"""What hostile, broken and merely careless senders send: bodies and headers for the two ManyChat webhooks."""

import json
import re
from typing import Any

from hypothesis import strategies as st

from tests.support.world import contact, opportunity

GOOD = {
    "contact": contact(
        apellido_lead="Pérez",
        whatsapp="+52 55 1234 5678",
        email_lead="ana@example.com",
        datetime_suscripcion="2026-02-01T08:00:00-06:00",
        ultimo_estado="Nuevo",
        canal_entrada="Instagram",
        estado_inicial="Nuevo",
    ),
    "opportunity": opportunity(
        last_name="Pérez",
        phone="5512345678",
        channel="WhatsApp",
        entry_date="2026-02-01",
        medical_advisor_id=0,
        commercial_advisor_id=7,
        state={"summary": "Llamar 📞 mañana"},
    ),
    "assignment": {
        "manychat_id": "m1",
        "campaign_id": 1,
        "datetime_actual": "2026-03-01T10:00:00Z",
        "ultimo_estado": "Nuevo",
        "comercial_id": 0,
        "medico_id": None,
        "tipo_asignacion": "Automática",
        "summary": "Llamar 📞 mañana",
    },
}
for body in GOOD.values():
    body["score"] = 7  # a field of their own, kept as it is
NAMES = sorted({name for body in GOOD.values() for name in body} | {"stage_manychat", "advisor_id"})

TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\u00a0\u200b",
        "ñandú",
        "e\u0301",  # an accent of its own
        "مرحبا\u200f بالعالم",
        "👩‍⚕️🇲🇽",
        "\U0010ffff",
        "\ufeff",
        "\x01\x1b[31m",
        "' OR 1=1; --",
        "{{7*7}}${7*7}<script>",
        "Infinity",
        "0",
        "-1",
        "16",
        "١٦",
        "9" * 400,
        "🌷" * 101,
        "ñ" * 3000,
        "x" * 50_000,
        "Recién Suscrito (Sin Asignar)",
        "RETORNÓ  EN ac",
    ]
) | st.text(max_size=60)
# These stand in JSON as escapes, since no encoding has them.
UNSTORABLE = st.sampled_from(["\x00", "a\x00b", "\ud800", "\udfff x", "\ud83d\ud83d"])
DATES = st.sampled_from(
    [
        "2026-03-01T10:00:00",
        "2026-03-01T10:00:00.123456789Z",
        "2026-03-01T10:00:00+23:59",
        "2026-03-01 10:00",
        "2026-03-01",
        "2026-02-30T10:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-12-31T23:59:60Z",
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "01/03/2026",
        "1772359200",
        1772359200,
        1772359200000,
        -1,
        1e308,
        "P1D",
    ]
)
NUMBERS = st.sampled_from([0, -1, 16, 99, 2**31 - 1, 2**31, 2**63, 10**400, 1.5, -0.0, 1e308, 5e-324]) | st.integers()
SCALARS = TEXTS | UNSTORABLE | DATES | NUMBERS | st.sampled_from([None, True, False])
VALUES = SCALARS | st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | UNSTORABLE, inner, max_size=3), max_leaves=5
)
DEEP = st.integers(1, 200).map(lambda depth: json.loads("[" * depth + "]" * depth))


@st.composite
def mutated(draw: st.DrawFn, hook: str) -> dict[str, Any]:
    """A good payload with a few things wrong, or just unusual."""
    body: dict[str, Any] = json.loads(json.dumps(GOOD[hook]))
    for _ in range(draw(st.integers(0, 3))):
        place = body
        if isinstance(body.get("state"), dict) and draw(st.booleans()):
            place = body["state"]
        name = draw(st.sampled_from(sorted(place) or NAMES) | st.sampled_from([*NAMES, "date", "stage_id", "extra"]))
        match draw(st.sampled_from(["fit", "fit", "fit", "fit", "set", "odd", "drop", "deep"])):
            case "fit":
                place[name] = draw(fitting(name))
            case "set":
                place[name] = draw(VALUES)
            case "odd":
                place[draw(UNSTORABLE | TEXTS)] = draw(UNSTORABLE | NUMBERS)
            case "drop":
                place.pop(name, None)
            case "deep":
                place[name] = draw(DEEP)
    return body


def fitting(name: str) -> st.SearchStrategy[Any]:
    """A value of the kind that the field takes, at the edge of what it takes."""
    if "date" in name:
        return DATES
    return NUMBERS if name.endswith("_id") else TEXTS


LITERALS = [b"1e999", b"-1e999", b"NaN", b"Infinity", b"-0", b"1E5", b"01", b"9" * 5000]
INSERTED = [b"\\u0000", b"\\ud800", b"\xff", b"1e999", b'"', b"}"]


@st.composite
def broken_bytes(draw: st.DrawFn, hook: str) -> bytes:
    """A good body with some of its bytes changed, cut off or repeated."""
    raw = bytearray(json.dumps(GOOD[hook], ensure_ascii=False).encode())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(raw) - 1, 0)))
        match draw(st.sampled_from(["change", "cut", "insert", "number", "repeat"])):
            case "change" if raw:
                raw[at] = draw(st.integers(0, 255))
            case "cut":
                del raw[at:]
            case "insert":
                raw[at:at] = draw(st.binary(max_size=6) | st.sampled_from(INSERTED))
            case "number":  # one that JSON can write and Python cannot keep
                literal = draw(st.sampled_from(LITERALS))
                raw = bytearray(re.sub(rb"\d+(?=[,}])", literal, bytes(raw), count=draw(st.integers(0, 1))))
            case _:
                raw += raw[at:]
    return bytes(raw)


def encoded(body: Any, how: str) -> bytes:
    """`body` as bytes, in one of the ways that senders have."""
    text = json.dumps(body, ensure_ascii=how == "ascii")
    encoding, errors = ("utf-8", "replace") if how in ("ascii", "utf-8") else (how, "replace")
    if how == "surrogates":  # as a sloppy encoder writes them
        return text.encode("utf-8", "surrogatepass")
    return text.encode(encoding, errors)


def bodies(hook: str) -> st.SearchStrategy[bytes]:
    """Anything that may come as a body, most of it close to what is expected."""
    usual = st.sampled_from(["ascii", "utf-8", "utf-8-sig"])
    ways = usual | st.sampled_from(["utf-16", "latin-1", "surrogates"])
    near = st.builds(encoded, mutated(hook), usual)
    far = st.builds(encoded, mutated(hook) | VALUES | DEEP, ways)
    return st.one_of(near, near, near, near, near, far, broken_bytes(hook), st.binary(max_size=200))


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            ["application/json; charset=latin-1", "text/plain", "", ";", "a/b+json", "\udcff", "x" * 9000]
        ),
        "content-encoding": st.sampled_from(["identity", "gzip", "", "\u00ff"]),
        "idempotency-key": st.sampled_from(["k1", '"k2"', "", '"', "🌷" * 100, "x" * 200, "x" * 201, "a\tb", "\udcff", "\x00"]),
        "traceparent": st.sampled_from(["", "x" * 70_000, "\udcff", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"]),
        "x-api-key": st.sampled_from(["", "wrong", "\udcff\udcfe", "x" * 10_000]),
    },
)
NO_HEADERS: st.SearchStrategy[dict[str, str]] = st.just({})
