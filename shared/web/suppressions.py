"""`/api/v1/suppressions`: list suppressions of messages; add and lift them by hand."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Select, and_, not_, or_, select

from shared import clock
from shared.crm import editing
from shared.crm.people import e164
from shared.intake.fields import ManychatId, RequiredEmail
from shared.messages import consent, operator_actions
from shared.messages.consent import PHONE_CHANNELS, TIMED
from shared.messages.digests import digests_of_address, digests_of_person
from shared.messages.message import CHANNELS, PERSON_LENGTH, Channel
from shared.problems import documented
from shared.settings import get_settings
from shared.store.message_models import Suppression
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body, PhoneNumber, Words100
from shared.web.conditions import ONE, IfMatch, guard, tag
from shared.web.paging import Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1/suppressions", tags=["Suppressions"], route_class=SecuredRoute)

type AnyCause = Literal[
    "unsubscribed", "complaint", "bounced", "soft-bounce", "stop", "to-review", "market-limit", "not-on-whatsapp", "by-hand"
]
type GivenCause = Literal["by-hand", "unsubscribed", "complaint", "bounced", "stop"]

EDITABLE = ("lifted", "until", "bounces", "changed_at")
WHOM = ("email", "phone", "manychat_id", "person")
REACHED_BY = {"email": ("email",), "phone": PHONE_CHANNELS, "manychat_id": ("manychat",)}
FITS = {"unsubscribed": ("email",), "complaint": ("email",), "bounced": ("email",), "stop": PHONE_CHANNELS}
PERSON = "The person's key, for example `lead:17`."
ONE_OF = f"give one of {', '.join(WHOM)}"


def recipient_digests(given: Any) -> list[str]:
    """The digests by which the given person or address may be stored, the current one first; empty where none is given."""
    if given.person is not None:
        return digests_of_person(given.person)
    if given.phone is not None:
        return digests_of_address(e164(given.phone, get_settings().default_phone_region) or given.phone)
    address = given.email if given.email is not None else given.manychat_id
    return [] if address is None else digests_of_address(address)


class SuppressionQuery(PageQuery):
    """Filters of the list. Of the person and their addresses at most one."""

    email: Annotated[str, text(254)] | None = None
    phone: Annotated[str, text(100)] | None = Field(
        default=None, description="In any spelling; a number without a country code is taken to be of DEFAULT_PHONE_REGION."
    )
    manychat_id: Annotated[str, text(50)] | None = None
    person: Annotated[str, text(PERSON_LENGTH)] | None = Field(default=None, description=PERSON)
    channel: Channel | None = None
    cause: AnyCause | None = None
    holds: bool | None = Field(default=None, description="Whether it holds messages back now; both if left out.")

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if sum(getattr(self, name) is not None for name in WHOM) > 1:
            raise ValueError(ONE_OF)
        return self

    def applied(self, query: Select[Suppression]) -> Select[Suppression]:
        """`query`, narrowed down."""
        if digests := recipient_digests(self):
            query = query.where(Suppression.who.in_(digests))
        if self.channel is not None:
            query = query.where(Suppression.channel == self.channel)
        if self.cause is not None:
            query = query.where(Suppression.cause == self.cause)
        return query if self.holds is None else query.where(_holding() if self.holds else not_(_holding()))


def _holding() -> ColumnElement[bool]:
    lasting = or_(
        Suppression.cause.not_in(sorted(TIMED)), and_(Suppression.until.is_not(None), Suppression.until > clock.now())
    )
    return and_(~Suppression.lifted, lasting)


class SuppressionOut(BaseModel):
    """Somebody is not to be sent messages by a channel. Who it is, is kept as a digest alone."""

    id: int
    who: str = Field(description="Digest of the address or of the person's key.")
    channel: Channel
    cause: AnyCause = Field(
        description="`unsubscribed`, `complaint`, `to-review`, `market-limit`: marketing is held back; else all."
    )
    holds: bool = Field(description="Whether it holds messages back now.")
    lifted: bool
    until: datetime | None = Field(description="A soft bounce, or Meta's limit of marketing, holds until then.")
    bounces: int = Field(description="Soft bounces in a row; the third holds.")
    changed_at: datetime = Field(description="When they said so, or took it back.")
    created_at: datetime
    updated_at: datetime


class SuppressionIn(Body):
    """Whom to send nothing more, by which channels, and why. The person, or one of their addresses."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ana@example.com"}, {"phone": "55 1234 5678", "cause": "stop"}]}
    )

    email: RequiredEmail | None = None
    phone: PhoneNumber | None = None
    manychat_id: ManychatId | None = None
    person: Words100 | None = Field(default=None, description=PERSON)
    channels: list[Channel] | None = Field(
        default=None, min_length=1, max_length=5, description="By default all by which this address is reached."
    )
    cause: GivenCause = "by-hand"

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        named = [name for name in WHOM if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(ONE_OF)
        if self.person is not None and self.channels is None and self.cause == "by-hand":
            raise ValueError("give the channels")
        wrong = sorted(set(self.by()) - set(FITS.get(self.cause, self.by())) | set(self.by()) - set(self.reached()))
        if wrong:
            raise ValueError(f"{self.cause} by {', '.join(wrong)} makes no sense for this {named[0]}")
        if self.phone is not None and e164(self.phone, get_settings().default_phone_region) is None:
            raise ValueError("the phone number is none")
        return self

    def reached(self) -> tuple[str, ...]:
        """The channels by which the one named can be reached."""
        return next((ways for name, ways in REACHED_BY.items() if getattr(self, name) is not None), CHANNELS)

    def by(self) -> list[str]:
        """The channels that are meant."""
        return list(self.channels or FITS.get(self.cause, self.reached()))


class Suppressed(BaseModel):
    """The suppressions that stand now, one for each channel."""

    items: list[SuppressionOut]


@router.get("", summary="List suppressions")
def list_suppressions(query: Annotated[SuppressionQuery, Query()]) -> Page[SuppressionOut]:
    """Who is not to be sent what, and why. To find somebody give their address or key: only digests are kept."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Suppression)), Suppression.id, query)
    return Page(items=[_shown(row) for row in rows], total=total, next=after)


@router.get("/{suppression_id:id}", summary="One suppression", responses=documented(404) | ONE)
def get_suppression(suppression_id: RowId, response: Response) -> SuppressionOut:
    """The suppression."""
    with reading() as session:
        row = session.get(Suppression, suppression_id)
    if row is None:
        raise editing.missing("suppression", suppression_id)
    tag(response, row, EDITABLE)
    return _shown(row)


@router.post("", status_code=201, summary="Add suppressions")
def add_suppressions(body: SuppressionIn, caller: Caller) -> Suppressed:
    """Nothing more is sent by these channels, messages already enqueued included; journeys with no other step left end.

    Adding an existing suppression changes nothing. `by-hand` is lifted by hand alone; START lifts a `stop`.
    """
    who = recipient_digests(body)[0]
    work = partial(operator_actions.suppress, who=who, channels=body.by(), cause=body.cause, actor=actor(caller))
    return Suppressed(items=[_shown(row) for row in editing.committed(work)])


@router.delete("/{suppression_id:id}", status_code=204, summary="Lift a suppression", responses=documented(404, 412))
def lift_suppression(suppression_id: RowId, caller: Caller, if_match: IfMatch = None) -> None:
    """They may be sent messages again. The row stays, as lifted; what was skipped or has ended meanwhile does not come back."""
    work = partial(operator_actions.lift, suppression_id=suppression_id, actor=actor(caller))
    editing.committed(partial(work, guard=guard(if_match, EDITABLE)))


def _shown(row: Suppression) -> SuppressionOut:
    plain = {name: getattr(row, name) for name in SuppressionOut.model_fields if name != "holds"}
    return SuppressionOut(**plain, holds=consent.holds(row))
