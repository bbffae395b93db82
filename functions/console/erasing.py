"""Erase a person from their page: first what there is of them, then their name typed by an administrator, then it is done."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from functions.console.person import called, name_of, no_such_person
from shared.console import pages
from shared.console.identity import Role
from shared.console.routes import ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import PermanentError, RefusedError
from shared.people import queries
from shared.privacy import erase
from shared.privacy.odoo import Way
from shared.privacy.person import Person
from shared.store.session import reading
from shared.web.paging import RowId


class ForAdmins(ConsoleRoute):
    """For administrators alone: what is erased does not come back."""

    role = Role.ADMIN


router = APIRouter(route_class=ForAdmins)
WAYS: dict[Way, str] = {
    "delete": mark("Delete their records in Odoo"),
    "anonymise": mark("Keep Odoo's records, without what tells of a person"),
    "skip": mark("Leave Odoo as it is"),
}


@router.get("/console/people/{person_id:id}/erase")
def look(request: Request, person_id: RowId) -> Response:
    """What our record has of them, and what an erasure leaves to be done elsewhere. Nothing is changed; Odoo is not asked."""
    who, name, word = _asked(person_id)
    facts: dict[str, Any] = {"found": erase.look(who, ask_odoo=False), "name": name, "number": person_id, "ways": WAYS}
    facts |= {"word": word}
    return pages.render(request, "console/erase.html", here="people", heading=name, **facts)


@router.post("/console/people/{person_id:id}/erase")
def erased(
    request: Request,
    person_id: RowId,
    operator: Signed,
    typed: Annotated[str, Form()] = "",
    way: Annotated[Way, Form()] = "delete",
) -> Response:
    """Erase them everywhere, where the word for it was typed. The page names no more than how much there was."""
    who, _name, word = _asked(person_id)
    if _plain(typed) != _plain(word):
        raise RefusedError(422, "not-typed", mark("That is not what was to be typed."))
    try:
        was = erase.erase(who, way=way, actor=operator.actor)
    except PermanentError as error:
        raise RefusedError(409, error.reason, mark("They cannot be erased now."), detail=str(error)) from error
    facts: dict[str, Any] = {"was": was, "pseudonym": who.pseudonym}
    return pages.render(request, "console/erased.html", here="people", heading=mark("A person was erased"), **facts)


def _asked(number: int) -> tuple[Person, str, str]:
    """The person of a number, what they are called, and what is to be typed: their name, or their number here.

    Raises RefusedError, 404.
    """
    with reading() as session:
        who = erase.numbered(session, number)
        if who is None:
            raise no_such_person()
        own = queries.identities(session, number)
        return who, called(session, number), name_of(session, own) or str(number)


def _plain(text: str) -> str:
    """As it is compared: without differences of case and of spaces."""
    return " ".join(text.split()).casefold()
