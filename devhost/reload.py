"""Starts the host anew when a source file changes. Watches modification times: the standard library is enough."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

POLL_SECONDS = 1.0
STOP_SECONDS = 40.0
WATCHED_SUFFIXES = frozenset({".py", ".yaml", ".yml", ".html"})
WATCHED_NAMES = frozenset({"host.json", "local.settings.json"})
SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "tests", "venv"})

Snapshot = dict[str, int]


class Supervisor:
    """Keeps a host running as a child process until SIGINT or SIGTERM; a second signal kills the child."""

    def __init__(self, command: Sequence[str], app_dir: Path) -> None:
        self.command, self.app_dir = list(command), app_dir
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Work until stopped; the exit code.

        A child that ends by itself (an indexing error, say) is started again at the next change of a file.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        while not self._stopping.is_set():
            before = snapshot(self.app_dir)
            # The child gets a session of its own, so that Ctrl-C reaches it once, through us.
            environment = os.environ | {"DEVHOST_SUPERVISED": "1"}
            child = subprocess.Popen(self.command, env=environment, start_new_session=True)  # noqa: S603  # ourselves
            self._child = child
            changed = self._wait_for_change(before, child)
            _stop(child)
            if changed:
                print(f"\nChanged: {', '.join(changed)}. Starting anew.\n", flush=True)
        return 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping.is_set() and self._child is not None:
            self._child.kill()
        self._stopping.set()

    def _wait_for_change(self, before: Snapshot, child: subprocess.Popen[bytes]) -> list[str]:
        """The files that changed; empty when we are to stop."""
        reported = False
        while not self._stopping.wait(POLL_SECONDS):
            changed = changes(before, snapshot(self.app_dir))
            if changed:
                return changed
            if child.poll() is not None and not reported:
                print(f"\nThe host ended with code {child.returncode}. Waiting for a file to change.", flush=True)
                reported = True
        return []


def supervise(arguments: Sequence[str], app_dir: Path) -> int:
    """Run `python -m devhost` with these arguments under a Supervisor; the exit code."""
    return Supervisor([sys.executable, "-m", "devhost", *arguments], app_dir).run()


def snapshot(app_dir: Path) -> Snapshot:
    """Every watched file with its modification time in nanoseconds. Hidden folders, tests and packages are left out."""
    return {path: stamp for path, stamp in _walk(str(app_dir)) if stamp}


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """The files that were added, removed or written, sorted."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _walk(folder: str) -> Iterator[tuple[str, int]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # removed while we looked
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        elif entry.name in WATCHED_NAMES or Path(entry.name).suffix in WATCHED_SUFFIXES:
            try:
                yield entry.path, entry.stat().st_mtime_ns
            except OSError:  # removed while we looked
                continue


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Ask it to stop and wait. It bounds its own stopping, unless an async function blocks it."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
