"""The flows, chatbots and numbers that an automation may name, and what a flow needs to be told of each recipient."""

from sqlalchemy.orm import Session

from shared.errors import FieldError, RefusedError
from shared.journeys import chatbots
from shared.journeys.talks.definition import TalkingFlow
from shared.messages import approved_templates, numbers, templates
from shared.phrases import phrase
from shared.settings import get_settings

MARKETING = "marketing"
CATEGORIES = {templates.MARKETING: MARKETING, templates.TRANSACTIONAL: "utility"}


def faults(flow_id: str, chatbot_id: str | None, number_id: str | None) -> list[FieldError]:
    """What of these is not known, or does not go together."""
    flow = chatbots.talking_flows().get(flow_id.lower())
    found = [] if flow else [FieldError.of("flow_id", "there is no such flow; GET /api/v1/chatbots lists them")]
    if chatbot_id is not None:
        chatbot = chatbots.chatbots().get(chatbot_id.lower())
        if chatbot is None:
            found.append(FieldError("chatbot_id", "there is no such chatbot"))
        elif flow is not None and flow.name not in chatbot.flows:
            found.append(FieldError("flow_id", f"the chatbot {chatbot.name} has no such flow"))
    if number_id is not None and number_id not in {one.id for one in numbers.configured(get_settings())}:
        found.append(FieldError.of("whatsapp_number_id", "there is no such number; GET /api/v1/whatsapp-numbers lists them"))
    return found


def template_faults(session: Session, flow_id: str, number: str | None) -> list[FieldError]:
    """Where Meta's template for the flow's first message wants more or fewer variables than ours gives: all would be refused.

    Nothing where another provider carries it, or the template was not read from Meta yet.
    """
    ours, settings = _first_template(flow_id), get_settings()
    provider = next((one.provider for one in numbers.configured(settings) if one.id == number), settings.whatsapp_provider)
    if ours is None or provider != numbers.META:
        return []
    name, _, language = settings.meta_templates.get(ours.name, "").partition(":")
    known = approved_templates.known(session, name, language or ours.locale.replace("-", "_"))
    wanted, given = len(approved_templates.holes(known)) if known else 0, len(ours.content_variables)
    if known is None or wanted == given:
        return []
    counts = {"name": name, "wanted": wanted, "given": given}
    words = phrase("Meta's template %(name)s wants %(wanted)s variables, and ours gives %(given)s", **counts)
    return [FieldError("flow_id", words)]


def flow_of(flow_id: str) -> TalkingFlow | None:
    """The flow of that id, if there is one."""
    return chatbots.talking_flows().get(flow_id.lower())


def needs_of(flow_id: str) -> tuple[str, ...]:
    """The variables without which the flow cannot begin, but for the address, which every recipient has.

    Raises:
        RefusedError: 404, the flow is gone.
    """
    found = chatbots.needs(chatbots.flow(flow_id))
    return tuple(sorted(found - {"phone"}))


def number_of(number_id: str | None, chatbot_id: str | None) -> str | None:
    """The number from which the messages go out: the automation's, else the chatbot's, else none in particular."""
    if number_id is not None or chatbot_id is None:
        return number_id
    try:
        return chatbots.chatbot(chatbot_id).whatsapp_number_id
    except RefusedError:
        return None


def category_of(flow_id: str) -> str:
    """The category by which the vendor counts the flow's first message: its template's, else marketing."""
    found = _first_template(flow_id)
    return CATEGORIES.get(found.kind, MARKETING) if found else MARKETING


def _first_template(flow_id: str) -> templates.Template | None:
    """The template of the flow's first message, where it goes by one."""
    flow = flow_of(flow_id)
    first = next((step for step in flow.steps if step.sends), None) if flow else None
    return templates.in_any_language(first.ways()[0].template) if first and first.ways() else None
