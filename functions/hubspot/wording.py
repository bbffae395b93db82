"""The text of a message to a HubSpot contact: names and products as people may read them, and no longer than is allowed."""

import re
import unicodedata
from collections.abc import Mapping

from functions.hubspot import events
from functions.hubspot.settings import HubSpotSettings
from shared.errors import PermanentError
from shared.messages import templates
from shared.messages.templates import Template
from shared.settings import settings_of

TEMPLATE = "hubspot_interes"
"""The wording. What goes out is its result, as the template `hubspot_mensaje`, which adds nothing."""
OUTGOING = "hubspot_mensaje"
LONGEST_NAME, LONGEST_PRODUCT = 100, 200
MOST_EMOJI_NAME, MOST_EMOJI_PRODUCT = 1, 3
SHORTEST_NAME, SHORTEST_MESSAGE = 10, 10
CUT = "..."
_SUBSCRIBER = re.compile(r"[0-9]{5,20}")
_RUN = re.compile(r"(?<![0-9])[0-9]{5,20}(?![0-9])")
_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff"
_JOINERS = "\ufe0f\u200d\U0001f3fb-\U0001f3ff"
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # they turn the order of what follows
_GROUP = re.compile(f"[{_EMOJI}](?:[{_JOINERS}]|(?<=\u200d)[{_EMOJI}])*")


def contact_name(facts: Mapping[str, str]) -> str:
    """First and family name; HUBSPOT_MESSAGE_NAME where there is neither."""
    written = " ".join(facts.get(part, "") for part in (events.FIRST_NAME, events.LAST_NAME))
    return plain(written, LONGEST_NAME, MOST_EMOJI_NAME) or settings_of(HubSpotSettings).hubspot_message_name


def product(facts: Mapping[str, str]) -> str:
    """The product, as it may be written; "" where there is none."""
    return plain(facts.get(events.INTEREST, ""), LONGEST_PRODUCT, MOST_EMOJI_PRODUCT)


def subscriber(facts: Mapping[str, str]) -> str:
    """ManyChat's id: 5 to 20 digits, or the first such run in what was written; else as it is, which ManyChat will refuse."""
    written = facts.get(events.SUBSCRIBER, "").strip()
    if _SUBSCRIBER.fullmatch(written):
        return written
    found = _RUN.search(written)
    return found.group() if found else written[:LONGEST_NAME]


def plain(text: str, longest: int, most_emoji: int) -> str:
    """The text on one line, without control characters, with so many groups of emoji at most."""
    shown = "".join(" " if _is_control(sign) else sign for sign in text)
    kept = iter(range(most_emoji))
    shown = _GROUP.sub(lambda found: found.group() if next(kept, None) is not None else " ", shown)
    return " ".join(shown.split())[:longest].strip()


def _is_control(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") or sign in _DIRECTIONS


def message(template: Template, name: str, about: str) -> str:
    """The wording (`TEMPLATE`) filled in; where it is too long, first the name is shortened, and then the text is cut.

    Raises:
        PermanentError: `message_too_short`, or the template cannot be filled in.
    """
    longest = settings_of(HubSpotSettings).hubspot_message_max_length
    text = _filled(template, name, about)
    if len(text) > longest:
        text = _filled(template, _shortened(name, len(text) - longest), about)
    if len(text) > longest:
        text = text[: longest - len(CUT)] + CUT
    if len(text) < SHORTEST_MESSAGE:
        raise PermanentError("message_too_short", f"the message has fewer than {SHORTEST_MESSAGE} characters")
    return text


def _shortened(name: str, by: int) -> str:
    left = max(len(name) - by, SHORTEST_NAME)
    return name if left >= len(name) else name[:left].rstrip()


def _filled(template: Template, name: str, about: str) -> str:
    return templates.render(template, {"nombre": name, "producto": about}).text
