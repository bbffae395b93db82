"""Odoo's own contacts (partners), read and changed directly. Every call has its time limit; what is changed is logged."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.crm import editing
from shared.crm.odoo_sides import PARTNER, PARTNER_KEY
from shared.errors import PermanentError, PuenteError, RefusedError
from shared.settings import get_settings
from shared.store.models import ERROR_LENGTH, ActionLog
from shared.store.session import transact
from shared.vendors.odoo.client import QUIET_CONTEXT, OdooClient
from shared.vendors.odoo.fields import forget_fields, model_fields

log = logging.getLogger("puente.odoo")

COUNTED_TO = 10_000
LONGEST_WAIT_SECONDS = 30.0  # for one answer; a request makes a few calls, and the platform cuts it off after 230 s
FIELDS = ("name", "email", "phone", "function", "street", "city", "zip", "vat", "website", "ref", "is_company", "active")
STAMPS = ("create_date", "write_date")

type Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Search:
    """Which contacts are wanted; what is None does not matter."""

    q: str | None = None
    email: str | None = None
    phone: str | None = None
    manychat_id: str | None = None
    is_company: bool | None = None
    archived: bool = False

    def domain(self) -> list[Any]:
        """The same as Odoo's domain."""
        terms: list[Any] = []
        if self.q is not None:
            terms += ["|", "|", *([name, "ilike", self.q] for name in ("name", "email", "phone"))]
        for name, value in (("email", self.email), ("phone", self.phone)):
            if value is not None:
                terms.append([name, "ilike", value])
        if self.manychat_id is not None:
            terms.append([PARTNER_KEY, "=", self.manychat_id])
        if self.is_company is not None:
            terms.append(["is_company", "=", self.is_company])
        return terms


class Partners:
    """Odoo's contacts for whoever calls the API. The names of values are our own: `manychat_id` is Odoo's `x_manychat_id`."""

    def __init__(self, actor: str) -> None:
        settings = get_settings()
        seconds = min(settings.odoo_timeout_seconds, LONGEST_WAIT_SECONDS)
        self._client = OdooClient.from_settings(settings.model_copy(update={"odoo_timeout_seconds": seconds}))
        self._actor = actor

    def find(self, wanted: Search, limit: int, after: int | None, *, newest: bool) -> tuple[list[Record], int]:
        """The next `limit` contacts behind the number `after`, and how many there are in all (no further than COUNTED_TO).

        Raises:
            PuenteError: as every call of Odoo; RefusedError 409 where Odoo has no field for ManyChat's id.
        """
        if wanted.manychat_id is not None:
            self._need_key()
        domain = wanted.domain()
        context = {"active_test": False} if wanted.archived else {}
        counted = {"domain": domain, "limit": COUNTED_TO}
        total = int(self._client.call(PARTNER, "search_count", counted, context=context, repeatable=True))
        behind = [] if after is None else [["id", "<" if newest else ">", after]]
        order = "id desc" if newest else "id"
        return self._records([*domain, *behind], limit=limit, order=order, archived=wanted.archived), total

    def read(self, partner_id: int) -> Record:
        """One contact, archived or not.

        Raises:
            RefusedError: 404, Odoo has none of that number. PuenteError: as every call of Odoo.
        """
        rows = self._records([["id", "=", partner_id]], archived=True)
        if not rows:
            raise editing.missing("Odoo contact", partner_id)
        return rows[0]

    def create(self, values: Mapping[str, Any]) -> Record:
        """A new contact. With a ManyChat id, only where Odoo knows nobody by it.

        Raises:
            RefusedError: 409, there is one with that ManyChat id. PuenteError: as every call of Odoo; UncertainError where it
                may have been created all the same.
        """
        if (manychat_id := values.get("manychat_id")) is not None:
            self._refuse_taken(manychat_id, None)
        theirs = self._theirs({name: value for name, value in values.items() if value is not None})
        (partner_id,) = self._logged("create", values, lambda: self._client.create(PARTNER, [theirs], context=_context()))
        return self.read(partner_id)

    def write(self, partner_id: int, values: Mapping[str, Any]) -> Record:
        """Change a contact; None takes a value away. Doing it again changes nothing.

        Raises:
            RefusedError: 409, another one has that ManyChat id. PuenteError: as every call of Odoo; `odoo-missing-record`.
        """
        if (manychat_id := values.get("manychat_id")) is not None:
            self._refuse_taken(manychat_id, partner_id)
        theirs = self._theirs(values)
        if theirs:
            subject = {**values, "id": partner_id}
            self._logged("update", subject, lambda: self._client.write(PARTNER, [partner_id], theirs, context=_context()))
        return self.read(partner_id)

    def unlink(self, partner_id: int) -> None:
        """Delete a contact in Odoo.

        Raises:
            PuenteError: as every call of Odoo; `odoo-missing-record`, or what Odoo says where other records need it.
        """
        self._logged("delete", {"id": partner_id}, lambda: self._client.unlink(PARTNER, [partner_id]))

    def _records(self, domain: list[Any], **more: Any) -> list[Record]:
        known = model_fields(self._client, PARTNER)
        fields = [name for name in (*FIELDS, PARTNER_KEY, *STAMPS) if name in known]
        try:
            return [_ours(row) for row in self._client.search_read(PARTNER, domain, fields, **more)]
        except PermanentError as error:
            if error.reason in ("odoo-unknown-field", "odoo-value-error"):
                forget_fields(self._client, PARTNER)  # one was taken away since we asked
            raise

    def _theirs(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if values.get("manychat_id") is not None:
            self._need_key()
        known = model_fields(self._client, PARTNER)
        named = {PARTNER_KEY if name == "manychat_id" else name: value for name, value in values.items()}
        return {name: False if value is None else value for name, value in named.items() if name in known}

    def _need_key(self) -> None:
        if PARTNER_KEY in model_fields(self._client, PARTNER):
            return
        forget_fields(self._client, PARTNER)  # it may have been made since we asked
        if PARTNER_KEY not in model_fields(self._client, PARTNER):
            title = f"Odoo's contacts have no field {PARTNER_KEY}; `make odoo-setup` makes it."
            raise RefusedError(409, "odoo-no-key-field", title)

    def _refuse_taken(self, manychat_id: str, by_other_than: int | None) -> None:
        self._need_key()
        found = self._client.search_read(PARTNER, [[PARTNER_KEY, "=", manychat_id]], ["id"], archived=True)
        if others := [record["id"] for record in found if record["id"] != by_other_than]:
            raise RefusedError(409, "manychat-id-taken", f"Odoo's contact {others[0]} has this ManyChat id already.")

    def _logged[T](self, action: str, about: Mapping[str, Any], call: Callable[[], T]) -> T:
        """Make the call and note how it went. A log that cannot be written does not hide what was done."""
        result, detail = "done", None
        try:
            return call()
        except PuenteError as error:
            result = error.reason if isinstance(error, PermanentError) else type(error).__name__.removesuffix("Error").lower()
            detail = str(error)[:ERROR_LENGTH]
            raise
        finally:
            subject = str(about.get("manychat_id") or f"partner:{about.get('id', 'new')}")
            line = ActionLog(
                actor=self._actor[:60], action=f"odoo.partner.{action}", subject=subject, result=result[:32], detail=detail
            )
            try:
                transact(lambda session: session.add(line))
            except PuenteError:
                log.exception("%s of %s: %s, which the action log does not have", action, subject, result)


def _context() -> Mapping[str, Any]:
    return QUIET_CONTEXT if get_settings().odoo_quiet else {}


def _ours(row: Mapping[str, Any]) -> Record:
    """Odoo's record with None for what is not set, and its times as UTC."""
    flags = ("is_company", "active")
    plain = {name: value if name in flags else value or None for name, value in row.items()}
    return {**plain, "manychat_id": plain.pop(PARTNER_KEY, None)}
