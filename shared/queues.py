"""Storage Queues and claim-check blobs: sending what an output binding cannot (a delay, a long life), and moving poison.

The storage SDK is heavy, so it is imported on first use; the webhooks send through their output binding and get here only
when a body is too large for a message.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError, UnavailableError
from shared.once import made_once
from shared.settings import Settings, get_settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobServiceClient, ContainerClient
    from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

DELIVERY_QUEUE = "delivery-queue"
BULK_DELIVERY_QUEUE = "bulk-delivery-queue"
DEAD_LETTER_QUEUE = "dead-letter-queue"
RECONCILE_QUEUE = "reconcile-queue"  # written by timers, by the API and by Odoo's webhook
POISON_SUFFIX = "-poison"
CLAIM_CHECK_CONTAINER = "claim-checks"
DOCUMENTS_CONTAINER = "documents"  # files that flows keep whole, such as those that go with mails
UNSTORED_CONTAINER = "unstored-letters"  # dead letters that the database does not take; nothing deletes them by itself

MESSAGE_LIMIT_BYTES = 48 * 1024  # a message is 64 KiB of base64 text (65,536 characters are taken, 65,537 refused)
HEADROOM_BYTES = 1024  # for what an event gathers on its way: its attempts, the dead letter it comes from
LONGEST_DELAY_SECONDS = 6 * 24 * 3600  # the service takes less than seven days
FOR_EVER = -1
API_VERSION = "2025-05-05"  # the newest that the local stand-in for the service knows as well
# Two quick repetitions, after 0.6 to 1 s and 0.35 to 0.75 s. The SDK's own patience, a minute and more, would hang a webhook
# and hold a handler's thread; what fails here is put back, or answered with a 5xx, and comes again. A pause is
# `initial_backoff` and `increment_base` to the power of the try, more or less `random_jitter_range` (if not given, 3 s).
REPETITIONS: Mapping[str, Any] = MappingProxyType(
    {"retry_total": 2, "initial_backoff": 0.3, "increment_base": 0.5, "random_jitter_range": 0.2}
)
CLIENT_OPTIONS: dict[str, Any] = {
    **REPETITIONS,
    "api_version": API_VERSION,
    "connection_timeout": 5,
    "read_timeout": 30,
}


def send(queue: str, body: bytes, *, delay_seconds: float = 0) -> None:
    """Put a message on a queue, visible after `delay_seconds`, kept until somebody takes it. Makes the queue if needed.

    Raises:
        UnavailableError: the storage account cannot be reached or refuses; nothing was sent as far as we know.
    """
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    text = base64.b64encode(body).decode()
    delay = min(max(round(delay_seconds), 0), LONGEST_DELAY_SECONDS)
    client = queue_client(queue)
    try:
        try:
            client.send_message(text, visibility_timeout=delay, time_to_live=FOR_EVER)
        except ResourceNotFoundError:
            _make_queue(client)
            client.send_message(text, visibility_timeout=delay, time_to_live=FOR_EVER)
    except AzureError as error:
        raise UnavailableError(f"queue {queue} cannot be written: {type(error).__name__}") from error


def take_all(queue: str, *, at_most: int, lease_seconds: int = 60) -> Iterator[bytes]:
    """Messages of a queue, each deleted once the loop body has ended without an error; none where there is no queue."""
    from azure.core.exceptions import ResourceNotFoundError

    client = queue_client(queue)
    for _ in range(at_most):
        try:
            message = client.receive_message(visibility_timeout=lease_seconds)
        except ResourceNotFoundError:
            return
        if message is None:
            return
        yield decode(message)
        client.delete_message(message)


def decode(message: "QueueMessage") -> bytes:
    """The body of a message; as it is where it is not base64 (somebody else put it there)."""
    text = str(message.content)
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return text.encode()


def put_blob(name: str, data: bytes, *, container: str = CLAIM_CHECK_CONTAINER) -> str:
    """Store a claim-check blob and return its reference. Storing the same name again is harmless: same name, same bytes.

    Another `container` is for what is to be kept, and is no claim check: `get_blob` does not read it.

    Raises:
        UnavailableError: the storage account cannot be reached or refuses.
    """
    from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

    client = blob_container(container)
    try:
        try:
            client.upload_blob(name, data, overwrite=True)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):  # another instance was quicker
                client.create_container()
            client.upload_blob(name, data, overwrite=True)
    except AzureError as error:
        raise UnavailableError(f"claim-check blob cannot be written: {type(error).__name__}") from error
    return f"{container}/{name}"


def get_blob(reference: str, *, of: str = CLAIM_CHECK_CONTAINER) -> bytes:
    """The bytes behind a reference from `put_blob`. `of`: the one container that it may name.

    Raises:
        PermanentError: `claim-check-missing`, the blob is gone or the reference is not ours.
        UnavailableError: the storage account cannot be reached.
    """
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    container, _, name = reference.partition("/")
    if container != of or not _is_blob_name(name):
        raise PermanentError("claim-check-missing", f"{reference!r} is no reference of {of}")
    try:
        return bytes(blob_container(of).download_blob(name).readall())
    except ResourceNotFoundError as error:
        raise PermanentError("claim-check-missing", f"the blob {name} of {of} no longer exists") from error
    except AzureError as error:
        raise UnavailableError(f"a blob of {of} cannot be read: {type(error).__name__}") from error


def _is_blob_name(name: str) -> bool:
    """Whether a name is one that we may have given: no part of it leads out of its container, whoever reads it as a path."""
    plain = name.isprintable() and not set(name) & set("\\%?#")
    return plain and not {"", ".", ".."} & set(name.split("/"))


def read_blobs(container: str, prefix: str) -> list[tuple[str, bytes]]:
    """Name and content of the blobs under a prefix; none where there is no such container. For small ones, all at once.

    Raises:
        UnavailableError: the storage account cannot be reached.
    """
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    client = blob_container(container)
    try:
        names = [blob.name for blob in client.list_blobs(name_starts_with=prefix)]
        return [(name, bytes(client.download_blob(name).readall())) for name in names]
    except ResourceNotFoundError:
        return []
    except AzureError as error:
        raise UnavailableError(f"blobs cannot be read: {type(error).__name__}") from error


def read_blob(name: str, *, container: str) -> bytes:
    """One blob.

    Raises:
        PermanentError: `file-missing`, it is gone. UnavailableError: the storage account cannot be reached.
    """
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    try:
        return bytes(blob_container(container).download_blob(name).readall())
    except ResourceNotFoundError as error:
        raise PermanentError("file-missing", f"{container}/{name} no longer exists") from error
    except AzureError as error:
        raise UnavailableError(f"a blob cannot be read: {type(error).__name__}") from error


def delete_blobs(names: Iterable[str], *, container: str) -> int:
    """Delete these blobs; how many there were. Deleting again does no harm.

    The account keeps deleted blobs for two weeks, in case the deletion was a mistake.

    Raises:
        UnavailableError: the storage account cannot be reached or refuses.
    """
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    deleted = 0
    for name in names:
        try:
            blob_container(container).delete_blob(name)
            deleted += 1
        except ResourceNotFoundError:
            continue
        except AzureError as error:
            raise UnavailableError(f"a blob cannot be deleted: {type(error).__name__}") from error
    return deleted


def ping() -> None:
    """Make sure that the storage account answers, with one quick try.

    Raises:
        UnavailableError: it does not.
    """
    from azure.core.exceptions import AzureError

    try:
        _queue_service().get_service_properties(timeout=3, retry_total=0, connection_timeout=3, read_timeout=3)
    except AzureError as error:
        raise UnavailableError(f"the storage account does not answer: {type(error).__name__}") from error


def forget_clients() -> None:
    """Drop the cached clients, so that changed settings are used (tests)."""
    _queue_service.cache_clear()
    _blob_service.cache_clear()
    queue_client.cache_clear()


@made_once()
def _queue_service() -> "QueueServiceClient":
    from azure.storage.queue import QueueServiceClient

    settings = get_settings()
    if (key := settings.storage_key) is not None:
        text = key.get_secret_value()
        return QueueServiceClient.from_connection_string(text, **CLIENT_OPTIONS)
    return QueueServiceClient(_endpoint(settings, "queue"), credential=_credential(settings), **CLIENT_OPTIONS)


@made_once()
def _blob_service() -> "BlobServiceClient":
    from azure.storage.blob import BlobServiceClient

    settings = get_settings()
    if (key := settings.storage_key) is not None:
        text = key.get_secret_value()
        return BlobServiceClient.from_connection_string(text, **CLIENT_OPTIONS)
    return BlobServiceClient(_endpoint(settings, "blob"), credential=_credential(settings), **CLIENT_OPTIONS)


@made_once()
def queue_client(name: str) -> "QueueClient":
    """The client of one queue; one for each queue and process."""
    return _queue_service().get_queue_client(name)


def claim_checks() -> "ContainerClient":
    """The client of the container that large bodies are left in."""
    return blob_container(CLAIM_CHECK_CONTAINER)


def blob_container(name: str) -> "ContainerClient":
    """The client of a blob container."""
    return _blob_service().get_container_client(name)


def _make_queue(client: "QueueClient") -> None:
    from azure.core.exceptions import ResourceExistsError

    with suppress(ResourceExistsError):  # another instance was quicker
        client.create_queue()


def _endpoint(settings: Settings, service: str) -> str:
    given: Any = getattr(settings, f"storage_{service}_service_uri")
    return str(given) if given else f"https://{settings.storage_account_name}.{service}.core.windows.net"


def _credential(settings: Settings) -> "TokenCredential":
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=settings.storage_client_id)
