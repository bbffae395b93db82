"""Links into Application Insights: the trace of an execution, with the time in which to look."""

import base64
import gzip
from datetime import datetime, timedelta
from urllib.parse import quote

from shared.settings import get_settings

PORTAL = "https://portal.azure.com/#blade/Microsoft_OperationsManagementSuite_Workspace/Logs.ReactView"
AROUND = timedelta(minutes=5)


def link(traceparent: str | None, event_id: str, begin: datetime, end: datetime) -> str | None:
    """The address of the portal's page of logs with a query for the event's trace, and for our log lines that name it.

    The portal takes the query as gzip in base64, and the time as an interval of ISO 8601. None where the setting
    APPLICATIONINSIGHTS_RESOURCE_ID names no resource.
    """
    resource = get_settings().applicationinsights_resource_id
    if not resource:
        return None
    text = query(traceparent, event_id)
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    time = f"{_moment(begin - AROUND)}/{_moment(end + AROUND)}"
    parts = {"resourceId": resource, "source": "LogsBlade.AnalyticsShareLinkToQuery", "q": packed, "timespan": time}
    return PORTAL + "".join(f"/{name}/{quote(value, safe='')}" for name, value in parts.items())


def query(traceparent: str | None, event_id: str) -> str:
    """What to look for, in KQL: everything of the operation, which is the trace, and lines that name the event."""
    names = [f'operation_Id == "{traceparent.split("-")[1]}"'] if traceparent else []
    quoted = event_id.replace("\\", "\\\\").replace('"', '\\"')
    names.append(f'message has "{quoted}"')
    return f"union requests, dependencies, traces, exceptions\n| where {' or '.join(names)}\n| order by timestamp asc"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
