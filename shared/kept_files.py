"""Files that are kept for people, in blobs of their own: what was sent to us, and what we have made of it.

A flow names each by its row, says to whom it belongs (`files` in its `privacy`), and deletes it when its time is over.
"""

from collections.abc import Iterable

from shared import queues

CONTAINER = "kept-files"


def put(name: str, data: bytes) -> str:
    """Keep a file, and return its name. Keeping it again under the same name replaces it. Raises UnavailableError."""
    queues.put_blob(name, data, container=CONTAINER)
    return name


def get(name: str) -> bytes:
    """A file. Raises PermanentError `file-missing` where it is gone, UnavailableError."""
    return queues.read_blob(name, container=CONTAINER)


def delete(names: Iterable[str]) -> int:
    """Delete these files; how many there were. Deleting again does no harm. Raises UnavailableError."""
    return queues.delete_blobs(names, container=CONTAINER)
