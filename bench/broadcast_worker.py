"""`python -m bench.broadcast_worker PEOPLE`: works out the recipients of a list and plans their deliveries; says how fast."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import batched
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from bench.harness import BenchError
from functions.broadcasts import forecasts, planning, running_control, running_plan, running_send
from functions.broadcasts.forecast_tables import StoredForecast
from functions.broadcasts.forecasts import Wish
from functions.broadcasts.running_config import config_of
from functions.broadcasts.tables import Automation, Execution, Recipient, Upload, UploadRow
from shared import clock
from shared.journeys import chatbots
from shared.journeys.talks.definition import TalkingFlow
from shared.store.migrate import upgrade
from shared.store.models import Delivery
from shared.store.session import get_engine, reading, transact

ONE_MESSAGE = {"name": "bench", "title": "Bench", "steps": [{"id": "m", "template": "lead_day_3"}, {"id": "e", "end": "sent"}]}


def main() -> None:
    """Print one line of JSON. Raises BenchError where somebody is missing."""
    people = int(sys.argv[1])
    upgrade(get_engine())
    flow = TalkingFlow.model_validate(ONE_MESSAGE)
    running_plan.AHEAD = timedelta(days=3650)
    running_plan.MOST_PAGES = people
    bare = _timed(lambda: _insert_bare(people))
    execution_id = transact(lambda session: _execution(session, people))
    worked_out = _timed(lambda: _until_done(lambda: planning.plan_chunk(execution_id)))
    transact(lambda session: running_control.start_if_ready(session, execution_id))
    running_send.flow = lambda execution: flow  # noqa: ARG005  # the name that it may be called with
    planned = _timed(lambda: running_plan.plan(execution_id))
    _check(people)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    forecast_of_all = _timed(lambda: _forecast(people))  # it holds a few bytes of everybody at its end
    print(
        json.dumps(
            {
                "people": people,
                "inserts_per_second": people / bare,
                "forecast_per_second": people / forecast_of_all,
                "worked_out_per_second": people / worked_out,
                "planned_per_second": people / planned,
                "peak_mb": peak,
            }
        )
    )


def _forecast(people: int) -> None:
    """The forecast of everybody, as the job works it out. Raises BenchError where somebody is missing."""
    with reading() as session:
        automation_uuid = session.scalars(select(Automation.uuid)).one()
    row = forecasts.ask(Wish(automation_uuid, {}, clock.now()))
    while row.state == forecasts.WORKING:
        forecasts.go_on()
        with reading() as session:
            row = session.get_one(StoredForecast, row.id)
    if row.examined != people or row.result["examined"] != people:
        raise BenchError(f"{row.examined:,} people in place of {people:,} are in the forecast")


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _until_done(work: Callable[[], bool]) -> None:
    while work():
        pass


def _phones(people: int) -> Iterator[str]:
    return (f"+5255{10_000_000 + number}" for number in range(people))


def _insert_bare(people: int) -> None:
    """A row with a key and a text for each, in chunks of the size that planning has."""
    transact(
        lambda session: session.execute(text("CREATE TABLE bench_bare (id INTEGER PRIMARY KEY, key TEXT UNIQUE, words TEXT)"))
    )
    for some in batched(_phones(people), planning.CHUNK, strict=False):
        transact(partial(_insert_rows, phones=some))


def _insert_rows(session: Session, phones: tuple[str, ...]) -> None:
    rows = [{"key": phone, "words": "{}"} for phone in phones]
    session.execute(text("INSERT INTO bench_bare (key, words) VALUES (:key, :words)"), rows)


def _execution(session: Session, people: int) -> int:
    """An automation whose audience is a list that was read, and its execution."""
    upload = Upload(state="ready", accepted=people)
    session.add(upload)
    session.flush()
    values = {"upload_id": upload.id, "variables": {}}
    rows = ({"key": phone, "line": line, "phone_number": phone} for line, phone in enumerate(_phones(people), start=1))
    for some in batched(rows, planning.CHUNK, strict=False):
        session.execute(insert(UploadRow), [values | row for row in some])
    automation = Automation(name="Bench", flow_id=chatbots.flow_id("encuesta_de_interes"), status="active", is_active=True)
    automation.audience_type, automation.audience_config = "uploaded", {"upload_id": upload.uuid}
    automation.rate_limit_per_hour = 1_000_000
    session.add(automation)
    session.flush()
    execution = Execution(automation_id=automation.id, config=config_of(automation))
    session.add(execution)
    session.flush()
    return execution.id


def _check(people: int) -> None:
    with reading() as session:
        queued = len(session.scalars(select(Recipient.id).where(Recipient.status == "queued")).all())
        made = len(session.scalars(select(Delivery.id)).all())
    if (queued, made) != (people, people):
        raise BenchError(f"{queued:,} recipients and {made:,} deliveries in place of {people:,}")


if __name__ == "__main__":
    main()
