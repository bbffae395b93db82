"""What `host.json` says, with the `AzureFunctionsJobHost__a__b` overrides, checked and typed."""

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from devhost.settings import Settings, SettingsError, read_json_object

_TIME_SPAN = re.compile(r"(?:(?P<d>\d+)\.)?(?P<h>\d{1,2}):(?P<m>\d{1,2})(?::(?P<s>\d{1,2}(?:\.\d{1,7})?))?")
LOG_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}


@dataclass(frozen=True, kw_only=True)
class QueueOptions:
    """`extensions.queues`; times in seconds."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: float = 0.0
    max_polling_interval: float = 60.0
    base64: bool = True


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """The part of `host.json` that devhost obeys. `functions` None means all."""

    route_prefix: str = "api"
    queues: QueueOptions = QueueOptions()
    functions: frozenset[str] | None = None
    has_extension_bundle: bool = False
    log_level: int = logging.INFO


def read_host_json(app_dir: Path, settings: Settings) -> HostOptions:
    """Read and check it. Raises SettingsError, as the host refuses to start as well, naming the option at fault."""
    path = app_dir / "host.json"
    if not path.exists():
        raise SettingsError(f"There is no host.json in {app_dir}: this is not the folder of a Function App.")
    tree = _lower_keys(read_json_object(path))
    for name, value in settings.under("AzureFunctionsJobHost").items():
        _put(tree, name.split(":"), value)
    if str(tree.get("version")) != "2.0":
        raise SettingsError('host.json must say "version": "2.0".')
    functions = _list(tree.get("functions"))
    return HostOptions(
        route_prefix=str(_at(tree, "extensions", "http", "routeprefix", default="api")).strip("/"),
        queues=_queue_options(_at(tree, "extensions", "queues", default={})),
        functions=frozenset(name.lower() for name in functions) if functions else None,
        has_extension_bundle=bool(_at(tree, "extensionbundle", "id", default=None)),
        log_level=_log_level(_at(tree, "logging", "loglevel", "default", default="Information")),
    )


def _queue_options(section: Mapping[str, Any]) -> QueueOptions:
    batch_size = _whole(section, "batchSize", 16, lowest=1, highest=32)
    encoding = str(section.get("messageencoding", "base64")).lower()
    if encoding not in {"base64", "none"}:
        raise SettingsError(f"host.json: queues.messageEncoding must be base64 or none, not '{encoding}'.")
    polling = _seconds(section, "maxPollingInterval", "00:01:00")
    if polling < 0.1:  # noqa: PLR2004  # the host's own limit, named in the message
        raise SettingsError("host.json: queues.maxPollingInterval must be at least 00:00:00.1.")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=_whole(section, "newBatchThreshold", batch_size // 2 * (os.cpu_count() or 1), lowest=0),
        max_dequeue_count=_whole(section, "maxDequeueCount", 5, lowest=1),
        visibility_timeout=_seconds(section, "visibilityTimeout", "00:00:00"),
        max_polling_interval=polling,
        base64=encoding == "base64",
    )


def _whole(section: Mapping[str, Any], name: str, default: int, *, lowest: int, highest: int | None = None) -> int:
    value = section.get(name.lower(), default)
    try:
        number = int(str(value))
    except ValueError:
        raise SettingsError(f"host.json: queues.{name} must be a whole number, not '{value}'.") from None
    if number < lowest or (highest is not None and number > highest):
        raise SettingsError(f"host.json: queues.{name} is {number}, outside {lowest}..{highest or 'no limit'}.")
    return number


def _seconds(section: Mapping[str, Any], name: str, default: str) -> float:
    text = str(section.get(name.lower(), default))
    try:
        return parse_time_span(text).total_seconds()
    except ValueError:
        raise SettingsError(f"host.json: queues.{name} must look like hh:mm:ss, not '{text}'.") from None


def parse_time_span(text: str) -> timedelta:
    """A .NET TimeSpan: `[d.]hh:mm[:ss[.fff]]`, or a bare number of days. Raises ValueError for anything else."""
    if text.isdecimal():
        return timedelta(days=int(text))
    match = _TIME_SPAN.fullmatch(text)
    if not match or int(match["h"]) > 23 or int(match["m"]) > 59 or float(match["s"] or 0) >= 60:  # noqa: PLR2004  # a clock
        raise ValueError(f"'{text}' is not a time span")
    return timedelta(days=int(match["d"] or 0), hours=int(match["h"]), minutes=int(match["m"]), seconds=float(match["s"] or 0))


def _log_level(name: Any) -> int:
    level = LOG_LEVELS.get(str(name).lower())
    if level is None:
        raise SettingsError(f"host.json: logging.logLevel.default is '{name}', which is no log level.")
    return level


def _lower_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.lower(): _lower_keys(item) for key, item in value.items()}
    return value


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    """Set one override. A list becomes a mapping by index first, as .NET configuration holds it."""
    *parents, last = path
    for name in parents:
        below = tree.get(name)
        if isinstance(below, list):
            below = {str(index): item for index, item in enumerate(below)}
        tree[name] = below if isinstance(below, dict) else {}
        tree = tree[name]
    tree[last] = value


def _at(tree: Mapping[str, Any], *path: str, default: Any) -> Any:
    value: Any = tree
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return default if value is None else value


def _list(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [str(value[key]) for key in sorted(value, key=str)]
    return [str(item) for item in value or []]
