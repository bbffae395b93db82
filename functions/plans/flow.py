"""Plans: whatever touches many is worked out and shown first, and exactly that is carried out."""

from types import MappingProxyType

from shared.flow import Flow, Job, Rhythm

FLOW = Flow(
    name="plans",
    title="Plans of what touches many",
    about="A replay of many events, a backfill, an import: each is worked out first, with what it would create, change and "
    "send, and is then carried out exactly so, or shown again where the record has changed. A large one needs a second person.",
    functions=(),
    optional=False,
    routers=("functions.plans.console:router",),
    tables=("shared.store.plan_models",),
    impersonal_tables=frozenset(("plans", "list_versions")),  # filters, and lists of our own
    privacy="shared.plans.personal_data:PERSONAL_DATA",
    retention=("shared.plans.personal_data:RULES",),
    kept=MappingProxyType(
        {
            "list_versions": "one for each change that a person makes; any of them can be returned to",
        }
    ),
    effects=("shared.plans.running:WORK",),
    listeners=MappingProxyType({"approval.decided": "shared.plans.running:decided"}),
    settings="shared.plans.settings:PlanSettings",
    has_pages=True,
    console=("functions.plans.console:ENTRY",),
    jobs=(Job(name="plans-go-on", rhythm=Rhythm.FIVE_MINUTES, run="shared.plans.running:go_on_with_lost"),),
    plans=MappingProxyType(
        {
            "backfill": "shared.plans.backfills:BACKFILLS",
            "replay": "shared.plans.replays:REPLAYS",
            "list": "shared.plans.lists:CHANGED_LISTS",
            "suppressions": "shared.plans.suppressions:SUPPRESSIONS",
        }
    ),
)
