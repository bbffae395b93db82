"""`python -m deploy.quiet [address] [--targets smtp,manychat] [--uncertain N]`: whether a deployment may begin, or ended well.

Waits until nothing is under way at the named targets (before: their messages cannot be asked about), and until no delivery has
been under way anywhere for longer than a minute (after: nobody is left who holds it). Then it says how many deliveries are
uncertain and how many dead letters wait; more uncertain ones than there were before (`--uncertain`) are a failure.
"""

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.azure import Session, until
from deploy.console import DeployError, say, variable
from deploy.smoke import OK, SECONDS, key_of_the_environment

PATIENCE_SECONDS = 180
TOO_LONG = timedelta(minutes=1)  # four leases: a living worker has renewed it, a dead one's is free
LOOKED_AT = 100


@dataclass
class Quiet:
    """The deployed app as an operator sees it."""

    address: str
    key: str
    session: Session
    pause: float = 5

    def wait(self, targets: tuple[str, ...]) -> None:
        """Return when nothing is under way at `targets`, and nothing is held for too long anywhere.

        Raises:
            DeployError: something still is; it names them.
        """
        held: list[str] = []

        def look() -> bool | None:
            held[:] = self._held(targets)
            return None if held else True

        try:
            until(look, PATIENCE_SECONDS, pause=self.pause, what="deliveries are still under way")
        except DeployError as error:
            raise DeployError(f"{error}: {', '.join(held)}; see docs/operate.md#late-deliveries") from None

    def counts(self) -> dict[str, int]:
        """How many deliveries are uncertain and dead, and how many dead letters wait for a person."""
        deliveries = {state: int(self._ask("deliveries", state=state)["total"]) for state in ("uncertain", "dead")}
        return deliveries | {"dead letters": int(self._ask("dead-letters", state="parked")["total"])}

    def _held(self, targets: tuple[str, ...]) -> list[str]:
        asked = [{"target": target} for target in targets] or [{}]
        held = [one for more in asked for one in self._ask("deliveries", state="sending", **more)["items"]]
        latest = datetime.now(UTC) - TOO_LONG
        return [f"{one['target']} {one['id']}" for one in held if targets or datetime.fromisoformat(one["updated_at"]) < latest]

    def _ask(self, what: str, **query: str) -> Any:
        answer = self.session.request(
            "GET",
            f"{self.address}/api/v1/{what}/",
            headers={"X-API-KEY": self.key},
            params=query | {"limit": str(LOOKED_AT)},
            timeout=SECONDS,
        )
        if answer.status_code != OK:
            raise DeployError(f"/api/v1/{what}/ answered {answer.status_code}: {answer.text[:400]}")
        return answer.json()


def main(arguments: list[str]) -> int:
    """The command line; 1 where it is not quiet, or more is uncertain than before."""
    import requests

    parser = argparse.ArgumentParser(
        prog="python -m deploy.quiet", description="Whether a deployment may begin, or ended well."
    )
    parser.add_argument("address", nargs="?", help="default: that of the environment")
    parser.add_argument("--targets", default="", help="outside systems at which nothing may be under way, with commas")
    parser.add_argument("--uncertain", type=int, help="how many deliveries were uncertain before")
    asked = parser.parse_args(arguments)
    try:
        address = asked.address or f"https://{variable('AZURE_FUNCTION_HOST')}"
        quiet = Quiet(address.rstrip("/"), key_of_the_environment(), requests.Session())
        quiet.wait(tuple(name for name in asked.targets.split(",") if name))
        counts = quiet.counts()
    except DeployError as error:
        say(f"not quiet: {error}")
        return 1
    say("quiet: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    if asked.uncertain is not None and counts["uncertain"] > asked.uncertain:
        say(f"{counts['uncertain'] - asked.uncertain} more uncertain than before: docs/operate.md#parked-deliveries")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
