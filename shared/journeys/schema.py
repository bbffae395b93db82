"""`python -m shared.journeys.schema`: the JSON Schema of definitions, for editors (docs/journey.schema.json)."""

import json
import sys
from typing import Any

from pydantic import TypeAdapter

from shared.journeys.definition import Journey
from shared.journeys.talks.definition import TalkingFlow


def schema() -> dict[str, Any]:
    """The JSON Schema of a definition, for editors: a journey, or a talking flow."""
    kinds: TypeAdapter[Any] = TypeAdapter(Journey | TalkingFlow)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | kinds.json_schema()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
