"""Keep what this release writes, for the tests of the next one: `python -m tests.earlier`, when a release is made.

`schema.json` is renewed whole. Journeys and events are added to those of earlier releases and never removed while anything that
was written so may still lie in a queue or in the database; `events.json` and `deliveries.json` are kept by hand.
"""

import json
from pathlib import Path
from typing import Any

from shared import flows
from shared.journeys import load
from shared.store.models import Base

HERE = Path(__file__).parent


def _kind(column: Any) -> str:
    return type(column.type).__name__


def keep() -> None:
    """Write the files."""
    flows.load_tables()
    schema = {table.name: {column.name: _kind(column) for column in table.columns} for table in Base.metadata.sorted_tables}
    (HERE / "schema.json").write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    path = HERE / "journeys.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known |= {one.version(): one.dumped() for one in load.definitions().values()}
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    keep()
