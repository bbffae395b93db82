"""A PostgreSQL of the tests' own: `python -m tests.lab.server run -- command` runs a command with TEST_DATABASE_URL set.

The server lives in `.local/lab` (PUENTE_LAB_DIR), listens on 127.0.0.1 only and stops with the command. Where the machine has
no PostgreSQL and none can be fetched, one line names what is missing and the exit code is 3.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.odoo.place import REPOSITORY, Place, Unobtainable
from tests.odoo.postgres import SUPERUSER, Cluster

DATABASE = "puente_test"
NOT_AVAILABLE = 3
PATIENCE_MS = 60_000
URL_VARIABLE = "TEST_DATABASE_URL"


@contextmanager
def running(root: Path | None = None) -> Iterator[str]:
    """A server with an empty database, stopped at the end; gives the database's URL.

    Raises:
        Unobtainable: there is no PostgreSQL on this machine and none can be fetched.
    """
    place = Place((root or Path(os.environ.get("PUENTE_LAB_DIR") or REPOSITORY / ".local" / "lab")).resolve())
    with place.lock():
        cluster = Cluster(place)
        cluster.start()
        try:
            if not cluster.has(DATABASE):
                cluster.sql(f"create database {DATABASE} template template0 encoding 'UTF8' locale 'C'")
            # A statement that waits for a lock for ever fails instead.
            yield f"postgresql+psycopg://{SUPERUSER}@127.0.0.1:{cluster.port()}/{DATABASE}?options=-cstatement_timeout%3D{PATIENCE_MS}"
        finally:
            cluster.stop()


def main(arguments: Sequence[str]) -> int:
    """Run the command after `run --` and give its exit code."""
    if list(arguments[:2]) != ["run", "--"] or len(arguments) < 3:
        sys.stderr.write("usage: python -m tests.lab.server run -- command\n")
        return 2
    # A polite end is an end like Ctrl-C: the server is still stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running() as url:
            code = subprocess.run(arguments[2:], check=False, env=os.environ | {URL_VARIABLE: url}).returncode
    except KeyboardInterrupt:
        return 130
    except Unobtainable as reason:
        sys.stderr.write(f"MISSING for the concurrency lab: {' '.join(str(reason).split())}\n")
        return NOT_AVAILABLE
    return 1 if code == NOT_AVAILABLE else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
