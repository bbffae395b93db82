"""From bytes to JSON that can be kept exactly; what cannot be kept is refused with a reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RefusedError
from shared.intake import body


def refusal(action, *arguments):
    """The refusal that an action ends in."""
    with pytest.raises(RefusedError) as caught:
        action(*arguments)
    return caught.value


def test_size_up_to_the_limit():
    """The limit itself is taken, one byte more is 413."""
    body.check_size(b"x" * 10, 10)
    assert refusal(body.check_size, b"x" * 11, 10).status == 413


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/cloudevents+json",
        " application/json ",
    ],
)
def test_json_content_types_are_taken(content_type):
    """In any case, with parameters, and the `+json` family."""
    body.check_content_type({"content-type": content_type})


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ";", ""]
)
def test_other_content_types_are_415(content_type):
    """What says it is something else is not guessed at."""
    assert refusal(body.check_content_type, {"content-type": content_type}).status == 415


def test_no_content_type_is_taken_for_json():
    """Some senders say nothing."""
    body.check_content_type({})


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, identity"])
def test_compressed_body_is_415(encoding):
    """Nothing is unpacked: a small body cannot become a huge one."""
    assert refusal(body.check_content_type, {"content-encoding": encoding}).reason == "compressed"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "Expecting value"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1}x', "Extra data"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1e999}', "beyond"),
        (b'{"a": -1e400}', "beyond"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),  # half a surrogate pair, as bytes
        (b'{"a": "\x00"}', "control character"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
def test_what_is_no_json_is_400_and_says_where(raw, why):
    """RFC 8259, and nothing that Python alone would take."""
    error = refusal(body.parse_object, raw)
    assert (error.status, error.reason) == (400, "bad-json")
    assert why in error.detail


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"a"', b"null", b"true"])
def test_json_that_is_no_object_is_400(raw):
    """An event is an object."""
    assert refusal(body.parse_object, raw).status == 400


def test_nesting_up_to_the_limit_is_taken():
    """64 levels are more than any sender needs."""
    assert body.parse_object(b'{"a":' * 63 + b"1" + b"}" * 63)


def test_byte_order_mark_is_ignored():
    """Some senders put one before everything."""
    assert body.parse_object(b'\xef\xbb\xbf{"a": "\xc3\xb1"}') == {"a": "ñ"}


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b'{"a": "x\\u0000"}', ["a"]),
        (b'{"a": {"b": ["ok", "\\ud800"]}}', ["a.b.1"]),
        (b'{"a": "\\uDFFF", "b": "\\u0000"}', ["a", "b"]),
        (b'{"\\u0000": 1}', ["(key)"]),
        (b'{"a": {"\\ud83d": 1}}', ["a"]),
    ],
)
def test_text_that_cannot_be_stored_is_422_by_field(raw, fields):
    """NUL and half of a surrogate pair are named with the place where they stand, also in keys."""
    error = refusal(body.parse_object, raw)
    assert (error.status, [fault.field for fault in error.errors]) == (422, fields)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb'{"a": "\ud83c\udf37"}', "🌷"),  # a whole pair is one character
        (rb'{"a": "\\ud800"}', r"\ud800"),  # an escaped backslash, then plain letters
        ('{"a": "مرحبا \u200f👩‍⚕️"}'.encode(), "مرحبا \u200f👩‍⚕️"),
        (b'{"a": "\\u0007\\u001b"}', "\x07\x1b"),
    ],
)
def test_what_only_looks_suspect_is_kept_exactly(raw, text):
    """Emoji, right-to-left text, joiners and control characters stay as they are."""
    assert body.parse_object(raw) == {"a": text}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_everything_taken_is_taken_exactly(value):
    """What is accepted equals what was sent, and can be stored; only NUL and surrogates are refused."""
    raw = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in raw:
        assert refusal(body.parse_object, raw.encode()).status == 422
    else:
        assert body.parse_object(raw.encode()) == value
