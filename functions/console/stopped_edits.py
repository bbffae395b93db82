"""Stopped events that are not replayed as they are: dropped for a reason, or corrected."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shared.console import pages
from shared.console.routes import LARGEST_FORM_BYTES, SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import RefusedError
from shared.intake import dead_letter_edits
from shared.intake.dead_letter_edits import REASON_LENGTH
from shared.store.models import DeadLetter
from shared.store.session import transact
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)

MISTAKES = frozenset((400, 422))
TITLES = {
    "no-such-dead-letter": mark("There is no such event, or no longer."),
    "no-longer-stopped": mark("This event is stopped no longer; nothing was changed."),
    "no-reason": mark("Say why it is dropped. Nothing was changed."),
    "bad-json": mark("This is no JSON object."),
    "invalid-fields": mark("The data has fields that are not as its flow needs them."),
    "unstorable-text": mark("A text holds a character that cannot be stored."),
}
UNCORRECTABLE = mark("The data of this event cannot be corrected here.")


@router.post("/console/stopped/{letter_id:id}/drop")
def drop(letter_id: RowId, operator: Signed, why: Annotated[str, Form(max_length=REASON_LENGTH)] = "") -> Response:
    """Resolve it without applying it; it stays readable, and the action log says who did it and why."""
    try:
        dead_letter_edits.drop(letter_id, why, operator.actor)
    except RefusedError as error:
        raise _in_words(error) from error
    return RedirectResponse(f"/console/stopped/{letter_id}", SEE_OTHER)


@router.post("/console/stopped/{letter_id:id}/edit")
def edit(request: Request, letter_id: RowId, operator: Signed) -> Response:
    """A form with the event's data, unmasked: for operators, and noted in the action log."""
    try:
        letter = dead_letter_edits.stopped(letter_id)
        data = dead_letter_edits.data_of(letter)
    except RefusedError as error:
        raise _in_words(error) from error
    transact(lambda session: dead_letter_edits.shown(session, letter, operator.actor))
    return _form(request, letter, pages.as_json(data))


@router.post("/console/stopped/{letter_id:id}/correct")
def correct(
    request: Request, letter_id: RowId, operator: Signed, data: Annotated[str, Form(max_length=LARGEST_FORM_BYTES)]
) -> Response:
    """Keep the corrected data as a stopped event of its own; a mistake in it shows the form again, with what was typed."""
    try:
        corrected = dead_letter_edits.correct(letter_id, data, operator.actor)
    except RefusedError as error:
        if error.status not in MISTAKES:
            raise _in_words(error) from error
        return _form(request, dead_letter_edits.of(letter_id), data, _in_words(error))
    return RedirectResponse(f"/console/stopped/{corrected}", SEE_OTHER)


def _form(request: Request, letter: DeadLetter, data: str, error: RefusedError | None = None) -> Response:
    facts: dict[str, Any] = {"row": letter, "data": data, "error": error, "lines": min(max(data.count("\n") + 2, 8), 40)}
    status = 200 if error is None else error.status
    heading = mark("Correct a stopped event")
    return pages.render(request, "console/letter_edit.html", status, here="stopped", heading=heading, **facts)


def _in_words(error: RefusedError) -> RefusedError:
    """The same refusal with a title that the reader's language has."""
    title = TITLES.get(error.reason, UNCORRECTABLE)
    return RefusedError(error.status, error.reason, title, detail=error.detail, errors=error.errors)
