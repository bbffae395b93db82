"""What meetings need of a calendar, whoever's it is. `google` and `outlook` are the two there are. Light: imports no SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from shared.errors import PermanentError
from shared.outbox.policy import TargetPolicy

if TYPE_CHECKING:
    from functions.meetings.slots import Interval
    from functions.meetings.tables import Meeting, MeetingCalendar

TARGET = "meeting-calendar"
READ_SECONDS = 10.0
CALLS = 14
MOST_READ = 8
"""So many events are read one by one in one delivery; with tokens, pages and writing that stays below `CALLS`."""
MOST_PAGES = 4


class NoSuchCalendarError(PermanentError):
    """The organizer has no calendar there: another domain, or no mailbox. The meeting goes on without one."""

    def __init__(self, message: str) -> None:
        super().__init__("meeting-calendar-none", message)


class EventDeletedError(PermanentError):
    """Somebody has deleted the event in the calendar."""

    def __init__(self, message: str) -> None:
        super().__init__("meeting-event-deleted", message)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What is kept of an event that was written."""

    event_id: str
    etag: str = ""
    meeting_url: str | None = None
    generation: int = 0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An event as its calendar has it. `responses` are what attendees said, by their addresses."""

    event_id: str
    is_cancelled: bool = False
    start: datetime | None = None
    end: datetime | None = None
    etag: str = ""
    meeting_url: str | None = None
    responses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How a calendar tells us of changes, until `expires_at`."""

    channel_id: str
    resource_id: str
    expires_at: datetime


class Calendar(Protocol):
    """One vendor's calendars. What is called twice does the same as once."""

    def busy(
        self, organizer: str, addresses: Sequence[str], spans: Sequence[Interval]
    ) -> Mapping[str, Sequence[Interval] | None]:
        """When each of them is busy, as the organizer may see it; None: it could not be read, which is not free.

        Raises:
            NoSuchCalendarError: the organizer has none there. PuenteError: it cannot be asked now.
        """

    def put(self, meeting: Meeting) -> Written:
        """Bring the event up to date, which is made where there is none. The attendees are told where something has changed.

        Raises:
            EventDeletedError, NoSuchCalendarError, PuenteError.
        """

    def drop(self, meeting: Meeting) -> None:
        """Delete the event; the attendees are told. Nothing where there is none."""

    def event(self, meeting: Meeting) -> Seen | None:
        """The event as the calendar has it; None where it never had one."""

    def listen(self, calendar: MeetingCalendar, address: str, token: str) -> Channel:
        """Have changes told at `address`, with `token` in each notice; a channel that was open is closed afterwards."""

    def changes(self, calendar: MeetingCalendar) -> tuple[Sequence[Seen], str | None] | None:
        """The events that have changed since the cursor, and the next one; None where there is no such list to go by.

        A cursor of None begins anew: what was deleted before is not in the list then.
        """


def policy() -> TargetPolicy:
    """Graph takes four calls at once for a mailbox, Google ten a second for a person; a meeting is worth a few of them."""
    return TargetPolicy(slots=2, batches_per_second=4)
