"""What is read from Meta of our own account, by the clock: the state of our numbers, and the approved templates."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from shared import clock
from shared.messages import approved_templates, number_states, numbers
from shared.messages.providers.meta import META
from shared.settings import Settings, get_settings
from shared.store.session import transact

NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,quality_rating,throughput,status,whatsapp_business_manager_messaging_limit"
)
TEMPLATE_FIELDS = "name,language,status,category,parameter_format,components"
PAGE, MOST_PAGES = "100", 50


def read_numbers() -> int:
    """Ask Meta for the state of each of our numbers, once an hour; how many were asked for. Several at once do no harm.

    Raises:
        PuenteError: Meta cannot be asked; what was known stays.
    """
    settings = get_settings()
    if not settings.meta_access_token:
        return 0
    mine = [one for one in numbers.configured(settings) if one.provider == numbers.META]
    due = [one for one in mine if number_states.is_due(one.id)]
    for one in due:
        params = {"fields": NUMBER_FIELDS}
        answer = META.connected(settings).call(
            "GET", f"/{one.vendor_id}", "asking for a number", params=params, repeatable=True
        )
        number_states.keep(one.id, answer)
    return len(due)


def read_templates() -> int:
    """Read every template, once an hour; how many there are. What is not there any more is forgotten.

    Raises:
        PuenteError: Meta cannot be asked; what was read before stays.
    """
    settings = get_settings()
    if not (settings.meta_access_token and settings.meta_business_account_id) or not approved_templates.is_due():
        return 0
    at, count = clock.now(), 0
    for page in _pages(settings):
        transact(partial(approved_templates.keep, page=page, at=at))
        count += len(page)
    transact(partial(approved_templates.forget_before, at=at))
    return count


def _pages(settings: Settings) -> Iterator[list[Mapping[str, Any]]]:
    path, params = f"/{settings.meta_business_account_id}/message_templates", {"fields": TEMPLATE_FIELDS, "limit": PAGE}
    for _page in range(MOST_PAGES):
        answer = META.connected(settings).call("GET", path, "reading templates", params=params, repeatable=True)
        data, paging = answer.get("data"), answer.get("paging")
        yield [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
        cursors = paging.get("cursors") if isinstance(paging, Mapping) and paging.get("next") else None
        if not isinstance(cursors, Mapping) or not cursors.get("after"):
            return
        params = params | {"after": str(cursors["after"])}
