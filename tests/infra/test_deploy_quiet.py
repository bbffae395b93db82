"""Before and after a deployment: nothing is under way, nothing is held by nobody, nothing more is uncertain."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import requests

from deploy import azure, quiet
from deploy.console import DeployError
from deploy.quiet import Quiet
from shared import clock
from shared.store.models import Delivery
from shared.store.session import transact
from tests.infra.pretend_azure import Answer
from tests.support.world import LOCAL_KEY
from tests.unit.web.calls import Api


@pytest.fixture(autouse=True)
def passed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes by the pauses that are asked for."""
    now = [0.0]
    monkeypatch.setattr(azure.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(azure.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


class App:
    """The app's own API, in this process."""

    def __init__(self) -> None:
        self.before: Any = None

    def request(self, method: str, url: str, *, headers: Any, params: Any, timeout: float) -> Answer:  # as requests
        if self.before is not None:
            self.before()
        answer = Api()(method, url.removeprefix("http://app"), key=headers["X-API-KEY"], **params)
        return Answer(answer.status, json.loads(answer.body))


def under_way(target: str, seconds: float, state: str = "sending") -> Delivery:
    """A delivery that was claimed so long ago."""
    at = clock.now() - timedelta(seconds=seconds)
    row = Delivery(kind="message", target=target, action="send", subject="m1", state=state, due_at=at)
    row.created_at = row.updated_at = at
    return row


def looked(app: App) -> Quiet:
    return Quiet("http://app", LOCAL_KEY, app)


@pytest.mark.slow
def test_an_idle_app_is_quiet(database) -> None:
    """At once, with nothing to tell."""
    found = looked(App())
    found.wait(("smtp",))
    assert found.counts() == {"uncertain": 0, "dead": 0, "dead letters": 0}


def test_what_is_under_way_at_a_named_target_is_waited_for(database, passed: list[float]) -> None:
    """Other targets may work meanwhile."""
    transact(lambda session: session.add_all([under_way("smtp", 1), under_way("odoo", 1)]))
    app = App()

    def end_it() -> None:
        if passed[0] >= 10:
            transact(lambda session: session.query(Delivery).filter_by(target="smtp").update({"state": "done"}))

    app.before = end_it
    looked(app).wait(("smtp",))
    assert passed[0] == 10
    looked(app).wait(())  # what has been under way for a second is held by somebody


def test_what_nobody_ends_is_named(database) -> None:
    """A delivery that has been under way for longer than a minute, anywhere."""
    transact(lambda session: session.add(under_way("odoo", 90)))
    with pytest.raises(DeployError, match=r"still under way.*: odoo 1; see docs/operate.md#late-deliveries"):
        looked(App()).wait(())


def test_more_uncertain_ones_than_before_fail(database, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """As many as before do not."""
    transact(lambda session: session.add_all([under_way("smtp", 90, "uncertain"), under_way("smtp", 90, "uncertain")]))
    monkeypatch.setenv("PUENTE_SMOKE_KEY", LOCAL_KEY)
    monkeypatch.setattr(requests, "Session", App)
    assert quiet.main(["http://app/", "--uncertain", "2"]) == 0
    assert "quiet: 2 uncertain, 0 dead, 0 dead letters" in capsys.readouterr().out
    assert quiet.main(["http://app/", "--uncertain", "1"]) == 1
    assert "1 more uncertain than before" in capsys.readouterr().out


def test_an_app_that_refuses_is_not_quiet(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Its words are shown."""

    class Refuses:
        def request(self, *_: Any, **__: Any) -> Answer:
            return Answer(401, {"reason": "unauthorized"})

    monkeypatch.setenv("PUENTE_SMOKE_KEY", "k")
    monkeypatch.setattr(requests, "Session", Refuses)
    assert quiet.main(["https://x"]) == 1
    assert "answered 401" in capsys.readouterr().out
