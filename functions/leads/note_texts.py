"""The texts of notes in Kommo: from `texts/notes.yaml`, filled in as messages are, each with a mark that makes it unique."""

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


def known(name: str) -> bool:
    """Whether there is a text for it: what has none is not noted."""
    return name in _texts()["texts"]


def render(delivery: Claimed) -> str | None:
    """The text of a note, the same on every attempt and like no other note's; None where nobody wants one.

    Raises:
        PermanentError: `template-variable-missing`, `template-error`: the text cannot be filled in.
    """
    name, said = str(delivery.payload["name"]), delivery.payload["variables"]
    if not known(name):
        return None
    variables = {"time_zone": get_settings().default_time_zone} | {k: v for k, v in said.items() if v is not None}
    text = _filled(name, _texts()["texts"][name], variables)
    return _filled("frame", _texts()["frame"], variables | {"text": text, "ref": delivery.key[:MARK]})


def _filled(name: str, text: str, variables: dict[str, Any]) -> str:
    template = Template(name=f"note {name}", locale="es", channels=(), kind=TRANSACTIONAL, text=text)
    return templates.render(template, variables).text


@lru_cache(maxsize=1)
def _texts() -> dict[str, Any]:
    try:
        found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
        return {"frame": str(found["frame"]), "texts": {str(name): str(text) for name, text in found["texts"].items()}}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise PermanentError("template-invalid", f"{FILE.name}: {error}") from error
