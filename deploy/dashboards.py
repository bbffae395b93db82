"""`python -m deploy.dashboards`: the operators' pages for the Azure portal and for Grafana, made from one list of panels.

A test holds both files to the list, so they show the same figures.
"""

import json
from pathlib import Path
from typing import Any

import yaml

WATCHING = Path(__file__).resolve().parents[1] / "infra" / "watching"
WORKSPACE = "microsoft.operationalinsights/workspaces"
HOUR_MS = 3_600_000
SPANS_MS = [HOUR_MS, 4 * HOUR_MS, 24 * HOUR_MS, 7 * 24 * HOUR_MS, 30 * 24 * HOUR_MS]

FULL = 24  # columns of a Grafana row
DRAWN = {"line": "line", "bar": "bars"}

Panel = dict[str, str]


def panels() -> list[Panel]:
    """The panels, in the order they are shown."""
    listed: list[Panel] = yaml.safe_load((WATCHING / "panels.yaml").read_text("utf-8"))
    return listed


def workbook(listed: list[Panel]) -> dict[str, Any]:
    """The Azure Workbook: a choice of the span, then two panels a row, tables over the whole width."""
    return {
        "version": "Notebook/1.0",
        "items": [_span(), *(_workbook_panel(panel) for panel in listed)],
        "fallbackResourceIds": ["WORKSPACE_ID"],  # put in by infra/modules/workbook.bicep
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }


def _span() -> dict[str, Any]:
    parameter = {
        "id": "5f0e7a34-5c0e-4a3e-9d3c-2f6d2f8f3b11",
        "version": "KqlParameterItem/1.0",
        "name": "Span",
        "type": 4,
        "isRequired": True,
        "value": {"durationMs": 4 * HOUR_MS},
        "typeSettings": {"selectableValues": [{"durationMs": span} for span in SPANS_MS]},
    }
    content = {"version": "KqlParameterItem/1.0", "parameters": [parameter], "style": "pills", "resourceType": WORKSPACE}
    return {"type": 9, "name": "span", "content": content}


def _workbook_panel(panel: Panel) -> dict[str, Any]:
    content = {
        "version": "KqlItem/1.0",
        "title": panel["title"],
        "noDataMessage": "Nothing in this span.",
        "query": panel["query"].replace("GRAIN", "{Span:grain}"),
        "size": 0,
        "timeContextFromParameter": "Span",
        "queryType": 0,
        "resourceType": WORKSPACE,
        "visualization": {"line": "linechart", "bar": "barchart", "table": "table"}[panel["shape"]],
        "showAnalytics": True,
    }
    width = "100" if panel["shape"] == "table" else "50"
    return {"type": 3, "name": panel["title"], "content": content, "customWidth": width, "styleSettings": {"showBorder": True}}


def grafana(listed: list[Panel]) -> dict[str, Any]:
    """The Grafana dashboard, for the Azure Monitor data source that a variable names."""
    return {
        "title": "Puente: operations",
        "uid": "puente-operations",
        "tags": ["puente"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-4h", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "label": "Data source", "type": "datasource", "query": "grafana-azure-monitor-datasource"},
                {"name": "workspace", "label": "Log Analytics workspace (resource id)", "type": "textbox", "query": ""},
            ]
        },
        "panels": _placed([_grafana_panel(number, panel) for number, panel in enumerate(listed, start=1)]),
    }


def _grafana_panel(number: int, panel: Panel) -> dict[str, Any]:
    is_table = panel["shape"] == "table"
    source = {"type": "grafana-azure-monitor-datasource", "uid": "${source}"}
    return {
        "id": number,
        "type": "table" if is_table else "timeseries",
        "title": panel["title"],
        "description": panel["about"],
        "datasource": source,
        "fieldConfig": {"defaults": {} if is_table else {"custom": {"drawStyle": DRAWN[panel["shape"]]}}},
        "targets": [
            {
                "refId": "A",
                "datasource": source,
                "queryType": "Azure Log Analytics",
                "azureLogAnalytics": {
                    "query": panel["query"].replace("GRAIN", "$__interval"),
                    "resources": ["${workspace}"],
                    "resultFormat": "table" if is_table else "time_series",
                    "dashboardTime": True,
                    "timeColumn": "TimeGenerated",
                },
            }
        ],
    }


def _placed(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two panels a row, tables over the whole width."""
    column, row = 0, 0
    for panel in made:
        width = FULL if panel["type"] == "table" else FULL // 2
        if column + width > FULL:
            column, row = 0, row + 8
        panel["gridPos"] = {"x": column, "y": row, "w": width, "h": 8}
        column += width
    return made


def write() -> None:
    """Write both files."""
    for name, make in (("workbook.json", workbook), ("grafana.json", grafana)):
        (WATCHING / name).write_text(json.dumps(make(panels()), indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    write()
