"""Where the text of a template comes from: an outside source that people edit, what was published here, or the repository."""

from sqlalchemy.orm import Session

from shared.errors import PermanentError
from shared.messages import notion_templates, templates, text_versions
from shared.messages.templates import Template
from shared.settings import get_settings

REPOSITORY = "repo"


def load(name: str, locale: str | None = None, source: str = REPOSITORY, *, session: Session | None = None) -> Template:
    """The template of that name as it goes out now; whoever sends a text asks here.

    `source` is where its journey takes texts from; see `shared.messages.notion_templates` for the outside one, and
    `shared.messages.text_versions` for what takes the place of a file. `session` is that of a caller who is in a transaction.

    Raises:
        PermanentError: `template-not-found`; `template-invalid`, its meta.yaml is not as it must be.
        RetryableError: its source cannot be reached and we have no copy.
    """
    outside, _, database = source.partition(":")
    if outside == "notion":
        return notion_templates.load(name, locale, database or get_settings().notion_templates_db_id)
    if source != REPOSITORY:
        raise PermanentError("template-not-found", f"there is no source of templates {source[:40]!r}")
    return text_versions.best(of_repository(name, locale), locale, session)


def of_repository(name: str, locale: str | None = None) -> Template:
    """The template as its file has it, whatever was published since; asks no database.

    Raises:
        PermanentError: `template-not-found`; `template-invalid`.
    """
    found = templates.find(name, locale)
    if found is None:
        raise templates.not_found(name)
    return found
