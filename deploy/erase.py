"""`python -m deploy.erase --manychat-id X [--apply]`: erase a person from a deployed environment, as you.

The same as `python -m shared.privacy` (docs/security.md, "Erasing a person"), with the database reached by your own
identity and Odoo's password read from the vault. Run it with the environment's variables: `azd env get-values`.
"""

import os
import sys

from deploy import database
from deploy.azure import Azure
from deploy.console import DeployError, say, variable
from deploy.door import database_open, vault_open
from deploy.secrets import here, name_in_vault
from shared.privacy.__main__ import main as erase
from shared.settings import get_settings, setting_name

NEEDED = ("API_KEYS", "ODOO_PASSWORD")


def take_settings(azure: Azure) -> None:
    """Put into this process what the app has in Azure: the secrets it cannot start without, and its storage account.

    Raises:
        DeployError: a secret is not in the vault.
    """
    address = variable("AZURE_KEY_VAULT_URL")
    with vault_open(azure, here(), address):
        for setting in NEEDED:
            value = azure.secret(address, name_in_vault(setting))
            if value is None:
                raise DeployError(f"{setting} is not in the vault: python -m deploy.secrets set {setting}")
            os.environ[setting] = value
    os.environ[setting_name("storage_account_name")] = variable("AZURE_STORAGE_NAME")
    get_settings.cache_clear()


def run(arguments: list[str], azure: Azure) -> int:
    """Erase, or only look; the exit code of `python -m shared.privacy`."""
    take_settings(azure)
    server, name = variable("AZURE_SQL_SERVER_ADDRESS"), variable("AZURE_SQL_DATABASE")
    with database_open(azure, here(), lambda: database.logged_in(azure, server, name)) as engine:
        return erase(arguments, engine=engine)


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:], Azure()))
    except DeployError as error:
        say(str(error))
        sys.exit(1)
