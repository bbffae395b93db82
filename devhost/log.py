"""Readable log lines: `HH:MM:SS.mmm LEVEL function invocation-id message`.

A record belongs to an invocation when it is logged by the function's own task, by the pool thread that runs a sync
function, by anything that inherits the context of either, or by a thread to which the function handed its
`context.thread_local_storage.invocation_id`, as Azure documents.
"""

import logging
import os
import sys
import threading
from contextvars import ContextVar
from datetime import datetime
from typing import NamedTuple, TextIO

from azure_functions_runtime import invocation_id_cv
from azure_functions_runtime.bindings.context import _invocation_id_local

COLOURS = {logging.WARNING: "\033[33m", logging.ERROR: "\033[31m", logging.CRITICAL: "\033[31m"}
RESET = "\033[0m"


class Invocation(NamedTuple):
    """A run of a function."""

    function: str
    id: str


HOST = Invocation("host", "-")

current: ContextVar[Invocation | None] = ContextVar("devhost_invocation", default=None)
running: dict[str, Invocation] = {}


def invocation_of_caller() -> Invocation:
    """The invocation that the calling code runs for, or `HOST`."""
    mine = current.get()
    if mine is not None:
        return mine
    invocation_id = invocation_id_cv.get()
    if invocation_id is None and threading.current_thread() is not threading.main_thread():
        # On the loop's own thread the library leaves the id of whatever async function it started last.
        invocation_id = getattr(_invocation_id_local, "invocation_id", None)
    return running.get(invocation_id, HOST) if invocation_id else HOST


class LineFormatter(logging.Formatter):
    """One line for each record, then its traceback."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self.colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Local time to the millisecond, as somebody at the screen expects."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        invocation = invocation_of_caller()
        line = (
            f"{moment:%H:%M:%S}.{int(record.msecs):03d} {record.levelname:<7} {invocation.function} {invocation.id} "
            f"{record.getMessage()}"
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        colour = COLOURS.get(record.levelno) if self.colour else None
        return f"{colour}{line}{RESET}" if colour else line


def configure(level: int, stream: TextIO | None = None) -> None:
    """Send every record of at least `level` to `stream` (standard output); colour only on a terminal.

    As in Azure, the root logger lets INFO through (DEBUG with PYTHON_ENABLE_DEBUG_LOGGING); the host's level filters
    further.
    """
    stream = stream or sys.stdout
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(colour=stream.isatty() and "NO_COLOR" not in os.environ))
    handler.setLevel(level)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    debug = os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING", "").lower() in {"1", "true", "t", "yes", "y"}
    root.setLevel(logging.DEBUG if debug else max(logging.INFO, level))
    # The worker library logs several records for every invocation under this name; Azure keeps those to itself as well.
    logging.getLogger("azure.functions").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
