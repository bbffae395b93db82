"""The link of somebody who takes part in a meeting: it names the meeting and the row, and is signed. Light: imports no SQL.

It holds numbers, never an address, because links end up in logs. It is good as long as the meeting is.
"""

import re
from dataclasses import dataclass

from shared.errors import RefusedError
from shared.messages import signed
from shared.settings import get_settings

PURPOSE = "meeting"
PATH = "/api/meetings"
ORGANIZER = 0
_SHAPE = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")


@dataclass(frozen=True)
class Participant:
    """Whose link it is: the number of the attendee's row, or `ORGANIZER`."""

    meeting_id: int
    attendee_id: int = ORGANIZER

    @property
    def name(self) -> str:
        """Who it is, as the meeting's history names them."""
        return f"attendee:{self.attendee_id}" if self.attendee_id else "organizer"


def url(whose: Participant) -> str:
    """The page on which they choose, move and cancel. Raises ConfigurationError without LINK_SIGNING_SECRETS."""
    settings = get_settings()
    token = signed.sign(PURPOSE, f"{whose.meeting_id}.{whose.attendee_id}", settings.link_signing_secrets)
    return f"{settings.public_base_url}{PATH}?t={token}"


def read(token: str) -> Participant:
    """Whose link it is.

    Raises:
        RefusedError: 403, it was not made by us, or was altered; 503, no secret is configured.
    """
    found = _SHAPE.fullmatch(signed.read(PURPOSE, token, get_settings().link_signing_secrets))
    if found is None:
        raise RefusedError(403, "bad-link", "The link is incomplete or was altered.")
    return Participant(int(found[1]), int(found[2]))
