"""An optional web ACL before the REST API, which limits the rate of each client address. Method throttles limit all
callers together, so a single caller can use up the share of the others. A web ACL costs 5 USD a month, 1 USD for each
of its two rules, and 0.60 USD for a million requests (AWS WAF pricing), so it is off by default. API Gateway does not
support a web ACL before a WebSocket API.
"""

from typing import Any

from infra.apis import api_name, rest_stage_arn
from infra.deployables import Deployable, StackKind
from infra.parameters import parameter_name

Json = dict[str, Any]

HAS_FIREWALL = "HasFirewall"

CONDITIONS: Json = {HAS_FIREWALL: {"Fn::Equals": [{"Ref": parameter_name("FIREWALL")}, "on"]}}

WINDOW_SECONDS = 300

PUBLIC_PATHS = "/(agents/nodes|agents/enrollment_keys/verify|clusters/default/enrollment_keys/public)/?$"
"""The routes without a key, with or without a stage in front."""


def firewall(deployable: Deployable) -> Json:
    """The resources, by logical id."""
    paths = {
        "RegexMatchStatement": {
            "RegexString": PUBLIC_PATHS,
            "FieldToMatch": {"UriPath": {}},
            "TextTransformations": [
                {"Priority": 0, "Type": "URL_DECODE"},
                {"Priority": 1, "Type": "NORMALIZE_PATH"},
            ],
        }
    }
    rules = [_rate_rule(1, "Everything", "FIREWALL_REQUESTS", {})]
    if deployable.kind is not StackKind.FAMILY:
        rules.insert(0, _rate_rule(0, "PublicRoutes", "FIREWALL_PUBLIC_REQUESTS", {"ScopeDownStatement": paths}))
    acl = {
        "Type": "AWS::WAFv2::WebACL",
        "Condition": HAS_FIREWALL,
        "Properties": {
            "Name": api_name(deployable),
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "Rules": rules,
            "VisibilityConfig": _seen("Acl"),
        },
    }
    association = {
        "Type": "AWS::WAFv2::WebACLAssociation",
        "Condition": HAS_FIREWALL,
        "Properties": {"ResourceArn": rest_stage_arn(), "WebACLArn": {"Fn::GetAtt": ["WebAcl", "Arn"]}},
    }
    return {"WebAcl": acl, "WebAclAssociation": association}


def _rate_rule(priority: int, name: str, limit: str, scope: Json) -> Json:
    rate = {
        "Limit": {"Ref": parameter_name(limit)},
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": WINDOW_SECONDS,
        **scope,
    }
    return {
        "Name": name,
        "Priority": priority,
        "Action": {"Block": {}},
        "Statement": {"RateBasedStatement": rate},
        "VisibilityConfig": _seen(name),
    }


def _seen(name: str) -> Json:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}
