"""The places of shared/watch that lock rows, and how somebody comes by them."""

from shared.store.figure_models import HourFold
from shared.store.models import EventFigure
from shared.watch import flow_figures, hour_figures
from tests.lab.rows import Wait, one

WAITS = {
    "shared.watch.flow_figures:_count": Wait(
        EventFigure, one(EventFigure, type=flow_figures.ALL), flow_figures._count, held=flow_figures.ALL
    ),
    "shared.watch.hour_figures:fold": Wait(
        HourFold, one(HourFold, name=hour_figures.ALL), hour_figures.fold, held=hour_figures.ALL
    ),
}
