"""Once a minute the state of the whole system goes into the log as one line, which alerts and dashboards read.

timer WATCH_SCHEDULE -> queues, SQL -> `puente.watch {...}` in the log
"""

from __future__ import annotations

import azure.functions as func

from shared import jobs
from shared.flow import Flow, Job, Rhythm
from shared.watch import timers

FLOW = Flow(
    name="watch",
    title="The watch",
    about="Once a minute the state of the whole system goes into the log as one line, which alerts and dashboards read.",
    functions=("functions.watch:bp",),
    optional=False,
    routers=("shared.web.reports:router",),
    jobs=(
        Job(name="line", rhythm=Rhythm.MINUTE, run="shared.watch.report:write_line"),
        Job(name="count-events", rhythm=Rhythm.MINUTE, run="shared.watch.flow_figures:count"),
        Job(name="count-hours", rhythm=Rhythm.MINUTE, run="shared.watch.hour_figures:count"),
        Job(name="count-days", rhythm=Rhythm.MINUTE, run="shared.watch.day_figures:count_stale"),
    ),
)
bp = func.Blueprint()


@bp.timer_trigger("timer", schedule="%WATCH_SCHEDULE%")
def watch(timer: func.TimerRequest) -> None:
    """Run the jobs of every minute: the line that says how full the queues are, what is late or in error, and what is down."""
    jobs.run(Rhythm.MINUTE)
    timers.ran("watch")
