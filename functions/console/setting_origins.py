"""Where a setting comes from, as far as a running process can know it.

The host puts `local.settings.json` and the app settings of Azure into the environment, and Azure puts a secret there in place
of the reference to it. So a value is taken to be the file's where it is the same; and in Azure a secret is taken to come from
Key Vault, because the template writes references for all of them.
"""

import os
from collections.abc import Mapping

from shared import commands
from shared.console.words import mark
from shared.errors import ConfigurationError
from shared.secret_faults import AZURE

DEFAULT, FILE, ENVIRONMENT, AZURE_SETTING, VAULT = (
    mark("default"),
    mark("from local.settings.json"),
    mark("from the environment"),
    mark("an app setting in Azure"),
    mark("an app setting in Azure, by the template a reference to Key Vault"),
)


def of_file() -> Mapping[str, str]:
    """What `local.settings.json` says; nothing in Azure, where there is none, and where it cannot be read."""
    if in_azure():
        return {}
    try:
        return commands.values_of(commands.FILE)
    except ConfigurationError:
        return {}


def in_azure() -> bool:
    """Whether this process runs there."""
    return any(os.environ.get(name) for name in AZURE)


def origin(name: str, *, is_set: bool, is_secret: bool, file: Mapping[str, str]) -> str:
    """The origin of a setting, in English, to be translated; `file` is what `of_file` has found."""
    if not is_set:
        return DEFAULT
    if in_azure():
        return VAULT if is_secret else AZURE_SETTING
    return FILE if name in file and file[name] == os.environ.get(name) else ENVIRONMENT
