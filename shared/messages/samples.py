"""A text filled in by its sample, for whoever looks at it before it goes out."""

from collections.abc import Mapping
from typing import Any

from shared.messages import templates
from shared.messages.templates import Rendered, Template

UNSUBSCRIBE_URL = "https://puente.example/api/unsubscribe?t=muestra"


def fill(template: Template, variables: Mapping[str, Any]) -> Rendered:
    """`template` with its sample values, and `variables` in place of them; a marketing mail with a way out that leads nowhere.

    Raises:
        PermanentError: `template-variable-missing`, `template-error`.
    """
    url = UNSUBSCRIBE_URL if "email" in template.channels and not template.transactional else ""
    return templates.render(template, dict(template.sample) | dict(variables), unsubscribe_url=url)
