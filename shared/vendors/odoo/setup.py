"""Look whether a customer's Odoo has what we need, and create what may be created: `python -m shared.vendors.odoo.setup`.

Without `--apply` nothing is changed. With it the missing `x_` fields, and the model of ODOO_CAMPAIGN_CONTACTS, are created, and
with `--create-stages` the missing stages too. Exit code: 0 all is there, 1 something is missing, 2 Odoo cannot be reached or
does not let us in.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import PermanentError, PuenteError
from shared.settings import Settings, get_settings
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.fields import ModelFields, forget_fields, model_fields
from shared.vendors.odoo.setup_campaigns import (
    RELATIONS,
    MemberField,
    create_model,
    definition,
    has_model,
    member_fields,
    used_models,
)

LEAD, PARTNER, STAGE, EXTERNAL_ID = "crm.lead", "res.partner", "crm.stage", "ir.model.data"
ALL_LEADS = "sales_team.group_sale_salesman_all_leads"

# Our fact -> the types of Odoo field that can hold it; the first is the one that we create.
_TYPES: Mapping[str, tuple[str, ...]] = {
    "name": ("char", "text"),
    "contact_name": ("char", "text"),
    "phone": ("char", "text"),
    "email": ("char", "text"),
    "stage": ("many2one", "integer"),
    "channel": ("char", "many2one", "text"),
    "advisor": ("char", "many2one", "text"),
    "entry_date": ("datetime", "date"),
    "summary": ("text", "html", "char"),
    "manychat_id": ("char",),
    "campaign": ("many2one",),
}


type Stages = Mapping[int, str]  # Odoo's id of a stage -> its name


class Level(StrEnum):
    """How a finding bears on the exit code: MISSING makes it 1, FAILED 2."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """One line of the answer."""

    level: Level
    text: str


@dataclass(frozen=True)
class WantedField:
    """A field that one of our facts goes to."""

    model: str
    name: str
    fact: str

    @property
    def types(self) -> tuple[str, ...]:
        """The types that will do; the first is the one to create."""
        return _TYPES[self.fact]

    @property
    def relation(self) -> str | None:
        """The model that a reference must point to; None where the type does not say."""
        return RELATIONS.get(self.fact)


def wanted_fields(settings: Settings) -> list[WantedField]:
    """The fields that this configuration writes: those of leads by the field map, the partner's by the sync mode."""
    leads = [WantedField(LEAD, name, fact) for fact, name in settings.odoo_fields.items()]
    partners = [WantedField(PARTNER, name, fact) for name, fact in (("name", "name"), ("x_manychat_id", "manychat_id"))]
    mode = settings.odoo_sync_mode
    return (leads if mode != "contacts" else []) + (partners if mode != "opportunities" else [])


def check(client: OdooClient, settings: Settings, stages: Stages) -> list[Finding]:
    """Everything that we need, found or missing. Reads only.

    Raises:
        PuenteError: Odoo cannot be reached, or does not let us in.
    """
    _forget_all_fields(client)
    findings = [Finding(Level.OK, f"Odoo {client.version()} at {settings.odoo_url}, database {settings.odoo_db}")]
    findings += _check_rights(client, {field.model for field in wanted_fields(settings)})
    findings += [_check_field(client, wanted) for wanted in wanted_fields(settings)]
    findings += _check_campaigns(client, settings)
    if settings.odoo_sync_mode != "contacts":
        findings += [finding for finding, _ in _check_stages(client, stages)]
    return findings


def create_fields(client: OdooClient, settings: Settings) -> list[Finding]:
    """Create the `x_` fields that are missing; needs an administrator. A second run finds them there and creates nothing."""
    _forget_all_fields(client)
    findings = _create_member_model(client, settings)
    is_there = settings.odoo_member_model is not None and has_model(client, settings.odoo_member_model)
    missing = [
        wanted
        for wanted in (*wanted_fields(settings), *(member_fields(settings) if is_there else ()))
        if _can_create(wanted) and wanted.name not in model_fields(client, wanted.model)
    ]
    return findings + [_create_field(client, wanted) for wanted in missing]


def _create_member_model(client: OdooClient, settings: Settings) -> list[Finding]:
    """The model of ODOO_CAMPAIGN_CONTACTS, where there is none; nothing where its name is not one that may be created."""
    model = settings.odoo_member_model
    if model is None or not model.startswith("x_") or has_model(client, model):
        return []
    try:
        create_model(client, model)
    except PermanentError as error:
        if error.reason != "odoo-access-error":
            raise
        return [Finding(Level.MISSING, f"only an administrator may create {model}: run this once with such a login")]
    return [Finding(Level.OK, f"created the model {model}")]


def _check_campaigns(client: OdooClient, settings: Settings) -> list[Finding]:
    findings = [_check_model(client, model) for model in used_models(settings)]
    model = settings.odoo_member_model
    if model is not None and not has_model(client, model):
        remedy = "--apply creates it" if model.startswith("x_") else "only x_ models can be created"
        return [*findings, Finding(Level.MISSING, f"the model {model} of ODOO_CAMPAIGN_CONTACTS does not exist; {remedy}")]
    if model is not None:
        findings.append(_check_model(client, model))
    return findings + [_check_field(client, wanted) for wanted in member_fields(settings)]


def _check_model(client: OdooClient, model: str) -> Finding:
    if not has_model(client, model):
        return Finding(Level.MISSING, f"{model} does not exist: the app that has it is not installed")
    return _check_right(client, model)


def create_stages(client: OdooClient, stages: Stages) -> list[Finding]:
    """Create the stages of which Odoo has neither the id nor the name. Odoo chooses their ids; the findings tell them."""
    missing = [stage_id for finding, stage_id in _check_stages(client, stages) if stage_id is not None]
    if not missing:
        return []
    created = client.create(STAGE, [{"name": stages[stage_id]} for stage_id in missing])
    return [
        Finding(Level.NOTE, f"created “{stages[ours]}” with the id {theirs}; our stage map says {ours}")
        for ours, theirs in zip(missing, created, strict=True)
    ]


def _check_rights(client: OdooClient, models: set[str]) -> Iterator[Finding]:
    for model in sorted(models):
        yield _check_right(client, model)
    if LEAD in models and not _sees_all_leads(client):
        yield Finding(
            Level.NOTE, "the user is not in “Sales: All Documents”: leads that it does not see would be created twice"
        )
    if not _has_access(client, EXTERNAL_ID, "create"):
        yield Finding(Level.NOTE, "without the right “Access Rights”, records that others made take two more calls each time")


def _check_right(client: OdooClient, model: str) -> Finding:
    lacking = [right for right in ("read", "write", "create") if not _has_access(client, model, right)]
    if lacking:
        return Finding(Level.MISSING, f"the user may not {', '.join(lacking)} {model}")
    return Finding(Level.OK, f"the user may read, write and create {model}")


def _sees_all_leads(client: OdooClient) -> bool:
    user_id = client.call("res.users", "context_get", repeatable=True)["uid"]
    group = {"group_ext_id": ALL_LEADS}
    return bool(client.call("res.users", "has_group", group, ids=[user_id], repeatable=True))


def _has_access(client: OdooClient, model: str, right: str) -> bool:
    try:
        return bool(client.call(model, "has_access", {"operation": right}, ids=[], repeatable=True))
    except PermanentError as error:
        if error.reason != "odoo-bad-call":
            raise
    params = {"operation": right, "raise_exception": False}  # Odoo before 18 has only this method
    return bool(client.call(model, "check_access_rights", params, repeatable=True))


def _forget_all_fields(client: OdooClient) -> None:
    """What was remembered may be an hour old, and it is what we are here to look at."""
    for model in (LEAD, PARTNER):
        forget_fields(client, model)


def _check_field(client: OdooClient, wanted: WantedField | MemberField) -> Finding:
    label = f"{wanted.model}.{wanted.name}"
    fields: ModelFields = model_fields(client, wanted.model)
    if wanted.name not in fields:
        remedy = "--apply creates it" if _can_create(wanted) else f"only x_ fields can be created: correct {_setting(wanted)}"
        return Finding(Level.MISSING, f"{label} for our {wanted.fact} does not exist; {remedy}")
    kind = fields[wanted.name].type
    if kind not in wanted.types:
        return Finding(Level.MISSING, f"{label} is of type {kind}; our {wanted.fact} needs {' or '.join(wanted.types)}")
    if wanted.relation is not None and fields[wanted.name].relation != wanted.relation:
        return Finding(
            Level.MISSING, f"{label} points to {fields[wanted.name].relation}; our {wanted.fact} needs {wanted.relation}"
        )
    return Finding(Level.OK, f"{label} ({kind}) for our {wanted.fact}")


def _setting(wanted: WantedField | MemberField) -> str:
    return "ODOO_CAMPAIGN_CONTACTS" if isinstance(wanted, MemberField) else "ODOO_FIELD_MAP"


def _can_create(wanted: WantedField | MemberField) -> bool:
    return wanted.name.startswith("x_") and (isinstance(wanted, MemberField) or wanted.types[0] != "many2one")


def _create_field(client: OdooClient, wanted: WantedField | MemberField) -> Finding:
    label = f"{wanted.model}.{wanted.name}"
    try:
        [model] = client.search_read("ir.model", [["model", "=", wanted.model]], ["id"])
        client.create("ir.model.fields", [_definition(wanted, model["id"])])
    except PermanentError as error:
        if error.reason != "odoo-access-error":
            raise
        return Finding(Level.MISSING, f"only an administrator may create {label}: run this once with such a login")
    return Finding(Level.OK, f"created {label} ({wanted.types[0]})")


def _definition(wanted: WantedField | MemberField, model_id: int) -> dict[str, object]:
    if isinstance(wanted, MemberField):
        return definition(wanted, model_id)
    return {
        "model_id": model_id,
        "name": wanted.name,
        "field_description": "ManyChat " + wanted.fact.replace("manychat_", "").replace("_", " "),
        "ttype": wanted.types[0],
        "index": wanted.fact == "manychat_id",
        "copied": False,
    }


def _check_stages(client: OdooClient, stages: Stages) -> Iterator[tuple[Finding, int | None]]:
    """A finding for each stage, with its id where Odoo has neither this id nor a stage of this name."""
    names = {record["id"]: record["name"] for record in client.search_read(STAGE, [], ["name"])}
    ids = {_folded(name): stage_id for stage_id, name in names.items()}
    for stage_id, name in stages.items():
        label, theirs = f"stage {stage_id} “{name}”", names.get(stage_id)
        if theirs is not None:
            same = _folded(theirs) == _folded(name)
            yield (Finding(Level.OK, label) if same else Finding(Level.NOTE, f"{label} is called “{theirs}” in Odoo")), None
        elif _folded(name) in ids:
            yield Finding(Level.MISSING, f"{label} has the id {ids[_folded(name)]} in Odoo: correct our stage map"), None
        else:
            yield Finding(Level.MISSING, f"{label} does not exist; --apply --create-stages creates it"), stage_id


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def main(arguments: Sequence[str] | None = None, stages: Stages | None = None) -> int:
    """Run the command and return its exit code. By default: the arguments of the command line, the stages of a fresh map."""
    parser = argparse.ArgumentParser(prog="python -m shared.vendors.odoo.setup", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="create the custom fields that are missing")
    parser.add_argument("--create-stages", action="store_true", help="with --apply: create the missing stages too")
    options = parser.parse_args(arguments)
    if options.create_stages and not options.apply:
        parser.error("--create-stages needs --apply")
    try:
        stages = _default_stages() if stages is None else stages
        settings = get_settings()
        client = OdooClient.from_settings(settings)
        done = create_fields(client, settings) if options.apply else []
        done += create_stages(client, stages) if options.create_stages else []
        findings = done + check(client, settings, stages)
    except PuenteError as error:
        _say([Finding(Level.FAILED, str(error))])
        return 2
    _say(findings)
    return 1 if any(finding.level is Level.MISSING for finding in findings) else 0


def _default_stages() -> Stages:
    from shared.crm.stages import DEFAULT_STAGES  # not at the top: crm stands above the vendors

    return {stage.odoo_stage_id: stage.odoo_name for stage in DEFAULT_STAGES}


def _say(findings: Iterable[Finding]) -> None:
    for finding in findings:
        print(f"{finding.level:8}{finding.text}")  # noqa: T201  # a command answers on standard output


if __name__ == "__main__":
    sys.exit(main())
