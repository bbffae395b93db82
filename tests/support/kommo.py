"""A Kommo that a test holds in its hand: the sandbox's account behind our own client, without a network."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from functions.leads import kommo
from sandbox.kommo import Kommo as Account
from sandbox.kommo import seed
from sandbox.vendor import Call
from shared import clock
from tests.conftest import forget
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


@dataclass
class PretendKommo(BaseAdapter):
    """The account on the clock of the test. `lost` names requests whose answer is lost after they took effect, in turn."""

    account: Account = field(default_factory=Account)
    asked: list[Asked] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    down: bool = False
    during: Callable[[str], None] = lambda _what: None

    def __post_init__(self) -> None:
        super().__init__()
        self.account.now = clock.now  # type: ignore[method-assign]
        self.account.bucket.clock = lambda: clock.now().timestamp()

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        """One exchange."""
        parts = urlsplit(str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        what = f"{request.method} {parts.path.removeprefix('/api/v4')}"
        self.during(what)
        if self.down:
            self.asked.append(Asked(clock.now(), what, 503))
            return _answer(request, 503, b"", "text/plain")
        call = Call(
            method=str(request.method),
            path=parts.path,
            headers=dict(request.headers),
            query=dict(parse_qsl(parts.query)),
            body=body,
        )
        answer = self.account.answer(call)
        self.asked.append(Asked(clock.now(), what, answer.status))
        if self.lost and what.startswith(self.lost[0]):
            self.lost.pop(0)
            raise cut()
        return _answer(request, answer.status, answer.body, answer.content_type)

    def close(self) -> None:
        """Nothing is open."""

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


def _answer(request: requests.PreparedRequest, status: int, body: bytes, content_type: str) -> requests.Response:
    response = requests.Response()
    response.status_code, response.request, response.url = status, request, str(request.url)
    response.headers["Content-Type"] = content_type
    response.raw = HTTPResponse(io.BytesIO(body), preload_content=False)
    return response


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
