"""A Kommo that a test holds in its hand: the sandbox's account behind our own client, without a network."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from functions.leads import kommo
from sandbox.kommo import Kommo as Account
from sandbox.kommo import seed
from shared import clock
from tests.conftest import forget
from tests.support.sandbox import SandboxAdapter, refused
from tests.unit.vendors.network import cut

SETTINGS = {
    "KOMMO_BASE_URL": "https://acme.kommo.invalid",
    "KOMMO_ACCESS_TOKEN": seed.TOKEN,
    "KOMMO_PIPELINE_ID": str(seed.PIPELINE),
    "KOMMO_STATUS_ID_INICIAL": str(seed.INICIAL),
    "KOMMO_STATUS_ID_AGENDADO": str(seed.AGENDADO),
    "KOMMO_FIELD_ID_EMPRESA": str(seed.FIELD_EMPRESA),
    "KOMMO_FIELD_ID_SERVICIO": str(seed.FIELD_SERVICIO),
    "KOMMO_FIELD_ID_FUENTE": str(seed.FIELD_FUENTE),
}


@dataclass(frozen=True)
class Asked:
    """One request, when it came, and what was answered."""

    at: datetime
    what: str
    status: int


class PretendKommo(SandboxAdapter):
    """The account on the clock of the test. `lost` names requests whose answer is lost after they took effect, in turn."""

    def __init__(self) -> None:
        self.account = Account()
        super().__init__(self.account)
        self.asked: list[Asked] = []
        self.lost: list[str] = []
        self.down = False
        self.during: Callable[[str], None] = lambda _what: None
        self.account.now = clock.now  # type: ignore[method-assign]
        self.account.bucket.clock = lambda: clock.now().timestamp()

    def send(self, request: requests.PreparedRequest, **more: object) -> requests.Response:
        """One exchange."""
        what = f"{request.method} {urlsplit(str(request.url)).path.removeprefix('/api/v4')}"
        self.during(what)
        response = refused(request, 503) if self.down else super().send(request, **more)
        self.asked.append(Asked(clock.now(), what, response.status_code))
        if self.lost and what.startswith(self.lost[0]):
            self.lost.pop(0)
            raise cut()
        return response

    def words(self) -> list[str]:
        """What was asked, in order, numbers left out."""
        return ["".join(c for c in one.what if not c.isdigit()) for one in self.asked]

    def leads(self) -> list[dict[str, Any]]:
        """The account's leads."""
        return list(self.account.own.rows("leads"))

    def contacts(self) -> list[dict[str, Any]]:
        """The account's contacts."""
        return list(self.account.own.rows("contacts"))

    def notes(self) -> list[str]:
        """The texts of all notes, in the order in which they were written, without their last line (date and mark)."""
        return [str(note["params"]["text"]).rpartition("\n")[0] for note in self.account.own.rows("notes")]

    def move(self, lead_id: int, status_id: int) -> None:
        """As somebody in Kommo does."""
        self.account.act("move", {"id": lead_id, "status_id": status_id})


@contextmanager
def installed(environment: pytest.MonkeyPatch, **settings: str) -> Iterator[PretendKommo]:
    """Kommo set up, and behind its client a `PretendKommo`, for the length of a test."""
    for name, value in (SETTINGS | settings).items():
        environment.setenv(name, value)
    forget()
    pretend = PretendKommo()
    client: dict[float, kommo.Kommo] = {}

    def made(_kind: type[kommo.Kommo], url: str, token: str, _adapter: None, per_second: float) -> kommo.Kommo:
        return client.setdefault(per_second, kommo.Kommo(url, token, pretend, per_second=per_second))

    environment.setattr(kommo, "kept", made)
    yield pretend
