"""The smoke test passes against the running app, and says where it got stuck when something is broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy import azure, smoke
from deploy.console import DeployError
from deploy.smoke import PERSON, Smoke
from devhost.azurite import Azurite
from devhost.testing import PROJECT, RunningHost
from shared.store.migrate import upgrade
from shared.store.session import make_engine
from tests.conftest import ENVIRONMENT
from tests.infra.pretend_azure import Answer
from tests.support.world import LOCAL_KEY


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningHost]:
    """The whole app under devhost, with storage and a database of its own."""
    url = f"sqlite:///{tmp_path / 'puente.db'}"
    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()
    with Azurite.on_free_ports() as storage:
        settings = ENVIRONMENT | {"AzureWebJobsStorage": storage.connection_string, "DATABASE_URL": url}
        with RunningHost(PROJECT, settings, log_file=tmp_path / "host.log") as host:
            yield host


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.azurite
def test_event_goes_all_the_way_through_the_running_app(running: RunningHost) -> None:
    """Twice in a row: the second event is a new one, and is found as such."""
    with requests.Session() as session:
        for _ in range(2):
            times = Smoke(running.base_url, LOCAL_KEY, session, pause=0.1).run()
            assert set(times) == {"awake", "accepted", "arrived"}


class Pretend:
    """An app that answers what it is told to."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"health": Answer(200), "contact": Answer(202, {}), "contacts": Answer(200, {"items": []})} | answers
        self.sent: list[Any] = []

    def request(self, method: str, url: str, **options: Any) -> Answer:
        name = url.rstrip("/").rsplit("/", 1)[-1]
        if options.get("json"):
            self.sent.append(options["json"])
        answer = self.answers[name]
        return answer(options) if callable(answer) else answer


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Against the pretended app time passes by the pauses that are asked for."""
    if "running" not in request.fixturenames:
        now = [0.0]
        monkeypatch.setattr(azure.time, "monotonic", lambda: now[0])
        monkeypatch.setattr(azure.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


def test_app_that_does_not_wake_up_is_reported() -> None:
    """A refused connection is waited out for five minutes, then named."""

    def refuse(_options: Any) -> Answer:
        raise requests.ConnectionError("refused")

    with pytest.raises(DeployError, match=r"/health does not answer.*#unavailable"):
        Smoke("https://x", "k", Pretend(health=refuse)).run()


def test_wrong_key_is_reported_with_the_answer() -> None:
    """The webhook's own words are shown."""
    with pytest.raises(DeployError, match=r"answered 401.*unauthorized"):
        Smoke("https://x", "k", Pretend(contact=Answer(401, {"reason": "unauthorized"}))).run()


def test_event_that_gets_lost_is_reported_with_where_to_look() -> None:
    """Accepted but not in the record: the queue, the dead letters and the runbook are named."""
    with pytest.raises(DeployError, match=r"accepted but is not in our record.*manychat-contact-queue.*#queue-age"):
        Smoke("https://x", "k", Pretend()).run()


def test_event_of_an_earlier_deployment_does_not_count() -> None:
    """The test person is there already; only the event just sent proves anything."""
    old = {"items": [{"last_event_at": "2020-01-01T00:00:00Z"}]}
    with pytest.raises(DeployError, match="not in our record"):
        Smoke("https://x", "k", Pretend(contacts=Answer(200, old))).run()


def test_database_that_wakes_up_meanwhile_is_waited_for() -> None:
    """A 503 of the API is no verdict."""
    answers = iter(
        [Answer(503, {}), Answer(200, {"items": [{"last_event_at": datetime.now(UTC).replace(year=2099).isoformat()}]})]
    )
    app = Pretend(contacts=lambda _options: next(answers))
    Smoke("https://x", "k", app).run()
    assert app.sent[0]["manychat_id"] == PERSON


def test_command_ends_with_an_error_where_the_test_fails(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """The hook, and with it `azd deploy` and the pipeline, fail."""
    monkeypatch.setenv("PUENTE_SMOKE_KEY", "k")
    monkeypatch.setattr("sys.argv", ["smoke", "https://x/"])
    monkeypatch.setattr(requests, "Session", lambda: Pretend(contact=Answer(500, {})))
    assert smoke.main() == 1
    assert "smoke test failed: the webhook answered 500" in capsys.readouterr().out


def test_outputs_become_shell_lines() -> None:
    """Without azd the next steps read the template's outputs as variables, quoted for the shell."""
    from deploy.outputs import exports
    from tests.infra.pretend_azure import PretendAzure

    path = "/subscriptions/s/providers/Microsoft.Resources/deployments/puente"
    outputs = {"azurE_RESOURCE_GROUP": {"value": "rg it's"}, "azurE_PRIVATE_NETWORK": {"value": True}}
    pretend = PretendAzure(resources={path: {"properties": {"outputs": outputs}}})
    assert exports(pretend.azure(), "s", "puente") == [
        "export AZURE_PRIVATE_NETWORK=true",
        "export AZURE_RESOURCE_GROUP='rg it'\"'\"'s'",
    ]
    with pytest.raises(DeployError, match="no deployment called other"):
        exports(pretend.azure(), "s", "other")
