"""`/api/v1/templates`: the texts of messages, what they need, and how they look filled in. Nothing is sent or kept."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import PermanentError, RefusedError
from shared.messages import preview, samples, template_sources, templates, text_versions, voice
from shared.messages.message import Channel
from shared.messages.templates import Rendered, Template
from shared.problems import documented
from shared.settings import get_settings
from shared.store.session import reading
from shared.web.auth import ReadingRoute

router = APIRouter(prefix="/api/v1/templates", tags=["Templates"], route_class=ReadingRoute)

TemplateName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_]{0,59}$")]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
HTML_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {}}, "headers": {"Content-Security-Policy": {"schema": {"type": "string"}}}}
}


class TemplateOut(BaseModel):
    """A text before it is filled in."""

    name: str
    locale: str
    channels: list[Channel]
    kind: Literal["marketing", "transactional"]
    subject: str | None = Field(description="Of a mail, before it is filled in.")
    has_html: bool
    variables: list[str] = Field(description="What must be given.")
    optional: list[str] = Field(description="What may be given.")
    content_variables: list[str] = Field(description="Those of the approved WhatsApp template, in its order.")
    voicemail: str | None = Field(description="The template that is left on an answering machine instead.")
    sample: dict[str, Any] = Field(description="Values for a preview.")
    version: int = Field(description="That which somebody has published in the console; 0: as its file, or Notion, has it.")


class Where(BaseModel):
    """Which of the texts of that name."""

    model_config = ConfigDict(extra="forbid")

    locale: Locale | None = Field(default=None, description="DEFAULT_LOCALE where it is left out, or there is none in it.")
    source: Literal["repo", "notion"] = Field(default="repo", description="`notion`: as NOTION_TEMPLATES_DB_ID has it.")


class PreviewIn(Where):
    """What to fill in, in place of the sample values."""

    variables: dict[str, Any] = Field(default_factory=dict)


class PreviewOut(BaseModel):
    """A text as it goes out."""

    name: str
    locale: str
    subject: str = Field(description="Empty where it is no mail.")
    text: str
    html: str = Field(description="Empty where it is no mail. To look at it, ask for the page: it is shown where nothing runs.")
    content_variables: dict[str, str]
    twiml: str | None = Field(description="What a call says.")


@router.get("", summary="List templates")
def list_templates(locale: Annotated[Locale, Query()] = "es") -> list[TemplateOut]:
    """The texts as they go out now in a language, with the variables that each takes."""
    with reading() as session:
        written = [name for name, languages in text_versions.written_in(session).items() if locale in languages]
        names = sorted({*templates.names(locale), *written} & set(templates.by_name()))
        found = [template_sources.load(name, locale, session=session) for name in names]
    return [_shown(one) for one in found]


@router.get("/{name}", summary="One template", responses=documented(404))
def get_template(name: TemplateName, query: Annotated[Where, Query()]) -> TemplateOut:
    """The text with the variables that it takes."""
    return _shown(_loaded(name, query))


@router.post("/{name}/preview", summary="Fill a template in", responses=documented(404))
def preview_template(name: TemplateName, asked: PreviewIn) -> PreviewOut:
    """The text as its recipient would get it. Sample values stand in for what is not given; needs the scope `read` only."""
    template = _loaded(name, asked)
    rendered = _filled(template, asked.variables)
    return PreviewOut(
        name=template.name,
        locale=template.locale,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        content_variables=dict(rendered.content_variables),
        twiml=voice.twiml(rendered.text) if "voice" in template.channels else None,
    )


@router.get("/{name}/preview", summary="Look at a template", response_class=HTMLResponse, responses=documented(404) | HTML_PAGE)
def show_template(name: TemplateName, query: Annotated[Where, Query()]) -> HTMLResponse:
    """A page with the text filled in by its sample. Safe to open: the mail stands in a frame in which nothing runs."""
    template = _loaded(name, query)
    shown = preview.page(template, _filled(template, {}))
    return HTMLResponse(
        shown,
        headers={"Content-Security-Policy": f"{preview.POLICY}; frame-ancestors 'none'", "Referrer-Policy": "no-referrer"},
    )


def _loaded(name: str, where: Where) -> Template:
    database = get_settings().notion_templates_db_id
    if where.source == "notion" and not database:
        raise RefusedError(422, "not-configured", "There are no templates in Notion: NOTION_TEMPLATES_DB_ID is not set.")
    source = f"notion:{database}" if where.source == "notion" else template_sources.REPOSITORY
    try:
        return template_sources.load(name, where.locale, source)
    except PermanentError as error:
        if error.reason == "template-not-found":
            raise RefusedError(404, "no-such-template", f"There is no template {name}.") from error
        raise _unfit(error) from error


def _filled(template: Template, variables: dict[str, Any]) -> Rendered:
    try:
        return samples.fill(template, variables)
    except PermanentError as error:
        raise _unfit(error) from error


def _unfit(error: PermanentError) -> RefusedError:
    return RefusedError(422, error.reason, "The template cannot be filled in like this.", detail=str(error))


def _shown(template: Template) -> TemplateOut:
    try:
        used, optional = templates.variables(template), templates.optional(template)
    except PermanentError as error:
        raise _unfit(error) from error
    return TemplateOut(
        name=template.name,
        locale=template.locale,
        channels=list(template.channels),
        kind=template.kind,
        subject=template.subject.strip() or None,
        has_html=bool(template.html),
        variables=sorted(used - optional),
        optional=sorted(optional),
        content_variables=list(template.content_variables),
        voicemail=template.voicemail,
        sample=dict(template.sample),
        version=template.version,
    )
