"""Where the text of a template comes from: the repository, or an outside source that people edit."""

from shared.errors import PermanentError
from shared.messages import notion_templates, templates
from shared.messages.templates import Template
from shared.settings import get_settings

REPOSITORY = "repo"


def load(name: str, locale: str | None = None, source: str = REPOSITORY) -> Template:
    """The template of that name from its source; see `shared.messages.notion_templates` for the outside one.

    Raises:
        PermanentError: `template-not-found`; `template-invalid`, its meta.yaml is not as it must be.
        RetryableError: its source cannot be reached and we have no copy.
    """
    outside, _, database = source.partition(":")
    if outside == "notion":
        return notion_templates.load(name, locale, database or get_settings().notion_templates_db_id)
    if source != REPOSITORY:
        raise PermanentError("template-not-found", f"there is no source of templates {source[:40]!r}")
    found = templates.find(name, locale)
    if found is None:
        raise templates.not_found(name)
    return found
