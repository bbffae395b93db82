"""`/api/v1/chatbots`: the chatbots, and the flows that each of them speaks."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.journeys import chatbots
from shared.journeys.talks.definition import TalkingFlow
from shared.problems import documented
from shared.web.auth import SecuredRoute

router = APIRouter(prefix="/api/v1/chatbots", tags=["Chatbots"], route_class=SecuredRoute)


class ChatbotOut(BaseModel):
    """A chatbot."""

    id: str = Field(description="UUID, made of the name.")
    name: str
    title: str
    description: str
    number: str | None = Field(description="The number of ours that it speaks from, in E.164; null: the first one.")
    whatsapp_number_id: str | None = Field(description="The id of that number.")
    flows: int = Field(description="How many flows it has.")


class FlowOut(BaseModel):
    """A flow that a chatbot speaks."""

    id: str = Field(description="UUID, made of the name: the `flow_id` of an automation.")
    name: str
    title: str
    description: str
    version: str = Field(description="Name of the content; who enters now gets this one.")
    steps: int
    questions: list[str] = Field(description="The steps that ask, in their order.")
    outcomes: list[str] = Field(description="The outcomes that the flow itself gives.")
    variables: list[str] = Field(description="What must be given when it begins.")


@router.get("", summary="List chatbots")
def list_chatbots() -> list[ChatbotOut]:
    """Every chatbot."""
    return [_shown(one) for one in chatbots.chatbots().values()]


@router.get("/{chatbot_id}", summary="One chatbot", responses=documented(404))
def get_chatbot(chatbot_id: str) -> ChatbotOut:
    """The chatbot."""
    return _shown(chatbots.chatbot(chatbot_id))


@router.get("/{chatbot_id}/flows", summary="The flows of a chatbot", responses=documented(404))
def list_chatbot_flows(chatbot_id: str) -> list[FlowOut]:
    """What it speaks."""
    known = chatbots.talking_flows()
    return [_flow(known[chatbots.flow_id(name)]) for name in chatbots.chatbot(chatbot_id).flows]


def _shown(one: chatbots.Chatbot) -> ChatbotOut:
    own = one.model_dump(exclude={"flows"})
    return ChatbotOut(id=one.id, **own, whatsapp_number_id=one.whatsapp_number_id, flows=len(one.flows))


def _flow(flow: TalkingFlow) -> FlowOut:
    return FlowOut(
        id=chatbots.flow_id(flow.name),
        name=flow.name,
        title=flow.title,
        description=flow.description,
        version=flow.version(),
        steps=len(flow.steps),
        questions=[step.id for step in flow.steps if step.ask is not None],
        outcomes=list(dict.fromkeys(step.end for step in flow.steps if step.end is not None)),
        variables=sorted(chatbots.needs(flow)),
    )
