"""The recipients of alarms and of budget notices, if the deployer names any."""

from collections.abc import Mapping
from typing import Any

from infra.alarms import APPLICATION_TOPIC
from infra.parameters import is_given, parameter_name

Json = dict[str, Any]

_HAS_EMAIL = "HasAlarmEmail"
_HAS_BUDGET = "HasBudget"

CONDITIONS: Json = {
    _HAS_EMAIL: is_given("ALARM_EMAIL"),
    _HAS_BUDGET: {"Fn::And": [is_given("MONTHLY_BUDGET_USD"), {"Condition": _HAS_EMAIL}]},
}


_BUDGET = "Budget"


def without_unused_budget(template: Json, parameters: Mapping[str, str]) -> Json:
    """The template without the budget where none is set: a region without that type refuses it, even where a condition
    leaves it out."""
    if parameters.get(parameter_name("MONTHLY_BUDGET_USD")):
        return template
    return {**template, "Resources": {name: each for name, each in template["Resources"].items() if name != _BUDGET}}


def listeners() -> Json:
    """The resources, by logical id."""
    address = {"Ref": parameter_name("ALARM_EMAIL")}
    subscription = {
        "Type": "AWS::SNS::Subscription",
        "Condition": _HAS_EMAIL,
        "Properties": {"TopicArn": APPLICATION_TOPIC, "Protocol": "email", "Endpoint": address},
    }
    amount = {"Amount": {"Ref": parameter_name("MONTHLY_BUDGET_USD")}, "Unit": "USD"}
    notifications = [
        {
            "Notification": {
                "NotificationType": kind,
                "ComparisonOperator": "GREATER_THAN",
                "Threshold": percent,
                "ThresholdType": "PERCENTAGE",
            },
            "Subscribers": [{"SubscriptionType": "EMAIL", "Address": address}],
        }
        for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
    ]
    budget = {
        "Type": "AWS::Budgets::Budget",
        "Condition": _HAS_BUDGET,
        "Properties": {
            "Budget": {"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": amount},
            "NotificationsWithSubscribers": notifications,
        },
    }
    return {"AlarmSubscription": subscription, _BUDGET: budget}
