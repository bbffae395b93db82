"""`python -m shared.people`: take in the people of rows that were stored before anything noted who they are."""

import sys
from collections.abc import Callable

from sqlalchemy import Engine

from shared.commands import start
from shared.errors import PuenteError
from shared.people import backfill


def main(out: Callable[[str], object] = sys.stdout.write, engine: Engine | None = None) -> int:
    """The command line: 0 when every table was gone through, 1 where the database refused. May be run again at any time."""
    try:
        for source in backfill.sources():
            seen = 0
            for seen in backfill.run(source, engine):
                if seen % 10_000 == 0:
                    out(f"{source.name}: {seen} ...\n")
            out(f"{source.name}: {seen} rows\n")
    except PuenteError as error:
        out(f"Stopped; what was done stays, and a further run goes through all again: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    start()
    sys.exit(main())
