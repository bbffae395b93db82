"""Our Kusto queries, read by Microsoft's language service against the columns of the tables that they read."""

import json
import re
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_suffix(".cjs")

# The tables of Application Insights in a workspace ("Azure Monitor Logs table reference"), with the columns that we use.
TABLES = {
    "AppTraces": {
        "TimeGenerated": "datetime",
        "AppRoleInstance": "string",
        "Message": "string",
        "SeverityLevel": "int",
        "OperationName": "string",
        "OperationId": "string",
    },
    "AppRequests": {
        "TimeGenerated": "datetime",
        "OperationId": "string",
        "OperationName": "string",
        "ResultCode": "string",
        "Success": "bool",
        "ItemCount": "int",
        "DurationMs": "real",
        "AppRoleInstance": "string",
        "ClientIP": "string",
        "Url": "string",
    },
    "AppExceptions": {
        "TimeGenerated": "datetime",
        "SeverityLevel": "int",
        "OperationName": "string",
        "OperationId": "string",
        "OuterMessage": "string",
    },
    "Usage": {"TimeGenerated": "datetime", "IsBillable": "bool", "Quantity": "real", "DataType": "string"},
}
# What the portal, Grafana and a list of panels put a span of time for.
_GRAIN = re.compile(r"\{Span:grain\}|\$__interval|\bGRAIN\b")
_QUERY_IN_WORDS = re.compile(r"`(App[A-Z][a-z]+s\b[^`]*\|[^`]*)`|^(App[A-Z][a-z]+s\b.*\|.*)$", re.MULTILINE)


def complaints(queries: list[str]) -> list[list[str]]:
    """For each query what the language service says against it, warnings included; an empty list where it is right."""
    tables = {
        name: "(" + ", ".join(f"{key}: {kind}" for key, kind in columns.items()) + ")" for name, columns in TABLES.items()
    }
    asked = json.dumps(
        {"tables": tables, "queries": [_GRAIN.sub("5m", query).replace("DAILY_CAP_GB", "5") for query in queries]}
    )
    done = subprocess.run(["node", SCRIPT], input=asked, capture_output=True, text=True, check=True, timeout=120)
    found: list[list[str]] = json.loads(done.stdout)
    return found


def _schema(columns: dict[str, str]) -> str:
    return "(" + ", ".join(f"{name}: {kind}" for name, kind in columns.items()) + ")"


def in_words(page: str) -> list[str]:
    """The queries that a page of Markdown gives its reader to run."""
    return ["".join(found) for found in _QUERY_IN_WORDS.findall(page)]
