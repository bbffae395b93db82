"""WhatsApp through Meta's Cloud API: what people write, what became of our messages, and our numbers."""

from types import MappingProxyType

from shared.flow import Flow, Job, Rhythm

FLOW = Flow(
    name="whatsapp",
    title="WhatsApp through Meta",
    about="Meta tells of what people write over WhatsApp, of buttons and lists that they use, of files that they send, and of "
    "what became of each message of ours.",
    functions=("functions.whatsapp.triggers:bp",),
    handlers=MappingProxyType({"meta.webhook": "functions.whatsapp.triggers:HANDLER"}),
    routers=("functions.whatsapp.api:router", "functions.whatsapp.api:templates"),
    jobs=(
        Job(name="whatsapp-numbers", rhythm=Rhythm.FIVE_MINUTES, run="shared.messages.meta_account:read_numbers"),
        Job(name="whatsapp-places", rhythm=Rhythm.MINUTE, run="shared.messages.portfolio:offer_free"),
        Job(name="whatsapp-templates", rhythm=Rhythm.FIVE_MINUTES, run="shared.messages.meta_account:read_templates"),
    ),
    has_pages=True,
    kept_keys=frozenset(("meta.webhook",)),
)
