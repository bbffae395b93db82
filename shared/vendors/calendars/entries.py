"""What a flow wants of a calendar, whoever's it is. `google` and `outlook` are the two there are. Light: imports no SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.errors import PermanentError

NEEDS_ACTION, ACCEPTED, DECLINED, TENTATIVE = "needs-action", "accepted", "declined", "tentative"


class NoSuchCalendarError(PermanentError):
    """The owner has no calendar there: another domain, or no mailbox."""

    def __init__(self, message: str) -> None:
        super().__init__("calendar-none", message)


class EventDeletedError(PermanentError):
    """Somebody has deleted the event in the calendar."""

    def __init__(self, message: str) -> None:
        super().__init__("event-deleted", message)


@dataclass(frozen=True, order=True)
class Interval:
    """From `start` up to and without `end`, in UTC."""

    start: datetime
    end: datetime

    def meets(self, other: Interval) -> bool:
        """Whether the two have an instant in common."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Who is invited. `address` is in lower case; `has_declined`: here, whatever the calendar says."""

    address: str
    name: str | None = None
    has_declined: bool = False


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An event as a flow wants it, in the calendar of `owner` (an address).

    `key` is hexadecimal digits, 32 or more, and the same for the event's whole life: by it a calendar knows the event again
    after a lost answer. `event_id` is the calendar's id of it, once that is known; `generation` counts the ids that were used
    up. `replaces` is the id of one that somebody has deleted and in whose place this one is made.
    `start` and `end` are instants, `zone` the IANA name of that in which people see them. `reminders` are minutes before the
    beginning; None: as each person's calendar has it. `is_online`: with an address for a video call.
    """

    key: str
    owner: str
    subject: str
    zone: str
    start: datetime | None
    end: datetime | None
    guests: tuple[Guest, ...]
    description: str = ""
    location: str = ""
    event_id: str | None = None
    generation: int = 0
    replaces: str | None = None
    reminders: tuple[int, ...] | None = None
    is_online: bool = False


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
    """How a calendar tells us of changes, until `expires_at`; None: nobody knows any more."""

    channel_id: str
    resource_id: str
    expires_at: datetime | None


class Calendar(Protocol):
    """One vendor's calendars. What is called twice does the same as once."""

    def busy(self, owner: str, addresses: Sequence[str], spans: Sequence[Interval]) -> Mapping[str, Sequence[Interval] | None]:
        """When each of them is busy, as the owner may see it; None: it could not be read, which is not free.

        Raises:
            NoSuchCalendarError: the owner has none there. PuenteError: it cannot be asked now.
        """

    def put(self, entry: Entry) -> Written:
        """Bring the event up to date, which is made where there is none. The attendees are told where something has changed.

        Raises:
            EventDeletedError: an event whose `event_id` is known is there no more. NoSuchCalendarError, PuenteError.
        """

    def drop(self, entry: Entry) -> None:
        """Delete the event; the attendees are told. Nothing where there is none. Without `event_id` it is looked for."""

    def event(self, entry: Entry) -> Seen | None:
        """The event as the calendar has it; None where it never had one."""

    def listen(self, owner: str, address: str, token: str, known: Channel | None) -> Channel:
        """Have changes told at `address`, with `token` in each notice; `known` is renewed, or closed afterwards."""

    def changes(self, owner: str, cursor: str | None) -> tuple[Sequence[Seen], str | None] | None:
        """The events that have changed since the cursor, and the next one; None where there is no such list to go by.

        A cursor of None begins anew: what was deleted before is not in the list then.
        """
