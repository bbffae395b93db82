"""What the host makes of the worker's functions, and which it leaves out and why."""

import json
from typing import Any

import pytest

from devhost.functions import Function, HttpTrigger, QueueTrigger, TimerTrigger, load_functions
from devhost.host import describe
from devhost.hostjson import HostOptions
from devhost.rpc import RpcFunctionMetadata
from devhost.settings import Settings

STORAGE = "AccountName=local;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:1/local;BlobEndpoint=http://127.0.0.1:2/local"
BUNDLED = HostOptions(has_extension_bundle=True)

HTTP_OUT = {"type": "http", "direction": "OUT", "name": "$return"}


def http(**fields: Any) -> dict[str, Any]:
    return {"type": "httpTrigger", "direction": "IN", "name": "req", "authLevel": "ANONYMOUS"} | fields


def queue(**fields: Any) -> dict[str, Any]:
    return {"type": "queueTrigger", "direction": "IN", "name": "msg", "queueName": "work", "connection": "Storage"} | fields


def timer(**fields: Any) -> dict[str, Any]:
    return {"type": "timerTrigger", "direction": "IN", "name": "timer", "schedule": "0 0 * * * *"} | fields


def queue_out(**fields: Any) -> dict[str, Any]:
    return {"type": "queue", "direction": "OUT", "name": "out", "queueName": "sent", "connection": "Storage"} | fields


def metadata(name: str, *bindings: dict[str, Any]) -> RpcFunctionMetadata:
    raw = [json.dumps(binding) for binding in bindings]
    return RpcFunctionMetadata(name=name, function_id=name, raw_bindings=raw, retry_options=None)


def load(
    *found: RpcFunctionMetadata, options: HostOptions = BUNDLED, **environment: str
) -> tuple[dict[str, Function], list[str]]:
    settings = Settings({"AzureWebJobsStorage": STORAGE} | environment)
    functions, problems = load_functions(found, settings, options)
    return {function.name: function for function in functions}, problems


def test_triggers_and_outputs_are_understood() -> None:
    """Names are resolved, connections found, queue names lower-cased."""
    functions, problems = load(
        metadata("web", http(route="/a/{id}", methods=["GET", "post"]), HTTP_OUT, queue_out(queueName="Sent-%ENV%")),
        metadata("worker", queue(queueName="%QUEUE%", dataType="BINARY")),
        metadata("clock", timer(schedule="%WHEN%", runOnStartup=True)),
        metadata("often", timer(schedule="*/5 * * * * *")),
        QUEUE="jobs",
        WHEN="0 0 9 * * 1-5",
        ENV="dev",
    )
    assert problems == []
    web, worker, clock = (functions[name].trigger for name in ("web", "worker", "clock"))
    assert isinstance(web, HttpTrigger)
    assert (web.route, web.methods, web.auth_level) == ("a/{id}", {"GET", "POST"}, "anonymous")
    assert functions["web"].outputs["out"].queue == "sent-dev"
    assert isinstance(worker, QueueTrigger)
    assert (worker.queue, worker.binary, worker.account.name) == ("jobs", True, "local")
    assert isinstance(clock, TimerTrigger)
    assert clock.run_on_startup
    assert (clock.account.name, clock.is_monitored) == ("local", True)
    often = functions["often"].trigger
    assert isinstance(often, TimerTrigger)
    assert not often.is_monitored  # fires more than once a minute, so no status is kept


def test_functions_are_in_the_hosts_order() -> None:
    """Sorted by name, upper case before the underscore, whatever the order in the file."""
    functions, _ = load(*(metadata(name, http(route=name)) for name in ("b", "a_z", "C", "ab")))
    assert list(functions) == ["ab", "a_z", "b", "C"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (metadata("1st", http()), "its name must be"),
        (metadata("Host", http()), "its name must be"),
        (metadata("f", http(name="my__arg")), "binding name 'my__arg'"),
        (metadata("f", http(route="Admin/x")), "begins with 'admin' or 'runtime'"),
        (metadata("f", http(route="runtimes")), "begins with 'admin' or 'runtime'"),
        (metadata("f", http(route="{id:nonsense}")), "is no constraint"),
        (metadata("f", queue(queueName="No_Queue")), "is no queue name"),
        (metadata("f", queue(queueName="ab")), "is no queue name"),
        (metadata("f", queue(queueName="x{id}")), "binding expression"),
        (metadata("f", queue(connection="Other")), "neither AzureWebJobsOther nor Other"),
        (metadata("f", queue(connection="Identity")), "uses an identity"),
        (metadata("f", queue(connection="Broken")), "no connection string"),
        (metadata("f", queue(queueName="%MISSING%")), "does not resolve"),
        (metadata("f", timer(schedule="every day")), "fields"),
        (metadata("f", timer(schedule="0 0 0 30 2 *")), "no day"),
        (metadata("f", {"type": "blobTrigger", "name": "blob"}), "no trigger of type 'blobTrigger'"),
        (metadata("f", http(), {"type": "blob", "name": "blob"}), "no binding of type 'blob'"),
    ],
)
def test_a_broken_function_is_left_out_alone(broken: RpcFunctionMetadata, reason: str) -> None:
    """Its neighbours are loaded, and one sentence says what is wrong with it."""
    functions, problems = load(
        metadata("good", http()), broken, Identity__queueServiceUri="https://x", Broken="AccountName=only"
    )
    assert list(functions) == ["good"]
    assert len(problems) == 1
    assert reason in problems[0]


def test_a_taken_route_goes_to_the_first_by_name() -> None:
    """Same template and a method in common: the later one is left out. No method in common: both stay."""
    functions, problems = load(
        metadata("b_any", http(route="X/{id}/")),
        metadata("a_get", http(route="x/{id}", methods=["GET"])),
        metadata("c_put", http(route="x/{id}", methods=["PUT"])),
    )
    assert list(functions) == ["a_get", "c_put"]
    assert "taken by function 'a_get'" in problems[0]


def test_queues_need_the_extension_bundle() -> None:
    """Without it the real host knows HTTP and timers only."""
    functions, problems = load(metadata("q", queue()), metadata("h", http()), options=HostOptions())
    assert list(functions) == ["h"]
    assert "extensionBundle" in problems[0]


def test_only_the_chosen_functions_are_loaded() -> None:
    """By name in any case; a name that does not exist is reported."""
    options = HostOptions(functions=frozenset({"one", "three"}))
    functions, problems = load(metadata("One", http(route="1")), metadata("Two", http(route="2")), options=options)
    assert list(functions) == ["One"]
    assert problems == ["There is no function 'three' to load."]


@pytest.mark.parametrize(
    "name", ["AzureWebJobs.Worker.Disabled", "AzureWebJobs_worker_Disabled", "AzureWebJobs__Worker__Disabled"]
)
def test_a_function_can_be_switched_off(name: str) -> None:
    """By each way to spell the setting; it stays known."""
    functions, problems = load(metadata("Worker", queue()), **{name: "true"})
    assert functions["Worker"].disabled
    assert problems == []


def test_the_table_names_url_queue_or_schedule() -> None:
    """What a person needs in order to try a function."""
    functions, _ = load(metadata("web", http(methods=["GET"])), metadata("q", queue()), metadata("t", timer()))
    lines = [describe(functions[name], "http://127.0.0.1:7071") for name in ("web", "q", "t")]
    assert lines == ["web: [GET] http://127.0.0.1:7071/web", "q: queue work", "t: timer 0 0 * * * * (UTC)"]
