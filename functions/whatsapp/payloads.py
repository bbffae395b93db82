"""What one request of Meta's says, read by `shared.messages.providers.meta_events`."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field

from shared.intake.webhook import Payload
from shared.messages.digests import PATTERN
from shared.messages.events import MOST_AT_ONCE, InboundMessage, ProviderEvent

type Digest = Annotated[str, Field(pattern=f"^{PATTERN}$")]


class Preference(BaseModel):
    """Somebody has switched marketing off (`stops`) or on again, in WhatsApp itself."""

    recipient_digests: list[Digest] = Field(min_length=1, max_length=2)
    stops: bool
    at: AwareDatetime | None = None


class Move(BaseModel):
    """Somebody has another number, or another user id, at WhatsApp."""

    vendor_id: str = Field(max_length=200)
    moved_from: str = Field(min_length=1, max_length=150)
    moved_to: str = Field(min_length=1, max_length=150)
    at: AwareDatetime | None = None


class MetaEvents(Payload):
    """One request: messages, statuses and notices of several people, in any order and perhaps repeated."""

    not_kept = frozenset({"messages", "moves"})

    messages: list[InboundMessage] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    statuses: list[ProviderEvent] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    preferences: list[Preference] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    moves: list[Move] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    notices: list[dict[str, Any]] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    unread: list[dict[str, Any]] = Field(default_factory=list)

    def subject(self) -> str:
        """The one person who wrote, so that timeline and erasure find the event; else Meta."""
        people = {one.sender for one in self.messages if one.sender}
        return people.pop()[:100] if len(people) == 1 and not self.statuses else "meta"

    def occurred_at(self) -> datetime | None:
        """When the first of it happened."""
        written = [one.sent_at for one in self.messages]
        noted = [*(one.at for one in self.statuses), *(one.at for one in self.preferences), *(one.at for one in self.moves)]
        return min((at for at in (*written, *noted) if at is not None), default=None)
