"""The life of the process: start, refusal to start, clean stop, crash, restart on change."""

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64EncodePolicy

from devhost.azurite import Azurite, free_port
from devhost.testing import HostError, RunningHost, wait_until
from tests.integration.devhost.notes import Notes

pytestmark = pytest.mark.slow

HOST_JSON = {
    "version": "2.0",
    "extensionBundle": {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"},
    "extensions": {"queues": {"maxPollingInterval": "00:00:00.200"}},
}
HELLO = """
import os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.route("hello")
def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("hello " + os.environ.get("WHO", "world"))


@app.route("other")
def other(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("other")
"""
MAIN = Path(__file__).parent / "apps" / "main"


def app_of(folder: Path, source: str | None = HELLO, **host_json: object) -> Path:
    """An app folder with this `function_app.py`."""
    folder.mkdir(exist_ok=True)
    (folder / "host.json").write_text(json.dumps(HOST_JSON | host_json))
    if source is not None:
        (folder / "function_app.py").write_text(source)
    return folder


def get(host: RunningHost, path: str, **headers: str) -> tuple[int, str]:
    answer = requests.get(host.base_url + path, headers=headers, timeout=30)
    return answer.status_code, answer.text


def send(azurite: Azurite, queue: str, text: str) -> None:
    with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        if queue not in [found.name for found in service.list_queues()]:
            service.create_queue(queue).close()
        with service.get_queue_client(queue, message_encode_policy=TextBase64EncodePolicy()) as client:
            client.send_message(text)


def count(azurite: Azurite, queue: str) -> int:
    with (
        QueueServiceClient.from_connection_string(azurite.connection_string) as service,
        service.get_queue_client(queue) as client,
    ):
        return int(client.get_queue_properties().approximate_message_count)


@pytest.fixture
def own_notes(tmp_path: Path) -> Notes:
    """Those of a host that a test starts for itself."""
    return Notes(tmp_path / "notes")


@pytest.fixture
def own_host(devhost_azurite: Azurite, own_notes: Notes, tmp_path: Path) -> Iterator[RunningHost]:
    """`apps/main` with only its slow functions, for a test to start and stop as it likes. Leases last two seconds."""
    environment = {
        "AzureWebJobsStorage": devhost_azurite.connection_string,
        "SLOW_QUEUE": "own-slow",
        "NOTES": str(own_notes.path),
        "DEVHOST_QUEUE_LEASE_SECONDS": "2",
    }
    arguments = ("--no-reload", "--functions", "slow", "slow_work", "trivial")
    host = RunningHost(MAIN, environment, log_file=tmp_path / "log", arguments=arguments)
    yield host
    if host.process:
        host.kill()


def in_background(host: RunningHost, path: str) -> tuple[threading.Thread, list[tuple[int, str]]]:
    """Make a request that takes its time; the list gets the answer."""
    answers: list[tuple[int, str]] = []

    def ask() -> None:
        with contextlib.suppress(requests.ConnectionError):  # the host went away; there is no answer
            answers.append(get(host, path))

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, answers


def test_a_stop_lets_running_work_end(own_host: RunningHost, own_notes: Notes, devhost_azurite: Azurite) -> None:
    """On SIGTERM a request gets its answer and a message is finished and deleted; nothing new is taken; exit code 0."""
    own_host.start()
    send(devhost_azurite, "own-slow", "1.5")
    thread, answers = in_background(own_host, "/slow/3")
    wait_until(lambda: own_notes.of("slow") and own_notes.of("slow_work"))
    assert own_host.stop() == 0
    thread.join()
    assert answers == [(200, "at last")]
    assert own_notes.of("slow_work") == ["began", "ended"]
    assert count(devhost_azurite, "own-slow") == 0
    assert "host - Stopped" in own_host.log


def test_ctrl_c_is_a_clean_stop_too(own_host: RunningHost) -> None:
    """SIGINT, without a traceback."""
    process = own_host.start().process
    assert process
    process.send_signal(signal.SIGINT)
    assert own_host.wait_for_end() == 0
    assert "Traceback" not in own_host.log


def test_a_second_signal_leaves_at_once(own_host: RunningHost, own_notes: Notes) -> None:
    """For whoever does not want to wait for a function that hangs."""
    process = own_host.start().process
    assert process
    thread, answers = in_background(own_host, "/slow/60")
    wait_until(lambda: own_notes.of("slow"))
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: "Stopping" in own_host.log)
    process.send_signal(signal.SIGTERM)
    assert own_host.wait_for_end(10) == 1
    thread.join()
    assert answers == []


def test_a_kill_blocks_nothing_and_loses_nothing(own_host: RunningHost, own_notes: Notes, devhost_azurite: Azurite) -> None:
    """After SIGKILL in the middle of a message the host starts at once on the same port, and the message comes back."""
    own_host.start()
    send(devhost_azurite, "own-slow", "5")
    wait_until(lambda: own_notes.of("slow_work"))
    own_host.kill()
    own_host.start()
    assert get(own_host, "/trivial") == (200, "ok")
    wait_until(lambda: len(own_notes.of("slow_work")) == 2)
    assert [note["dequeue_count"] for note in own_notes.all("slow_work")] == [1, 2]
    wait_until(lambda: own_notes.of("slow_work") == ["began", "began", "ended"])
    wait_until(lambda: count(devhost_azurite, "own-slow") == 0)


def test_running_means_that_every_listener_runs(tmp_path: Path) -> None:
    """Without storage the host answers HTTP and says why it is not Running; it gets there when storage comes."""
    azurite = Azurite.on_free_ports()
    environment = {"AzureWebJobsStorage": azurite.connection_string, "SLOW_QUEUE": "own-slow"}
    arguments = ("--no-reload", "--functions", "trivial", "slow_work", "yearly")
    host = RunningHost(MAIN, environment, log_file=tmp_path / "log", arguments=arguments)
    host.start(wait=False)
    try:
        wait_until(lambda: "Cannot read queue own-slow" in host.log and "Timer yearly cannot start yet" in host.log)
        assert get(host, "/trivial") == (200, "ok")
        assert host.state() == "Starting"
        with azurite:
            host.wait_until_running()
            assert host.stop() == 0
    finally:
        host.kill()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("def broken(:", "SyntaxError"),
        ("import sys; sys.exit(3)", "sys.exit(3)"),
        ("x = 1", "Could not find top level function app instances"),
        (HELLO.replace("req: func.HttpRequest)", "req: func.HttpRequest, extra: int = 0)"), "extra"),
        (None, "There is no function_app.py in"),
    ],
)
def test_an_app_that_cannot_be_indexed(tmp_path: Path, source: str | None, reason: str) -> None:
    """The reason is printed and the exit code is 1."""
    host = RunningHost(app_of(tmp_path / "app", source), log_file=tmp_path / "log")
    with pytest.raises(HostError, match="ended with code 1"):
        host.start()
    assert "The app cannot start." in host.log
    assert reason in host.log


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    """No host.json, or an encrypted local.settings.json: said, and exit code 1."""
    host = RunningHost(tmp_path, log_file=tmp_path / "log")
    with pytest.raises(HostError, match=r"There is no host\.json"):
        host.start()
    (app_of(tmp_path) / "local.settings.json").write_text("{}")
    with pytest.raises(HostError, match="counts as encrypted"):
        host.start()


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Said with the port, and exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(HostError, match=f"Cannot listen on 127.0.0.1:{port}"):
            RunningHost(app_of(tmp_path / "app"), port=port, log_file=tmp_path / "log").start()


def test_local_settings_prefix_and_subset(tmp_path: Path) -> None:
    """Values of the file reach the app, the default prefix is `api`, and --functions leaves the rest out."""
    app = app_of(tmp_path / "app")
    (app / "local.settings.json").write_text('{"IsEncrypted": false, "Values": {"WHO": "file"}}')
    arguments = ("--no-reload", "--functions", "hello")
    with RunningHost(app, log_file=tmp_path / "log", arguments=arguments) as host:
        assert get(host, "/api/hello") == (200, "hello file")
        assert get(host, "/hello") == (404, "")
        assert get(host, "/api/other") == (404, "")
        assert f"hello: [any method] {host.base_url}/api/hello" in host.log


def test_keys_are_asked_for_when_wanted(tmp_path: Path) -> None:
    """--enable-auth: 401 with an empty body unless the key fits; the admin endpoints want the master key."""
    environment = {"DEVHOST_FUNCTION_KEY": "F", "DEVHOST_MASTER_KEY": "M", "WHO": "env"}
    host = RunningHost(
        app_of(tmp_path / "app"), environment, log_file=tmp_path / "log", arguments=("--no-reload", "--enable-auth")
    )
    host.start(wait=False)
    try:
        wait_until(lambda: "host - Running" in host.log)
        assert get(host, "/api/hello") == (401, "")
        assert get(host, "/api/hello", **{"x-functions-key": "F"}) == (200, "hello env")
        assert get(host, "/api/hello?code=M") == (200, "hello env")
        assert get(host, "/admin/functions?code=F") == (401, "")
        assert get(host, "/admin/functions?code=M")[0] == 200
        assert host.stop() == 0
    finally:
        host.kill()


def test_a_missed_timer_runs_once_after_the_start(devhost_azurite: Azurite, tmp_path: Path, own_notes: Notes) -> None:
    """Its record says that it should have run years ago: it does now, as past due, and at the next start it does not."""
    record = {
        "Last": "2020-06-01T00:00:00+00:00",
        "Next": "2021-01-01T00:00:00+00:00",
        "LastUpdated": "2020-06-01T00:00:00+00:00",
    }
    with BlobServiceClient.from_connection_string(devhost_azurite.connection_string) as blobs:
        container = blobs.get_container_client("azure-webjobs-hosts")
        if not container.exists():
            container.create_container()
        container.upload_blob("timers/pastdue/Host.Functions.yearly/status", json.dumps(record), overwrite=True)
    environment = {
        "AzureWebJobsStorage": devhost_azurite.connection_string,
        "NOTES": str(own_notes.path),
        "AzureFunctionsWebHost__hostid": "pastdue",
    }
    for _ in range(2):
        with RunningHost(MAIN, environment, log_file=tmp_path / "log", arguments=("--no-reload", "--functions", "yearly")):
            wait_until(lambda: own_notes.of("yearly"))
    (seen,) = own_notes.of("yearly")
    assert seen["past_due"] is True
    assert seen["status"]["Next"] == record["Next"]


def test_of_two_hosts_one_runs_a_timer_and_the_other_takes_over_when_it_is_killed(
    devhost_azurite: Azurite, tmp_path: Path
) -> None:
    """Both are Running; the second runs nothing until the lease of the killed one has ended, and then all."""
    environment = {
        "AzureWebJobsStorage": devhost_azurite.connection_string,
        "AzureFunctionsWebHost__hostid": "two",
        "DEVHOST_TIMER_LEASE_SECONDS": "15",
        "DEVHOST_TIMER_LOOK_SECONDS": "1",
    }
    notes = [Notes(tmp_path / f"notes{number}") for number in range(2)]
    first, second = (
        RunningHost(
            MAIN,
            environment | {"NOTES": str(note.path)},
            log_file=tmp_path / f"log{number}",
            arguments=("--no-reload", "--functions", "every_second"),
        )
        for number, note in enumerate(notes)
    )
    with second:  # stopped at the end, the first being dead by then
        with first:
            pass  # stopped politely, it gives the lock back: the next to look has it
        wait_until(lambda: notes[1].of("every_second"), 10)
        first.start()
        before = len(notes[0].of("every_second"))
        wait_until(lambda: len(notes[1].of("every_second")) >= 3)
        assert len(notes[0].of("every_second")) == before
        second.kill()
        killed = time.time()
        try:
            wait_until(lambda: len(notes[0].of("every_second")) > before, 30)
            assert notes[0].of("every_second")[before]["at"] - killed > 5
        finally:
            first.stop()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_change_starts_the_host_anew(tmp_path: Path) -> None:
    """Also after a change that breaks the app, once it is mended; a stop ends supervisor and host."""
    app = app_of(tmp_path / "app")
    host = RunningHost(app, log_file=tmp_path / "log", arguments=("--reload",))
    with host:
        assert get(host, "/api/hello") == (200, "hello world")
        (app / "function_app.py").write_text(HELLO.replace('"hello "', '"goodbye "'))
        wait_until(lambda: "Starting anew" in host.log and host.state() == "Running")
        assert get(host, "/api/hello") == (200, "goodbye world")
        (app / "function_app.py").write_text("def broken(:")
        wait_until(lambda: "Waiting for a file to change" in host.log)
        (app / "function_app.py").write_text(HELLO)
        wait_until(lambda: host.log.count("host - Running") == 3)
        assert get(host, "/api/hello") == (200, "hello world")
    assert host.wait_for_end() == 0
    assert is_free(host.port)


def test_a_killed_supervisor_leaves_no_host_behind(tmp_path: Path) -> None:
    """The host notices, stops, and the port is free for the next one."""
    with RunningHost(app_of(tmp_path / "app"), log_file=tmp_path / "log", arguments=("--reload",)) as host:
        host.kill()
        wait_until(lambda: is_free(host.port))


def test_threads_of_the_app_do_not_keep_a_stopped_host_alive(tmp_path: Path) -> None:
    """A thread that never ends delays the exit by a few seconds, no more."""
    endless = "import threading, time\nthreading.Thread(target=lambda: time.sleep(600)).start()\n"
    with RunningHost(app_of(tmp_path / "app", endless + HELLO), log_file=tmp_path / "log") as host:
        began = time.monotonic()
        assert host.stop() == 0
        assert time.monotonic() - began < 20


def test_helpers_say_what_went_wrong(tmp_path: Path) -> None:
    """A host that never gets to Running is killed, and the error shows its log."""
    hanging = RunningHost(app_of(tmp_path / "app", "import time\ntime.sleep(600)"), port=free_port(), log_file=tmp_path / "log")
    hanging.start(wait=False)
    with pytest.raises(HostError, match=r"did not get to Running in 0\.5 s"):
        hanging.wait_until_running(0.5)
    assert hanging.process
    assert hanging.process.returncode == -signal.SIGKILL
