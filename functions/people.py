"""People: who somebody is in all systems, what joins these identities, and joins and separations by hand.

Every flow that learns of identities calls `shared.people.observing.observe` in its own transaction.
"""

from __future__ import annotations

from types import MappingProxyType

from shared.flow import Flow, IdentityKind

FLOW = Flow(
    name="people",
    title="One person in all systems",
    about="A person is known by several identities: ManyChat's id, addresses, numbers of leads. What was proven together is "
    "one person; what somebody typed is a proposal; operators join and separate people by hand.",
    functions=(),
    optional=False,
    routers=("shared.web.people:router",),
    tables=("shared.store.people_models",),
    impersonal_tables=frozenset(("people",)),
    privacy="shared.privacy.people:PERSONAL_DATA",
    kept=MappingProxyType(
        {
            "people": "a number that was given once stays good",
            "identities": "who somebody is; erasing them removes it",
            "identity_links": "why two identities are one person's; erasing them removes it",
        }
    ),
    events=("person.known",),
    identities=(
        IdentityKind(name="email", title="E-mail address", read="shared.people.kinds:read_email", is_address=True),
        IdentityKind(name="phone", title="Phone number", read="shared.people.kinds:read_phone", is_address=True),
    ),
)
