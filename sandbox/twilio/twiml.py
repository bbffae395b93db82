"""TwiML, as far as somebody hears or reads it: what a call says, what a message is answered with."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET

FAILED = "We are sorry, an application error has occurred. Goodbye."
"""What Twilio says when it gets no TwiML."""


@dataclass(frozen=True)
class Heard:
    """What was said, in order; pauses and sounds as words in brackets. `redirect` is where the call goes on."""

    said: tuple[str, ...]
    redirect: str = ""


def read_call(body: bytes) -> Heard:
    """What a caller hears of a TwiML document up to its end, a hang-up or a redirect.

    Raises:
        ValueError: it is no TwiML.
    """
    said: list[str] = []
    for verb in _response(body):
        text = " ".join((verb.text or "").split())
        match verb.tag:
            case "Say":
                said.append(text)
            case "Pause":
                said.append(f"(pause of {verb.get('length', '1')} s)")
            case "Play":
                said.append(f"(plays {text})")
            case "Gather":
                said += [" ".join((each.text or "").split()) for each in verb.iter("Say")]
            case "Redirect":
                return Heard(tuple(said), text)
            case "Hangup" | "Reject":
                break
            case _:
                said.append(f"({verb.tag})")
    return Heard(tuple(said))


def read_messages(body: bytes) -> list[str]:
    """The texts that a message is answered with. Raises ValueError."""
    return ["".join(verb.itertext()).strip() for verb in _response(body) if verb.tag == "Message"]


def _response(body: bytes) -> list[ET.Element]:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise ValueError("TwiML has no document type")
    try:
        root = ET.fromstring(body)  # noqa: S314  # without a document type nothing can be expanded
    except ET.ParseError as error:
        raise ValueError(f"this is no XML: {error}") from error
    if root.tag != "Response":
        raise ValueError(f"TwiML begins with Response, not with {root.tag}")
    return list(root)
