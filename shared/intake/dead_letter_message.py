"""A dead letter as a message of `dead-letter-queue`."""

import json
import re
import traceback
import uuid
from typing import Any

from shared import clock, queues
from shared.errors import PermanentError

TRACE_LIMIT = 8000
_KEY = re.compile(r"[0-9a-f]{64}")  # any other is not ours, and may be no name for a blob


def to_message(letter: dict[str, Any]) -> bytes:
    """The letter as a message. Where it does not fit its trace goes first, then all of it goes to a blob."""
    body = written(letter)
    if len(body) <= queues.MESSAGE_LIMIT_BYTES:
        return body
    body = written(letter | {"trace": ""})
    if len(body) <= queues.MESSAGE_LIMIT_BYTES:
        return body
    key = str(letter["key"])
    name = key if _KEY.fullmatch(key) else uuid.uuid5(uuid.NAMESPACE_OID, key).hex
    reference = queues.put_blob(f"{clock.now():%Y/%m/%d}/dead-letter/{name}.json", body)
    return json.dumps({"dataref": reference}).encode()


def written(letter: dict[str, Any]) -> bytes:
    """As JSON. Half of a surrogate pair becomes the escape by which JSON writes it, so it is read again as it was."""
    return json.dumps(letter, ensure_ascii=False).encode(errors="backslashreplace")


def writable(text: str) -> str:
    """`text` with half surrogate pairs, which a vendor's answer may hold, written as escapes."""
    return text.encode(errors="backslashreplace").decode()


def trace(error: Exception) -> str:
    """Where a mistake of ours was made; nothing for what can never be applied, which is no mistake of ours."""
    return "" if isinstance(error, PermanentError) else writable("".join(traceback.format_exception(error)))[-TRACE_LIMIT:]
