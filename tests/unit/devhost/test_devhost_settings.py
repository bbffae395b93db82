"""App settings and host.json: who wins, what is refused, and that the refusal says why."""

import json
import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost.host import host_id, lease_seconds
from devhost.hostjson import HostOptions, QueueOptions, parse_time_span, read_host_json
from devhost.settings import LocalSettings, Settings, SettingsError, apply_to_environment, read_local_settings


def write(folder: Path, name: str, document: Any) -> Path:
    (folder / name).write_text(json.dumps(document))
    return folder


def host_options(folder: Path, document: dict[str, Any], **environment: str) -> HostOptions:
    return read_host_json(write(folder, "host.json", {"version": "2.0"} | document), Settings(environment))


def test_local_settings_are_read(tmp_path: Path) -> None:
    """Values, connection strings, port and address come from the file; a null value counts as not given."""
    document = {"IsEncrypted": False, "Values": {"A": "1", "B": None, "C": ""}, "ConnectionStrings": {"Db": "x"}}
    local = read_local_settings(write(tmp_path, "local.settings.json", document | {"Host": {"LocalHttpPort": 7099}}))
    assert local == LocalSettings(values={"A": "1", "C": "", "ConnectionStrings:Db": "x"}, port=7099)


def test_no_local_settings_file_is_fine(tmp_path: Path) -> None:
    """Everything may come from the environment."""
    assert read_local_settings(tmp_path) == LocalSettings()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"Values": {"A": "1"}}', "counts as encrypted"),
        ('{"IsEncrypted": true}', "counts as encrypted"),
        ('{"IsEncrypted": false, "Values": {"A": 1}}', "strings only, these are not: A"),
        ('{"IsEncrypted": false, "Values": ["A"]}', "Values must be an object"),
        ("[]", "must hold a JSON object"),
        ("{", "not valid JSON"),
    ],
)
def test_unusable_local_settings_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    """The reason names the file's own trouble."""
    (tmp_path / "local.settings.json").write_text(text)
    with pytest.raises(SettingsError, match=reason):
        read_local_settings(tmp_path)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A variable that is set stays; an empty one is filled; what `func start` adds is added."""
    environment = {"SET": "env", "EMPTY": ""}
    local = LocalSettings(values={"SET": "file", "EMPTY": "file", "NEW": "file", "AZURE_FUNCTIONS_ENVIRONMENT": "Production"})
    apply_to_environment(local, environment, app_dir=tmp_path, address="127.0.0.1:7071")
    assert environment == {
        "SET": "env",
        "EMPTY": "file",
        "NEW": "file",
        "WEBSITE_HOSTNAME": "127.0.0.1:7071",
        "AzureWebJobsScriptRoot": str(tmp_path),
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    }


def test_another_runtime_is_refused(tmp_path: Path) -> None:
    """An app for Node is told so at once."""
    with pytest.raises(SettingsError, match="node"):
        apply_to_environment(LocalSettings(), {"FUNCTIONS_WORKER_RUNTIME": "node"}, app_dir=tmp_path, address="")


def test_names_of_settings_are_found_whatever_their_case() -> None:
    """And `__` is the same as the nesting `:`."""
    settings = Settings({"Section__Key": "1", "FLAG": "True"})
    assert settings.get("section:KEY") == "1"
    assert settings.is_true("flag")
    assert not settings.is_true("missing")
    assert settings.under("SECTION") == {"key": "1"}


def test_placeholders_are_replaced() -> None:
    """Whole or in part, several in one text."""
    settings = Settings({"A": "x", "B": "y"})
    assert settings.resolve("pre-%A%-%b%") == "pre-x-y"
    assert settings.resolve("nothing to do") == "nothing to do"


@pytest.mark.parametrize(("text", "reason"), [("%MISSING%", "'%MISSING%' does not resolve"), ("50%", "no closing '%'")])
def test_placeholders_that_cannot_be_replaced(text: str, reason: str) -> None:
    """An unset name, or half a placeholder, is an error and not an empty text."""
    with pytest.raises(SettingsError, match=reason):
        Settings({}).resolve(text)


def test_defaults_of_host_json(tmp_path: Path) -> None:
    """An empty host.json gives the host's own defaults; the batch threshold depends on the processors."""
    expected = QueueOptions(new_batch_threshold=8 * (os.cpu_count() or 1))
    assert host_options(tmp_path, {}) == HostOptions(queues=expected)


def test_host_json_is_obeyed_and_overridden_by_the_environment(tmp_path: Path) -> None:
    """Keys in any case; `AzureFunctionsJobHost__a__b` wins, also over an entry of a list."""
    document = {
        "extensions": {"http": {"routePrefix": "/v1/"}, "queues": {"BatchSize": 4, "visibilityTimeout": "00:00:30"}},
        "functions": ["One", "Two"],
        "logging": {"logLevel": {"default": "Warning"}},
        "extensionBundle": {"id": "x"},
    }
    options = host_options(
        tmp_path,
        document,
        AzureFunctionsJobHost__extensions__queues__batchSize="2",
        AzureFunctionsJobHost__functions__1="Three",
        AzureFunctionsJobHost__extensions__queues__messageEncoding="none",
    )
    assert options.route_prefix == "v1"
    assert (options.queues.batch_size, options.queues.visibility_timeout, options.queues.base64) == (2, 30, False)
    assert options.functions == {"one", "three"}
    assert options.log_level == logging.WARNING
    assert options.has_extension_bundle


@pytest.mark.parametrize(
    ("queues", "reason"),
    [
        ({"batchSize": 33}, "batchSize is 33, outside 1..32"),
        ({"batchSize": "many"}, "batchSize must be a whole number"),
        ({"newBatchThreshold": -1}, "newBatchThreshold is -1"),
        ({"maxDequeueCount": 0}, "maxDequeueCount is 0"),
        ({"maxPollingInterval": "00:00:00.05"}, "maxPollingInterval must be at least"),
        ({"visibilityTimeout": "30s"}, "visibilityTimeout must look like hh:mm:ss"),
        ({"messageEncoding": "utf8"}, "messageEncoding must be base64 or none"),
    ],
)
def test_queue_options_out_of_bounds_are_refused(tmp_path: Path, queues: dict[str, Any], reason: str) -> None:
    """The real host does not start with them either."""
    with pytest.raises(SettingsError, match=reason):
        host_options(tmp_path, {"extensions": {"queues": queues}})


def test_a_host_json_of_another_version_is_refused(tmp_path: Path) -> None:
    """So are a missing file and an unknown log level."""
    with pytest.raises(SettingsError, match=r"no host\.json"):
        read_host_json(tmp_path, Settings({}))
    with pytest.raises(SettingsError, match="version"):
        host_options(tmp_path, {"version": "1.0"})
    with pytest.raises(SettingsError, match="Loud"):
        host_options(tmp_path, {"logging": {"logLevel": {"default": "Loud"}}})


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00:02", 2), ("01:30", 5400), ("1.00:00:00", 86400), ("00:00:00.1", 0.1), ("2", 172800)]
)
def test_time_spans(text: str, seconds: float) -> None:
    """As .NET reads them, the bare number of days included."""
    assert parse_time_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "24:00:00", "00:60:00", "00:00:60", "1:2:3:4", "-00:00:01", "2s"])
def test_what_is_no_time_span(text: str) -> None:
    """Nonsense is refused, not guessed."""
    with pytest.raises(ValueError, match="not a time span"):
        parse_time_span(text)


def test_the_lease_can_be_shortened_for_crash_tests() -> None:
    """600 s unless DEVHOST_QUEUE_LEASE_SECONDS says less."""
    assert lease_seconds(Settings({})) == 600
    assert lease_seconds(Settings({"DEVHOST_QUEUE_LEASE_SECONDS": "2"})) == 2
    for wrong in ("0", "601", "two", "-1"):
        with pytest.raises(SettingsError, match="1 to 600"):
            lease_seconds(Settings({"DEVHOST_QUEUE_LEASE_SECONDS": wrong}))


def test_apps_have_host_ids_of_their_own(tmp_path: Path) -> None:
    """The same folder has the same id at every start; a setting overrides it."""
    assert host_id(Settings({}), tmp_path) == host_id(Settings({}), tmp_path)
    assert host_id(Settings({}), tmp_path) != host_id(Settings({}), tmp_path / "other")
    assert len(host_id(Settings({}), tmp_path)) <= 32
    assert host_id(Settings({"AzureFunctionsWebHost__hostid": "Mine"}), tmp_path) == "mine"
