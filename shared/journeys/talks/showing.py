"""How the options of a question are shown: as buttons, as a list, or as numbers in the text."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.errors import PermanentError
from shared.journeys.talks import answers
from shared.journeys.talks.asking import Ask
from shared.messages import content
from shared.messages.content import Content
from shared.messages.message import Message

log = logging.getLogger("puente.journeys")


def with_options(message: Message, ask: Ask, data: Mapping[str, Any]) -> Message:
    """The message with the options of its question. By SMS, and with `show: numbers`, they stand in the text with numbers.

    Those of the data that would unsubscribe whoever chooses them are left out, which the log says.

    Raises:
        PermanentError: `bad-options`, WhatsApp would refuse them, or there are none.
    """
    options = tuple(content.Option(id=one.id, title=one.title) for one in answers.options_of(ask, data))
    if ask.kind != "option":
        return message
    if left_out := answers.wishes_among(ask, data):
        log.warning("%s of the options in %s would be taken for a stop or a start and are left out", left_out, ask.options_from)
    if not options:
        why = "every option would be taken for a stop or a start" if left_out else "there is nothing to choose from"
        raise PermanentError("bad-options", why)
    if message.channel != "whatsapp" or ask.show == "numbers":
        return replace(message, text=content.numbered(message.text, options)) if message.text else message
    are_buttons = ask.show == "buttons" or (ask.show is None and _fit_on_buttons(options))
    try:
        return replace(message, content=Content(options=options, menu_label="" if are_buttons else ask.list_title))
    except ValueError as error:
        raise PermanentError("bad-options", str(error)) from error


def _fit_on_buttons(options: tuple[content.Option, ...]) -> bool:
    return len(options) <= content.MOST_BUTTONS and all(len(one.title) <= content.LONGEST_BUTTON for one in options)
