"""Ask a language model, and count the tokens by flow, model and day: every answer is paid for, also one asked for twice."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.orm import Session

from shared import clock
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent
from shared.store.figure_models import ModelDay
from shared.store.session import transact
from shared.store.types import key_of
from shared.vendors import openai

TOKENS = ("input_tokens", "output_tokens")


def ask(body: Mapping[str, Any], what: str, flow: str) -> Mapping[str, Any]:
    """OpenAI's answer to a request of a flow, counted in a transaction of its own before anything is made of it.

    Raises as `openai.ask`; what brought no answer is not counted, for the vendor has not said what it used.
    """
    answer = openai.ask(body, what)
    transact(lambda session: note(session, flow, answer))
    return answer


def note(session: Session, flow: str, answer: Mapping[str, Any]) -> None:
    """Add what an answer has used to the flow's day."""
    day = clock.now().astimezone(ZoneInfo(get_settings().default_time_zone)).date()
    used = openai.cost(answer, {})
    facts = {"day": day, "flow": flow, "model": used["model"][:100]}
    key = key_of(day.isoformat(), flow, facts["model"])
    insert_if_absent(session, ModelDay, "key", {"key": key, **facts, "calls": 0, **dict.fromkeys(TOKENS, 0)})
    more = {name: getattr(ModelDay, name) + used[name] for name in TOKENS}
    session.execute(update(ModelDay).where(ModelDay.key == key).values(calls=ModelDay.calls + 1, **more))
