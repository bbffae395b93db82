"""The account as it starts: one pipeline with its statuses, the fields of contacts and leads. The ids are fixed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

TOKEN = "sandbox-kommo-token"  # noqa: S105  # it opens the sandbox only
ACCOUNT, USER = 31_000_001, 9_000_001

PIPELINE = 7_400_001
INCOMING, INICIAL, CONTACTADO, AGENDADO = 7_400_010, 7_400_011, 7_400_012, 7_400_013
# Kommo's own, the same in every pipeline.
WON, LOST = 142, 143
STATUSES: Mapping[int, str] = {
    INCOMING: "Incoming leads",
    INICIAL: "Inicial",
    CONTACTADO: "Contactado",
    AGENDADO: "Agendado",
    WON: "Closed - won",
    LOST: "Closed - lost",
}
FIELD_EMPRESA, FIELD_SERVICIO, FIELD_FUENTE, FIELD_PHONE, FIELD_EMAIL = 880_001, 880_002, 880_003, 880_011, 880_012
_NUMBERS = ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER")
_ADDRESSES = ("WORK", "PRIV", "OTHER")


class CustomField(NamedTuple):
    """A field that the account's owner, or for phone and e-mail Kommo, has added."""

    id: int
    name: str
    type: str
    code: str | None = None
    enums: tuple[str, ...] = ()

    def enum_id(self, code: str) -> int:
        """The number of a choice."""
        return self.id * 100 + self.enums.index(code)

    def shown(self, entity: str) -> dict[str, Any]:
        """As `GET /{entity}/custom_fields` gives it."""
        enums = [{"id": self.enum_id(code), "value": code, "sort": place} for place, code in enumerate(self.enums)]
        base = {"id": self.id, "name": self.name, "type": self.type, "code": self.code, "sort": 500, "entity_type": entity}
        return base | {"account_id": ACCOUNT, "is_api_only": False, "enums": enums or None}


FIELDS: Mapping[str, tuple[CustomField, ...]] = {
    "leads": (
        CustomField(FIELD_EMPRESA, "Empresa", "text"),
        CustomField(FIELD_SERVICIO, "Servicio", "text"),
        CustomField(FIELD_FUENTE, "Fuente", "text"),
    ),
    "contacts": (
        CustomField(FIELD_PHONE, "Phone", "multitext", "PHONE", _NUMBERS),
        CustomField(FIELD_EMAIL, "Email", "multitext", "EMAIL", _ADDRESSES),
    ),
}


def pipeline(href: str) -> dict[str, Any]:
    """The pipeline with its statuses, as Kommo gives it; `href` is its own address."""
    statuses = [status(number, place, href) for place, number in enumerate(STATUSES)]
    base = {"id": PIPELINE, "name": "Automatización", "sort": 1, "is_main": True, "is_unsorted_on": True, "is_archive": False}
    return base | {"account_id": ACCOUNT, "_links": {"self": {"href": href}}, "_embedded": {"statuses": statuses}}


def status(number: int, place: int, href: str) -> dict[str, Any]:
    """One status of the pipeline."""
    base = {"id": number, "name": STATUSES[number], "sort": 10 * (place + 1), "pipeline_id": PIPELINE, "account_id": ACCOUNT}
    own = {"type": 1 if number == INCOMING else 0, "color": "#99ccff", "is_editable": number not in (INCOMING, WON, LOST)}
    return base | own | {"_links": {"self": {"href": f"{href}/statuses/{number}"}}}
