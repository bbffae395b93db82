"""The app's settings with which it talks to the sandbox instead of the real systems."""

import re

from sandbox.vendors import makers

_SETTING = re.compile(r"[A-Z]+(?:_[A-Z]+)+")


def app_settings(url: str) -> dict[str, str]:
    """Names and values, for a sandbox that listens at `url`: whatever vendors call by a setting's name in `connection`."""
    return {
        name: url.rstrip("/") + value if value.startswith("/") else value
        for make in makers()
        for name, value in make().connection.items()
        if _SETTING.fullmatch(name)
    }
