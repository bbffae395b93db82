"""The token in a calendar's notice: which calendar it is about, signed by us, checked without a database. Light."""

from shared.errors import RefusedError
from shared.messages import signed
from shared.settings import get_settings

PURPOSE = "meeting-calendar"
PATHS = {"google": "/api/meetings/google", "outlook": "/api/meetings/outlook"}


def token_of(calendar_id: int) -> str:
    """The token for the calendar of that row: its number, and 43 signs."""
    return signed.sign(PURPOSE, str(calendar_id), get_settings().link_signing_secrets)


def calendar_of(token: str) -> int | None:
    """The row that a token names; None where it was not made by us."""
    try:
        text = signed.read(PURPOSE, token, get_settings().link_signing_secrets)
    except RefusedError:
        return None
    return int(text) if text.isascii() and text.isdigit() else None
