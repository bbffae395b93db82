"""The one place where the parts of the app meet: settings, logs, traces, and the functions of every flow."""

from collections.abc import Iterable
from types import ModuleType

import azure.functions as func

from shared import flows, logs, stopping, telemetry
from shared.flow import Flow, FlowError
from shared.intake import endpoint
from shared.intake.webhook import Webhook
from shared.references import is_reference
from shared.settings import get_settings
from shared.warming import warming
from shared.watch import log_lines


def build_app(package: ModuleType) -> func.FunctionApp:
    """The app with the functions of every flow of a package, ready for the host to index.

    All mistakes in the settings and in the declarations are reported now, not at the first event.

    Raises:
        ConfigurationError: a setting is missing or wrong; every mistake is listed.
        FlowError: a declaration cannot work; the text says what to add.
    """
    flows.install(package)
    settings = get_settings()
    logs.configure(settings.log_level, settings.log_format)
    log_lines.install(settings.execution_log_days)
    if settings.applicationinsights_connection_string is not None:
        telemetry.configure(settings.applicationinsights_connection_string.get_secret_value(), settings.trace_share)
    stopping.install()
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for blueprint in (*flows.parts("functions"), _of_moved_queues()):
        app.register_functions(blueprint)
    _check_webhooks()
    warming.begin_after(settings.warm_after_seconds)
    return app


def _of_moved_queues() -> func.Blueprint:
    blueprint = func.Blueprint()
    for queue, function in flows.moved_queues().items():
        endpoint.handling_moved(blueprint, function, queue, flows.handlers)
    return blueprint


def _check_webhooks() -> None:
    routes = endpoint.routes_by_flow()
    for flow in flows.installed():
        webhooks = [webhook for route in routes[flow.name] for webhook in (*route.webhooks.values(), *route.also)]
        _check_senders(flow, webhooks)
        _check_references(flow, webhooks)
    _check_handlers([route for of_flow in routes.values() for route in of_flow])


def _check_senders(flow: Flow, webhooks: Iterable[Webhook]) -> None:
    for webhook in webhooks:
        if webhook.authenticate is None and webhook.source not in flows.senders():
            raise FlowError(
                f"flow {flow.name!r}: its webhook {webhook.name!r} asks for a key with the scope `webhook:{webhook.source}`, "
                f"which no key can have: say `senders=({webhook.source!r},)`, or give the webhook an `authenticate` of its own"
            )


def _check_references(flow: Flow, webhooks: Iterable[Webhook]) -> None:
    for webhook in webhooks:
        for reference in webhook.references():
            if not is_reference(reference):
                raise FlowError(
                    f"flow {flow.name!r}: {reference!r} names no part of its webhook {webhook.name!r}; write "
                    "`package.module:attribute`"
                )


def _check_handlers(routes: Iterable[endpoint.WebhookRoute]) -> None:
    declared = {kind for flow in flows.installed() for kind in flow.handlers}
    webhooks = [webhook for route in routes for webhook in (*route.webhooks.values(), *route.also)]
    shared = {webhook.name for webhook in webhooks if webhook.queue == endpoint.EVENTS_QUEUE}
    for kind in sorted(shared - declared):
        raise FlowError(
            f"a webhook puts events of the type {kind!r} on `{endpoint.EVENTS_QUEUE}`, and no flow names who handles them: add "
            "the type and its handler to the flow's `handlers`"
        )
