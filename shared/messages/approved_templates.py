"""Templates that Meta has approved, read from there: which there are, what each wants to be told, and whether it may be sent.

A template's text has holes, `{{1}}` or `{{nombre}}`, in its header and its body; each wants a parameter of its own, by name
where the template is of that kind, in the component in which it stands. Too few, too many or an empty one is an error of
Meta's for every single message, so it is found here, before anything is sent.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PermanentError
from shared.store.dialect import insert_if_absent, locked
from shared.store.session import reading
from shared.store.types import key_of
from shared.store.whatsapp_models import WhatsAppTemplate

APPROVED = "APPROVED"
READ_EVERY = timedelta(hours=1)
WRONG_PARAMETERS = "meta-template-parameters"
_HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def find(name: str, language: str) -> WhatsAppTemplate | None:
    """The template of that name in that language; None where it was never read from Meta."""
    with reading() as session:
        return known(session, name, language)


def known(session: Session, name: str, language: str) -> WhatsAppTemplate | None:
    """As `find`, in the caller's transaction."""
    return session.scalars(select(WhatsAppTemplate).where(WhatsAppTemplate.key == key_of(name, language))).one_or_none()


def holes(template: WhatsAppTemplate) -> list[str]:
    """The names or numbers of the parameters that a template wants, header before body."""
    return [hole for _kind, found in _by_component(template) for hole in found]


def components(template: WhatsAppTemplate, values: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """The template's components filled with `values`, by the names (or numbers) of its holes.

    Numbers count anew in each component at Meta; here the header's come first, so that every hole has a number of its own.

    Raises:
        PermanentError: `meta-template-parameters`, naming the holes that have no value.
    """
    is_named = template.shape.get("parameter_format") == "NAMED"
    made, empty, count = [], [], 0
    for kind, found in _by_component(template):
        parameters = []
        for hole in found:
            count += 1
            name = hole if is_named else str(count)
            value = " ".join(str(values.get(name) or "").split())  # Meta refuses line breaks, tabs and many spaces
            empty += [] if value else [name]
            parameters.append({"type": "text", "text": value} | ({"parameter_name": hole} if is_named else {}))
        made += [{"type": kind, "parameters": parameters}] if parameters else []
    if empty:
        raise PermanentError(WRONG_PARAMETERS, f"the template {template.name} wants {', '.join(empty)}")
    return tuple(made)


def by_order(template: WhatsAppTemplate, values: list[str]) -> tuple[dict[str, Any], ...]:
    """As `components`, with the values in the order of the holes.

    Raises:
        PermanentError: `meta-template-parameters`, there are more or fewer.
    """
    wanted = holes(template)
    if len(wanted) != len(values):
        raise PermanentError(WRONG_PARAMETERS, f"the template {template.name} wants {len(wanted)} values, not {len(values)}")
    is_named = template.shape.get("parameter_format") == "NAMED"
    names = wanted if is_named else [str(number) for number in range(1, len(wanted) + 1)]
    return components(template, dict(zip(names, values, strict=True)))


def _by_component(template: WhatsAppTemplate) -> Iterator[tuple[str, list[str]]]:
    texts = {str(part.get("type", "")).lower(): str(part.get("text") or "") for part in template.shape.get("components", ())}
    for kind in ("header", "body"):
        yield kind, list(dict.fromkeys(_HOLE.findall(texts.get(kind, ""))))


def note_status(session: Session, name: str, language: str, status: str) -> None:
    """Meta has approved, paused or disabled a template that we know. Another one comes with the next reading."""
    query = select(WhatsAppTemplate).where(WhatsAppTemplate.key == key_of(name, language))
    row = session.scalars(locked(query, WhatsAppTemplate)).one_or_none()
    if row is not None:
        row.status = status[:30]


def is_due() -> bool:
    """Whether the templates are to be read from Meta now."""
    with reading() as session:
        newest = session.scalar(select(func.max(WhatsAppTemplate.read_at)))
    return newest is None or clock.as_utc(newest) <= clock.now() - READ_EVERY


def keep(session: Session, page: Iterable[Mapping[str, Any]], at: datetime) -> None:
    """Keep these templates as Meta has them at `at`."""
    for one in page:
        _keep(session, one, at)


def forget_before(session: Session, at: datetime) -> None:
    """Forget those that a whole reading at `at` has not found."""
    session.execute(delete(WhatsAppTemplate).where(WhatsAppTemplate.read_at < at))


def _keep(session: Session, given: Mapping[str, Any], at: datetime) -> None:
    name, language = str(given.get("name") or "")[:512], str(given.get("language") or "")[:20]
    if not name or not language:
        return
    values: dict[str, Any] = {
        "name": name,
        "language": language,
        "status": str(given.get("status") or "")[:30],
        "category": str(given.get("category") or "")[:30] or None,
        "shape": {"parameter_format": given.get("parameter_format"), "components": given.get("components") or []},
        "read_at": at,
    }
    key = key_of(name, language)
    if insert_if_absent(session, WhatsAppTemplate, "key", values | {"key": key}):
        return
    row = session.scalars(locked(select(WhatsAppTemplate).where(WhatsAppTemplate.key == key), WhatsAppTemplate)).one()
    for field, value in values.items():
        setattr(row, field, value)
