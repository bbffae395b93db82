"""`/api/v1/inbound-messages`: what people write to us, and what has become of it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared.crm import editing
from shared.crm.people import e164
from shared.messages import received
from shared.messages.events import Media, ReplyKind
from shared.messages.received import MessageState
from shared.problems import documented
from shared.settings import get_settings
from shared.store.message_models import ReceivedMessage
from shared.store.models import Contact
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body
from shared.web.conditions import ONE, IfMatch, guard, tag
from shared.web.paging import Moment, Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1/inbound-messages", tags=["Inbound messages"], route_class=SecuredRoute)

EDITABLE = frozenset({"state"})


class InboundMessageQuery(PageQuery):
    """Filters of the list."""

    state: MessageState | None = None
    channel: Literal["sms", "whatsapp"] | None = None
    wish: Literal["stop", "start", "ask"] | None = Field(default=None, description="`ask`: it may be a wish to stop, or not.")
    phone: Annotated[str, text(100)] | None = Field(
        default=None, description="In any spelling; a number without a country code is taken to be of DEFAULT_PHONE_REGION."
    )
    since: Moment | None = Field(default=None, description="Received at this time or later.")
    until: Moment | None = Field(default=None, description="Received before this time.")

    def applied(self, query: Select[ReceivedMessage]) -> Select[ReceivedMessage]:
        """`query`, narrowed down."""
        for name in ("state", "channel", "wish"):
            if (value := getattr(self, name)) is not None:
                query = query.where(getattr(ReceivedMessage, name) == value)
        if self.phone is not None:
            number = e164(self.phone, get_settings().default_phone_region) or self.phone
            query = query.where(received.from_numbers([number]))
        if self.since is not None:
            query = query.where(ReceivedMessage.received_at >= self.since)
        return query if self.until is None else query.where(ReceivedMessage.received_at < self.until)


class InboundMessageOut(BaseModel):
    """What somebody wrote."""

    id: int
    provider: str
    vendor_id: str = Field(description="The provider's id of the message.")
    channel: Literal["sms", "whatsapp"]
    sender: str = Field(description="Their number in E.164, or what the provider names them by.")
    sender_name: str | None = Field(description="How they call themselves at the provider.")
    contact_ids: list[int] = Field(description="The contacts with that number: relatives share one.")
    text: str
    kind: ReplyKind = Field(description="In what form: text, button, list, image, ...; a reaction or sticker is no answer.")
    option_id: str | None = Field(description="The button or line of a list that they chose.")
    option_title: str | None
    quoted_id: str | None = Field(description="The provider's id of the message that they answer.")
    user_id: str | None = Field(description="WhatsApp's id of them; they may show no number.")
    whatsapp_number_id: str | None = Field(description="The number of ours that they wrote to.")
    media: list[Media]
    wish: Literal["stop", "start", "ask"] | None = Field(
        description="`stop` and `start` are obeyed; `ask`: a person must look."
    )
    state: MessageState
    received_at: datetime
    created_at: datetime
    updated_at: datetime


class StateChange(Body):
    """What has become of a message."""

    state: MessageState


@router.get("", summary="List what people write")
def list_inbound_messages(query: Annotated[InboundMessageQuery, Query()]) -> Page[InboundMessageOut]:
    """Messages from people, with the state of each: `unread`, `read`, `answered`, `no-answer-needed`."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(ReceivedMessage)), ReceivedMessage.id, query)
        items = _shown(session, rows)
    return Page(items=items, total=total, next=after)


@router.get("/{message_id:id}", summary="One message from a person", responses=documented(404) | ONE)
def get_inbound_message(message_id: RowId, response: Response) -> InboundMessageOut:
    """The message. Reading it here changes nothing: set the state to `read`."""
    with reading() as session:
        row = session.get(ReceivedMessage, message_id)
        if row is None:
            raise editing.missing(received.NOUN, message_id)
        (shown,) = _shown(session, [row])
    tag(response, row, EDITABLE)
    return shown


@router.patch("/{message_id:id}", summary="Set the state of a message", responses=documented(404, 412) | ONE)
def change_inbound_message(
    message_id: RowId, body: StateChange, caller: Caller, response: Response, if_match: IfMatch = None
) -> InboundMessageOut:
    """Sets the state, which is logged; setting the state that it has changes nothing. Nothing is sent to the person."""
    work = partial(received.set_state, message_id=message_id, state=body.state, actor=actor(caller))
    row = editing.committed(partial(work, guard=guard(if_match, EDITABLE)))
    tag(response, row, EDITABLE)
    with reading() as session:
        (shown,) = _shown(session, [row])
    return shown


def _shown(session: Session, rows: Sequence[ReceivedMessage]) -> list[InboundMessageOut]:
    numbers = received.spelled(row.sender for row in rows)
    query = select(Contact.id, Contact.phone).where(Contact.phone.in_(sorted(numbers))).order_by(Contact.id)
    known = session.execute(query).all() if numbers else []
    names = [name for name in InboundMessageOut.model_fields if name != "contact_ids"]
    return [
        InboundMessageOut(
            **{name: getattr(row, name) for name in names},
            contact_ids=[contact.id for contact in known if contact.phone in received.spelled([row.sender])],
        )
        for row in rows
    ]
