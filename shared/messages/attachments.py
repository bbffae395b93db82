"""Files that go with a mail. The flow that owns the message makes them when it is sent, so that they say what is true then."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import flows
from shared.errors import PermanentError

LARGEST_BYTES = 10 * 1024 * 1024
"""All files of a mail together; many mailboxes take no mail above 20 MB, in which they stand as base64."""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file. `content_type` may carry parameters: `text/calendar; method=REQUEST; charset=UTF-8`."""

    name: str
    content_type: str
    content: bytes


type Attach = Callable[[Mapping[str, Any], datetime], Sequence[Attachment] | None]
"""Listens to `message.attachments`: (context, moment of the first try) -> the files; None where the message is none of its own.

The same moment gives the same bytes: a vendor that takes our key refuses other content under it.
"""


def attached(context: Mapping[str, Any], at: datetime) -> tuple[Attachment, ...]:
    """The files of a message.

    Raises:
        PermanentError: `attachments-too-large`.
    """
    for _flow, attach in flows.listeners("message.attachments"):
        if (files := attach(context, at)) is not None:
            if (size := sum(len(one.content) for one in files)) > LARGEST_BYTES:
                raise PermanentError("attachments-too-large", f"the mail's files have {size} bytes, more than {LARGEST_BYTES}")
            return tuple(files)
    return ()
