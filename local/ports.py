"""Which ports and folders one machine uses; each can be moved by an environment variable."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".local"


USUAL = {
    "HOST_PORT": 7071,
    "SANDBOX_PORT": 7072,
    "AZURITE_BLOB_PORT": 10000,
    "AZURITE_QUEUE_PORT": 10001,
    "AZURITE_TABLE_PORT": 10002,
    "SMTP_PORT": 7025,
}


@dataclass(frozen=True)
class Ports:
    """The TCP ports on 127.0.0.1."""

    host: int
    sandbox: int
    blob: int
    queue: int
    table: int
    smtp: int = 7025

    @classmethod
    def from_environment(cls) -> "Ports":
        """HOST_PORT, SANDBOX_PORT, AZURITE_BLOB_PORT, AZURITE_QUEUE_PORT, AZURITE_TABLE_PORT, SMTP_PORT, or the usual ones."""
        return cls(*(int(os.environ.get(name, usual)) for name, usual in USUAL.items()))

    def taken(self) -> list[str]:
        """The ports that somebody else listens on, each with the variable that moves it."""
        numbers = (self.host, self.sandbox, self.blob, self.queue, self.table, self.smtp)
        return [f"{number} (set {name} to another)" for name, number in zip(USUAL, numbers, strict=True) if _listens(number)]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
