"""What a stored message is to the function that it triggers, as Microsoft's own listener was seen to do it."""

import base64

import pytest

from devhost.queues import decode, message_by_hand, trigger_input


@pytest.fixture
def message():
    """A message as a listener gets it."""
    return message_by_hand("")


@pytest.mark.parametrize(("text", "body"), [("aGk=", b"hi"), (" aG\nk= ", b"hi"), ("aGk=\r\n", b"hi"), ("", b"")])
def test_base64_may_hold_spaces_and_line_ends(text, body):
    """An empty text is an empty body."""
    assert decode(text, use_base64=True) == body


@pytest.mark.parametrize("text", ["aGk", "====", "-_-_", "a", "aGk=x", "hola\u00e1", "{}"])
def test_what_is_no_base64_is_refused(text):
    """Padding that is missing or alone, the alphabet for URLs, plain text."""
    with pytest.raises(ValueError, match=r"."):
        decode(text, use_base64=True)


def test_without_encoding_the_text_is_the_body():
    """Host.json says `messageEncoding: none`."""
    assert decode("aGk=", use_base64=False) == b"aGk="


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"a": "\xe1"}', b"\xed\xa0\x80", b"\xc0\x80"])
def test_a_body_that_is_not_utf_8_is_no_text(message, body):
    """Bytes for those who take bytes; nothing is put in their place for those who take text."""
    with pytest.raises(UnicodeDecodeError):
        trigger_input(message, body, binary=False)
    argument, _ = trigger_input(message, body, binary=True)
    assert (argument.kind, argument.value) == ("bytes", body)


@pytest.mark.parametrize("text", ["\ufeff{}", "a\x00b", "\U0001f384", ""])
def test_texts_arrive_whole(message, text):
    """A byte-order mark stays, a NUL passes."""
    argument, _ = trigger_input(message, text.encode(), binary=False)
    assert (argument.kind, argument.value) == ("string", text)


def test_properties_of_a_body_hide_metadata_from_a_function_that_takes_text(message):
    """The host's quirk; a function that takes bytes is spared it."""
    body = b'{"id": "theirs", "DequeueCount": 7}'
    _, metadata = trigger_input(message, body, binary=False)
    assert (metadata["Id"].value, metadata["DequeueCount"].value) == ("theirs", "7")
    _, metadata = trigger_input(message, body, binary=True)
    assert metadata["Id"].value == message.id


def test_encoded_and_decoded_are_the_same():
    """Whatever the bytes."""
    whole = bytes(range(256))
    assert decode(base64.b64encode(whole).decode(), use_base64=True) == whole
