"""Azure Storage queues and blobs over REST: the dozen calls that the host makes, on one aiohttp session.

The Azure SDK's pipeline costs six times the CPU for each call (docs/decisions/0001-devhost.md), which a host that moves every
message of the app would feel. Only shared-key connection strings are understood, which is what Azurite has.
"""

import asyncio
import base64
import binascii
import contextlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import aiohttp
from yarl import URL

from devhost.azurite import ACCOUNT, KEY
from devhost.settings import Settings, SettingsError

API_VERSION = "2021-12-02"
TRIES = 3
KEEP_ALIVE_SECONDS = 3  # Azurite closes idle connections after five; ours must be the first to let go


class StorageError(RuntimeError):
    """Storage refused a request, or could not be reached (`status` 0). `code` is its own word for the reason."""

    def __init__(self, what: str, status: int, code: str) -> None:
        super().__init__(f"{what}: {code} ({status})" if status else f"{what}: {code}")
        self.status, self.code = status, code


@dataclass(frozen=True, kw_only=True)
class Account:
    """A storage account: where its services are, and its key."""

    name: str
    key: bytes
    queue_url: str
    blob_url: str

    def __repr__(self) -> str:
        return f"Account({self.name!r})"  # a key must not reach a log by way of a record that holds one


def parse_connection_string(text: str) -> Account:
    """Take `UseDevelopmentStorage=true` or `AccountName=…;AccountKey=…`. Raises SettingsError, never quoting the text."""
    pairs = (part.split("=", 1) for part in text.split(";") if part.strip())
    fields = {pair[0].strip().lower(): pair[1].strip() for pair in pairs if len(pair) > 1}
    if fields.get("usedevelopmentstorage", "").lower() == "true":
        local = "http://127.0.0.1"
        fields = {"accountname": ACCOUNT, "accountkey": KEY} | {
            f"{service}endpoint": f"{local}:{port}/{ACCOUNT}" for service, port in (("blob", 10000), ("queue", 10001))
        }
    name, key = fields.get("accountname"), fields.get("accountkey")
    if not name or not key:
        raise SettingsError("it is no connection string with AccountName and AccountKey, the kind that devhost can use")
    base = f"{fields.get('defaultendpointsprotocol', 'https')}://{name}.{{}}.{fields.get('endpointsuffix', 'core.windows.net')}"
    try:
        key_bytes = base64.b64decode(key, validate=True)
    except binascii.Error:
        raise SettingsError("its AccountKey is not valid base64") from None
    return Account(
        name=name,
        key=key_bytes,
        queue_url=fields.get("queueendpoint", base.format("queue")).rstrip("/"),
        blob_url=fields.get("blobendpoint", base.format("blob")).rstrip("/"),
    )


def find_account(settings: Settings, connection: str) -> Account:
    """The account that a binding's `connection` names, looked for where the host looks. Raises SettingsError."""
    for name in (f"AzureWebJobs{connection}", connection):
        text = settings.get(f"ConnectionStrings:{name}") or settings.get(name)
        if text:
            try:
                return parse_connection_string(text)
            except SettingsError as error:
                raise SettingsError(f"connection '{connection}' (setting {name}): {error}") from None
        if settings.under(name):
            raise SettingsError(f"connection '{connection}' uses an identity ({name}__…); devhost needs a connection string")
    raise SettingsError(
        f"connection '{connection}' is not set: neither AzureWebJobs{connection} nor {connection} is an app setting"
    )


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as it was received. `text` is what is stored, before any decoding."""

    id: str
    pop_receipt: str
    text: str
    dequeue_count: int
    inserted: datetime
    expires: datetime
    next_visible: datetime


class Storage:
    """One account's queues and blobs. Connection errors and 5xx are tried three times; then StorageError."""

    def __init__(self, session: aiohttp.ClientSession, account: Account) -> None:
        self.session, self.account = session, account

    async def receive(self, queue: str, count: int, lease_seconds: int) -> list[Message]:
        """Up to `count` messages, hidden from everybody else for `lease_seconds`. A missing queue raises code QueueNotFound."""
        query = {"numofmessages": str(count), "visibilitytimeout": str(lease_seconds)}
        _, body = await self._call("GET", self.account.queue_url, f"/{queue}/messages", query=query)
        return [_message(element) for element in ET.fromstring(body)]  # noqa: S314  # our own storage speaks

    async def put(self, queue: str, text: str) -> None:
        """Add a message, creating the queue if it is missing. A try that is repeated may add it twice."""
        body = f"<QueueMessage><MessageText>{escape(text)}</MessageText></QueueMessage>".encode()
        try:
            await self._call("POST", self.account.queue_url, f"/{queue}/messages", body=body)
        except StorageError as error:
            if error.code != "QueueNotFound":
                raise
            await self.create_queue(queue)
            await self._call("POST", self.account.queue_url, f"/{queue}/messages", body=body)

    async def create_queue(self, queue: str) -> None:
        """Create a queue; one that exists is left as it is."""
        await self._call("PUT", self.account.queue_url, f"/{queue}")

    async def set_visibility(self, queue: str, message: Message, pop_receipt: str, seconds: int) -> str:
        """Hide a received message for `seconds` from now, and return the pop receipt that holds from now on."""
        query = {"popreceipt": pop_receipt, "visibilitytimeout": str(seconds)}
        body = f"<QueueMessage><MessageText>{escape(message.text)}</MessageText></QueueMessage>".encode()
        path = f"/{queue}/messages/{message.id}"
        headers, _ = await self._call("PUT", self.account.queue_url, path, query=query, body=body)
        return headers["x-ms-popreceipt"]

    async def delete(self, queue: str, message: Message, pop_receipt: str) -> None:
        """Delete a received message."""
        path = f"/{queue}/messages/{message.id}"
        await self._call("DELETE", self.account.queue_url, path, query={"popreceipt": pop_receipt})

    async def read_blob(self, container: str, name: str) -> bytes | None:
        """A blob's content, or None when it is not there."""
        try:
            _, body = await self._call("GET", self.account.blob_url, f"/{container}/{quote(name)}")
        except StorageError as error:
            if error.status == 404:  # noqa: PLR2004  # HTTP
                return None
            raise
        return body

    async def write_blob(self, container: str, name: str, content: bytes) -> None:
        """Write a whole blob, creating the container if it is missing."""
        path, kind = f"/{container}/{quote(name)}", {"x-ms-blob-type": "BlockBlob"}
        try:
            await self._call("PUT", self.account.blob_url, path, headers=kind, body=content)
        except StorageError as error:
            if error.code != "ContainerNotFound":
                raise
            with contextlib.suppress(StorageError):  # another may have created it first; the next line tells
                await self._call("PUT", self.account.blob_url, f"/{container}", query={"restype": "container"})
            await self._call("PUT", self.account.blob_url, path, headers=kind, body=content)

    async def acquire_lease(self, container: str, name: str, seconds: int) -> str:
        """The id of a new lease on a blob. Code LeaseAlreadyPresent while another one runs."""
        headers = {
            "x-ms-lease-action": "acquire",
            "x-ms-lease-duration": str(seconds),
            "x-ms-proposed-lease-id": str(uuid.uuid4()),
        }
        answer, _ = await self._lease(container, name, headers)
        return answer["x-ms-lease-id"]

    async def renew_lease(self, container: str, name: str, lease: str) -> None:
        """Let a lease run anew from now; also one that has ended, if nobody has taken the blob since."""
        await self._lease(container, name, {"x-ms-lease-action": "renew", "x-ms-lease-id": lease})

    async def release_lease(self, container: str, name: str, lease: str) -> None:
        """End a lease now."""
        await self._lease(container, name, {"x-ms-lease-action": "release", "x-ms-lease-id": lease})

    async def _lease(self, container: str, name: str, headers: dict[str, str]) -> tuple[dict[str, str], bytes]:
        path = f"/{container}/{quote(name)}"
        return await self._call("PUT", self.account.blob_url, path, query={"comp": "lease"}, headers=headers)

    async def _call(
        self,
        method: str,
        endpoint: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[dict[str, str], bytes]:
        query = query or {}
        url = URL(endpoint + path + _query_string(query), encoded=True)
        resource = urlsplit(endpoint).path + path
        what = f"{method} {path} at {urlsplit(endpoint).netloc}"
        for attempt in range(TRIES):
            signed = signed_headers(self.account, method, resource, query, headers or {}, len(body))
            try:
                async with self.session.request(method, url, data=body or None, headers=signed) as response:
                    content = await response.read()
                    if response.status < 300:  # noqa: PLR2004  # HTTP
                        return {name.lower(): value for name, value in response.headers.items()}, content
                    error = StorageError(what, response.status, _error_code(response, content))
            except (aiohttp.ClientError, TimeoutError) as failure:
                error = StorageError(what, 0, str(failure) or type(failure).__name__)
            if attempt == TRIES - 1 or 0 < error.status < 500:  # noqa: PLR2004  # HTTP
                raise error
            await asyncio.sleep(0.2 * 2**attempt)
        raise AssertionError("the loop returns or raises")  # pragma: no cover


def open_session() -> aiohttp.ClientSession:
    """The session that all `Storage` objects share."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS)
    timeout = aiohttp.ClientTimeout(total=30, connect=5)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, skip_auto_headers=("Content-Type", "User-Agent"))


def signed_headers(
    account: Account, method: str, resource: str, query: dict[str, str], headers: dict[str, str], length: int
) -> dict[str, str]:
    """A request's headers with its Shared Key signature (as of version 2015-02-21: no length when it is zero)."""
    signed = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": API_VERSION} | headers
    ms_headers = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    parameters = "".join(f"\n{name}:{query[name]}" for name in sorted(query))
    text = f"{method}\n\n\n{length or ''}\n\n\n\n\n\n\n\n\n{ms_headers}/{account.name}{resource}{parameters}"
    signature = base64.b64encode(hmac.digest(account.key, text.encode(), "sha256")).decode()
    return signed | {"Authorization": f"SharedKey {account.name}:{signature}"}


def _query_string(query: dict[str, str]) -> str:
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items()) if query else ""


def _error_code(response: aiohttp.ClientResponse, content: bytes) -> str:
    code = response.headers.get("x-ms-error-code")
    if code:
        return code
    start, end = content.find(b"<Code>"), content.find(b"</Code>")
    return content[start + 6 : end].decode() if 0 <= start < end else (response.reason or "no reason given")


def _message(element: ET.Element) -> Message:
    fields = {child.tag: child.text or "" for child in element}
    return Message(
        id=fields["MessageId"],
        pop_receipt=fields["PopReceipt"],
        text=fields["MessageText"],
        dequeue_count=int(fields["DequeueCount"]),
        inserted=parsedate_to_datetime(fields["InsertionTime"]),
        expires=parsedate_to_datetime(fields["ExpirationTime"]),
        next_visible=parsedate_to_datetime(fields["TimeNextVisible"]),
    )
