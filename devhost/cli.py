"""`python -m devhost`: the command line, and the life of the process."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from devhost import log
from devhost.host import Host, Place, PortError, describe, keys_from
from devhost.hostjson import read_host_json
from devhost.reload import supervise
from devhost.settings import Settings, SettingsError, apply_to_environment, read_local_settings
from devhost.worker import IndexingError

logger = logging.getLogger("devhost")

DEFAULT_PORT = 7071
DEFAULT_ADDRESS = "127.0.0.1"
PARENT_CHECK_SECONDS = 1.0
LEAVE_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code. 0 after a clean stop, 1 when the app or its settings cannot be used."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(arguments)
    if options.reload:
        return supervise([*arguments, "--no-reload"], options.app_dir.resolve())
    try:
        return asyncio.run(_run(options))
    except (SettingsError, IndexingError, PortError) as error:
        print(f"\nThe app cannot start. {error}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:  # while the app was still being imported
        print("\nInterrupted.", file=sys.stderr, flush=True)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devhost", description="Runs a Function App on this machine.")
    parser.add_argument("--app-dir", type=Path, default=Path(), help="the folder with host.json and function_app.py")
    parser.add_argument("--port", type=int, help=f"default: local.settings.json, else {DEFAULT_PORT}")
    parser.add_argument("--host-address", help=f"default: local.settings.json, else {DEFAULT_ADDRESS}")
    parser.add_argument(
        "--reload", action=argparse.BooleanOptionalAction, default=True, help="start anew when a source file changes"
    )
    parser.add_argument("--functions", nargs="+", metavar="NAME", help="run only these")
    parser.add_argument("--enable-auth", action="store_true", help="ask for function keys, as Azure does")
    return parser


async def _run(options: argparse.Namespace) -> int:
    """Start the host and wait for a signal."""
    app_dir: Path = options.app_dir.resolve()
    local = read_local_settings(app_dir)
    address = options.host_address or local.address or DEFAULT_ADDRESS
    port = options.port if options.port is not None else local.port or DEFAULT_PORT
    for index, name in enumerate(options.functions or []):
        os.environ[f"AzureFunctionsJobHost__functions__{index}"] = name
    apply_to_environment(local, os.environ, app_dir=app_dir, address=f"{address}:{port}")
    settings = Settings(os.environ)
    host_options = read_host_json(app_dir, settings)
    log.configure(host_options.log_level)
    os.chdir(app_dir)
    keys = keys_from(settings) if options.enable_auth else None
    host = Host(Place(app_dir=app_dir, address=address, port=port, keys=keys), settings, host_options)
    stop = asyncio.Event()
    # Before the app is loaded, which may listen for the signal as well: its handler then comes on top of ours.
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _on_signal, stop)
    problems = await host.start()
    _announce(host, problems)
    return await _serve(host, stop)


async def _serve(host: Host, stop: asyncio.Event) -> int:
    watch = asyncio.create_task(_stop_with_parent(stop))
    running = asyncio.create_task(_announce_running(host))
    await stop.wait()
    watch.cancel()
    running.cancel()
    logger.info("Stopping: no new work is taken, what runs may end")
    if not await host.stop():
        logger.warning("Stopped with functions still running; their messages return when their leases end")
        _exit_at_once(0)  # threads of sync functions cannot be stopped, and would be waited for
    logger.info("Stopped")
    # An app's own threads must not keep a stopped host alive.
    last_word = threading.Timer(LEAVE_SECONDS, _exit_at_once, (0,))
    last_word.daemon = True
    last_word.start()
    return 0


def _on_signal(stop: asyncio.Event) -> None:
    if stop.is_set():
        logger.warning("Second signal: leaving at once")
        _exit_at_once(1)
    stop.set()


def _exit_at_once(code: int) -> None:
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


async def _announce_running(host: Host) -> None:
    await host.wait_until_running()
    logger.info("Running")


async def _stop_with_parent(stop: asyncio.Event) -> None:
    """A host under the reloader must not outlive it, or it would hold the port: a killed parent leaves us another one."""
    parent = os.getppid()
    while os.environ.get("DEVHOST_SUPERVISED"):
        await asyncio.sleep(PARENT_CHECK_SECONDS)
        if os.getppid() != parent:
            stop.set()
            return


def _announce(host: Host, problems: list[str]) -> None:
    base_url = host.place.base_url + (f"/{host.options.route_prefix}" if host.options.route_prefix else "")
    if host.functions:
        print("\nFunctions:\n")
        for function in host.functions:
            print(f"  {describe(function, base_url)}")
        print(flush=True)
    else:
        logger.warning("No functions found")
    if host.place.keys:
        print(f"  Function key: {host.place.keys.function}\n  Master key: {host.place.keys.master}\n", flush=True)
    for problem in problems:
        logger.error(problem)
