"""The demonstration's second part: somebody fills in the form of the website, and what they get is looked up in their inbox."""

import itertools
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.captcha import GOOD

HOOK = "/api/lead"
PATIENCE_SECONDS = 60
HEARD_LETTERS = 60


@dataclass(frozen=True)
class Visitor:
    """Somebody new at each run, since the same wish of the same person is one lead for a day."""

    name: str
    email: str
    phone: str

    @classmethod
    def at(cls, now: datetime) -> "Visitor":
        """Named by the second."""
        return cls("Ana Demo", f"ana.{now:%d%H%M%S}@example.com", f"+525512{now:%H%M%S}")

    @property
    def form(self) -> dict[str, str]:
        """The website's form, filled in; with a token that the sandbox's captcha takes, should one be asked for."""
        wish = {"empresa": "Salón Aurora", "servicio": "automatización de ventas", "fuente": "demo"}
        token = {"cf-turnstile-response": f"{GOOD}{self.email}"}
        return {"nombre": self.name, "email": self.email, "telefono": self.phone, **wish, **token}


class Demo:
    """Posts the form and the booking, and watches the inbox. `ask` is a request with its JSON answer: method, address, body."""

    def __init__(self, app_url: str, sandbox_url: str, ask: Callable[[str, str, Any], dict[str, Any]] | None = None) -> None:
        self.app_url, self.sandbox_url, self._ask = app_url, sandbox_url, ask or asked
        self.visitor = Visitor.at(datetime.now(UTC))
        self._lead_id: Any = None
        self._started = time.monotonic()

    def show(self) -> bool:
        """Post the form, wait for the welcome mail and the call, book a meeting; whether all of it came."""
        print(f"\n  POST {HOOK}  ({self.visitor.name}, {self.visitor.email})")
        answer = self._ask("POST", self.app_url + HOOK, self.visitor.form)
        self._lead_id = answer.get("lead_id")
        if self._lead_id is None:
            print(f"    refused: {answer.get('title') or 'no answer'}")
            return False
        self._step(f"queued    lead {self._lead_id}")
        return self._got_mail() and self._got_call() and self._book()

    def _got_mail(self) -> bool:
        mail = self._wait_for("mail", lambda _item: True)
        if mail is None:
            return self._missing("no mail")
        self._step(f"mail      “{mail['title']}”, {mail['status']}")
        return True

    def _got_call(self) -> bool:
        call = self._wait_for("call", lambda item: bool(item["text"]))
        if call is None:
            return self._missing("no call")
        said = " ".join(call["text"].split())
        self._step(f"call      {call['status']}, says “{said[:HEARD_LETTERS]}…”")
        return True

    def _book(self) -> bool:
        """A meeting in the calendar, as by the link in the welcome mail."""
        print(f"\n  A meeting is booked at {self.sandbox_url}/calcom/book")
        self._started = time.monotonic()
        guest = {"name": self.visitor.name, "email": self.visitor.email, "phone": self.visitor.phone}
        seen = len(self._items())
        told = self._ask("POST", f"{self.sandbox_url}/_sandbox/calcom/book", guest).get("webhooks", [])
        if not told or any(each["state"] != "delivered" for each in told):
            return self._missing("no word of it to the app")
        self._step("booked    in the calendar, which has told the app")
        for _ in moments():
            news = self._items()[seen:]
            if news:
                self._step(f"{news[0]['kind']:<9} “{news[0]['title'] or news[0]['text'][:HEARD_LETTERS]}”")
                return True
        return self._missing("no confirmation")

    def _wait_for(self, kind: str, enough: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any] | None:
        for _ in moments():
            found = [item for item in self._items() if item["kind"] == kind and enough(item)]
            if found:
                return found[-1]
        return None

    def _items(self) -> list[dict[str, Any]]:
        """What the visitor has got, oldest first."""
        people = self._ask("GET", f"{self.sandbox_url}/_sandbox/inbox", None).get("people", [])
        mine = {self.visitor.email, self.visitor.phone}
        items = [item for person in people for item in person["items"] if item["person"] in mine]
        return sorted(items, key=lambda item: str(item["at"]))

    def _step(self, text: str) -> None:
        print(f"    {1000 * (time.monotonic() - self._started):7.0f} ms  {text}", flush=True)

    def _missing(self, what: str) -> bool:
        self._step(f"{what} came in time; see .local/host.log")
        return False


def moments() -> Iterator[int]:
    """Now and every quarter of a second, as long as there is patience."""
    end = time.monotonic() + PATIENCE_SECONDS
    for number in itertools.count():
        if time.monotonic() > end:
            return
        yield number
        time.sleep(0.25)


def asked(method: str, url: str, body: Any) -> dict[str, Any]:
    """One request; of a refusal the problem that it tells, and nothing where nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310  # our own processes
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
            return dict(json.load(answer))
    except urllib.error.HTTPError as refusal:
        with refusal:
            return dict(json.loads(refusal.read() or b"{}"))
    except OSError:
        return {}
