"""What a mail to an approver says, in the language that it is written in. Light: what it needs comes with its first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.approvals import listeners

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def fill(context: Mapping[str, Any], given: Mapping[str, Any], at: datetime) -> Mapping[str, Any] | None:
    """The approval as it stands when the mail is sent, in words; None where the mail is about none."""
    found = listeners.fill(context, given, at)
    if found is None:
        return None
    from functions.approvals import wording

    return wording.in_words(found)
