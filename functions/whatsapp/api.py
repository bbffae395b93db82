"""`/api/v1/whatsapp-numbers` and `/api/v1/whatsapp-templates`: what messages by WhatsApp can go out from, and with."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import Select, select

from shared.messages import approved_templates, number_states, numbers, portfolio
from shared.messages.numbers import WhatsAppNumber
from shared.settings import get_settings
from shared.store.session import reading
from shared.store.whatsapp_models import WhatsAppNumberState, WhatsAppTemplate
from shared.web.auth import SecuredRoute
from shared.web.paging import Page, PageQuery, find, text

router = APIRouter(prefix="/api/v1/whatsapp-numbers", tags=["WhatsApp"], route_class=SecuredRoute)
templates = APIRouter(prefix="/api/v1/whatsapp-templates", tags=["WhatsApp"], route_class=SecuredRoute)


class NumberOut(BaseModel):
    """A number of ours."""

    whatsapp_number_id: str = Field(description="UUID, made of the number: the same whoever carries it.")
    phone: str = Field(description="E.164.")
    provider: Literal["meta", "twilio"]
    vendor_id: str = Field(description="Meta's id of it; with Twilio the number.")
    is_default: bool = Field(description="Whether messages go from it that name no number.")
    name: str | None = Field(description="As people see it; null where Meta has not been asked yet, and with Twilio.")
    quality: str | None = Field(description="GREEN, YELLOW or RED, of this number.")
    throughput: str | None = Field(description="STANDARD (80 messages a second) or HIGH (1,000), of this number.")
    status: str | None
    messaging_limit: str | None = Field(
        description="How many people may be written to in 24 hours outside their windows: the business portfolio's, shared by "
        "all its numbers."
    )
    messaging_limit_people: int | None = Field(
        description="The same as a number; null where there is none, or it is not known."
    )
    messaging_limit_used: int | None = Field(
        description="With how many people the portfolio has opened a conversation within 24 hours; null with Twilio."
    )
    paused_until: datetime | None = Field(description="Nothing goes out from it until then; null: it sends.")
    paused_reason: str | None


class TemplateQuery(PageQuery):
    """Filters of the list."""

    name: Annotated[str, text(512)] | None = None
    status: Annotated[str, text(30)] | None = Field(default=None, description="Such as APPROVED or PAUSED.")

    def applied(self, query: Select[WhatsAppTemplate]) -> Select[WhatsAppTemplate]:
        """`query`, narrowed down."""
        if self.name is not None:
            query = query.where(WhatsAppTemplate.name == self.name)
        return query if self.status is None else query.where(WhatsAppTemplate.status == self.status)


class TemplateOut(BaseModel):
    """An approved template of Meta's."""

    id: int
    name: str
    language: str
    status: str
    category: str | None = Field(description="MARKETING, UTILITY or AUTHENTICATION: what a message by it costs.")
    parameters: list[str] = Field(description="What its text wants to be told, header before body: names, or numbers.")
    read_at: datetime


@router.get("", summary="List our WhatsApp numbers")
def list_whatsapp_numbers() -> list[NumberOut]:
    """The numbers that the settings name, the default one of WHATSAPP_PROVIDER marked, with what Meta says of each."""
    settings = get_settings()
    known = numbers.configured(settings)
    default = next((one for one in known if one.provider == settings.whatsapp_provider), None)
    with reading() as session:
        states = dict(number_states.states(session))
        most, used = portfolio.limit(session, settings), portfolio.used(session)
    of_portfolio = {"messaging_limit_people": most, "messaging_limit_used": used}
    return [_number(one, states.get(one.id), of_portfolio, is_default=one is default) for one in known]


@templates.get("", summary="List approved templates")
def list_whatsapp_templates(query: Annotated[TemplateQuery, Query()]) -> Page[TemplateOut]:
    """The templates at Meta, as they were read last (every hour)."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(WhatsAppTemplate)), WhatsAppTemplate.id, query)
    return Page(items=[_template(row) for row in rows], total=total, next=after)


def _template(row: WhatsAppTemplate) -> TemplateOut:
    names = ("id", "name", "language", "status", "category", "read_at")
    return TemplateOut(**{name: getattr(row, name) for name in names}, parameters=approved_templates.holes(row))


def _number(
    number: WhatsAppNumber, state: WhatsAppNumberState | None, of_portfolio: Mapping[str, int | None], *, is_default: bool
) -> NumberOut:
    shown = ("name", "quality", "throughput", "status", "messaging_limit", "paused_until", "paused_reason")
    return NumberOut(
        whatsapp_number_id=number.id,
        phone=number.phone,
        provider="meta" if number.provider == numbers.META else "twilio",
        vendor_id=number.vendor_id,
        is_default=is_default,
        **{name: getattr(state, name, None) for name in shown},
        **(of_portfolio if number.provider == numbers.META else dict.fromkeys(of_portfolio)),
    )
