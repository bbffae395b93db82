"""The importers that the flows declare, by their names."""

from shared import flows
from shared.flow import FlowError
from shared.importer.frame import Importer

FIRST = "record"
"""The importer that is meant where the command names none, as before there were others."""


def importers() -> dict[str, Importer]:
    """Every importer, by its name.

    Raises:
        FlowError: two flows declare one of the same name, or a declaration is none.
    """
    found: dict[str, Importer] = {}
    for flow, importer in flows.parts_by_flow("importers"):
        if not isinstance(importer, Importer):
            raise FlowError(f"flow {flow.name!r}: `importers` names something that is no `shared.importer.frame.Importer`")
        if found.setdefault(importer.name, importer) is not importer:
            raise FlowError(f"flow {flow.name!r}: another flow has an importer {importer.name!r} already; rename one")
    return dict(sorted(found.items()))
