"""What vendors have to know of the world: where the app and they themselves listen, and what webhooks are signed with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

APP_URL = "http://127.0.0.1:7071"
OWN_URL = "http://127.0.0.1:7072"
_SECRET = "SANDBOX_SECRET_"  # noqa: S105  # how the variables' names begin


@dataclass(frozen=True, kw_only=True)
class Config:
    """The app's address, the sandbox's own, and by vendor the secret that is used in place of the vendor's usual one."""

    app_url: str = APP_URL
    own_url: str = OWN_URL
    secrets: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """SANDBOX_APP_URL, and SANDBOX_SECRET_CALCOM and so on for each vendor."""
        named = {name.removeprefix(_SECRET).lower(): value for name, value in environment.items() if name.startswith(_SECRET)}
        return cls(app_url=environment.get("SANDBOX_APP_URL", APP_URL).rstrip("/"), secrets=named)
