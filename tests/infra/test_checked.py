"""What a deployment checks of its settings before anything changes."""

import pytest

from infra.deployables import CORE
from infra.deployment.checked import MOST_ENVIRONMENT_BYTES, check_environment
from infra.fragment import fragment
from infra.listeners import without_unused_budget


def test_settings_that_lambda_takes_pass():
    check_environment(fragment(CORE), {"CorsAllowedOrigins": "https://console.example.com"})


def test_settings_longer_than_an_environment_are_refused_with_the_longest():
    origins = ",".join(f"https://console-{place}.example.com" for place in range(120))
    with pytest.raises(ValueError, match=rf"Lambda takes {MOST_ENVIRONMENT_BYTES}; the longest are CORS_ALLOWED_ORIGI"):
        check_environment(fragment(CORE), {"CorsAllowedOrigins": origins})


def test_template_without_a_set_budget_names_no_type_that_regions_lack():
    template = fragment(CORE)
    without = without_unused_budget(template, {"MonthlyBudgetUsd": ""})

    assert template["Resources"].keys() - without["Resources"].keys() == {"Budget"}
    assert without_unused_budget(template, {"MonthlyBudgetUsd": "100"}) == template
