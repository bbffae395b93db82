"""`python -m sandbox`: run the stand-ins of the outside systems on 127.0.0.1 until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from sandbox.app import SANDBOX, create_app
from sandbox.config import Config
from sandbox.state import Snapshot, SnapshotError
from sandbox.webhooks import Manner

HOST = "127.0.0.1"
PORT = 7072


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox; returns the exit status."""
    options = _parser().parse_args(arguments)
    _spare_the_collector()
    try:
        asyncio.run(_run(options))
    except (SnapshotError, OSError) as error:
        print(f"The sandbox does not start: {error}", file=sys.stderr)
        return 1
    return 0


def _spare_the_collector() -> None:
    """A hundred thousand records are not garbage: have Python's collector go through them rarely, not many times a second."""
    gc.set_threshold(50_000, 20, 100)


async def _run(options: argparse.Namespace) -> None:
    snapshot = Snapshot(options.state) if options.state else None
    config = Config(app_url=options.app_url, secrets=Config.from_environment(os.environ).secrets)
    app = create_app(
        latency_seconds=options.latency_ms / 1000,
        snapshot=snapshot,
        config=config,
        webhook_manner=Manner(delay_seconds=options.webhook_delay_ms / 1000),
        smtp_port=options.smtp_port,
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, options.port)
        await site.start()
        port = runner.addresses[0][1]
        app[SANDBOX].configure(replace(config, own_url=f"http://{HOST}:{port}"))
        print(f"Sandbox of outside systems: http://{HOST}:{port}/ (Odoo: http://{HOST}:{port}/odoo)", flush=True)
        print(f"Inbox of those who got messages: http://{HOST}:{port}/inbox", flush=True)
        if options.smtp_port is not None:
            print(f"Mail server: smtp://{HOST}:{app[SANDBOX].smtp_port}", flush=True)
        await _told_to_stop()
    finally:
        await runner.cleanup()


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Stand-ins for the outside systems.")
    parser.add_argument("--port", type=int, default=PORT, help=f"port on {HOST}, 0 for a free one (default {PORT})")
    parser.add_argument("--state", type=Path, help="file in which the records outlast the run")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="how long every vendor takes before it answers")
    parser.add_argument("--webhook-delay-ms", type=float, default=0.0, help="how long each webhook waits before it is sent")
    parser.add_argument("--smtp-port", type=int, help=f"take mails by SMTP on this port of {HOST}, 0 for a free one")
    app_url = Config.from_environment(os.environ).app_url
    parser.add_argument("--app-url", default=app_url, help="where the app takes webhooks (SANDBOX_APP_URL; %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
