"""What azd's hooks do, one function each; also `python -m deploy.steps <step>` for those who deploy without azd."""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from deploy import database, htmx, limits, secrets, sign_in, smoke
from deploy.azure import Azure
from deploy.console import DeployError, remember, say, variable
from deploy.door import database_open, vault_open

NEEDED = {
    "ODOO_URL": "Odoo's address, such as https://odoo.example.com",
    "ODOO_DB": "the name of the Odoo database",
    "PUENTE_ALERT_EMAILS": "who is told when something is wrong: addresses, separated by commas",
}


def preprovision() -> None:
    """Before the template: what it needs is there, and its numbers fit together.

    The budget keeps its first month, and the template learns which secrets there are.

    Raises:
        DeployError: with all that is missing, or with the numbers that cannot work together.
    """
    missing = [f"azd env set {name} ...   # {meaning}" for name, meaning in NEEDED.items() if not os.environ.get(name)]
    if missing:
        raise DeployError("this is needed first:\n  " + "\n  ".join(missing))
    limits.check()
    if not os.environ.get("PUENTE_BUDGET_START"):
        remember("PUENTE_BUDGET_START", f"{datetime.now(UTC):%Y-%m}-01")
    if address := os.environ.get("AZURE_KEY_VAULT_URL"):
        azure = Azure()
        with vault_open(azure, secrets.here(), address):
            remember("PUENTE_SECRETS", ",".join(secrets.there(azure, address)))


def postprovision() -> None:
    """After the template: the secrets are in the vault, and the app reads them anew; operators can sign in to the console."""
    azure = Azure()
    with secrets.vaults_open(azure) as vault:
        secrets.ensure_required(vault)
        remember("PUENTE_SECRETS", ",".join(secrets.there(azure, vault.address)))
    secrets.refresh(azure, secrets.here(), variable("AZURE_FUNCTION_NAME"))
    sign_in.ensure(azure)


def predeploy() -> None:
    """Before the code: htmx is in the package, the app's identity a user of the database, the schema what the code needs."""
    htmx.put_in_place()
    azure, place = Azure(), secrets.here()
    server, name = variable("AZURE_SQL_SERVER_ADDRESS"), variable("AZURE_SQL_DATABASE")
    with database_open(azure, place, lambda: database.logged_in(azure, server, name)) as engine:
        database.bring_up_to_date(engine, variable("AZURE_IDENTITY_NAME"), variable("AZURE_IDENTITY_CLIENT_ID"))


def postdeploy() -> None:
    """After the code: a test event goes all the way.

    Raises:
        DeployError: it did not arrive.
    """
    if smoke.main() != 0:
        raise DeployError("the app is deployed but does not work; the runbooks are in docs/operate.md")


STEPS: dict[str, Callable[[], None]] = {
    "preprovision": preprovision,
    "postprovision": postprovision,
    "predeploy": predeploy,
    "postdeploy": postdeploy,
}


def run(step: str) -> int:
    """Run a step by its name; 1 where it failed, with the reason on the terminal."""
    try:
        STEPS[step]()
    except DeployError as error:
        say(f"{step}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in STEPS:  # noqa: PLR2004  # the program and one step
        sys.exit(f"usage: python -m deploy.steps {'|'.join(STEPS)}")
    sys.exit(run(sys.argv[1]))
