"""Once a minute the state of the whole system goes into the log as one line, which alerts and dashboards read.

timer WATCH_SCHEDULE -> queues, SQL -> `puente.watch {...}` in the log
"""

from __future__ import annotations

import azure.functions as func

bp = func.Blueprint()


@bp.timer_trigger("timer", schedule="%WATCH_SCHEDULE%")
def watch(timer: func.TimerRequest) -> None:
    """Write down how full the queues are, what is owed, late or in error, and what is down."""
    from shared.watch import report

    report.write()
