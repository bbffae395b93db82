"""Files that are kept for people, in blobs of their own: what was sent to us, and what we have made of it.

A flow names each by its row, says to whom it belongs (`files` in its `privacy`), and deletes it when its time is over.
"""

from collections.abc import Iterable

from shared import queues
from shared.errors import PermanentError, UnavailableError

CONTAINER = "kept-files"


def put(name: str, data: bytes) -> str:
    """Keep a file, and return its name. Keeping it again under the same name replaces it.

    Raises:
        UnavailableError: the storage account cannot be reached or refuses.
    """
    queues.put_blob(name, data, container=CONTAINER)
    return name


def get(name: str) -> bytes:
    """A file.

    Raises:
        PermanentError: `file-missing`, it is gone. UnavailableError: the storage account cannot be reached.
    """
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    try:
        return bytes(queues.blob_container(CONTAINER).download_blob(name).readall())
    except ResourceNotFoundError as error:
        raise PermanentError("file-missing", f"the file {name} no longer exists") from error
    except AzureError as error:
        raise UnavailableError(f"a file cannot be read: {type(error).__name__}") from error


def delete(names: Iterable[str]) -> int:
    """Delete these files; how many there were. Deleting again does no harm.

    The account keeps deleted blobs for two weeks, in case the deletion was a mistake.

    Raises:
        UnavailableError: the storage account cannot be reached or refuses.
    """
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    deleted = 0
    for name in names:
        try:
            queues.blob_container(CONTAINER).delete_blob(name)
            deleted += 1
        except ResourceNotFoundError:
            continue
        except AzureError as error:
            raise UnavailableError(f"a file cannot be deleted: {type(error).__name__}") from error
    return deleted
