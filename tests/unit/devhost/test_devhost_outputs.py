"""Output values become messages by the host's rules."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.functions import QueueOutput
from devhost.outputs import OutputError, OutputWriter, messages_of
from devhost.rpc import ParameterBinding, TypedData
from devhost.storage import Account, StorageError

ACCOUNT = Account(name="a", key=b"k", queue_url="http://127.0.0.1:1/a", blob_url="")


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        (TypedData(bytes=b'[1, 2]\xff {"a":1}'), [b'[1, 2]\xff {"a":1}']),
        (TypedData(string="plain"), [b"plain"]),
        (TypedData(string="{not closed"), [b"{not closed"]),
        (TypedData(string='{"a":1,"b":[]}'), [b'{\n  "a": 1,\n  "b": []\n}']),
        (TypedData(string='["x", {"a": "ñ"}, 3, true, null]'), [b"x", '{\n  "a": "ñ"\n}'.encode(), b"3", b"True", b""]),
        (TypedData(json='["{\\"a\\":1}", "two"]'), [b'{"a":1}', b"two"]),
        (TypedData(json='{"id":"7","body":"x"}'), [b'{\n  "id": "7",\n  "body": "x"\n}']),
        (TypedData(json="[]"), []),
        (None, []),
    ],
)
def test_values_become_messages(value: TypedData | None, messages: list[bytes]) -> None:
    """Bytes and listed strings pass untouched; a text that looks like JSON is parsed, fans out or is written anew."""
    assert list(messages_of(value)) == messages


def test_a_text_that_only_looks_like_json_fails() -> None:
    """As in Azure: the invocation fails, rather than the text being sent as it is."""
    with pytest.raises(OutputError, match="looks like JSON"):
        list(messages_of(TypedData(string="{oops}")))


@given(st.binary())
def test_bytes_always_pass_verbatim(body: bytes) -> None:
    """Whatever they look like."""
    assert list(messages_of(TypedData(bytes=body))) == [body]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)))))
def test_listed_strings_always_pass_verbatim(texts: list[str]) -> None:
    """One message for each, whatever they look like."""
    assert list(messages_of(TypedData(json=json.dumps(texts)))) == [text.encode() for text in texts]


class Puts:
    """Takes messages, up to the one it is told to fail at."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.messages: list[tuple[str, str]] = []
        self.fail_at = fail_at

    async def put(self, queue: str, text: str) -> None:
        if len(self.messages) == self.fail_at:
            raise StorageError("POST /sent/messages", 413, "RequestBodyTooLarge")
        self.messages.append((queue, text))


@pytest.mark.parametrize(("use_base64", "stored"), [(True, base64.b64encode(b"body").decode()), (False, "body")])
async def test_messages_are_encoded_and_announced(use_base64: bool, stored: str) -> None:  # noqa: FBT001  # a column
    """In the encoding of host.json; whoever listens to the queue is notified."""
    puts, calls = Puts(), []
    writer = OutputWriter(lambda _: puts, lambda _, queue: calls.append(queue), use_base64=use_base64)  # type: ignore[arg-type,return-value]
    outputs = {"out": QueueOutput(name="out", queue="sent", account=ACCOUNT)}
    await writer.apply(outputs, [ParameterBinding(name="out", data=TypedData(bytes=b"body"))])
    assert puts.messages == [("sent", stored)]
    assert calls == ["sent"]


async def test_a_write_that_fails_is_raised() -> None:
    """What was written before it stays written, and only that is announced."""
    puts, calls = Puts(fail_at=1), []
    writer = OutputWriter(lambda _: puts, lambda _, queue: calls.append(queue), use_base64=True)  # type: ignore[arg-type,return-value]
    outputs = {"out": QueueOutput(name="out", queue="sent", account=ACCOUNT)}
    with pytest.raises(StorageError):
        await writer.apply(outputs, [ParameterBinding(name="out", data=TypedData(json='["one", "two"]'))])
    assert len(puts.messages) == len(calls) == 1
