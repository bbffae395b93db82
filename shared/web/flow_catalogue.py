"""`/api/v1/flows` and `/api/v1/variables`: what runs here and what is set, under the addresses of the replaced system.

Flows live in code and settings in the environment: neither is changed over the API, which says so with a 405.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field
from starlette.convertors import register_url_convertor

from shared import flows
from shared.errors import RefusedError
from shared.flow import Flow
from shared.intake import by_hand
from shared.intake.by_hand import Synchronous
from shared.intake.endpoint import WebhookRoute, routes_by_flow
from shared.problems import documented
from shared.settings import get_settings, setting_name
from shared.web.auth import BasicRoute
from shared.web.error_handlers import answer
from shared.web.path_words import WordConvertor


class FlowConvertor(WordConvertor):
    """`{flow_id:flow}`: a flow's name, not the word of the addresses that pause and resume one."""

    regex = "(?!(?:pause|resume)(?:/|$))[^/]+"


register_url_convertor("flow", FlowConvertor())
router = APIRouter(prefix="/api/v1", tags=["Flows"], route_class=BasicRoute)

ONLY_READ = {"Allow": "GET"}
OLD = ["api", "v1", "executions", "webhook"]
Word = Annotated[str, Path(min_length=1, max_length=100)]


class FlowOut(BaseModel):
    """A flow, with the names that it had in the replaced system."""

    id: str
    title: str
    about: str
    optional: bool = Field(description="Whether it may be deleted with its folder.")
    webhooks: list[str] = Field(description="The addresses at which its events come in.")
    replaces: list[str] = Field(description="The ids by which the replaced system knew it, or parts of it.")
    by_hand: list[str] = Field(description="The ids by which it, or a part of it, can be started by hand.")


class Flows(BaseModel):
    """The flows that run here."""

    items: list[FlowOut]
    total: int


class VariableOut(BaseModel):
    """A setting. Its value is never shown."""

    key: str
    is_set: bool
    description: str


class Variables(BaseModel):
    """The settings, by their names in the environment."""

    items: list[VariableOut]
    total: int


@router.get("/flows", summary="List flows")
def list_flows() -> Flows:
    """What runs here; each flow as it declares itself."""
    items = _flows()
    return Flows(items=items, total=len(items))


@router.get("/flows/{namespace}/{flow_id:flow}", summary="One flow", responses=documented(404))
def get_flow(
    namespace: Annotated[str, Path(max_length=100, description="Any: names here are unique.")],
    flow_id: Annotated[
        str, Path(max_length=100, description="The flow's name, or the id that the replaced system had for it.")
    ],
) -> FlowOut:
    """The flow of that name, in whatever namespace."""
    del namespace
    return find(flow_id)


def find(flow_id: str) -> FlowOut:
    """The flow of that name, or with that id in the replaced system. Raises RefusedError 404."""
    found = next((flow for flow in _flows() if flow_id in (flow.id, *flow.replaces, *flow.by_hand)), None)
    if found is None:
        raise RefusedError(404, "no-such-flow", "There is no flow of that name.")
    return found


@router.get("/variables", summary="List settings")
def list_variables() -> Variables:
    """The names of all settings and whether each has a value, never the values."""
    settings = get_settings()
    fields = sorted((setting_name(name), name, field) for name, field in type(settings).model_fields.items())
    items = [
        VariableOut(key=key, is_set=getattr(settings, name) not in (None, "", (), {}), description=field.description or "")
        for key, name, field in fields
    ]
    return Variables(items=items, total=len(items))


@router.post("/flows", include_in_schema=False, status_code=405)
def make_flow() -> Response:
    """Refuse: a flow is code."""
    where = "A flow lives in functions/; docs/add-a-flow.md says how one is added."
    return answer(RefusedError(405, "method-not-allowed", "Flows are not made over the API.", detail=where), ONLY_READ)


@router.put("/variables/{key}", include_in_schema=False, status_code=405)
def set_variable(key: Word) -> Response:
    """Refuse: a setting is the environment's."""
    del key
    where = "They stand in the app's environment; docs/settings.md has each."
    return answer(RefusedError(405, "method-not-allowed", "Settings are not changed over the API.", detail=where), ONLY_READ)


def _flows() -> list[FlowOut]:
    routes = routes_by_flow()
    return [_shown(flow, routes[flow.name]) for flow in flows.installed()]


def _shown(flow: Flow, routes: Sequence[WebhookRoute]) -> FlowOut:
    synchronous = [one for one in by_hand.webhooks_of(flow).values() if isinstance(one, Synchronous)]
    answered = [route for one in synchronous for route in one.routes]
    addresses = [f"/{route.route}" for route in routes] + [f"/{route}" for route in answered]
    found = {name for route in routes for name in _old_names(route.route.split("/"), route.webhooks)}
    replaces = sorted(found | {name for route in answered for name in _old_names(route.split("/"), {})})
    return FlowOut(
        id=flow.name,
        title=flow.title,
        about=flow.about,
        optional=flow.optional,
        webhooks=addresses,
        replaces=replaces,
        by_hand=sorted(by_hand.webhooks_of(flow)),
    )


def _old_names(parts: list[str], webhooks: Mapping[str, Any]) -> list[str]:
    """The replaced system's ids in an address of its: .../webhook/{namespace}/<id>/{key}."""
    if parts[: len(OLD)] != OLD or len(parts) < len(OLD) + 2:
        return []
    name = parts[len(OLD) + 1]
    return list(webhooks) if name.startswith("{") else [name]
