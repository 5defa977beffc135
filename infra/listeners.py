"""The recipients of alarms and of budget notices, if the deployer names any."""

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
    return {"AlarmSubscription": subscription, "Budget": budget}
