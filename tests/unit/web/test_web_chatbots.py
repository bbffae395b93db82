"""Chatbots over the API, and the flows that each of them speaks."""

from shared.journeys import chatbots
from shared.messages import numbers
from tests.unit.web.calls import Api

PATH = "/api/v1/chatbots"


def test_list_and_flows(api: Api) -> None:
    """Each chatbot with its id, and its flows with what an automation must give."""
    (bot,) = [one for one in api.get(PATH).json if one["name"] == "ventas"]
    assert bot["flows"] == 2
    assert api.get(f"{PATH}/{bot['id']}").json == bot
    flow = next(one for one in api.get(f"{PATH}/{bot['id']}/flows").json if one["name"] == "encuesta_de_interes")
    assert flow["id"] == chatbots.flow_id("encuesta_de_interes")
    assert (flow["questions"], flow["outcomes"]) == (["tema", "personas", "llamada"], ["converted", "not_interested"])
    assert flow["variables"] == []


def test_unknown_ids_are_404(api: Api) -> None:
    """Nobody's id, or none."""
    for path in ("x", chatbots.flow_id("nobody"), "x/flows"):
        assert api.get(f"{PATH}/{path}").status == 404


def test_ids_are_those_that_outside_programs_have_kept(api: Api) -> None:
    """Made of the names, the same in every installation and release: automations and scripts hold them."""
    assert [one["id"] for one in api.get(PATH).json if one["name"] == "ventas"] == ["d6cb110d-c107-5163-8687-494af2532142"]
    assert chatbots.flow_id("encuesta_de_interes") == "1d9f74cc-5598-57f8-aac0-938aeeac40a2"
    assert numbers.id_of("+525500000001") == "863412c5-8317-55a0-bc6e-6831249d4130"
