"""(k) What an event takes of database and processor: the constants that docs/scale.md reckons with (deploy/capacity.py).

Events pass through webhook and handler in this process, on SQLite: statements and rows are the same everywhere, bytes are
SQLite's, processor time is this machine's. Each figure stands beside the constant that is in use.
"""

from bench.harness import Figure, Options
from bench.passing import pass_events
from deploy.capacity import Constants


def run(options: Options) -> list[Figure]:
    """Measure."""
    measured, used = pass_events(options.pick(500, 100)), Constants()
    rows = (
        ("statements of an event", measured.statements, used.statements, ""),
        ("rows of an event", measured.rows, used.rows, ""),
        ("database bytes of an event", measured.database_bytes, used.row_bytes, "B"),
        ("processor time of an event", measured.processor_ms, used.cpu_ms, "ms"),
    )
    return [
        Figure(what=what, value=value, baseline=base, unit=unit, against="deploy/capacity.py")
        for what, value, base, unit in rows
    ]
