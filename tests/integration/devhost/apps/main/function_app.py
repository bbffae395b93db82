"""A small app that shows what the host hands over, and does with it what the tests ask for."""

import asyncio
import json
import logging
import os
import time
from pathlib import Path

import azure.functions as func

logger = logging.getLogger(__name__)
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
NOTES = Path(os.environ["NOTES"]) if "NOTES" in os.environ else None


def note(**fields: object) -> None:
    """Add a line to the file that the tests read."""
    if NOTES:
        with NOTES.open("a") as file:
            file.write(json.dumps(fields) + "\n")


def seen(message: func.QueueMessage) -> dict[str, object]:
    """What a message looks like to a function."""
    return {
        "id": message.id,
        "body": message.get_body().decode(),
        "dequeue_count": message.dequeue_count,
        "inserted": str(message.insertion_time),
        "expires": str(message.expiration_time),
        "next_visible": str(message.time_next_visible),
        "pop_receipt": message.pop_receipt,
    }


@app.route("trivial", methods=["GET"])
async def trivial(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("ok")


@app.route("echo/{kind:alpha}/{id?}")
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    document = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route_params": dict(req.route_params),
        "body": req.get_body().decode("latin-1"),
        "invocation_id": context.invocation_id,
        "function_name": context.function_name,
        "trace_parent": context.trace_context.trace_parent,
    }
    return func.HttpResponse(json.dumps(document), mimetype="application/json")


@app.route("fails")
def fails(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("a secret in a message")


@app.route("wrong-return")
def wrong_return(req: func.HttpRequest):
    return {"not": "allowed"}


@app.route("exits")
def exits(req: func.HttpRequest) -> func.HttpResponse:
    raise SystemExit(3)


@app.route("text")
def text(req: func.HttpRequest) -> str:
    return req.get_body().decode()


@app.route("cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("crumbs", status_code=201, headers={"X-One": "1"})
    response.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=60")
    response.headers.add("Set-Cookie", "b=2")
    return response


@app.route("bad-header")
def bad_header(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("x", headers={"X-Split": "a\r\nX-Injected: b"})


@app.route("logs/{how}")
async def logs(req: func.HttpRequest) -> func.HttpResponse:
    if req.route_params["how"] == "thread":
        await asyncio.to_thread(logger.info, "logged in a thread of an async function")
    else:
        logger.info("logged in an async function")
    return func.HttpResponse("logged")


@app.route("logs-sync")
def logs_sync(req: func.HttpRequest) -> func.HttpResponse:
    logger.warning("logged in a sync function")
    return func.HttpResponse("logged")


@app.route("slow/{seconds}")
def slow(req: func.HttpRequest) -> func.HttpResponse:
    note(slow="began")
    time.sleep(float(req.route_params["seconds"]))
    note(slow="ended")
    return func.HttpResponse("at last")


# Names decide: "aaa_first" comes before "items_list" and shadows it.
@app.function_name("aaa_first")
@app.route("items/{id}", methods=["GET"])
def shadowing(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("aaa_first")


@app.function_name("items_list")
@app.route("items/list")
def shadowed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("items_list")


@app.function_name("zzz_rest")
@app.route("{*rest:regex(^(files|pages)(/|$))}")
def rest(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params["rest"])


@app.function_name("reserved")
@app.route("administrators")
def reserved(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("never")


@app.function_name("trivial_again")
@app.route("Trivial", methods=["GET", "POST"])
def trivial_again(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("never")


@app.function_name("switched_off")
@app.route("switched-off")
def switched_off(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("never")


@app.function_name("keyed")
@app.route("keyed", auth_level="FUNCTION")
def keyed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("in")


# Outputs ---------------------------------------------------------------------------------------------------------------------


@app.route("send/{kind}")
@app.queue_output("out", queue_name="sent", connection="Storage")
def send(req: func.HttpRequest, out: func.Out[bytes]) -> func.HttpResponse:
    kind, body = req.route_params["kind"], req.get_body()
    values = {
        "bytes": body,
        "str": body.decode(),
        "json": json.loads(body) if kind == "json" else None,
    }
    if kind != "none":
        out.set(values.get(kind, body))
    if kind == "raise":
        raise ValueError("after setting the output")
    return func.HttpResponse("sent", status_code=202)


@app.route("send-message")
@app.queue_output("out", queue_name="sent", connection="Storage")
def send_message(req: func.HttpRequest, out: func.Out[func.QueueMessage]) -> func.HttpResponse:
    out.set(func.QueueMessage(id="7", body=req.get_body()))
    return func.HttpResponse("sent", status_code=202)


@app.route("relay")
@app.queue_output("out", queue_name="work", connection="Storage")
async def relay(req: func.HttpRequest, out: func.Out[bytes]) -> func.HttpResponse:
    out.set(req.get_body())
    return func.HttpResponse(status_code=202)


# Queues ----------------------------------------------------------------------------------------------------------------------


@app.queue_trigger("msg", queue_name="%WORK_QUEUE%", connection="Storage")
async def work(msg: func.QueueMessage) -> None:
    note(work=seen(msg))
    logger.info("worked")


@app.queue_trigger("msg", queue_name="failing", connection="Storage")
def failing(msg: func.QueueMessage) -> None:
    note(failing=seen(msg))
    raise ValueError("never works")


@app.queue_trigger("msg", queue_name="failing-poison", connection="Storage")
def failing_poison(msg: func.QueueMessage) -> None:
    note(failing_poison=seen(msg))
    if msg.get_body() == b"even here":
        raise ValueError("nor here")


@app.queue_trigger("msg", queue_name="%SLOW_QUEUE%", connection="Storage")
async def slow_work(msg: func.QueueMessage) -> None:
    note(slow_work="began", body=msg.get_body().decode(), dequeue_count=msg.dequeue_count)
    await asyncio.sleep(float(msg.get_body()))
    note(slow_work="ended", body=msg.get_body().decode(), dequeue_count=msg.dequeue_count)


@app.queue_trigger("msg", queue_name="binary", connection="Storage", data_type="BINARY")
def binary(msg: bytes) -> None:
    note(binary=msg.hex(), type=type(msg).__name__)


@app.queue_trigger("msg", queue_name="chained", connection="Storage")
@app.queue_output("out", queue_name="%WORK_QUEUE%", connection="Storage")
def chained(msg: func.QueueMessage, out: func.Out[bytes]) -> None:
    out.set(b"from chained: " + msg.get_body())


# Timers ----------------------------------------------------------------------------------------------------------------------


@app.timer_trigger("timer", schedule="0 0 0 1 1 *", run_on_startup=False)
def yearly(timer: func.TimerRequest) -> None:
    note(yearly={"past_due": timer.past_due, "status": timer.schedule_status, "schedule": timer.schedule})


@app.timer_trigger("timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def at_startup(timer: func.TimerRequest) -> None:
    note(at_startup={"past_due": timer.past_due})


@app.timer_trigger("timer", schedule="* * * * * *")
async def every_second(timer: func.TimerRequest) -> None:
    note(every_second={"status": timer.schedule_status, "at": time.time()})
    await asyncio.sleep(1.5)


@app.timer_trigger("timer", schedule="%NOT_SET%")
def unresolved(timer: func.TimerRequest) -> None:
    note(unresolved=True)
