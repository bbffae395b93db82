"""Making a broadcast in the console, step by step: for whom, which text, how fast and when; a test, a copy, and the schedule.

Every step is a form over the functions of the API (`automation_edits`, `uploads`, `starting`): what is refused there is refused
here, and the form is shown again with what was typed.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from functions.broadcasts import (
    audience,
    automation_edits,
    console_forecast,
    console_forms,
    known_flows,
    running_config,
    starting,
    text_preview,
    uploads,
    variables,
    variants,
)
from functions.broadcasts.console_forms import AudienceForm
from functions.broadcasts.filters import FLAGS, MOMENTS, OPERATORS, SETS, TEXTS
from functions.broadcasts.tables import Automation, Execution
from shared.console import masking, pages
from shared.console.identity import Operator
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.crm import editing
from shared.errors import RefusedError
from shared.journeys import chatbots
from shared.messages import numbers
from shared.readers import phone
from shared.settings import get_settings
from shared.store.models import Contact
from shared.store.session import reading

LIST = "/console/broadcasts"
SHORTEST_PHONE = 10
MISTAKES = frozenset((400, 422))
FILTERED_BY = (*SETS, *FLAGS, *MOMENTS, *TEXTS)


class FileRoute(ConsoleRoute):
    """A form that may bring a list of a million numbers."""

    largest_bytes = uploads.MOST_BYTES


router = APIRouter(route_class=ConsoleRoute)
file_router = APIRouter(route_class=FileRoute)


@router.get(LIST + "/new")
def new(request: Request, operator: Signed) -> Response:
    """The first step: a name, and for whom."""
    return _audience_page(request, AudienceForm())


@file_router.post(LIST + "/new")
async def create(request: Request, operator: Signed) -> Response:
    """Keep it as a draft, with the first flow of one message until another is chosen."""
    return await _posted(request, partial(_audience_kept, request, operator, None))


@router.get(LIST + "/{automation_id}/audience")
def edit_audience(request: Request, automation_id: UUID) -> Response:
    """For whom it is, how many that are, and who is left out for which reason."""
    with reading() as session:
        row = automation_edits.find(session, str(automation_id))
        session.expunge_all()
    form = AudienceForm.of(row.name, row.description, row.audience_type, row.audience_config or {})
    return _audience_page(request, form, row)


@file_router.post(LIST + "/{automation_id}/audience")
async def keep_audience(request: Request, automation_id: UUID, operator: Signed) -> Response:
    """Keep it, and go on to the text."""
    return await _posted(request, partial(_audience_kept, request, operator, str(automation_id)))


async def _posted(request: Request, work: Callable[[FormData, bytes, str | None], Response]) -> Response:
    """Do the work of a form with a file in a thread, with the file's bytes and name."""
    given = await request.form()
    file = given.get("file")
    raw, name = (await file.read(), file.filename) if isinstance(file, UploadFile) else (b"", None)
    answer: Response = await run_in_threadpool(work, given, raw, name)
    return answer


def _audience_kept(
    request: Request, operator: Operator, automation_id: str | None, given: FormData, raw: bytes, filename: str | None
) -> Response:
    form, row = AudienceForm(), None
    try:
        form = console_forms.read(AudienceForm, {name: value for name, value in given.items() if isinstance(value, str)})
        if automation_id is not None:
            with reading() as session:
                row = automation_edits.find(session, automation_id)
                session.expunge_all()
        if raw and form.audience == "uploaded":
            form = form.model_copy(update={"upload_id": _list_of(raw, filename, operator.actor)})
        uuid = editing.committed(partial(_kept, form=form, automation_id=automation_id, actor=operator.actor))
    except RefusedError as error:
        if error.status not in MISTAKES:
            raise
        return _audience_page(request, form, row, error)
    return RedirectResponse(f"{LIST}/{uuid}/text", SEE_OTHER)


def _kept(session: Session, form: AudienceForm, automation_id: str | None, actor: str) -> str:
    fields = form.fields()
    if automation_id is not None:
        return automation_edits.change(session, automation_id, console_forms.changed(fields), actor).uuid
    fields |= {"flow_id": _first_flow(), "execution_timezone": get_settings().default_time_zone}
    return automation_edits.create(session, console_forms.new(fields), actor).uuid


def _list_of(raw: bytes, filename: str | None, actor: str) -> str:
    """Keep a file as a list and read its beginning; the job reads on."""
    upload_id = uploads.keep_file(raw, filename, None, actor)
    with reading() as session:
        found = audience.find_upload(session, upload_id)
        number = found.id if found is not None else 0
    for _ in range(3):
        if not uploads.read_batch(number):
            break
    return upload_id


def _first_flow() -> str:
    """The flow that a new broadcast has: one of a single message, where there is one."""
    flows = chatbots.talking_flows()
    if not flows:
        raise RefusedError(422, "no-flows", "No flow that talks is installed.")
    return next((uuid for uuid, flow in flows.items() if text_preview.is_single(flow)), next(iter(flows)))


def _audience_page(
    request: Request, form: AudienceForm, row: Automation | None = None, error: RefusedError | None = None
) -> Response:
    facts: dict[str, Any] = {"form": form, "automation": row, "error": error, "fields": FILTERED_BY, "operators": OPERATORS}
    with reading() as session:
        facts |= {"upload": audience.find_upload(session, form.upload_id)}
        session.expunge_all()
    if row is not None and error is None:
        facts |= console_forecast.of_page(row, "console")
    return render(request, "making_audience", row.name if row else mark("New broadcast"), facts, error)


@router.get(LIST + "/{automation_id}/text")
def edit_text(request: Request, automation_id: UUID, flow_id: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    """Which flow it sends, its variables, and the first message as somebody of the audience would get it."""
    with reading() as session:
        row = automation_edits.find(session, str(automation_id))
        session.expunge_all()
    kept = {"flow_id": flow_id or row.flow_id, "variable_mapping": row.variable_mapping or {}, "variant_b": row.variant_b}
    return _text_page(request, row, kept)


@router.post(LIST + "/{automation_id}/text")
async def keep_text(request: Request, automation_id: UUID, operator: Signed) -> Response:
    """Keep it; `do=look` shows it first, and keeps nothing."""
    given = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    answer: Response = await run_in_threadpool(_text_kept, request, str(automation_id), operator, given)
    return answer


def _text_kept(request: Request, automation_id: str, operator: Operator, given: Mapping[str, str]) -> Response:
    with reading() as session:
        row = automation_edits.find(session, automation_id)
        session.expunge_all()
    fields: dict[str, Any] = {"flow_id": given.get("flow_id", row.flow_id)} | console_forms.texts(given)
    fields["whatsapp_number_id"] = given.get("whatsapp_number_id") or None
    try:
        known = _checked(fields)
        if given.get("do") == "look":
            return _text_page(request, row, fields)
        editing.committed(lambda session: automation_edits.change(session, automation_id, known, operator.actor))
    except RefusedError as error:
        if error.status not in MISTAKES:
            raise
        return _text_page(request, row, fields, error)
    return RedirectResponse(f"{LIST}/{automation_id}/pace", SEE_OTHER)


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a text, as the API checks them. Raises RefusedError, 422."""
    known = console_forms.changed(fields)
    faults = variables.faults(known["variable_mapping"]) + variants.faults(known["variant_b"])
    faults += known_flows.faults(known["flow_id"], None, known["whatsapp_number_id"])
    if faults:
        raise RefusedError(422, "invalid-fields", "A value is not as it must be.", errors=faults)
    return known


def _text_page(request: Request, row: Automation, chosen: Mapping[str, Any], error: RefusedError | None = None) -> Response:
    """The page of a text as it is chosen here, with what its first message looks like, in both texts where there are two."""
    flow_id, mapping, b = str(chosen["flow_id"]), chosen["variable_mapping"], chosen["variant_b"]
    flow = known_flows.flow_of(flow_id)
    needs = known_flows.needs_of(flow_id) if flow else ()
    config = running_config.config_of(row) | {"flow_id": flow_id}
    texts = [mapping, mapping | b["variable_mapping"]] if b else [mapping]
    with reading() as session:
        shown = [text_preview.of(session, config, one) for one in texts] if error is None and flow else []
    facts: dict[str, Any] = {
        "automation": row,
        "flows": chatbots.talking_flows(),
        "flow_id": flow_id,
        "names": (*needs, *(name for name in mapping if name not in needs)),
        "needs": needs,
        "mapping": mapping,
        "b": b or {"share": "", "variable_mapping": {}},
        "shown": shown,
        "masked": masking.masked_text,
        "numbers": numbers.configured(get_settings()),
        "number": chosen.get("whatsapp_number_id", row.whatsapp_number_id),
        "error": error,
    }
    return render(request, "making_text", row.name, facts, error)


@router.post(LIST + "/{automation_id}/test")
def test(automation_id: UUID, operator: Signed, contact: Annotated[str, Form(max_length=40)]) -> Response:
    """Send it to one contact, such as oneself; it counts in no figures."""

    def work(session: Session) -> Execution:
        row = automation_edits.find(session, str(automation_id), for_change=True)
        asked = starting.Start(test_mode=True, test_contact_ids=[_contact(session, contact.strip())])
        return starting.start(session, row, asked, operator.name, operator.actor)

    begun = editing.committed(work)
    starting.plan_at_once(begun.id)
    return RedirectResponse(f"{LIST}/executions/{begun.uuid}", SEE_OTHER)


def _contact(session: Session, given: str) -> int | str:
    """The contact that somebody means: by a telephone number, else by its id."""
    region = get_settings().default_phone_region
    number = phone.e164_or_none(given, default=region) if len(given) >= SHORTEST_PHONE else None
    if number is None:
        return int(given) if given.isdecimal() else given
    query = select(Contact.id).where(Contact.phone.in_([number, *phone.spellings(number)])).order_by(Contact.id).limit(1)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise RefusedError(422, "no-such-contact", "No contact has this telephone number.")
    return found


@router.post(LIST + "/{automation_id}/duplicate")
def duplicate(automation_id: UUID, operator: Signed) -> Response:
    """A draft that says the same, to be changed; its schedule and its runs are not copied."""

    def work(session: Session) -> str:
        row = automation_edits.find(session, str(automation_id))
        fields = running_config.config_of(row) | {"description": row.description, "trigger_type": "manual"}
        fields["name"] = f"{row.name[:245]} (2)"
        return automation_edits.create(session, fields, operator.actor).uuid

    return RedirectResponse(f"{LIST}/{editing.committed(work)}/audience", SEE_OTHER)


def render(request: Request, name: str, heading: str, facts: dict[str, Any], error: RefusedError | None = None) -> Response:
    """A step's page, with what was refused where something was."""
    status = 200 if error is None else error.status
    return pages.render(request, f"broadcasts/{name}.html", status, here="broadcasts", heading=heading, **facts)
