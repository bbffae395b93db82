"""Settings as they are in force, with their meaning and where they come from; they are changed in the environment alone."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic.fields import FieldInfo
from sqlalchemy import select

from functions.console.flows import SettingShown, shown_settings
from shared import flows
from shared.console import pages, words
from shared.console.navigation import Entry
from shared.console.routes import ConsoleRoute
from shared.console.words import mark
from shared.settings import fields_of, settings_class
from shared.store.models import Advisor, Channel, StageMapping
from shared.store.search import plain
from shared.store.session import reading

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="settings", title=mark("Settings"), path="/console/settings", group="made-of", icon="settings", place=4)


@router.get("/console/settings")
def settings(request: Request, q: Annotated[str, Query(max_length=60)] = "") -> Response:
    """Every setting whose name or meaning has a part, by what it belongs to; the stage map, the advisors and the channels."""
    part, language = plain(q), pages.reader_of(request).language
    by_owner = [(title, [one for one in shown_settings(fields) if _fits(one, part, language)]) for title, fields in _by_owner()]
    with reading() as session:
        stages = session.scalars(select(StageMapping).order_by(StageMapping.manychat_key)).all()
        advisors = session.scalars(select(Advisor).order_by(Advisor.name)).all()
        channels = session.scalars(select(Channel).order_by(Channel.key)).all()
        session.expunge_all()
    found = [(title, listed) for title, listed in by_owner if listed]
    facts: dict[str, Any] = {"by_owner": found, "q": q.strip(), "stages": stages, "advisors": advisors, "channels": channels}
    return pages.render(request, "console/settings.html", here="settings", heading=mark("Settings"), **facts)


def _by_owner() -> list[tuple[str | None, dict[str, FieldInfo]]]:
    """The settings that no flow brings, under no title, then those of each flow under its own."""
    rest = dict(settings_class().model_fields)
    bringing = [(flow.title, flow.settings) for flow in flows.installed() if flow.settings is not None]
    of_flows = [(title, fields_of(flows.resolve(named))) for title, named in bringing]
    brought = {name for _title, fields in of_flows for name in fields}
    return [(None, {name: field for name, field in rest.items() if name not in brought}), *of_flows]


def _fits(one: SettingShown, part: str, language: str) -> bool:
    """Whether its name, or its meaning as it is written or as it is shown, has the part, whatever its case and accents."""
    shown = words.declared(language, words.SETTING, one.meaning) or ""
    return not part or any(part in plain(each) for each in (one.name, one.meaning, shown))
