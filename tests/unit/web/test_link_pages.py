"""Pages behind signed links, as the host knows them: what a mail gateway asks for before a person does finds them there."""

from shared import flows

NO_LINKS = {
    "health": "the platform asks whether the app is alive",
    "meta_webhook_check": "Meta asks once, with a challenge",
    "twilio_voice": "Twilio fetches what a call says, with its signature",
}
"""Functions that answer a GET and stand in no mail."""


def methods() -> dict[str, set[str]]:
    """For each function that answers requests: the methods that the host lets through to it; none is all."""
    builders = (builder for blueprint in flows.parts("functions") for builder in blueprint._function_builders)
    built = [builder._function for builder in builders]
    triggers = {one.get_function_name(): one.get_trigger().get_dict_repr() for one in built}
    return {
        name: {method.value for method in found.get("methods") or ()}
        for name, found in triggers.items()
        if found["type"] == "httpTrigger"
    }


def test_whatever_is_opened_by_a_link_answers_a_head_too() -> None:
    """Else the host hands it to the REST API, which knows no such page: 404, and a gateway calls the link broken."""
    opened = {name: found for name, found in methods().items() if "GET" in found and name not in NO_LINKS}
    assert sorted(opened) == ["approvals_page", "meetings_page", "unsubscribe_page"]
    assert [name for name, found in opened.items() if "HEAD" not in found] == []


def test_list_of_those_without_links_is_no_longer_than_need_be() -> None:
    """One that is gone is taken from it."""
    assert [name for name in NO_LINKS if "GET" not in methods().get(name, ())] == []
