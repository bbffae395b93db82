"""Fixtures of approvals: two people with keys, a third with a link alone, and what the listeners were notified of."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.approvals.triggers import bp
from shared import approvals, clock
from shared.approvals import ApprovalDecided, ApprovalRequest
from shared.settings import get_settings
from shared.store.approval_models import Approval
from shared.store.session import reading, transact
from tests.support.listeners import listen
from tests.support.messages import CONFIGURED, PostOffice, carry_out
from tests.unit.web.calls import Answer, Api

KEYS = [
    {"name": "ana", "key": "key-of-ana", "scopes": ["write", "read"]},
    {"name": "bruno", "key": "key-of-bruno", "scopes": ["write", "read"]},
    {"name": "viewer", "key": "key-of-viewer", "scopes": ["read"]},
]
APPROVERS = {"Ana": "ana@example.com", "bruno": "bruno@example.com", "carla": "carla@example.com"}


@dataclass
class Desk:
    """Where approvals are asked for and decided."""

    post: PostOffice
    decided: list[ApprovalDecided] = field(default_factory=list)
    raises: list[Exception] = field(default_factory=list)

    def ask(self, **more: Any) -> int:
        """Ask for an approval, as Ana unless said otherwise, and carry the mails out."""
        values = {
            "kind": "broadcast",
            "subject": "broadcast:7",
            "key": "execution-1",
            "title": "Enviar <la promoción> a 12,400 personas",
            "details": {"Personas": "12,400"},
            "asked_by": "ana",
            "expires_at": clock.now() + timedelta(hours=48),
        }
        asked = ApprovalRequest(**(values | more))
        number = transact(lambda session: approvals.request(session, asked))
        carry_out()
        return number

    def api(self, name: str, method: str, path: str = "", **more: Any) -> Answer:
        """The API's answer to the owner of a key."""
        return Api()(method, f"/api/v1/approvals{path}", key=f"key-of-{name}", **more)

    def link_of(self, name: str, nth: int = -1) -> str:
        """The token in the last mail (or the one of that number) to somebody."""
        mails = [one for one in self.post.sent if one.message.person == f"approver:{name}"]
        found = re.search(r"/api/approvals\?t=([\w.-]+)", mails[nth].rendered.text)
        assert found is not None
        return found[1]

    def page(self, token: str, opened_by: str = "GET", **form: str) -> func.HttpResponse:
        """The page behind a link; with fields of the form it is posted."""
        from urllib.parse import urlencode

        (built,) = bp._function_builders
        request = func.HttpRequest(
            method="POST" if form else opened_by, url="/api/approvals", params={"t": token}, body=urlencode(form).encode()
        )
        answer: func.HttpResponse = built._function.get_user_function()(request)
        return answer

    def row(self, number: int) -> Approval:
        """The approval as the database has it."""
        with reading() as session:
            return session.scalars(select(Approval).where(Approval.id == number)).one()

    def note(self, _session: Session, decided: ApprovalDecided) -> None:
        """Stands for a flow that waits."""
        if self.raises:
            raise self.raises.pop()
        self.decided.append(decided)


@pytest.fixture
def desk(database: object, storage: object, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Desk]:
    """A desk, with everybody's addresses set up."""
    settings = CONFIGURED | {"API_KEYS": json.dumps(KEYS), "APPROVERS": json.dumps(APPROVERS)}
    for name, value in settings.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    with PostOffice().installed(environment) as post:
        made = Desk(post)
        listen(environment, "approval.decided", "test", made.note)
        yield made
