"""Odoo as the rest of the project sees it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from shared.once import made_once
from shared.settings import Settings
from shared.vendors.http import HttpClient
from shared.vendors.odoo.transports import Json2Transport, JsonRpcTransport, Transport, json2_headers
from shared.vendors.odoo.values import refuse_unstorable

# `load` reads dates in the time zone of the user, or of the context when it names one. Ours are UTC, whoever the user is.
BASE_CONTEXT: Mapping[str, Any] = {"tz": "UTC"}
# No chatter, followers, stage history or assignment e-mails.
QUIET_CONTEXT: Mapping[str, Any] = {
    "tracking_disable": True,
    "mail_create_nosubscribe": True,
    "mail_create_nolog": True,
    "mail_notrack": True,
    "mail_auto_subscribe_no_notify": True,
}


class OdooClient:
    """Calls Odoo over either transport. Safe to share between threads.

    Every method raises what `Transport.call` raises, and PermanentError `odoo-unstorable-text` for text that Odoo cannot
    store. `memory` holds what other modules of this package remember about this one Odoo.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.memory: dict[Any, Any] = {}

    @staticmethod
    def from_settings(settings: Settings, read_seconds: float | None = None) -> "OdooClient":
        """The client for these settings, with that patience instead of theirs; the same object for the same in a process."""
        return _client(
            settings.odoo_api,
            settings.odoo_url,
            settings.odoo_db,
            settings.odoo_username,
            settings.odoo_password.get_secret_value(),
            read_seconds or settings.odoo_timeout_seconds,
        )

    def call(
        self,
        model: str,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        ids: Sequence[int] | None = None,
        context: Mapping[str, Any] | None = None,
        repeatable: bool = False,
    ) -> Any:
        """Call any public method, its parameters by name; with `ids` on these records, without on the model.

        `repeatable` promises that a second call does no harm: only then is a cut connection tried again at once, and only
        then does a lost answer end as RetryableError instead of UncertainError.
        """
        named = params or {}
        refuse_unstorable(named)
        whole_context = {**BASE_CONTEXT, **(context or {})}
        return self._transport.call(model, method, named, ids=ids, context=whole_context, repeatable=repeatable)

    def version(self) -> str:
        """The server's version, for example `19.0`; works without valid credentials."""
        return self._transport.version()

    def ping(self) -> str:
        """The server's version, as a sign that Odoo answers."""
        return self.version()

    def search_read(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        *,
        limit: int | None = None,
        order: str | None = None,
        archived: bool = False,
    ) -> list[dict[str, Any]]:
        """The records that match `domain`; archived ones (lost leads among them) only when `archived` is true."""
        params: dict[str, Any] = {"domain": list(domain), "fields": list(fields), "limit": limit, "order": order}
        context = {"active_test": False} if archived else {}
        records: list[dict[str, Any]] = self.call(model, "search_read", params, context=context, repeatable=True)
        return records

    def create(self, model: str, rows: Sequence[Mapping[str, Any]], *, context: Mapping[str, Any] | None = None) -> list[int]:
        """Create all of `rows` or none; their ids in the same order. Not repeatable: prefer `upsert`."""
        ids: list[int] = self.call(model, "create", {"vals_list": [dict(row) for row in rows]}, context=context)
        return ids

    def write(
        self, model: str, ids: Sequence[int], values: Mapping[str, Any], *, context: Mapping[str, Any] | None = None
    ) -> None:
        """Set the same `values` on all of `ids`; a missing one is PermanentError `odoo-missing-record`, nothing written."""
        self.call(model, "write", {"vals": dict(values)}, ids=ids, context=context, repeatable=True)

    def unlink(self, model: str, ids: Sequence[int]) -> None:
        """Delete `ids`, all or none. One that is gone already is PermanentError `odoo-missing-record`."""
        self.call(model, "unlink", ids=ids, repeatable=True)

    def load(
        self,
        model: str,
        fields: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        context: Mapping[str, Any] | None = None,
        repeatable: bool,
    ) -> dict[str, Any]:
        """Odoo's import: `{"ids": [...] | False, "messages": [...]}`, all rows or none.

        Repeatable when every row names its record, by an external id or by `.id`.
        """
        params = {"fields": list(fields), "data": [list(row) for row in rows]}
        answer: dict[str, Any] = self.call(model, "load", params, context=context, repeatable=repeatable)
        return answer

    def fields_get(self, model: str, attributes: Sequence[str] = ("type", "relation", "required")) -> dict[str, dict[str, Any]]:
        """Every field of `model` that the user may see, with these attributes."""
        answer: dict[str, dict[str, Any]] = self.call(model, "fields_get", {"attributes": list(attributes)}, repeatable=True)
        return answer

    def message_post(self, model: str, record_id: int, body_html: str) -> int:
        """Put a note on one record; the message's id. Not repeatable: a second call leaves a second note."""
        params = {"body": body_html, "body_is_html": True}
        answer = self.call(model, "message_post", params, ids=[record_id])
        return int(answer[0] if isinstance(answer, list) else answer)


@made_once(at_most=4)
def _client(
    api: Literal["jsonrpc", "json2"], url: str, database: str, username: str, password: str, read_seconds: float
) -> OdooClient:
    if api == "json2":
        headers = json2_headers(database, password)
        return OdooClient(Json2Transport(HttpClient("Odoo", url, read_seconds=read_seconds, headers=headers)))
    http = HttpClient("Odoo", url, read_seconds=read_seconds)
    return OdooClient(JsonRpcTransport(http, database, username, password))
