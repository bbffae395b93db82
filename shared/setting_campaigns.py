"""ODOO_CAMPAIGN_CONTACTS: how Odoo shows who is in a campaign, as tags or as records of a model, and what is wrong with it."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from shared.environment import NoDecode

PARTNER_TAGS = ("partner-tags", "tags")
LEAD_TAGS = ("lead-tags", "tags")

MEMBER_FIELDS: Mapping[str, str] = {
    "key": "x_key",
    "name": "x_name",
    "manychat_id": "x_manychat_id",
    "campaign": "x_campaign_id",
    "partner": "x_partner_id",
    "lead": "x_lead_id",
    "registration_date": "x_registration_date",
    "commercial_advisor": "x_commercial_advisor",
    "medical_advisor": "x_medical_advisor",
    "last_state": "x_last_state",
    "lead_state": "x_lead_state",
    "summary": "x_summary",
    "commercial_assignment_date": "",
    "commercial_process_start_date": "",
    "medical_assignment_date": "",
    "medical_process_start_date": "",
    "medical_process_end_date": "",
    "quotation_start_date": "",
    "sale_order_date": "",
    "successful_sale_date": "",
    "conversation_closed_date": "",
}
"""Fact of a person in a campaign -> field of the model; an empty name leaves it out. `key` tells a record from all others."""
NEEDED = ("key", "manychat_id")
_MODEL = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z0-9_]+)*")
_TAKEN = ("crm.lead", "res.partner", "utm.campaign", "crm.tag", "res.partner.category")


def _decoded(value: Any) -> Any:
    """A text that begins as a JSON object is one; anything else is a word."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON ({error.msg})") from None


type Word = Literal["none", "partner-tags", "lead-tags", "tags"]
CampaignContacts = Annotated[Word | dict[str, str], NoDecode, BeforeValidator(_decoded)]
"""One of four words, or a JSON object: `{"model": "x_campaign_contact"}`, and fields that differ from the usual ones."""


def member_fields(chosen: Mapping[str, str]) -> dict[str, str]:
    """Fact -> field of the model, without what is left out."""
    mapped = {**MEMBER_FIELDS, **chosen}
    return {fact: name for fact, name in mapped.items() if name and fact != "model"}


def campaign_faults(chosen: str | Mapping[str, str], mode: str, *, sends_campaigns: bool) -> list[str]:
    """What is wrong with the setting by itself and beside the sync mode; a sentence for each mistake."""
    name = "ODOO_CAMPAIGN_CONTACTS"
    faults = []
    if chosen != "none" and not sends_campaigns:
        why = "in the mode `opportunities` campaigns stay here unless ODOO_FIELD_MAP names `campaign`"
        faults.append(f"{name}: nothing would be sent; {why}")
    if chosen == "partner-tags" and mode == "opportunities":
        faults.append(f"{name}: `partner-tags` needs partners, and the mode `opportunities` has none")
    if chosen == "lead-tags" and mode == "contacts":
        faults.append(f"{name}: `lead-tags` needs leads, and the mode `contacts` has none")
    return faults if isinstance(chosen, str) else faults + [f"{name}: {text}" for text in _model_faults(chosen)]


def _model_faults(chosen: Mapping[str, str]) -> list[str]:
    faults = []
    model = chosen.get("model", "")
    if not _MODEL.fullmatch(model) or model in _TAKEN:
        faults.append("`model` must name a model of its own, such as `x_campaign_contact`")
    if unknown := sorted(set(chosen) - {"model", *MEMBER_FIELDS}):
        faults.append(f"unknown facts {unknown}; known are {sorted(MEMBER_FIELDS)}")
    if missing := [fact for fact in NEEDED if not {**MEMBER_FIELDS, **chosen}[fact]]:
        faults.append(f"{missing} cannot be left out; records are found by them")
    fields = list(member_fields(chosen).values())
    if twice := sorted({field for field in fields if fields.count(field) > 1}):
        faults.append(f"several facts go to {twice}")
    return faults
