"""Campaigns, tags, fields of many and custom models: what we lean on, held against the sandbox or a real Odoo."""

import pytest
from odoo_contract import Api, Failure, unique

MAKE = {"mode": "update", "noupdate": True}


def test_campaign_is_made_once_for_an_external_id_and_stays_as_it_is(api: Api) -> None:
    """`load` that updates nothing: the same id again gives the same campaign, whatever the second title."""
    name, key = unique("Campaign"), f"manychat.{unique('campaign')}"
    fields = ["id", "name", "title"]
    first = api.call("utm.campaign", "load", fields=fields, data=[[key, name, name]], context=MAKE)
    again = api.call("utm.campaign", "load", fields=fields, data=[[key, "Other", "Other"]], context=MAKE)
    assert (first["messages"], again["ids"]) == ([], first["ids"])
    (row,) = api.call("utm.campaign", "read", first["ids"], fields=["name", "title", "active"])
    assert (row["name"], row["title"], row["active"]) == (name, name, True)


def test_second_campaign_of_a_title_gets_a_number_in_its_name_alone(api: Api) -> None:
    """People read the title, which may come twice; a new title is a new name."""
    name = unique("Campaign")
    (first,) = api.call("utm.campaign", "create", vals_list=[{"title": name}])
    (second,) = api.call("utm.campaign", "create", vals_list=[{"title": name, "name": name}])
    rows = api.call("utm.campaign", "read", [first, second], fields=["name", "title", "display_name"])
    assert [row["name"] for row in rows] == [name, f"{name} [2]"]
    assert [(row["title"], row["display_name"]) for row in rows] == [(name, name)] * 2
    api.call("utm.campaign", "write", [second], vals={"title": f"{name} new"})
    assert api.call("utm.campaign", "read", [second], fields=["name"])[0]["name"] == f"{name} new"


def test_tag_of_leads_is_there_once_and_a_tag_of_partners_may_come_twice(api: Api) -> None:
    """The name of a lead's tag is refused the second time; that of a partner's is not."""
    name = unique("Tag")
    api.call("crm.tag", "create", vals_list=[{"name": name}])
    with pytest.raises(Failure) as refused:
        api.call("crm.tag", "create", vals_list=[{"name": name}])
    assert refused.value.name == "odoo.exceptions.ValidationError"
    assert "Tag name already exists!" in refused.value.message
    assert len(api.call("res.partner.category", "create", vals_list=[{"name": name}, {"name": name}])) == 2


def test_tags_are_added_to_those_that_are_there(api: Api) -> None:
    """The command 4 adds, twice as once; 3 takes away; 6 sets; 5 empties. A tag that is not there is refused."""
    one, two = api.call("crm.tag", "create", vals_list=[{"name": unique("Tag")}, {"name": unique("Tag")}])
    (lead,) = api.call("crm.lead", "create", vals_list=[{"name": "L", "type": "opportunity", "tag_ids": [[6, 0, [one]]]}])

    def after(commands: list[list[object]]) -> list[int]:
        api.call("crm.lead", "write", [lead], vals={"tag_ids": commands})
        return sorted(api.call("crm.lead", "read", [lead], fields=["tag_ids"])[0]["tag_ids"])

    assert after([[4, two]]) == [one, two]
    assert after([[4, two]]) == [one, two]
    assert after([[3, one]]) == [two]
    assert after([[6, 0, [one]]]) == [one]
    with pytest.raises(Failure) as refused:
        after([[4, 10**6]])
    assert refused.value.name == "odoo.exceptions.ValidationError"
    assert after([[5, 0, 0]]) == []


def test_deleted_campaign_and_tag_go_from_the_leads(api: Api) -> None:
    """Neither keeps a lead from being read, nor is itself kept by one."""
    (campaign,) = api.call("utm.campaign", "create", vals_list=[{"title": unique("Campaign")}])
    (tag,) = api.call("crm.tag", "create", vals_list=[{"name": unique("Tag")}])
    values = {"name": "L", "type": "opportunity", "campaign_id": campaign, "tag_ids": [[4, tag]]}
    (lead,) = api.call("crm.lead", "create", vals_list=[values])
    api.call("utm.campaign", "unlink", [campaign])
    api.call("crm.tag", "unlink", [tag])
    (row,) = api.call("crm.lead", "read", [lead], fields=["campaign_id", "tag_ids"])
    assert (row["campaign_id"], row["tag_ids"]) == (False, [])
    with pytest.raises(Failure) as refused:
        api.call("crm.lead", "write", [lead], vals={"campaign_id": campaign})
    assert refused.value.name == "odoo.exceptions.ValidationError"


def test_custom_model_is_closed_until_a_right_opens_it(api: Api) -> None:
    """It has a name at once, fields when they are added, no `active`; its name begins with x_ and is there once."""
    model = unique("x_model")
    (number,) = api.call("ir.model", "create", vals_list=[{"name": "Members", "model": model}])
    assert {"x_name", "id"} <= set(known := api.call(model, "fields_get"))
    assert "active" not in known
    with pytest.raises(Failure) as closed:
        api.call(model, "search_read", domain=[], fields=["id"])
    assert closed.value.name == "odoo.exceptions.AccessError"
    assert "No group currently allows this operation." in closed.value.message
    field = {"model_id": number, "name": "x_campaign_id", "field_description": "C", "ttype": "many2one"}
    api.call("ir.model.fields", "create", vals_list=[{**field, "relation": "utm.campaign"}])
    rights = {f"perm_{name}": True for name in ("read", "write", "create", "unlink")}
    api.call("ir.model.access", "create", vals_list=[{"name": model, "model_id": number, **rights}])
    (campaign,) = api.call("utm.campaign", "create", vals_list=[{"title": unique("Campaign")}])
    key = f"manychat.{unique('member')}"
    made = api.call(model, "load", fields=["id", "x_name", "x_campaign_id/.id"], data=[[key, "Ana", str(campaign)]])
    (row,) = api.call(model, "read", made["ids"], fields=["x_name", "x_campaign_id"])
    assert (row["x_name"], row["x_campaign_id"][0]) == ("Ana", campaign)
    for name in (model, "members"):
        with pytest.raises(Failure) as refused:
            api.call("ir.model", "create", vals_list=[{"name": "Members", "model": name}])
        assert refused.value.name == "odoo.exceptions.ValidationError"
