"""Versions of the lists that people keep: the stage map, advisors, channels. Every edit leaves one, whoever makes it.

A version is the whole list as its file has it, so that any of them can be returned to. What events add to a list (a channel on
its first mention) is kept with the next edit, as the version before it.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from types import MappingProxyType
from typing import Any

from sqlalchemy import inspect as state_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.phrases import phrase
from shared.store.models import Advisor, Base, Channel, StageMapping
from shared.store.plan_models import ListVersion

type Row = Mapping[str, Any]

STAGES, ADVISORS, CHANNELS = "stages", "advisors", "channels"
KEPT: Mapping[str, tuple[type[Base], tuple[str, ...]]] = MappingProxyType(
    {
        STAGES: (StageMapping, ("manychat_name", "odoo_stage_id", "odoo_name")),
        ADVISORS: (Advisor, ("id", "name", "email", "phone", "odoo_user_id", "role", "status", "genre", "is_active")),
        CHANNELS: (Channel, ("name", "description")),
    }
)
"""Each list with its table and the columns of its file."""

BEFORE = "puente"
_OWN = "puente_list_versions"  # of a session: the versions that its transaction has made


def rows(session: Session, name: str) -> list[Row]:
    """A list as its file has it, in the order in which its rows were made."""
    model, columns = KEPT[name]
    table: Any = model
    found = session.scalars(select(model).order_by(table.id)).all()
    return [{column: getattr(row, column) for column in columns} for row in found]


@contextmanager
def kept(session: Session, name: str, actor: str, note: str) -> Iterator[None]:
    """Keep the list as it is after what is done meanwhile; several edits in one transaction leave one version."""
    before = rows(session, name)
    if _own(session, name) is None and before != _newest(session, name):
        session.add(ListVersion(name=name, made_by=BEFORE, note=phrase("as it was before"), rows=before))
        session.flush()
    yield
    session.flush()
    after = rows(session, name)
    own = _own(session, name)
    if own is not None:
        own.rows, own.note = after, note
    elif after != before:
        own = ListVersion(name=name, made_by=actor[:60], note=note, rows=after)
        session.add(own)
        session.info.setdefault(_OWN, {})[name] = own
    session.flush()


def versioned[**P, T](name: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """An edit of a list, with parameters `session` and `actor`, that leaves a version of it."""

    def wrap(edit: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(edit)

        @wraps(edit)
        def whole(*args: P.args, **kwargs: P.kwargs) -> T:
            given = signature.bind(*args, **kwargs).arguments
            with kept(given["session"], name, given["actor"], edit.__name__.replace("_", " ")):
                return edit(*args, **kwargs)

        return whole

    return wrap


def _own(session: Session, name: str) -> ListVersion | None:
    """The version that this transaction has made; one that was undone with its savepoint is none."""
    own: ListVersion | None = session.info.get(_OWN, {}).get(name)
    return own if own is not None and state_of(own).persistent else None


def _newest(session: Session, name: str) -> Sequence[Row] | None:
    query = select(ListVersion.rows).where(ListVersion.name == name).order_by(ListVersion.id.desc()).limit(1)
    found: Sequence[Row] | None = session.scalars(query).first()
    return found
