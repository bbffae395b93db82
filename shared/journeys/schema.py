"""`python -m shared.journeys.schema`: the JSON Schema of definitions, for editors (docs/journey.schema.json)."""

import json
import sys

from shared.journeys.definition import schema

if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
