"""Opt-out and opt-in keywords in inbound messages. The rule is `shared.readers.wish`."""

from typing import Literal

from shared.readers import wish as reader


def wish(text: str, *, sms: bool = False) -> Literal["stop", "start"] | None:
    """What a message clearly asks for; None for everything else, also where a person must look (`needs_a_person`)."""
    found = reader.read(text, sms=sms)
    return found if found in ("stop", "start") else None


def wish_of_button(text: str, payload: str) -> Literal["stop", "start"] | None:
    """What a template's button clearly asks for, by the words that the person saw, else by those that came with them unseen."""
    return wish(text) or (wish(payload) if payload else None)


def needs_a_person(text: str, *, sms: bool = False) -> bool:
    """Whether somebody must read the message before marketing goes to this line again: it may be a wish, and may not."""
    return reader.read(text, sms=sms) == "ask"
