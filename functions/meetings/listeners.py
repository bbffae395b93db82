"""What others' events mean for meetings. Light: imports no SQL."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.meetings.payloads import NOTICE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from shared.messages.attachments import Attachment


def may_send(session: Session, context: Mapping[str, Any]) -> str | None:
    """Whether a notice still says what is so: the reason to skip it, or None."""
    if NOTICE not in context:
        return None
    from functions.meetings import notices

    return notices.may_send(session, context)


def look_again(context: Mapping[str, Any]) -> str | None:
    """The same at the last moment, after the message was claimed."""
    if NOTICE not in context:
        return None
    from functions.meetings import notices

    return notices.look_again(context)


def fill(context: Mapping[str, Any], given: Mapping[str, Any], _at: datetime) -> Mapping[str, Any] | None:
    """What a notice says, as it is when it is sent."""
    if NOTICE not in context:
        return None
    from functions.meetings import notices

    return dict(given) | notices.variables(context)


def attach(context: Mapping[str, Any], at: datetime) -> Sequence[Attachment] | None:
    """The invitation as a file, where it is we who invite."""
    if NOTICE not in context:
        return None
    from functions.meetings import notices

    return notices.files(context, at)
