"""The texts of notes in Kommo: from `texts/notes.yaml`, filled in as messages are, each with a mark that makes it unique.

Whoever reads a note sells; names of templates, channels and reasons are ours, and are said in the words of that file or not.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from shared.errors import PermanentError
from shared.messages import templates
from shared.messages.templates import TRANSACTIONAL, Template
from shared.outbox.actions import Claimed
from shared.settings import get_settings

FILE = Path(__file__).parent / "texts" / "notes.yaml"
MARK = 6
KINDS = ("channels", "templates", "reasons")


def known(name: str) -> bool:
    """Whether there is a text for it: what has none is not noted."""
    return name in _texts()["texts"]


def render(delivery: Claimed) -> str | None:
    """The text of a note, the same on every attempt and like no other note's; None where nobody wants one.

    Raises:
        PermanentError: `template-variable-missing`, `template-error`: the text cannot be filled in.
    """
    name, payload = str(delivery.payload["name"]), delivery.payload["variables"]
    if not known(name):
        return None
    variables = {"time_zone": get_settings().default_time_zone} | {k: v for k, v in payload.items() if v is not None}
    text = _filled(name, _texts()["texts"][name], variables | _worded(payload))
    return _filled("frame", _texts()["frame"], variables | {"text": text, "ref": delivery.key[:MARK]})


def _worded(payload: Mapping[str, Any]) -> dict[str, str]:
    """Which message a note is about, why it did not arrive, and by which channels, in words for people; "" where none is known.

    A reason begins with the name of the vendor that gave it, which is left out.
    """
    words = _texts()["words"]
    reason = str(payload.get("reason") or "")
    why = words["reasons"].get(reason) or words["reasons"].get(reason.partition("-")[2])
    what = words["templates"].get(str(payload.get("template") or ""))
    worded = {"what": f" ({what})" if what else "", "why": f": {why}" if why else ""}
    if channels := payload.get("channels"):
        worded["channels"] = ", ".join(words["channels"].get(one, one) for one in str(channels).split(", "))
    return worded


def _filled(name: str, text: str, variables: dict[str, Any]) -> str:
    template = Template(name=f"note {name}", locale="es", channels=(), kind=TRANSACTIONAL, text=text)
    return templates.render(template, variables).text


@lru_cache(maxsize=1)
def _texts() -> dict[str, Any]:
    try:
        found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
        words = {kind: {str(name): str(word) for name, word in found["words"][kind].items()} for kind in KINDS}
        texts = {str(name): str(text) for name, text in found["texts"].items()}
        return {"frame": str(found["frame"]), "texts": texts, "words": words}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise PermanentError("template-invalid", f"{FILE.name}: {error}") from error
