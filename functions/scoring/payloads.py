"""What ManyChat sends of a lead: flat, or nested in `user`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from shared.intake.fields import GivenName, Label, Lenient, ManychatId, Name, OrNone, Readable, Text
from shared.intake.webhook import Payload

MOST_LISTED = 1000

Written = Annotated[Annotated[str, Text(254), Readable, Lenient] | None, OrNone]
"""A text as somebody wrote it; whether it is an address is for the score to say."""


def _words(value: Any) -> Any:
    """The names in a list of texts or of objects with `name` or `type`; one text is a list of one."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    named = (one.get("name", one.get("type")) if isinstance(one, Mapping) else one for one in listed[:MOST_LISTED])
    return [str(one) for one in named if isinstance(one, str | int)]


Words = Annotated[list[str], BeforeValidator(_words)]


class ScoredLeadPayload(Payload):
    """A lead with what they did. `id`, names and `email` may stand in `user`; the phone number is `user.custom_fields.phone`.

    `tags` are texts; `events` are objects whose `type` is click, reply or open; `utm` has `source` and `campaign`.
    """

    model_config = ConfigDict(extra="allow")

    id: ManychatId = Field(description="who it is")
    last_name: Name = Field(default=None, description="the family name")
    first_name: GivenName = Field(default=None, description="the first name")
    email: Written = Field(default=None, description="the e-mail address, as it was written")
    phone: Written = Field(default=None, description="the phone number, out of `user.custom_fields`")
    tags: Words = Field(default_factory=list, description="the tags")
    events: Words = Field(default_factory=list, description="the type of each thing that they did")
    utm_source: Label = Field(default=None, description="where they came from")
    utm_campaign: Label = Field(default=None, description="by which campaign")

    @model_validator(mode="before")
    @classmethod
    def _as_sent(cls, data: Any) -> Any:
        """Bring the places in which ManyChat's flow has these to one."""
        if not isinstance(data, dict):
            return data
        user, utm = _mapping(data.get("user")), _mapping(data.get("utm"))
        fields = _custom_fields(user.get("custom_fields"))
        named = {name: _first(data.get(name), user.get(name)) for name in ("id", "first_name", "last_name")}
        contact = {"email": _first(data.get("email"), fields.get("email")), "phone": fields.get("phone")}
        source = {"utm_source": utm.get("source"), "utm_campaign": utm.get("campaign")}
        return (
            data | {name: value for name, value in (named | contact).items() if value is not None or name == "phone"} | source
        )

    def subject(self) -> str:
        """The person, by ManyChat's id."""
        return self.id

    def occurred_at(self) -> datetime | None:
        """ManyChat does not say."""
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _custom_fields(value: Any) -> Mapping[str, Any]:
    """The custom fields by name; ManyChat's own export has them as a list."""
    if isinstance(value, list):
        return {str(one.get("name")): one.get("value") for one in value if isinstance(one, Mapping)}
    return _mapping(value)


def _first(*values: Any) -> Any:
    return next((value for value in values if value not in (None, "")), None)
