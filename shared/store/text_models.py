"""Tables of texts: what somebody has edited in the console, and when each version of a text last went out."""

from datetime import datetime

from sqlalchemy import Unicode, UnicodeText, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.models import Base
from shared.store.types import BigId, Note, UtcDateTime

TEMPLATE_LENGTH, LOCALE_LENGTH, SUBJECT_LENGTH = 60, 20, 500


class TextVersion(Base):
    """A text as somebody has published it. Of a template and language the one with the highest `number` is in force.

    `is_file`: from this number on the repository's file holds again, and the texts here are empty. `restored`: the number whose
    texts this one repeats. Rows are only ever added; two people who publish at once cannot both get the next number.
    """

    __tablename__ = "text_versions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Unicode(TEMPLATE_LENGTH))
    locale: Mapped[str] = mapped_column(Unicode(LOCALE_LENGTH))
    number: Mapped[int] = mapped_column()
    is_file: Mapped[bool] = mapped_column(default=False, server_default=false())
    restored: Mapped[int | None] = mapped_column()
    subject: Mapped[str] = mapped_column(Unicode(SUBJECT_LENGTH), default="")
    text: Mapped[str] = mapped_column(UnicodeText, default="")
    html: Mapped[str] = mapped_column(UnicodeText, default="")
    actor: Mapped[str] = mapped_column(Unicode(60))
    note: Mapped[str | None] = mapped_column(Note(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (UniqueConstraint("name", "locale", "number"),)


class TextUse(Base):
    """When a version of a text last went out, to within minutes. `version` 0 is the text of the file."""

    __tablename__ = "text_uses"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Unicode(TEMPLATE_LENGTH))
    locale: Mapped[str] = mapped_column(Unicode(LOCALE_LENGTH))
    version: Mapped[int] = mapped_column()
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("name", "locale", "version"),)
