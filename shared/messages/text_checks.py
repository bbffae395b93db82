"""What must hold of a text, wherever it was written: the same for the repository's files and for what is edited by hand."""

import re
from collections.abc import Collection

from shared.errors import FieldError, PermanentError
from shared.messages import samples, templates
from shared.messages.templates import Rendered, Template
from shared.store.text_models import SUBJECT_LENGTH

WAYS_OUT = {"es": "BAJA", "en": "STOP"}
"""The word by which marketing says how to leave it, by language; whichever of them somebody answers is obeyed."""
DAY_WORDS = re.compile(
    r"\b(hoy|ayer|anoche|mañana|anteayer|esta semana|hace un rato|today|yesterday|tomorrow|tonight|this week)\b", re.IGNORECASE
)
"""Words that are true only if the message goes out on the day for which it was written."""
LONGEST = {"whatsapp": 1600, "sms": 1600, "voice": 4096}
"""What providers take of a text that is filled in, in characters: for WhatsApp the least of them, Twilio's."""
LONGEST_SUBJECT = 255
LONGEST_HTML = 100_000
"""Above it Gmail cuts a mail off, and with it the way to unsubscribe."""
LONGEST_SOURCE = 200_000
PARTS = ("subject", "text", "html")
UNKNOWN = "%(name)s is not given to this text; known are: %(known)s"
EMPTY = "must not be empty"
NO_PART = "this text has no such part"
DAY_WORD = "“%(word)s” is true on one day only; a message may go out on a later one, so name the date instead"
NO_WAY_OUT = "marketing says how to leave it: the word %(word)s is missing"
TOO_LONG = "has %(number)s characters when it is filled in; %(by)s takes %(most)s"
TOO_LONG_WRITTEN = "has more than %(most)s characters"
BROKEN = "cannot be read: %(why)s"
PATTERNS = (UNKNOWN, EMPTY, NO_PART, DAY_WORD, NO_WAY_OUT, TOO_LONG, TOO_LONG_WRITTEN, BROKEN)
"""What is said of a text, to be translated where it is shown."""


def needed(template: Template) -> frozenset[str]:
    """The variables without which a text cannot be filled in.

    Raises:
        PermanentError: `template-error`, it cannot be read.
    """
    return templates.variables(template) - templates.optional(template)


def lacking(template: Template, given: Collection[str]) -> set[str]:
    """What a text needs and does not get."""
    return set(needed(template)) - set(given)


def faults(file: Template, edited: Template) -> list[FieldError]:
    """What keeps `edited` from taking the place of the repository's `file`; none: it may.

    Whoever sends the text gives what the file needs, and nothing more is known of them; so the edited text needs nothing else.
    """
    found = [fault for part in PARTS for fault in _part_faults(part, file, edited)]
    if found:
        return found
    try:
        known = needed(file)
        if missing := lacking(edited, known):
            names = ", ".join(sorted(known)) or "-"
            return [FieldError.of("text", UNKNOWN, name=name, known=names) for name in sorted(missing)]
        return _rendered_faults(edited, samples.fill(edited, {}))
    except PermanentError as error:
        return [FieldError.of("text", BROKEN, why=str(error)[:300])]


def _part_faults(part: str, file: Template, edited: Template) -> list[FieldError]:
    """A text has the parts that its file has, and says no day that the file does not say."""
    before, after = getattr(file, part), getattr(edited, part)
    most = SUBJECT_LENGTH if part == "subject" else LONGEST_SOURCE
    if len(after) > most:
        return [FieldError.of(part, TOO_LONG_WRITTEN, most=most)]
    if bool(before.strip()) != bool(after.strip()):
        return [FieldError.of(part, EMPTY if before.strip() else NO_PART)]
    days = {word.lower() for word in DAY_WORDS.findall(after)} - {word.lower() for word in DAY_WORDS.findall(before)}
    return [FieldError.of(part, DAY_WORD, word=day) for day in sorted(days)]


def _rendered_faults(edited: Template, rendered: Rendered) -> list[FieldError]:
    found = []
    way_out = WAYS_OUT.get(edited.locale.partition("-")[0], WAYS_OUT["es"])
    if not edited.transactional and "email" not in edited.channels and way_out not in rendered.text:
        found.append(FieldError.of("text", NO_WAY_OUT, word=way_out))
    number = len(rendered.text)
    over = [channel for channel in edited.channels if number > LONGEST.get(channel, number)]
    found += [FieldError.of("text", TOO_LONG, number=number, by=channel, most=LONGEST[channel]) for channel in over]
    if len(rendered.subject) > LONGEST_SUBJECT:
        found.append(FieldError.of("subject", TOO_LONG, number=len(rendered.subject), by="email", most=LONGEST_SUBJECT))
    if len(rendered.html) > LONGEST_HTML:
        found.append(FieldError.of("html", TOO_LONG, number=len(rendered.html), by="email", most=LONGEST_HTML))
    return found
