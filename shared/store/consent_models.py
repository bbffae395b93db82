"""The table of consents: what people have said about messages and notices, with its proof. Nothing in it is rewritten."""

from datetime import datetime
from typing import Any

from sqlalchemy import Unicode, UnicodeText
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.models import Base
from shared.store.people_models import KEY_LENGTH, KIND_LENGTH, SOURCE_LENGTH, VALUE_LENGTH
from shared.store.types import BigId, JsonText, UtcDateTime

CHANNEL_LENGTH, PURPOSE_LENGTH, WORD_LENGTH, VERSION_LENGTH = 16, 40, 16, 60


class Consent(Base):
    """One word of somebody: by a channel (`any`: whichever) and for a purpose they want messages, or want none.

    `kind` and `value` are the identity that said it, so that it stays theirs through every join and separation. `word`:
    `granted` or `withdrawn`. `is_proven`: they said it themselves and there is evidence; an import never is. `text` is what
    they were shown or wrote, `version` that of a notice. `said_at` is NULL where an import does not say when.
    `key` makes the same word of one source a single row.
    """

    __tablename__ = "consents"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH), unique=True)
    identity_key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH), index=True)
    kind: Mapped[str] = mapped_column(Unicode(KIND_LENGTH))
    value: Mapped[str] = mapped_column(Unicode(VALUE_LENGTH))
    channel: Mapped[str] = mapped_column(Unicode(CHANNEL_LENGTH))
    purpose: Mapped[str] = mapped_column(Unicode(PURPOSE_LENGTH))
    word: Mapped[str] = mapped_column(Unicode(WORD_LENGTH))
    source: Mapped[str] = mapped_column(Unicode(SOURCE_LENGTH))
    is_proven: Mapped[bool]
    text: Mapped[str | None] = mapped_column(UnicodeText)
    version: Mapped[str | None] = mapped_column(Unicode(VERSION_LENGTH))
    evidence: Mapped[Any] = mapped_column(JsonText, default=dict)
    said_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
