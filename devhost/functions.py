"""From the worker's raw bindings to functions that the host can run, or the reason why one of them cannot be."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from devhost.hostjson import HostOptions
from devhost.ncrontab import Schedule, ScheduleError, parse_schedule
from devhost.routes import RouteError, Template, parse_template
from devhost.rpc import RpcFunctionMetadata
from devhost.settings import Settings, SettingsError
from devhost.storage import Account, find_account

_FUNCTION_NAME = re.compile(r"(?!host$)[a-z][a-z0-9_-]{0,127}", re.IGNORECASE)
_BINDING_NAME = re.compile(r"\$return|(?!.*__)[a-zA-Z][a-zA-Z0-9_]{0,127}")
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
HOST_STORAGE = "Storage"  # AzureWebJobsStorage


class FunctionError(ValueError):
    """One function cannot be run; the others can."""


@dataclass(frozen=True, kw_only=True)
class HttpTrigger:
    """A route, the methods it takes (None: all) and who may call it."""

    name: str
    route: str
    template: Template
    methods: frozenset[str] | None
    auth_level: str


@dataclass(frozen=True, kw_only=True)
class QueueTrigger:
    """A queue to listen on. `binary`: the function wants the body as bytes."""

    name: str
    queue: str
    account: Account
    binary: bool


@dataclass(frozen=True, kw_only=True)
class TimerTrigger:
    """A schedule. `account` is where its lock is, and its status, if that `is_monitored`."""

    name: str
    expression: str
    schedule: Schedule
    run_on_startup: bool
    account: Account
    is_monitored: bool


@dataclass(frozen=True, kw_only=True)
class QueueOutput:
    """A queue that the function's output binding `name` writes to."""

    name: str
    queue: str
    account: Account


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function that the host can run."""

    name: str
    id: str
    trigger: HttpTrigger | QueueTrigger | TimerTrigger
    outputs: Mapping[str, QueueOutput]
    bindings: tuple[Mapping[str, Any], ...]
    disabled: bool = False
    retry: SimpleNamespace | None = None


def load_functions(
    found: Iterable[RpcFunctionMetadata], settings: Settings, options: HostOptions
) -> tuple[list[Function], list[str]]:
    """The functions to run, in the host's order (by name), and a sentence for each one that cannot be."""
    functions: list[Function] = []
    in_order = sorted(found, key=lambda metadata: metadata.name.upper())
    wanted = {metadata.name.lower() for metadata in in_order} if options.functions is None else options.functions
    missing = wanted - {metadata.name.lower() for metadata in in_order}
    problems = [f"There is no function '{name}' to load." for name in sorted(missing)]
    for metadata in in_order:
        if metadata.name.lower() not in wanted:
            continue
        try:
            function = _load(metadata, settings, options)
            _refuse_taken_route(function, functions)
        except (FunctionError, SettingsError, RouteError, ScheduleError) as error:
            problems.append(f"Function '{metadata.name}' is not loaded: {error}.")
        else:
            functions.append(function)
    return functions, problems


def _load(metadata: RpcFunctionMetadata, settings: Settings, options: HostOptions) -> Function:
    if not _FUNCTION_NAME.fullmatch(metadata.name):
        raise FunctionError("its name must be letters, digits, '_' and '-', begin with a letter and not be 'host'")
    bindings = tuple(_resolved(json.loads(text), settings) for text in metadata.raw_bindings)
    for binding in bindings:
        if not _BINDING_NAME.fullmatch(str(binding.get("name"))):
            raise FunctionError(f"binding name '{binding.get('name')}' must be letters, digits and single '_'")
    triggers = [binding for binding in bindings if str(binding["type"]).lower().endswith("trigger")]
    outputs = [binding for binding in bindings if binding not in triggers and str(binding["type"]).lower() != "http"]
    if any(str(binding["type"]).lower() != "queue" for binding in outputs):
        raise FunctionError(f"devhost has no binding of type '{outputs[0]['type']}', only http and queue outputs")
    if not options.has_extension_bundle and any(str(binding["type"]).startswith("queue") for binding in bindings):
        raise FunctionError("queue bindings need the extensionBundle in host.json")
    return Function(
        name=metadata.name,
        id=metadata.function_id,
        trigger=_trigger(triggers[0], metadata.name, settings),
        outputs={binding["name"]: _queue_output(binding, settings) for binding in outputs},
        bindings=bindings,
        disabled=_is_disabled(metadata.name, settings),
        retry=metadata.retry_options,
    )


def _resolved(binding: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    return {key: settings.resolve(value) if isinstance(value, str) else value for key, value in binding.items()}


def _is_disabled(name: str, settings: Settings) -> bool:
    return any(
        settings.is_true(form.format(name))
        for form in ("AzureWebJobs.{}.Disabled", "AzureWebJobs_{}_Disabled", "AzureWebJobs:{}:Disabled")
    )


def _trigger(binding: Mapping[str, Any], function: str, settings: Settings) -> HttpTrigger | QueueTrigger | TimerTrigger:
    kind = str(binding["type"]).lower()
    if kind == "httptrigger":
        return _http_trigger(binding, function)
    if kind == "queuetrigger":
        return _queue_trigger(binding, settings)
    if kind == "timertrigger":
        return _timer_trigger(binding, settings)
    raise FunctionError(f"devhost has no trigger of type '{binding['type']}', only HTTP, queue and timer")


def _http_trigger(binding: Mapping[str, Any], function: str) -> HttpTrigger:
    route = str(binding.get("route") or function).strip("/")
    if route.lower().startswith(("admin", "runtime")):
        raise FunctionError(f"its route '{route}' begins with 'admin' or 'runtime', which the host keeps for itself")
    methods = binding.get("methods")
    return HttpTrigger(
        name=binding["name"],
        route=route,
        template=parse_template(route),
        methods=frozenset(str(method).upper() for method in methods) if methods else None,
        auth_level=str(binding.get("authLevel") or "FUNCTION").lower(),
    )


def _queue_trigger(binding: Mapping[str, Any], settings: Settings) -> QueueTrigger:
    return QueueTrigger(
        name=binding["name"],
        queue=_queue_name(binding),
        account=find_account(settings, str(binding.get("connection") or HOST_STORAGE)),
        binary=str(binding.get("dataType")).lower() == "binary",
    )


def _queue_output(binding: Mapping[str, Any], settings: Settings) -> QueueOutput:
    account = find_account(settings, str(binding.get("connection") or HOST_STORAGE))
    return QueueOutput(name=binding["name"], queue=_queue_name(binding), account=account)


def _queue_name(binding: Mapping[str, Any]) -> str:
    name = str(binding.get("queueName")).lower()
    if "{" in name:
        raise FunctionError(f"queue name '{name}' holds a binding expression, which devhost does not evaluate")
    if not _QUEUE_NAME.fullmatch(name):
        raise FunctionError(f"'{name}' is no queue name: 3 to 63 lower-case letters, digits and single hyphens")
    return name


def is_queue_name(name: str) -> bool:
    """Whether a queue may have this name."""
    return _QUEUE_NAME.fullmatch(name) is not None


def _timer_trigger(binding: Mapping[str, Any], settings: Settings) -> TimerTrigger:
    expression = str(binding.get("schedule"))
    schedule = parse_schedule(expression)
    schedule.next_after(datetime.now(UTC))  # raises for one that never comes, such as 30 February
    return TimerTrigger(
        name=binding["name"],
        expression=expression,
        schedule=schedule,
        run_on_startup=bool(binding.get("runOnStartup")),
        account=find_account(settings, HOST_STORAGE),
        is_monitored=binding.get("useMonitor") is not False and not schedule.more_than_once_a_minute,
    )


def _refuse_taken_route(function: Function, earlier: list[Function]) -> None:
    """Two functions may share a template only if they share no method."""
    mine = function.trigger
    if not isinstance(mine, HttpTrigger):
        return
    for other in earlier:
        theirs = other.trigger
        if (
            isinstance(theirs, HttpTrigger)
            and theirs.route.lower() == mine.route.lower()
            and (mine.methods is None or theirs.methods is None or mine.methods & theirs.methods)
        ):
            raise FunctionError(f"its route '{mine.route}' is taken by function '{other.name}' for the same methods")
