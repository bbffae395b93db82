"""The importer of consents: who wanted messages and who did not, from a CSV file.

An import proves nothing: it counts only where nobody has said anything with proof, and never lifts a stop. Somebody who wanted
no messages before is held back here as well, at that very address, from the time that the file gives.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PermanentError
from shared.importer.frame import AS_OF, Change, Importer, Run
from shared.importer.sources import CsvFile
from shared.intake.fields import Label, Lenient, LongText, OptionalInstant, Readable, RequiredName, Text
from shared.messages import consent, consent_history
from shared.messages.consent import PHONE_CHANNELS, Cause
from shared.messages.consent_history import ANY, CHANNELS, LONGEST_TEXT, MARKETING, Statement, Word
from shared.messages.digests import digest_of_address
from shared.people import kinds
from shared.people.kinds import Identity
from shared.readers import name_key
from shared.store.consent_models import PURPOSE_LENGTH, VERSION_LENGTH
from shared.store.types import fitting

SOURCE = "import"
PURPOSE = r"^[a-z][a-z0-9-]*$"
CLOCKS_DIFFER = timedelta(minutes=5)
REACHED_BY = {"email": ("email",), "phone": PHONE_CHANNELS, "manychat": ("manychat",)}
# As `name_key` spells them: without accents, hyphens and blanks.
WRITTEN = {
    "mail": "email",
    "correo": "email",
    "correoelectronico": "email",
    "call": "voice",
    "llamada": "voice",
    "telefono": "voice",
    "todos": ANY,
    "all": ANY,
}
GRANTED = frozenset(("granted", "optin", "in", "yes", "true", "1", "si", "alta", "subscribed", "suscrito", "start"))
WITHDRAWN = frozenset(("withdrawn", "optout", "out", "no", "false", "0", "baja", "unsubscribed", "stop"))


def _channels(value: Any) -> Any:
    """The channels that a cell names, one or several; none where it is empty."""
    words = re.split(r"[\s,;|+/]+", value.strip()) if isinstance(value, str) else value or ()
    keys = [name_key.key(word) or word for word in words if word]
    named = [WRITTEN.get(key, key) for key in keys]
    if unknown := sorted(set(named) - set(CHANNELS)):
        raise ValueError(f"must be of {', '.join(CHANNELS)}, not {', '.join(unknown)}"[:200])
    return tuple(dict.fromkeys(named))


def _word(value: Any) -> Any:
    key = name_key.key(value) if isinstance(value, str) else None
    return "granted" if key in GRANTED else "withdrawn" if key in WITHDRAWN else value


def _past(value: datetime | None) -> datetime | None:
    if value is not None and value > clock.now() + CLOCKS_DIFFER:
        raise ValueError("lies in the future")
    return value


class ConsentRow(BaseModel):
    """What somebody has said once: without a channel about each that reaches the address, without a purpose about marketing.

    A channel or purpose that cannot be read leaves the row out, for nothing else may be made of it.
    """

    model_config = ConfigDict(extra="ignore")

    address: RequiredName
    word: Annotated[Word, BeforeValidator(_word)]
    channel: Annotated[tuple[str, ...], BeforeValidator(_channels)]
    purpose: Annotated[str, Text(PURPOSE_LENGTH), Field(pattern=PURPOSE), BeforeValidator(lambda given: given or MARKETING)]
    time: Annotated[OptionalInstant, AfterValidator(_past)] = None
    source: Label = None
    text: Annotated[LongText, AfterValidator(lambda given: given and fitting(given, LONGEST_TEXT))] = None
    version: Annotated[
        Annotated[str, Text(VERSION_LENGTH), Readable, Lenient] | None, BeforeValidator(lambda given: given or None)
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _columns_may_be_missing(cls, data: Any) -> Any:
        return {"channel": "", "purpose": ""} | data if isinstance(data, dict) else data


class ConsentRun(Run):
    """Each row is kept as a word with its time and source; one that wants no marketing holds it back as well."""

    def apply(self, session: Session, row: ConsentRow) -> Change:
        """Keep the word. The same again changes nothing; who said otherwise since, or with proof, is not overruled."""
        who = _identity(row)
        channels = _meant(row, who)
        statement = Statement(
            channels=row.channel or (ANY,),
            purpose=row.purpose,
            word=row.word,
            source=SOURCE,
            is_proven=False,
            said_at=row.time,
            text=row.text,
            version=row.version,
            evidence={"source": row.source} if row.source else {},
        )
        made = consent_history.record(session, who, statement)
        if row.word == "withdrawn" and row.purpose == MARKETING:
            consent.suppress(session, channels, [digest_of_address(who.value)], _cause(who), row.time or AS_OF)
        return Change.NEW if made else Change.UNCHANGED

    def name_of(self, row: ConsentRow) -> str:
        """The source that the row names: its address is nobody's business, and the line says which row it is."""
        return row.source or ""


def _cause(who: Identity) -> Cause:
    return "stop" if who.kind == "phone" else "unsubscribed"


def _identity(row: ConsentRow) -> Identity:
    kind: Literal["email", "manychat", "phone"]
    kind = "email" if "@" in row.address else "manychat" if "manychat" in row.channel else "phone"
    try:
        return kinds.identity(kind, row.address)
    except ValueError as error:
        raise PermanentError("no-address", f"address: {error}") from error


def _meant(row: ConsentRow, who: Identity) -> Sequence[str]:
    """The channels to hold back. Raises PermanentError where the address is not reached by a channel that the row names."""
    reached = REACHED_BY[who.kind]
    if wrong := sorted(set(row.channel) - {*reached, ANY}):
        raise PermanentError("wrong-channel", f"channel: {', '.join(wrong)} does not reach such an address")
    return reached if not row.channel or ANY in row.channel else row.channel


IMPORTER = Importer(
    name="consents",
    about="Who wanted messages and who did not, with time, source and the text that was shown.",
    source="a CSV file with the columns address, word, channel, purpose, time, source, text, version",
    kinds={"consents": ConsentRow},
    open=lambda options: CsvFile(options.source),
    begin=lambda _options: ConsentRun(),
)
