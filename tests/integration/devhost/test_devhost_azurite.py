"""Azurite starts, keeps what it should, and says clearly why it cannot."""

from pathlib import Path

import pytest
from azure.storage.queue import QueueServiceClient

from devhost.azurite import Azurite, AzuriteError

pytestmark = pytest.mark.slow


def test_answers_as_soon_as_start_returns() -> None:
    """A client with the connection string works at once, without retries, and nothing listens after stop."""
    azurite = Azurite.on_free_ports()
    with azurite, QueueServiceClient.from_connection_string(azurite.connection_string, retry_total=0) as client:
        client.create_queue("first").close()
        assert [queue.name for queue in client.list_queues()] == ["first"]
    assert azurite.process is None


def test_keeps_its_data_in_its_location(tmp_path: Path) -> None:
    """What was stored is there after a stop and a start on the same folder."""
    azurite = Azurite.on_free_ports(location=tmp_path)
    for expected in (["kept"], ["again", "kept"]):
        with azurite, QueueServiceClient.from_connection_string(azurite.connection_string, retry_total=0) as client:
            client.create_queue(({"kept", "again"} & set(expected) - {q.name for q in client.list_queues()}).pop()).close()
            assert [queue.name for queue in client.list_queues()] == expected
    assert (tmp_path / "azurite.log").exists()


def test_says_that_it_is_not_installed(tmp_path: Path) -> None:
    """A missing program names the command that installs it."""
    with pytest.raises(AzuriteError, match="npm ci"):
        Azurite(executable=tmp_path / "azurite").start()


def test_says_that_node_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that runs it is named, instead of an exit code."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AzuriteError, match=r"Node\.js was not found"):
        Azurite.on_free_ports().start()


def test_refuses_a_port_that_is_taken() -> None:
    """A second Azurite on the same port fails at once instead of talking to the first."""
    with Azurite.on_free_ports() as first, pytest.raises(AzuriteError, match=f"Port {first.queue_port} "):
        Azurite(queue_port=first.queue_port, blob_port=_other(), table_port=_other()).start()


def _other() -> int:
    return Azurite.on_free_ports().blob_port
