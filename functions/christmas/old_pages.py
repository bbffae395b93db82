"""The pages of the campaign's Notion databases as the replaced system has left them: read page by page, at Notion's pace."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from functions.christmas import kinds, notion_facts, people, segments
from functions.christmas.fields import Count, Link, Notes, Score, Several
from functions.christmas.kinds import SequenceKind
from functions.christmas.notion_sync import CALLS_PER_SECOND
from functions.christmas.settings import CampaignSettings
from shared import clock
from shared.errors import ConfigurationError, PermanentError
from shared.importer.frame import Row, Unreadable
from shared.importer.patience import patiently
from shared.intake.fields import Amount, Instant, Label, Name, OptionalInstant, OrNone, RequiredEmail
from shared.settings import get_settings, settings_of
from shared.vendors import notion_values
from shared.vendors.notion import Notion, Page

CONTACTS, SEQUENCES = "contacts", "sequences"
OLDEST_FIRST = ({"timestamp": "created_time", "direction": "ascending"},)
_FIND = {CONTACTS: "contact_email", SEQUENCES: "sequence_email"}
_NAMES = {CONTACTS: notion_facts.CONTACT, SEQUENCES: notion_facts.SEQUENCE}
_BY_TEMPLATE = {kind.template_type: kind.type for kind in kinds.KINDS.values()}


def _choice(*known: str) -> AfterValidator:
    def check(value: str | None) -> str | None:
        if value is not None and value not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return value

    return AfterValidator(check)


Segment = Annotated[Label, _choice(*segments.ORDER, segments.OPTIMIZE)]
Booking = Annotated[Label, _choice(people.NOT_BOOKED, people.BOOKED, people.COMPLETED, people.NO_SHOW)]


class OldContact(BaseModel):
    """A page of the contacts' database; `edited_at` is when somebody changed it last."""

    model_config = ConfigDict(extra="ignore")

    id: str
    edited_at: Instant
    contact_email: RequiredEmail
    last_name: Name = None
    first_name: Name = None
    contact_business_name: Name = None
    contact_assessment_score: Score = None
    contact_segment: Segment = None
    phase: Label = None
    booking_status: Booking = None
    diagnostic_call_date: OptionalInstant = None
    unsubscribed: Annotated[bool | None, OrNone] = None


class OldMail(BaseModel):
    """A mail of a sequence, as the tracker has it."""

    sent: OptionalInstant = None
    status: Label = None
    sent_by: Label = None
    resend_id: Label = None

    @property
    def is_sent(self) -> bool:
        """Whether it went out: it has a time, and did not fail."""
        return self.sent is not None and self.status != "failed"


class OldSequence(BaseModel):
    """A page of the tracker: a sequence that somebody was put into, and its mails, the first one first."""

    model_config = ConfigDict(extra="ignore")

    id: str
    edited_at: Instant
    sequence_id: Label = None
    sequence_email: RequiredEmail
    type: Literal["5day", "noshow", "postcall", "onboarding"]
    started: Instant
    mails: tuple[OldMail, ...]
    sequence_first_name: Name = None
    sequence_business_name: Name = None
    sequence_segment: Segment = None
    sequence_assessment_score: Score = None
    red_systems: Count = 0
    orange_systems: Count = 0
    yellow_systems: Count = 0
    green_systems: Count = 0
    sequence_completed: Annotated[bool, BeforeValidator(bool)] = False
    calendly_event_uri: Link = None
    scheduled_time: OptionalInstant = None
    event_type: Name = None
    call_date: OptionalInstant = None
    call_outcome: Name = None
    call_notes: Notes = None
    objections: Several = []
    follow_up_priority: Name = None
    payment_amount: Amount = None
    payment_date: OptionalInstant = None
    package_type: Name = None
    salon_address: Notes = None
    start_date: OptionalInstant = None

    @property
    def kind(self) -> SequenceKind:
        """Its kind."""
        return kinds.KINDS[self.type]


class OldNotion:
    """The two databases. Calls are a third of a second apart; Notion gives 10,000 rows of one question, so more are asked for.

    Raises:
        ConfigurationError: the settings name no database, or it has no property by which its rows are found.
    """

    def __init__(self, notion: Notion) -> None:
        self._notion = notion
        settings = settings_of(CampaignSettings)
        self._databases = {CONTACTS: settings.notion_contacts_db_id, SEQUENCES: settings.notion_email_sequence_db_id}

    def rows(self, kind: str) -> Iterator[Row]:
        """The pages of a database, oldest first; none where the settings name none."""
        database, names = self._databases[kind], notion_facts.names(_NAMES[kind], get_settings().notion_properties)
        if not database:
            return
        self._asked(lambda: self._notion.data_source(database))
        schema = self._asked(lambda: self._notion.properties(database))
        needed = names.get(_FIND[kind], "")
        if needed not in schema:
            raise ConfigurationError(f"Notion's database of {kind} has no property {needed!r}; name it in NOTION_PROPERTIES")
        read = _contact if kind == CONTACTS else _sequence
        for page in self._pages(database):
            yield read(page, {fact: name for fact, name in names.items() if name in schema})

    def _pages(self, database: str) -> Iterator[Page]:
        """Every page; behind the last that one question gives, those that were created since, without those seen."""
        since, seen = "", set[str]()
        while True:
            where = {"timestamp": "created_time", "created_time": {"on_or_after": since}} if since else None
            last, incomplete = since, None
            for page in self._of_question(database, where):
                if isinstance(page, str):
                    incomplete = page
                    continue
                if page["id"] in seen:
                    continue
                if page["created_time"] != last:
                    last, seen = str(page["created_time"]), set()
                seen.add(str(page["id"]))
                yield page
            if incomplete is None:
                return
            if last == since:
                raise PermanentError("notion-incomplete", f"Notion gives no more of its pages ({incomplete})")
            since = last

    def _of_question(self, database: str, where: Mapping[str, Any] | None) -> Iterator[Page | str]:
        """The pages of one question, and at the end why there are no more of them, where there are more."""
        cursor: str | None = None
        while True:
            found = self._asked(
                lambda behind=cursor: self._notion.query_page(database, where, sorts=OLDEST_FIRST, cursor=behind)  # type: ignore[misc]
            )
            yield from found.rows
            if found.incomplete is not None:
                yield found.incomplete
            if found.cursor is None:
                return
            cursor = found.cursor

    def _asked[T](self, ask: Callable[[], T]) -> T:
        answer = patiently(ask)
        clock.sleep(1 / CALLS_PER_SECOND)
        return answer


def _facts(page: Page, names: Mapping[str, str]) -> dict[str, Any]:
    properties = page.get("properties") or {}
    values = {fact: notion_values.read(properties.get(name) or {}) for fact, name in names.items()}
    return values | {"id": str(page["id"]), "edited_at": page.get("last_edited_time") or page.get("created_time")}


def _contact(page: Page, names: Mapping[str, str]) -> Row:
    facts = _facts(page, names)
    if "contact_business_name" not in names:  # the replaced system wrote it where the family name stands
        facts |= {"contact_business_name": facts.get("last_name"), "last_name": None}
    return facts


def _sequence(page: Page, names: Mapping[str, str]) -> Row:
    facts = _facts(page, names)
    mails = [
        {fact: facts.get(f"email_{number}_{fact}") for fact in ("sent", "status", "sent_by", "resend_id")}
        for number in range(1, notion_facts.MOST_MAILS + 1)
    ]
    kind = facts.get("sequence_type") or _BY_TEMPLATE.get(str(facts.get("template_type")))
    starts = (facts.get(name) for name in ("started_at", "signup_date", "sequence_created"))
    started = next(filter(None, starts), None) or mails[0]["sent"] or page.get("created_time")
    if kind not in kinds.KINDS:
        return Unreadable(f"page {page['id']}: its type {str(kind)[:40]!r} is none of {', '.join(kinds.KINDS)}")
    return facts | {"type": kind, "started": started, "mails": mails}
