"""A real Odoo 19 for tests, as a command and as a module; docs/testing-odoo.md tells what it needs and where it lives."""

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

from tests.odoo.instance import OdooServer
from tests.odoo.obtain import source_version
from tests.odoo.place import HarnessError, Place, Unobtainable, say

__all__ = ["HarnessError", "OdooServer", "Place", "Unobtainable", "main", "running"]

# `run` and `start` end with this when, and only when, this machine cannot have a real Odoo.
NOT_AVAILABLE = 3


@contextlib.contextmanager
def running(server: OdooServer) -> Iterator[OdooServer]:
    """The server, started if need be; stopped at the end if it was not running before."""
    was_running = server.is_running()
    try:
        server.start()
        yield server
    finally:
        if was_running:
            say("Odoo was running before and stays up")
        else:
            server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit code is 3 when no Odoo can be had, 1 for any other failure."""
    options = _parser().parse_args(arguments)
    # A polite end is an end like Ctrl-C: `run` still stops what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _perform_or_note(OdooServer(Place.from_environment()), options.command, getattr(options, "words", []))
    except HarnessError as error:
        say(f"failed: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


COMMANDS = {
    "start": "bring Odoo up and print its environment",
    "stop": "stop Odoo and its database; keep the files",
    "status": "say whether it runs (exit code 1 if not)",
    "env": "print the environment of the running Odoo, for eval",
    "reset": "make the working database a fresh copy of the seed",
    "pause": "stop Odoo alone, keeping its database up",
    "resume": "start Odoo again on the same port",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.odoo.server", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text)
    run = commands.add_parser("run", help="start, run a command with the environment, stop what was started")
    run.add_argument("words", nargs="+", metavar="-- COMMAND")
    return parser


def _perform_or_note(server: OdooServer, command: str, words: list[str]) -> int:
    """As `_perform`; leaves a file `unavailable` with the reason where there can be no Odoo, for `make` hides exit codes."""
    note = server.place.root / "unavailable"
    note.unlink(missing_ok=True)
    try:
        return _perform(server, command, words)
    except Unobtainable as reason:
        note.write_text(f"{reason}\n")
        sys.stderr.write(_banner(reason))
        return NOT_AVAILABLE


def _perform(server: OdooServer, command: str, words: list[str]) -> int:
    if command == "run":
        return _run(server, words)
    if command not in {"start", "stop", "resume"} and not server.is_running():
        say(f"not running in {server.place.root}")
        return 1
    if command == "status":
        _print(f"Odoo {source_version(server.place)} at {server.url}, PostgreSQL at port {server.cluster.port()}")
    elif command != "env":
        getattr(server, command)()
    if command in {"start", "env"}:
        _print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in server.environment().items()))
    return 0


def _run(server: OdooServer, words: list[str]) -> int:
    with running(server):
        say(f"running {shlex.join(words)}")
        code = subprocess.run(words, check=False, env=os.environ | server.environment()).returncode
    # 3 is ours alone: a pytest that broke down (it says 3 too) must not pass for "not available".
    return 1 if code == NOT_AVAILABLE else code


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _banner(reason: Unobtainable) -> str:
    line = "=" * 100
    return f"{line}\nREAL ODOO NOT AVAILABLE: {reason}\n\nThe real-Odoo tests did NOT run.\n{line}\n"


if __name__ == "__main__":
    sys.exit(main())
