"""What is asked for, in the language of whoever is asked: that of the texts in `templates/`, Spanish unless there are others.

Sentences of ours (what is asked for, and what its facts are called) stand in the catalogues; a title that somebody has written
in a journey is shown as it is.
"""

from collections.abc import Mapping
from typing import Any

from shared.approvals.invitations import ASK
from shared.console import phrases, words
from shared.messages import templates


def language() -> str:
    """The language of mails and pages to approvers, as far as the catalogues speak it."""
    found = templates.find(ASK)
    return found.locale if found is not None and found.locale in words.LANGUAGES else words.DEFAULT


def in_words(shown: Mapping[str, Any]) -> dict[str, Any]:
    """What mail and page show of an approval (`shared.approvals.invitations.shown`), in that language."""
    spoken = language()
    details = [one | {"label": phrases.shown(spoken, one["label"])} for one in shown["details"]]
    return {**shown, "title": phrases.shown(spoken, shown["title"]), "details": details}
