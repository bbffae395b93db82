"""The lead form as websites send it, and the app that takes it in."""

import json
from typing import Any
from urllib.parse import urlencode

import azure.functions as func

from functions.leads import endpoint, triggers
from functions.leads.tables import Lead
from shared.store.session import reading
from tests.support import loops
from tests.support.payloads import payload
from tests.support.world import Out, World

FORM = payload("lead.form", "form")


def request(body: bytes, **headers: str) -> func.HttpRequest:
    """A POST of the form; `headers` with underscores for dashes."""
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest(method="POST", url="http://localhost/api/lead", headers=sent, body=body)


def sent(body: Any = None, **headers: str) -> tuple[func.HttpResponse, Any]:
    """What the door answers to a form (a dict as JSON, bytes as they are), and the message it leaves on the queue."""
    raw = body if isinstance(body, bytes) else json.dumps(FORM if body is None else body).encode()
    out = Out()
    answer = loops.run(endpoint.take(triggers.WEBHOOK, request(raw, **headers), out))
    return answer, out.value


def html(**fields: str) -> bytes:
    """A form as a browser sends it."""
    return urlencode(FORM | fields).encode()


def body_of(answer: func.HttpResponse) -> dict[str, Any]:
    """The JSON of an answer."""
    answer_body: dict[str, Any] = json.loads(answer.get_body())
    return answer_body


def post(world: World, **fields: Any) -> int:
    """A form that is taken in; the lead's number."""
    answer, message = sent(FORM | fields)
    assert answer.status_code == 200, answer.get_body()
    world.storage.send(triggers.QUEUE, message)
    return int(body_of(answer)["lead_id"])


def lead(number: int) -> Lead:
    """Our record of it."""
    with reading() as session:
        return session.get_one(Lead, number)
