"""`/api/v1/hubspot`: what became of each event of HubSpot's, and the state of interest, written while the caller waits."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import Select, select

from functions.hubspot import deciding, triggers
from functions.hubspot.client import TARGET
from functions.hubspot.tables import ERROR, ID_LENGTH, SENT, SKIPPED, HubSpotMessage
from shared.problems import documented
from shared.setting_types import Scope
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute
from shared.web.paging import Moment, Page, PageQuery, find, text
from shared.web.reconciliations import ReconciliationSummary, SystemReport, asked_by, reports

router = APIRouter(prefix="/api/v1/hubspot", tags=["HubSpot"], route_class=SecuredRoute)

SUCCESS, CLIENT_ERROR, FORBIDDEN = 200, 400, 403
STATUS_TEXTS = {
    SENT: "Mensaje enviado exitosamente",
    SKIPPED: "Sin mensaje",
    ERROR: "El mensaje no se envió",
    "pending": "En curso",
}


class MessageQuery(PageQuery):
    """Filters of the list."""

    contact_id: Annotated[str, text(ID_LENGTH)] | None = Field(default=None, description="HubSpot's id of the contact.")
    manychat_user_id: Annotated[str, text(100)] | None = None
    status: Literal["pending", "sent", "skipped", "error"] | None = None
    reason: Annotated[str, text(60)] | None = Field(default=None, description="Such as `no_interes_producto`.")
    since: Moment | None = Field(default=None, description="Happened at this time or later, by HubSpot's clock.")

    def applied(self, query: Select[HubSpotMessage]) -> Select[HubSpotMessage]:
        """`query`, narrowed down."""
        given = {
            HubSpotMessage.contact_id: self.contact_id,
            HubSpotMessage.manychat_user_id: self.manychat_user_id,
            HubSpotMessage.status: self.status,
            HubSpotMessage.reason: self.reason,
        }
        query = query.where(*(column == value for column, value in given.items() if value is not None))
        return query if self.since is None else query.where(HubSpotMessage.occurred_at >= self.since)


class ErrorDetails(BaseModel):
    """Why a message was not sent."""

    manychat_status: str | None
    http_status: int | None
    error_message: str | None = Field(description="The reason, such as `manychat-outside-window`.")
    failure_reason: str | None = Field(description="Its kind, such as `client_error`.")


class MessageOut(BaseModel):
    """One event of HubSpot's and the message that followed from it, with the names of the replaced flow."""

    id: int
    status: Literal["pending", "sent", "skipped", "error"]
    message: str
    reason: str | None = Field(description="Why it was skipped or not sent.")
    skip_reason: str | None
    contact_id: str | None
    contact_name: str | None
    manychat_user_id: str | None
    interes_producto: str | None
    mensaje_enviado: str | None
    message_hash: str | None = Field(description="SHA-256 of the text.")
    manychat_response: dict[str, Any] | None
    http_status_code: int | None
    is_rate_limited: bool = Field(description="Such messages wait and go out later, so that none ends so.")
    error_details: ErrorDetails | None
    event: str = Field(description="What happened, such as `contact.propertyChange`.")
    property_name: str | None
    occurred_at: datetime
    timestamp: datetime = Field(description="When its state was reached.")

    @classmethod
    def of(cls, row: HubSpotMessage) -> Self:
        """The event as the API shows it."""
        is_sent = row.status == SENT
        status = _http_status(row)
        details = ErrorDetails(
            manychat_status="error" if status else None,
            http_status=status,
            error_message=row.reason,
            failure_reason=row.failure,
        )
        return cls(
            id=row.id,
            status=row.status,
            message=STATUS_TEXTS[row.status] + (f": {row.reason}" if row.reason else ""),
            reason=row.reason,
            skip_reason=row.reason if row.status == SKIPPED else None,
            contact_id=row.contact_id,
            contact_name=row.contact_name,
            manychat_user_id=row.manychat_user_id,
            interes_producto=row.product,
            mensaje_enviado=row.text if is_sent else None,
            message_hash=hashlib.sha256(row.text.encode()).hexdigest() if row.text else None,
            manychat_response={"status": "success"} if is_sent else None,
            http_status_code=status,
            is_rate_limited=False,
            error_details=details if row.status == ERROR else None,
            event=row.kind,
            property_name=row.property_name,
            occurred_at=row.occurred_at,
            timestamp=row.settled_at or row.updated_at,
        )


def _http_status(row: HubSpotMessage) -> int | None:
    """ManyChat's status; None where it was not asked, or nobody knows what it answered."""
    if row.status == SENT:
        return SUCCESS
    if row.failure == deciding.FAILURES["manychat-forbidden"]:
        return FORBIDDEN
    return CLIENT_ERROR if row.status == ERROR and str(row.reason).startswith("manychat-") else None


@router.get("/messages", summary="List events of HubSpot and their messages")
def list_messages(query: Annotated[MessageQuery, Query()]) -> Page[MessageOut]:
    """What HubSpot told of contacts, an event a row, and what became of the message to each."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(HubSpotMessage)), HubSpotMessage.id, query)
        return Page(items=[MessageOut.of(row) for row in rows], total=total, next=after)


@router.post("/comparisons", status_code=202, summary="Compare what HubSpot's webhooks told with its contacts")
def ask_for_hubspot_comparison(caller: Caller) -> ReconciliationSummary:
    """Puts a comparison on its queue and answers at once. It only reports; what is missing is mended by a plan."""
    return asked_by(caller, TARGET)


@router.get("/comparisons", summary="List comparisons of HubSpot's contacts with what its webhooks told")
def list_hubspot_comparisons(query: Annotated[PageQuery, Query()]) -> Page[SystemReport]:
    """Those of every night and those that were asked for: interests that are `missing` here."""
    return reports((TARGET,), query)


class InterestRoute(SecuredRoute):
    """The scope `write` or `webhook:hubspot`; in the old address the key may stand at its end."""

    also: ClassVar[tuple[Scope, ...]] = ("webhook:hubspot",)
    takes_key_in_address: ClassVar[bool] = True


class InterestOut(BaseModel):
    """What HubSpot said, as the replaced flow answered."""

    success: bool
    status_code: int = Field(description="HubSpot's status; 0 where it did not answer.")
    contact_id: str
    nuevo_estado: str
    message: str
    queued: bool | None = Field(default=None, description="true: it is written when HubSpot is back (`async`).")


interests = APIRouter(prefix="/api/v1", tags=["HubSpot"], route_class=InterestRoute)
Namespace = Annotated[str, Path(max_length=100, description="Any.")]
Key = Annotated[str, Path(max_length=200, description="An API key that opens webhooks only.")]
Inputs = Annotated[
    dict[str, Any],
    Body(description="`hubspot_contact_id` and `nuevo_estado`, under any of their names; `async`: true to have it queued."),
]
ANSWERS: dict[int | str, dict[str, Any]] = documented(400, 404, 409, 422, 502, 503)
for _status, _meaning in {
    202: "HubSpot is away; the state is written later.",
    400: "HubSpot refuses it.",
    404: "HubSpot has no such contact.",
    409: "HubSpot refuses it: a conflict.",
    422: "Something is missing.",
    423: "The contact is locked; try again.",
    502: "HubSpot fails, or refuses us.",
    503: "HubSpot cannot be reached, or takes no more now.",
}.items():
    ANSWERS[_status] = {**ANSWERS.get(_status, {}), "model": InterestOut, "description": _meaning}
SUMMARY = "Write a contact's state of interest"
ADDRESS = f"/executions/webhook/{{namespace}}/{triggers.INTEREST_ID}"


@interests.post(
    "/hubspot/interest", summary="Write a contact's state of interest", responses=ANSWERS, response_model=InterestOut
)
def write_interest(inputs: Inputs) -> JSONResponse:
    """HubSpot is called while the caller waits; the answer says what it said."""
    return _answered(inputs)


@interests.post(ADDRESS, summary=SUMMARY, responses=ANSWERS, response_model=InterestOut)
def write_interest_as_before(inputs: Inputs, namespace: Namespace) -> JSONResponse:
    """The address of the replaced flow, with the key in the header."""
    del namespace
    return _answered(inputs)


@interests.post(f"{ADDRESS}/{{key}}", summary=SUMMARY, responses=ANSWERS, response_model=InterestOut)
def write_interest_with_key(inputs: Inputs, namespace: Namespace, key: Key) -> JSONResponse:
    """The address of the replaced flow, with the key at its end."""
    del namespace, key
    return _answered(inputs)


def _answered(inputs: dict[str, Any]) -> JSONResponse:
    reply = triggers.answer_interest(inputs)
    return JSONResponse(dict(reply.body), reply.status)
