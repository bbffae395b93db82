"""The state of interest of a contact, written to HubSpot while the caller waits: its answer says what HubSpot says.

POST /api/v1/hubspot/interest
POST /api/v1/executions/webhook/{namespace}/hubspot_update_estado_interes/{key}, as the replaced flow had it
  -> HubSpot; with `async: true`, where HubSpot is away: hubspot.interest (the newest state, written when it is back)
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.hubspot import client
from functions.hubspot.settings import HubSpotSettings
from functions.hubspot.tables import HubSpotInterest
from shared.errors import PermanentError, PuenteError, RetryableError
from shared.intake.by_hand import Reply
from shared.outbox import plan
from shared.outbox.record_sync import SUCCESS, RecordSync
from shared.settings import settings_of
from shared.store.dialect import insert_if_absent, locked
from shared.store.session import transact
from shared.vendors import answers

CONTACT = ("hubspot_contact_id", "contact_id", "objectId", "vid")
STATE = ("nuevo_estado", "estado_interes", "estado_interés", "estado")
LATER = "async"
LONGEST_STATE, LONGEST_BODY = 1000, 500
DONE, TRANSPORT = "Éxito", "ERROR_REQUEST: "
_CONTACT_ID = re.compile(r"[0-9]{1,20}")
_TRUE = frozenset(("true", "1", "yes", "si", "sí"))
# HubSpot refuses our account with these: no fault of whoever calls us.
_OURS = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN))
# And with these the contact or the state: ours to pass on.
_CALLERS = frozenset((HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.LOCKED))


@dataclass(frozen=True)
class HubSpotAnswer:
    """What came of the call: HubSpot's status (0: it did not answer), its words, and whether it may be better later."""

    status: int
    message: str
    is_passing: bool = False

    @property
    def is_done(self) -> bool:
        """Whether HubSpot has the state."""
        return self.status in (HTTPStatus.OK, HTTPStatus.NO_CONTENT)


def answer(inputs: Mapping[str, Any]) -> Reply:
    """Write the state; the answer of the replaced flow: success, status_code, contact_id, nuevo_estado, message.

    The status of HTTP is 200 where HubSpot has it; HubSpot's own where it refuses the contact or the state; 502 where it
    refuses us or fails, 503 where it cannot be reached or takes no more now; 422 where something is missing, before any call.
    With `async` a failure that may pass is answered with 202 and `queued`, and the newest state is written later.
    """
    contact, state = _given(inputs, CONTACT), _given(inputs, STATE)
    if fault := _fault(contact, state):
        return Reply(HTTPStatus.UNPROCESSABLE_ENTITY, _body(HubSpotAnswer(0, fault), contact, state))
    found = _written(contact, state)
    if found.is_done:
        transact(lambda session: _settle(session, contact, state))
        return Reply(HTTPStatus.OK, _body(found, contact, state))
    if found.is_passing and _is_true(inputs.get(LATER)) and client.is_used():
        plan.nudge(transact(lambda session: _queued(session, contact, state)))
        return Reply(HTTPStatus.ACCEPTED, _body(found, contact, state) | {"queued": True})
    return Reply(_http_status(found), _body(found, contact, state))


def _given(inputs: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of these inputs that is there, as text; "" where none is. "Ninguno" may be a state of somebody's."""
    return next(_texts(inputs, names), "")


def _texts(inputs: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        value = inputs.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and (text := str(value).strip()):
            yield text


def _fault(contact: str, state: str) -> str:
    missing = [name for name, value in ((CONTACT[0], contact), (STATE[0], state)) if not value]
    if missing:
        return f"Falta: {', '.join(missing)}"
    if not _CONTACT_ID.fullmatch(contact):
        return f"{CONTACT[0]}: debe ser el número del contacto en HubSpot"
    return f"{STATE[0]}: tiene más de {LONGEST_STATE} caracteres" if len(state) > LONGEST_STATE else ""


def _is_true(value: Any) -> bool:
    return value is True or str(value).strip().casefold() in _TRUE


def _body(found: HubSpotAnswer, contact: str, state: str) -> dict[str, Any]:
    return {
        "success": found.is_done,
        "status_code": int(found.status),
        "contact_id": contact,
        "nuevo_estado": state,
        "message": DONE if found.is_done else found.message,
    }


def _http_status(found: HubSpotAnswer) -> int:
    if found.status == 0 or found.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return found.status if found.status in _CALLERS else HTTPStatus.BAD_GATEWAY


def _written(contact: str, state: str) -> HubSpotAnswer:
    """Set the property. Setting it twice is as once, so a lost answer costs nothing but the answer."""
    path = f"{client.CONTACTS}/{contact}"
    body = {"properties": {settings_of(HubSpotSettings).hubspot_prop_estado_interes: state}}
    try:
        http = client.HUBSPOT.connected()
        response = http.request("PATCH", path, repeatable=True, json=body)
    except RetryableError as error:
        words = f"{error.status}: {error}" if error.status else f"{TRANSPORT}{error}"
        return HubSpotAnswer(error.status or 0, words, is_passing=True)
    except PuenteError as error:
        return HubSpotAnswer(0, f"{TRANSPORT}{error}", is_passing=not isinstance(error, PermanentError))
    status = response.status_code
    found = answers.parsed(response)
    message = found.get("message") if isinstance(found, dict) else None
    words = f"{status}: {http.mask(str(message or response.text))[:LONGEST_BODY]}"
    return HubSpotAnswer(
        status, words, is_passing=status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (*_OURS, client.LOCKED)
    )


def _queued(session: Session, contact: str, state: str) -> set[str]:
    """Have the state written later; the targets that are due by that."""
    insert_if_absent(session, HubSpotInterest, "contact_id", {"contact_id": contact, "state": state})
    row = _locked(session, contact)
    if row is not None:
        row.state = state
        INTEREST.request(session, row)
    return plan.newly_due(session)


def _settle(session: Session, contact: str, state: str) -> None:
    """A state that waits to be written is older than the one that HubSpot has now: this one is written in its place."""
    row = _locked(session, contact)
    if row is None or row.state == state:
        return
    row.state = state
    if row.hubspot_sync_status != SUCCESS:
        INTEREST.request(session, row)


def _locked(session: Session, contact: str) -> HubSpotInterest | None:
    query = select(HubSpotInterest).where(HubSpotInterest.contact_id == contact)
    return session.scalars(locked(query, HubSpotInterest)).one_or_none()


def put_state(row: HubSpotInterest) -> None:
    """Write the newest state. Twice is as once. Raises PuenteError."""
    body = {"properties": {settings_of(HubSpotSettings).hubspot_prop_estado_interes: row.state}}
    client.HUBSPOT.call("PATCH", f"{client.CONTACTS}/{row.contact_id}", repeatable=True, what="writing the interest", json=body)


INTEREST = RecordSync(
    target=client.TARGET,
    name="interest",
    table="functions.hubspot.tables:HubSpotInterest",
    key="contact_id",
    subject_prefix="hubspot:",
    prefix="hubspot",
    put=put_state,
    is_used=client.is_used,
)
