"""ODOO_CAMPAIGN_CONTACTS: what is taken, and what is refused at the start, each with its reason."""

import json

import pytest

from shared.errors import ConfigurationError
from shared.settings import get_settings


@pytest.mark.parametrize(
    ("mode", "value", "why"),
    [
        ("both", "labels", "ODOO_CAMPAIGN_CONTACTS"),
        ("both", "{no json", "is no JSON"),
        ("opportunities", "tags", "nothing would be sent"),
        ("opportunities", "partner-tags", "needs partners"),
        ("contacts", "lead-tags", "needs leads"),
        ("both", "{}", "must name a model"),
        ("both", '{"model": "crm.lead"}', "must name a model"),
        ("both", '{"model": "X Y"}', "must name a model"),
        ("both", '{"model": "x_member", "colour": "x_colour"}', "unknown facts ['colour']"),
        ("both", '{"model": "x_member", "key": ""}', "['key'] cannot be left out"),
        ("both", '{"model": "x_member", "name": "x_key"}', "several facts go to ['x_key']"),
    ],
)
def test_mistakes_are_named_at_the_start(environment, mode, value, why):
    """One sentence that names the setting and says what to change."""
    environment.setenv("ODOO_SYNC_MODE", mode)
    environment.setenv("ODOO_CAMPAIGN_CONTACTS", value)
    with pytest.raises(ConfigurationError) as error:
        get_settings()
    assert why in str(error.value)
    assert "ODOO_CAMPAIGN_CONTACTS" in str(error.value)


@pytest.mark.parametrize(
    ("mode", "value", "partners", "leads", "model"),
    [
        ("both", "tags", True, True, None),
        ("contacts", "tags", True, False, None),
        ("both", "lead-tags", False, True, None),
        ("both", '{"model": "x_member", "summary": "", "sale_order_date": "x_sold"}', False, False, "x_member"),
        ("opportunities", "none", False, False, None),
    ],
)
def test_what_is_sent_follows_from_setting_and_mode(environment, mode, value, partners, leads, model):
    """Tags on whom the mode has; the model with its fields; nothing in the mode `opportunities`."""
    environment.setenv("ODOO_SYNC_MODE", mode)
    environment.setenv("ODOO_CAMPAIGN_CONTACTS", value)
    settings = get_settings()
    assert (settings.odoo_tags_partners, settings.odoo_tags_leads, settings.odoo_member_model) == (partners, leads, model)
    assert settings.odoo_sends_campaigns == settings.odoo_sends_members == (mode != "opportunities")
    if model:
        assert json.loads(value)["sale_order_date"] == settings.odoo_member_fields["sale_order_date"]
        assert "summary" not in settings.odoo_member_fields


def test_mode_opportunities_sends_campaigns_where_the_field_map_asks_for_it(environment):
    """The field is then written, and tags of leads may be had."""
    environment.setenv("ODOO_FIELD_MAP", '{"campaign": "campaign_id"}')
    environment.setenv("ODOO_CAMPAIGN_CONTACTS", "lead-tags")
    settings = get_settings()
    assert (settings.odoo_lead_campaign, settings.odoo_tags_leads, settings.odoo_sends_members) == ("campaign_id", True, True)
