"""htmx comes from npm and is served from the package: before a deployment its file is put where the package takes it from."""

import shutil
from pathlib import Path

from deploy.console import DeployError

ROOT = Path(__file__).resolve().parents[1]
FROM = Path("node_modules/htmx.org/dist/htmx.min.js")
TO = Path("shared/console/static/htmx.min.js")


def put_in_place(root: Path = ROOT) -> None:
    """Copy it; doing it again copies it again.

    Raises:
        DeployError: npm has not fetched it, nor is it there from before.
    """
    if (root / FROM).is_file():
        shutil.copyfile(root / FROM, root / TO)
    elif not (root / TO).is_file():
        raise DeployError(f"{FROM} is missing: run `make setup` (or `npm ci`) first; the console's pages use it")
