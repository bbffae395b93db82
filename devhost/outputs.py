"""Output bindings: what a function that succeeded gets written to queues."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from devhost.functions import QueueOutput
from devhost.rpc import ParameterBinding, TypedData
from devhost.storage import Account, Storage


class OutputError(ValueError):
    """An output value that the host cannot turn into messages; it fails the invocation."""


class OutputWriter:
    """Writes output values. `enqueued(account, queue)` is told of every message, so that a listener can wake at once."""

    def __init__(
        self, storage_of: Callable[[Account], Storage], enqueued: Callable[[Account, str], None], *, use_base64: bool
    ) -> None:
        self.storage_of, self.enqueued, self.use_base64 = storage_of, enqueued, use_base64

    async def apply(self, outputs: Mapping[str, QueueOutput], values: list[ParameterBinding]) -> None:
        """Write the values one after another. Raises OutputError or StorageError; what was written before stays written."""
        for value in values:
            output = outputs[value.name]
            storage = self.storage_of(output.account)
            for body in messages_of(value.data):
                text = base64.b64encode(body).decode() if self.use_base64 else body.decode(errors="replace")
                await storage.put(output.queue, text)
                self.enqueued(output.account, output.queue)


def messages_of(data: TypedData | None) -> Iterator[bytes]:
    """The message bodies that one output value stands for.

    Bytes pass as they are. A text that looks like JSON is parsed: an array gives one message for each element, an object is
    written anew, indented. Elements that are strings pass as they are.
    """
    if data is None:
        return
    if data.kind == "bytes":
        yield data.value
        return
    text = str(data.value)
    if data.kind == "string" and not _looks_like_json(text):
        yield text.encode()
        return
    try:
        value = json.loads(text)
    except ValueError as error:
        raise OutputError(f"the output looks like JSON and is not: {error}") from error
    for item in value if isinstance(value, list) else [value]:
        yield _as_text(item).encode()


def _looks_like_json(text: str) -> bool:
    trimmed = text.strip()
    return (trimmed[:1], trimmed[-1:]) in {("{", "}"), ("[", "]")}


def _as_text(item: Any) -> str:
    if isinstance(item, dict | list):
        return json.dumps(item, indent=2, ensure_ascii=False)
    if item is None:
        return ""
    return str(item)  # a bool becomes True or False, as in .NET
