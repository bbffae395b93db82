"""What the deployment says to the person who runs it, and what it reads from their environment."""

import os
import shutil
import subprocess
import sys


class DeployError(Exception):
    """The deployment cannot go on; the text says what to do."""


def say(text: str) -> None:
    """One line on the terminal."""
    sys.stdout.write(f"puente: {text}\n")
    sys.stdout.flush()


def variable(name: str) -> str:
    """An environment variable that must be there: azd sets it, or `python -m deploy.outputs` prints it.

    Raises:
        DeployError: it is not set.
    """
    value = os.environ.get(name, "")
    if not value:
        raise DeployError(f"{name} is not set. Run this through azd, or see docs/deploy.md, 'Without azd'.")
    return value


def remember(name: str, value: str) -> None:
    """Keep a value in the azd environment for the next deployment; without azd, say how to."""
    os.environ[name] = value
    azd = shutil.which("azd")
    if azd and os.environ.get("AZURE_ENV_NAME"):
        subprocess.run([azd, "env", "set", name, value], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # azd itself
    else:
        say(f"keep this for the next deployment: export {name}='{value}'")
