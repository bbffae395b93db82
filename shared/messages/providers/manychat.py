"""ManyChat's own API: messages into a conversation, fields, tags, subscribers.

ManyChat takes no idempotency key: sending is not repeatable, and cannot be looked up. Setting a field or a tag is repeatable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from shared.errors import PermanentError, PuenteError
from shared.vendors import answers
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    import requests
    from requests.adapters import BaseAdapter

    from shared.messages.letter import Letter
    from shared.settings import Settings
    from shared.vendors.connection import Connection

READ_SECONDS = 15.0
MOST_MESSAGES = 10

# Codes of a refused sending that mean something to us; all others become `manychat-<code>`.
REASONS: Mapping[int, str] = {
    3011: "manychat-outside-window",
    3021: "manychat-no-permission",
    3031: "manychat-outside-window",
}

type ContentType = Literal["instagram", "whatsapp", "telegram"]


def text_content(texts: Sequence[str], channel: ContentType | None = None) -> dict[str, Any]:
    """Texts as a dynamic block, one message each, for `send_content`; `channel` for all but Messenger."""
    content: dict[str, Any] = {"messages": [{"type": "text", "text": text} for text in texts[:MOST_MESSAGES]]}
    if channel:
        content["type"] = channel
    return {"version": "v2", "content": content}


class ManyChat:
    """One page. Shared by the process's threads."""

    def __init__(self, url: str, api_key: str, adapter: BaseAdapter | None = None) -> None:
        self._http = MANYCHAT.connect(url, api_key, adapter=adapter)

    @staticmethod
    def from_settings(settings: Settings) -> ManyChat:
        """The process's client. Raises PermanentError `not-configured`."""
        MANYCHAT.require(settings)
        key = settings.manychat_api_key.get_secret_value() if settings.manychat_api_key else ""
        return kept(ManyChat, settings.manychat_base_url, key)

    def ping(self) -> str:
        """The page's name, as a sign that ManyChat answers us."""
        return self._http.ping()

    def send_content(self, subscriber_id: str, data: Mapping[str, Any], *, message_tag: str = "") -> None:
        """Send a dynamic block (`text_content`); `message_tag` is what allows it beyond the 24 hours.

        Raises:
            PermanentError: `manychat-outside-window`, `manychat-refused`, ... UncertainError: it may have been sent.
        """
        body = {"subscriber_id": _number(subscriber_id), "data": dict(data)} | (
            {"message_tag": message_tag} if message_tag else {}
        )
        self._post("/fb/sending/sendContent", body, "sending content", repeatable=False)

    def send_flow(self, subscriber_id: str, flow: str) -> None:
        """Start a flow by its namespace. Raises as `send_content`."""
        body = {"subscriber_id": _number(subscriber_id), "flow_ns": flow}
        self._post("/fb/sending/sendFlow", body, "starting a flow", repeatable=False)

    def set_field(self, subscriber_id: str, name: str, value: str | float | bool) -> None:  # noqa: FBT001  # a value among others
        """Set a custom field, which must exist; dates as `YYYY-MM-DD`, instants with their offset."""
        body = {"subscriber_id": _number(subscriber_id), "field_name": name, "field_value": value}
        self._post("/fb/subscriber/setCustomFieldByName", body, "setting a field", repeatable=True)

    def add_tag(self, subscriber_id: str, name: str) -> None:
        """Give the subscriber a tag, which must exist; one that is there already stays."""
        body = {"subscriber_id": _number(subscriber_id), "tag_name": name}
        self._post("/fb/subscriber/addTagByName", body, "adding a tag", repeatable=True)

    def get_info(self, subscriber_id: str) -> dict[str, Any]:
        """What ManyChat knows of the subscriber."""
        params = {"subscriber_id": str(_number(subscriber_id))}
        return dict(self._get("/fb/subscriber/getInfo", params, "reading a subscriber"))

    def find_subscriber(self, *, email: str = "", phone: str = "") -> dict[str, Any] | None:
        """The subscriber with this e-mail address, else with this number (E.164); None without one."""
        for name, value in (("email", email), ("phone", phone)):
            found = self._get("/fb/subscriber/findBySystemField", {name: value}, "finding a subscriber") if value else {}
            if found.get("id"):
                return dict(found)
        return None

    def _get(self, path: str, params: Mapping[str, str], what: str) -> Mapping[str, Any]:
        return _data(self._http, "GET", path, what, repeatable=True, params=params)

    def _post(self, path: str, body: Mapping[str, Any], what: str, *, repeatable: bool) -> None:
        _data(self._http, "POST", path, what, repeatable=repeatable, json=body)


def _number(subscriber_id: str) -> int:
    """ManyChat's ids are numbers, which it gives as text and wants as numbers."""
    if not (subscriber_id.isascii() and subscriber_id.isdecimal()):
        raise PermanentError("manychat-invalid-subscriber", "ManyChat: a subscriber's id is a number")
    return int(subscriber_id)


def _data(http: Connection, method: str, path: str, what: str, *, repeatable: bool, **request: Any) -> Mapping[str, Any]:
    """What it answers. A refusal may come with 200 too: only `status: success` is one."""
    response = http.answer(method, path, what, repeatable=repeatable, **request)
    content = answers.mapping(response, http.words(what), repeatable=repeatable)
    if content.get("status") != "success":
        raise http.refusal(response, what, repeatable=repeatable)
    data = content.get("data")
    return data if isinstance(data, dict) else {}


def _of_a_code(
    _response: requests.Response,
    error: Mapping[str, Any],
    what: str,
    _repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    code = next(_codes(error.get("details")), None)
    return None if code is None else PermanentError(REASONS.get(code, f"manychat-{code}"), f"{what} was refused with {code}")


def _codes(details: Any) -> Iterator[int]:
    messages = details.get("messages") if isinstance(details, dict) else None
    for entry in messages if isinstance(messages, list) else []:
        code = entry.get("code") if isinstance(entry, dict) else None
        if isinstance(code, int):
            yield code


def _asked(http: Connection) -> str:
    """The page's name (GET /fb/page/getInfo, api.manychat.com/swagger)."""
    return str(_data(http, "GET", "/fb/page/getInfo", "asking for the page", repeatable=True).get("name") or "")


MANYCHAT = RestClient(
    name="ManyChat",
    address="manychat_base_url",
    key="manychat_api_key",
    ping_by=_asked,
    read_seconds=READ_SECONDS,
    error=lambda body: (None, body.get("message")),
    verdict=_of_a_code,
)


def send(letter: Letter) -> dict[str, Any]:
    """Text into a ManyChat conversation; `to` is the subscriber's id. ManyChat gives such a message no id."""
    data = text_content([letter.rendered.text], letter.template.manychat_type)
    ManyChat.from_settings(letter.settings).send_content(letter.message.to, data)
    return {}
