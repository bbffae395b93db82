"""`python -m deploy.outputs <deployment>`: what the template gave, as `export NAME=value` lines, for those without azd."""

import shlex
import sys

from deploy.azure import Azure
from deploy.console import DeployError, say, variable

DEPLOYMENTS_API = "2021-04-01"


def exports(azure: Azure, subscription: str, deployment: str) -> list[str]:
    """One shell line for each output of a deployment of infra/main.bicep.

    Raises:
        DeployError: there is no such deployment.
    """
    path = f"/subscriptions/{subscription}/providers/Microsoft.Resources/deployments/{deployment}"
    found = azure.arm("GET", path, DEPLOYMENTS_API)
    if found is None:
        raise DeployError(f"there is no deployment called {deployment} in the subscription {subscription}")
    outputs = found["properties"].get("outputs", {})
    # The resource manager gives output names back in a case of its own choosing.
    return [f"export {name.upper()}={shlex.quote(_text(output['value']))}" for name, output in sorted(outputs.items())]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def main() -> int:
    """The command line; 1 where the deployment is not found."""
    if len(sys.argv) != 2:  # noqa: PLR2004  # the program and the deployment
        say("usage: python -m deploy.outputs <deployment>")
        return 1
    try:
        sys.stdout.write("\n".join(exports(Azure(), variable("AZURE_SUBSCRIPTION_ID"), sys.argv[1])) + "\n")
    except DeployError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
