"""What people answer when they want no more messages, or want them again."""

import unicodedata
from typing import Literal

STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "baja", "alto", "cancelar", "parar", "detener"})
START = frozenset({"start", "unstop", "alta", "suscribir", "reanudar"})


def wish(text: str) -> Literal["stop", "start"] | None:
    """What a message asks for, if it is one of the words alone: case, accents and punctuation around it do not matter.

    A longer sentence that holds such a word ("no me den de baja") may mean the opposite, so it is left to a person.
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    word = "".join(sign for sign in plain if not unicodedata.combining(sign)).strip(" \t\r\n.,;:!¡?¿\"'*_-")
    if word in STOP:
        return "stop"
    return "start" if word in START else None
