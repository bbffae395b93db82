"""Coordinations: a process of Flowable's, and the run of an OpenRPA robot that belongs to it."""

from types import MappingProxyType

from shared.flow import Flow, Job, Rhythm

FLOW = Flow(
    name="coordinations",
    title="Processes in Flowable and their robots",
    about="A request starts a process in Flowable, once for its business key, and the robot that belongs to it: by an address, "
    "or by a work item of OpenFlow's. The robot's result completes the process's task or message event; a robot that does not "
    "answer is reported to the operators, and what cannot go on is taken back. A robot may wait for a second person's word.",
    functions=("functions.coordinations.triggers:bp",),
    handlers=MappingProxyType(
        {
            "coordinations.request": "functions.coordinations.triggers:REQUEST_HANDLER",
            "coordinations.result": "functions.coordinations.triggers:RESULT_HANDLER",
        }
    ),
    by_hand="functions.coordinations.triggers:BY_HAND",
    secret_inputs=frozenset(("flowable_base_url", "openrpa_webhook_url")),
    routers=("functions.coordinations.api:router",),
    tables=("functions.coordinations.tables",),
    privacy="functions.coordinations.privacy:PERSONAL_DATA",
    timeline=("functions.coordinations.privacy:TIMELINE",),
    retention=("functions.coordinations.privacy:RULES",),
    effects=(
        "functions.coordinations.effects:START",
        "functions.coordinations.effects:REPORT",
        "functions.coordinations.effects:CANCEL",
        "functions.coordinations.effects:RUN",
        "functions.coordinations.effects:RUN_AGAIN",
        "functions.coordinations.effects:PUSH",
        "functions.coordinations.effects:UNDO",
        "functions.coordinations.effects:PUSH_UNDO",
    ),
    syncs=("functions.coordinations.effects:ITEM",),
    targets=MappingProxyType(
        {
            "flowable": "functions.coordinations.flowable:policy",
            "openrpa": "functions.coordinations.robots:policy",
            "openflow": "functions.coordinations.robots:policy",
        }
    ),
    clients=(
        "functions.coordinations.flowable:FLOWABLE",
        "functions.coordinations.robots:OPENRPA",
        "functions.coordinations.robots:OPENFLOW",
        "functions.coordinations.robots:OPENFLOW_API",
    ),
    listeners=MappingProxyType({"approval.decided": "functions.coordinations.listeners:decided"}),
    has_pages=True,
    records=("functions.coordinations.console:COORDINATIONS",),
    settings="functions.coordinations.settings:CoordinationSettings",
    senders=("coordinations",),
    kept_keys=frozenset(("coordinations.result",)),
    stand_ins=("sandbox.flowable:Flowable", "sandbox.robots:Robots"),
    jobs=(Job(name="look-at-robots", rhythm=Rhythm.MINUTE, run="functions.coordinations.watch:look"),),
)
