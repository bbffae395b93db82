"""No test reaches a machine other than this one: the name of any other is unknown at once.

What has no stand-in is so refused in microseconds, as by a machine without a network, and not after the seconds that a resolver
takes to give up.
"""

import ipaddress
import socket
from typing import Any

OWN_NAMES = frozenset(("localhost", "", None))
_resolve = socket.getaddrinfo


def _getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if name not in OWN_NAMES and name != socket.gethostname() and not _is_number(name):
        raise socket.gaierror(socket.EAI_NONAME, f"tests reach nothing outside, and so not {name}")
    return _resolve(host, *args, **options)


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def stay_inside() -> None:
    """Let this process resolve no names but its own machine's."""
    socket.getaddrinfo = _getaddrinfo
