"""Slack's own package against the stand-in's incoming webhook. Runs in the oracles' environment."""

import os

from slack_sdk.webhook import WebhookClient


def main() -> None:
    """What is good is `ok`, what has no text is refused in words, and another address is no service."""
    url = os.environ["SLACK_WEBHOOK_URL"]
    good = WebhookClient(url).send(text="Nuevo ingreso")
    assert (good.status_code, good.body) == (200, "ok")
    bad = WebhookClient(url).send(text="")
    assert (bad.status_code, bad.body) == (400, "no_text")
    gone = WebhookClient(url + "x").send(text="a")
    assert (gone.status_code, gone.body) == (404, "no_service")


main()
