"""Try it: a test event, rehearsed against the record and undone, or real with all its messages to whoever tries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from functions.console import trial_form
from functions.console.executions import types_of
from functions.console.flows import found_flow
from shared import clock
from shared.console import masking, pages, words
from shared.console.identity import Role
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import FieldError, PermanentError, RefusedError
from shared.flow import Flow
from shared.intake import endpoint, inbox
from shared.intake.changes import Change, listed
from shared.intake.webhook import Webhook
from shared.logs import mask
from shared.outbox import actions, rehearsal
from shared.outbox.actions import Kind
from shared.readers import email as readers
from shared.readers import phone as phones
from shared.settings import get_settings
from shared.store import session as store
from shared.store.flow_models import HeldEvent, Trial
from shared.store.models import ActionLog, DeadLetter, Delivery, InboxEvent
from shared.store.session import reading, transact
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)

PLAN, REAL = "plan", "me"


@dataclass(frozen=True)
class Going:
    """A delivery that the event would plan."""

    target: str
    action: str
    template: str
    is_message: bool
    due_at: datetime


@dataclass(frozen=True)
class Rehearsed:
    """What an event would do: its outcome, or why it would be stopped; what it would change and send."""

    outcome: str | None
    reason: str
    changes: Sequence[Change]
    deliveries: Sequence[Going]


def _going(row: Delivery) -> Going:
    payload: Any = row.payload if isinstance(row.payload, Mapping) else {}
    is_message = row.kind == Kind.MESSAGE
    return Going(row.target, row.action, payload.get("template") or "", is_message, clock.as_utc(row.due_at))


def _order(row: Delivery) -> tuple[bool, datetime, int]:
    return row.kind != Kind.MESSAGE, row.due_at, row.id


@router.get("/console/flows/{name}/try")
def form(request: Request, name: str, webhook: str = "") -> Response:
    """The form, filled in with an example."""
    flow, chosen = _chosen(name, webhook)
    return _shown(request, flow, chosen, trial_form.fields(chosen))


@router.post("/console/flows/{name}/try")
async def try_it(request: Request, name: str, operator: Signed) -> Response:
    """Rehearse the event and show what it would do; or send it, and go to where it is followed."""
    given = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
    flow, chosen = _chosen(name, given.get("webhook", ""))
    envelope, _payload = chosen.test_event(trial_form.data(chosen, given), operator.actor)
    handler = endpoint.handler_of(chosen.queue, envelope.type)
    event = inbox.read_event(handler, envelope)
    if given.get("mode") != REAL:
        made = rehearsed(handler, event)
        _log(flow, operator.actor, "rehearsed", envelope.id)
        return _shown(request, flow, chosen, trial_form.filled(chosen, given), made)
    trial = _trial(flow, operator.actor, event.key, envelope.id, given)
    _log(flow, operator.actor, "sent", envelope.id, trial)
    await chosen.queue_test(envelope)
    return RedirectResponse(f"/console/tries/{trial.id}", SEE_OTHER)


def _chosen(name: str, webhook: str) -> tuple[Flow, Webhook]:
    """The flow, and the kind of event that is tried; its first where none is named. Raises RefusedError 404."""
    flow, known = found_flow(name), trial_form.webhooks(name)
    if not known or (webhook and webhook not in known):
        raise RefusedError(404, "no-such-flow", mark("It takes no such event."))
    return flow, known[webhook or next(iter(known))]


def rehearsed(handler: inbox.Handler[Any], event: inbox.Event[Any]) -> Rehearsed:
    """What the event would do to the record as it is now, in a transaction that is undone."""

    def work(session: Session) -> Rehearsed:
        with rehearsal.noted(session) as names:
            outcome = inbox.apply_once(session, handler, event)
            session.flush()
        row = session.scalars(select(InboxEvent).options(undefer(InboxEvent.changes)).where(InboxEvent.key == event.key)).one()
        caused = rehearsal.deliveries(session, names).values()
        return Rehearsed(outcome, "", list(listed(row.changes)), [_going(one) for one in sorted(caused, key=_order)])

    try:
        return store.rehearse(work)
    except PermanentError as error:
        return Rehearsed(None, f"{error.reason}: {mask(str(error))}", (), ())


def _trial(flow: Flow, actor: str, event_key: str, event_id: str, given: Mapping[str, str]) -> Trial:
    """Where the messages of a test go. Raises RefusedError 422: nowhere, or to what is no address."""
    typed_email, typed_phone = given.get("to_email", "").strip(), given.get("to_phone", "").strip()
    email = readers.key_or_none(typed_email)
    phone = phones.e164_or_none(typed_phone, default=get_settings().default_phone_region) if typed_phone else None
    known = sorted(set(given.get("carried_out", "").replace(",", " ").split()) & actions.targets())
    faults = [FieldError("to_email", "is no e-mail address")] if typed_email and email is None else []
    if typed_phone and phone is None:
        faults.append(FieldError("to_phone", "is no telephone number"))
    if not email and not phone:
        faults.append(FieldError("to_email", "give your address, your number, or both"))
    if faults:
        raise RefusedError(422, "invalid-fields", mark("The request has values that are not as they must be."), errors=faults)
    facts = {"flow": flow.name, "event_key": event_key, "event_id": event_id, "actor": actor[:60]}
    row = Trial(email=email, phone=phone, carried_out=",".join(known), **facts)
    transact(lambda session: session.add(row))
    return row


def _log(flow: Flow, actor: str, result: str, event_id: str, trial: Trial | None = None) -> None:
    detail = f"event {event_id}" + (f", carried out at {trial.carried_out}" if trial and trial.carried_out else "")
    line = ActionLog(actor=actor[:60], action=f"flow.{flow.name}.try", result=result, detail=detail)
    transact(lambda session: session.add(line))


def _shown(
    request: Request, flow: Flow, webhook: Webhook, fields: Sequence[trial_form.Field], made: Rehearsed | None = None
) -> Response:
    facts: dict[str, Any] = {
        "flow": flow,
        "webhooks": trial_form.webhooks(flow.name),
        "webhook": webhook.name,
        "fields": fields,
        "made": made,
        "masked": masking.masked,
        "may_try": pages.operator_of(request).may(Role.OPERATOR),
    }
    return pages.render(
        request, "console/trial.html", here="flows", heading=pages.declared(request, words.FLOW, flow.title), **facts
    )


@router.get("/console/tries/{trial_id:id}")
def followed(request: Request, trial_id: RowId) -> Response:
    """How far a test event is: on its way, waiting, stopped; the page leads to its execution once it is handled."""
    with reading() as session:
        trial = session.get(Trial, trial_id)
        if trial is None:
            raise RefusedError(404, "no-such-trial", mark("There is no such test, or no longer."))
        event = session.scalars(select(InboxEvent.id).where(InboxEvent.key == trial.event_key)).one_or_none()
        of_flow = DeadLetter.type.in_(types_of(trial.flow))
        letter = session.scalars(select(DeadLetter.id).where(of_flow, DeadLetter.event_id == trial.event_id).limit(1)).first()
        waits = session.scalars(select(HeldEvent.id).where(HeldEvent.flow == trial.flow).limit(1)).first() is not None
        session.expunge_all()
    facts: dict[str, Any] = {"trial": trial, "event": event, "letter": letter, "waits": waits}
    return pages.render(request, "console/trial_followed.html", here="flows", heading=mark("A test event"), **facts)
