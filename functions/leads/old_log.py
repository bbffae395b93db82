"""The log of the replaced lead automation (`actions_log.json`), read as a stream: a JSON array, or an entry on each line.

That system wrote the file anew with every entry, so a crash may have left it broken: what can be read of it is read.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.errors import ConfigurationError
from shared.importer.frame import Row, Unreadable
from shared.intake.fields import Instant, Label, Phone, RequiredEmail, RequiredName

MESSAGES, LEADS = "messages", "leads"
CREATED, BOOKED = "lead_created", "lead_agendado"
CHUNK, LONGEST, LONGEST_START = 65_536, 1_048_576, 64
_BETWEEN = " \t\r\n,[]\ufeff"
_START = re.compile(r'\{\s*"timestamp"\s*:')

KommoId = Annotated[int, Field(gt=0, lt=2**53), BeforeValidator(lambda value: int(value) if str(value).isdecimal() else value)]


class OldForm(BaseModel):
    """What the form said, as the log keeps it."""

    nombre: RequiredName
    email: RequiredEmail
    servicio: RequiredName
    telefono: Phone = None
    empresa: Label = None
    fuente: Label = None


class OldAction(BaseModel):
    """An entry about a lead: a mail, a call, a message, or its booking."""

    model_config = ConfigDict(extra="ignore")

    timestamp: Instant
    channel: Literal["kommo", "email", "call", "message"]
    lead_id: KommoId
    action: Label = None
    status: Label = None
    provider: Label = None
    sid: Label = None


class OldForms(OldAction):
    """The entry with which a lead began."""

    payload: OldForm


class OldLog:
    """The file. Entries about errors name no lead and are passed over.

    Raises:
        ConfigurationError: there is no such file.
    """

    def __init__(self, where: str) -> None:
        self._path = Path(where)
        if not where or not self._path.is_file():
            raise ConfigurationError(f"{where or 'SOURCE'} is no file; name the log of the old system, actions_log.json")

    def rows(self, kind: str) -> Iterator[Row]:
        """What was sent and booked (`messages`), or the forms (`leads`); what cannot be read stands among the former."""
        for entry in items(self._path):
            if isinstance(entry, Unreadable):
                if kind == MESSAGES:
                    yield entry
                continue
            data = entry.get("data")
            facts = dict(data) if isinstance(data, Mapping) else {}
            is_form = facts.get("action") == CREATED
            if entry.get("channel") != "error" and is_form == (kind == LEADS):
                yield facts | {"timestamp": entry.get("timestamp"), "channel": entry.get("channel")}


def items(path: Path) -> Iterator[Row]:
    """The entries of a file, one after the other; in the place of a broken one why it cannot be read.

    No more than one entry and a part of the file are held at once.
    """
    decoder, text = json.JSONDecoder(), ""
    with path.open(encoding="utf-8", errors="replace") as file:
        while True:
            text = text.lstrip(_BETWEEN)
            if not text:
                if not (text := file.read(CHUNK)):
                    return
                continue
            try:
                entry, end = decoder.raw_decode(text)
            except (ValueError, RecursionError):
                if len(text) < LONGEST and (more := file.read(CHUNK)):
                    text += more
                    continue
                yield Unreadable("a broken entry; the next one that can be read follows")
                text = _next(text, file)
                continue
            text = text[end:]
            yield entry if isinstance(entry, dict) else Unreadable("an entry is to be a JSON object")


def _next(text: str, file: TextIO) -> str:
    """The text from where the next entry behind a broken one begins; "" where none does."""
    found = _START.search(text, 1)
    while found is None:
        if not (more := file.read(CHUNK)):
            return ""
        text = text[1:][-LONGEST_START:] + more
        found = _START.search(text)
    return text[found.start() :]


def data_of(row: OldAction) -> dict[str, Any]:
    """What the lead's log shows of an entry."""
    known = {"action": row.action or row.channel, "status": row.status, "provider": row.provider, "sid": row.sid}
    return {name: value for name, value in known.items() if value is not None}
