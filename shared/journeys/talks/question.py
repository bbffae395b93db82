"""The flow behind one question that is asked from code (`shared.journeys.talking.ask`)."""

from shared.journeys.talks.asking import Ask, Reads
from shared.journeys.talks.definition import TalkingFlow, TalkStep, with_stop

NAME, ANSWER = "question", "answer"
"""The name of the flow, and of the field that the answer stands in."""
TEXT, RETRY, CHOICES = "question", "retry", "choices"
"""Fields of the data, for what differs from question to question: so the definition has few versions."""


def flow(
    *,
    template: str | None = None,
    reads: Reads | None = None,
    reader: str | None = None,
    has_options: bool = False,
    has_retry: bool = False,
    retries: int = 2,
    wait_at_most: str = "24h",
    channel: str = "whatsapp",
    window: str = "respect",
    transactional: bool = True,
) -> TalkingFlow:
    """A flow of one question.

    Raises:
        ValueError: it cannot be asked so.
    """
    asked = Ask(
        text=f"{{{{ {TEXT} }}}}" if template is None else None,
        template=template,
        reads=reads,
        reader=reader,
        retries=retries,
        retry=f"{{{{ {RETRY} }}}}" if has_retry else None,
        options_from=CHOICES if has_options else None,
    )
    step = {"id": ANSWER, "ask": asked, "channel": channel, "wait_at_most": wait_at_most, "transactional": transactional}
    steps = (TalkStep.model_validate(step | {"window": window}),)
    return with_stop(TalkingFlow(name=NAME, title="Una pregunta", re_enrol="each_event", steps=steps))
