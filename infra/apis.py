"""Settings of the two APIs in API Gateway that Chalice cannot express: throttles, access logs, gateway responses in our
envelope, stages."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from chalicelib.kit.errors import Kind
from chalicelib.web.endpoint import PUBLIC
from chalicelib.web.protocol import ApiProtocol
from infra.deployables import Deployable, StackKind
from infra.functions import API_STAGE, APP_NAME
from infra.parameters import parameter_name

Json = dict[str, Any]

BINARY_TYPES = "x-amazon-apigateway-binary-media-types"
"""The field of an API's definition with the content types whose bytes API Gateway passes on as they are."""

REST_API = "RestAPI"
SOCKET_API = "WebsocketAPI"
SOCKET_STAGE = "WebsocketAPIStage"
"""Logical ids that Chalice chooses."""

REST_LOGS = "RestAccessLogs"
SOCKET_LOGS = "SocketAccessLogs"
LOGS_ACCOUNT = "ApiLogsAccount"

_ROUTES = Path(__file__).resolve().parent.parent / "chalicelib" / "fleet" / "api" / "routes.json"

PUBLIC_ROUTES = (
    ("POST", "/api/v1/agents/enrollment_keys/verify"),
    ("POST", "/api/v1/agents/nodes"),
)
"""Routes that a machine needs before it has a token. Agents register at each start, so after a power cut the whole
fleet calls them."""

PUBLIC_KEYS_ROUTE = ("POST", "/api/v1/clusters/default/enrollment_keys/public")
"""Open if PUBLIC_ENROLLMENT_KEY_ENABLED is set; each call creates a row."""

PUBLIC_KEYS_RATE = 5
PUBLIC_KEYS_BURST = 50

OPEN_RATE = 10
OPEN_BURST = 50
"""The limits of each route of another family that anyone may call and that changes something, as by sending a mail."""

LOGS_ACCESS = "LogsAccess"
MAKES_LOGS_ROLE = "MakesLogsRole"

_ENVELOPE_CONTENT = "application/json"

GATEWAY_RESPONSES: tuple[tuple[str, int, Kind, str], ...] = (
    ("DEFAULT_4XX", 0, Kind.BAD_REQUEST, "Bad Request"),
    ("DEFAULT_5XX", 0, Kind.INTERNAL, "Internal Server Error"),
    ("MISSING_AUTHENTICATION_TOKEN", 404, Kind.NOT_FOUND, "Resource not found"),
    ("RESOURCE_NOT_FOUND", 404, Kind.NOT_FOUND, "Resource not found"),
    ("REQUEST_TOO_LARGE", 413, Kind.PAYLOAD_TOO_LARGE, "Payload Too Large"),
    ("THROTTLED", 429, Kind.RATE_LIMITED, "Too Many Requests"),
    ("QUOTA_EXCEEDED", 429, Kind.RATE_LIMITED, "Too Many Requests"),
    ("WAF_FILTERED", 429, Kind.RATE_LIMITED, "Too Many Requests"),
    ("UNSUPPORTED_MEDIA_TYPE", 415, Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type"),
    ("INTEGRATION_FAILURE", 503, Kind.UNAVAILABLE, "Service Unavailable"),
    ("INTEGRATION_TIMEOUT", 503, Kind.UNAVAILABLE, "Service Unavailable"),
)
"""API Gateway's own responses: response type, status (0 keeps its own), our kind and message. API Gateway ignores the
one for REQUEST_TOO_LARGE so far (API Gateway developer guide, "Important notes"): above Lambda's limit, a client gets
the gateway's own text. Our firewall has rate rules only, so WAF_FILTERED means too many requests."""

GATEWAY_HEADERS = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
"""Any page may read a gateway response: it contains no data. The function decides which pages may call; without this
header, a page that may call would see a network error when it is throttled."""

_REST_LOG_FIELDS = {
    "requestId": "requestId",
    "time": "requestTimeEpoch",
    "ip": "identity.sourceIp",
    "method": "httpMethod",
    "route": "resourcePath",
    "status": "status",
    "refusal": "error.responseType",
    "latency": "responseLatency",
    "bytes": "responseLength",
}
_SOCKET_LOG_FIELDS = {
    "requestId": "requestId",
    "ip": "identity.sourceIp",
    "route": "routeKey",
    "connectionId": "connectionId",
    "status": "status",
    "refusal": "error.responseType",
    "latency": "integrationLatency",
}
"""Fields of the request context to log. Never the authorizer, headers or query: they carry keys and tokens. Most log
lines of an idle fleet come from sockets, so they contain no time: CloudWatch records it."""

CONDITIONS: Json = {
    LOGS_ACCESS: {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter_name("API_ACCESS_LOGS")}, "off"]}]},
}
CORE_CONDITIONS: Json = {
    MAKES_LOGS_ROLE: {"Fn::Equals": [{"Ref": parameter_name("API_ACCESS_LOGS")}, "on"]},
}


def api_name(deployable: Deployable) -> Json:
    """The REST API's name. It is the dimension of its metrics, so no two APIs of an account may share one."""
    return {"Fn::Sub": f"{APP_NAME}-${{Stage}}{deployable.suffix}"}


def rest_api(deployable: Deployable) -> Json:
    """The properties to merge into Chalice's REST API. The core's API outlives its stack: machines know its address."""
    responses = gateway_responses(deployable)
    binary = {BINARY_TYPES: ["*/*"]} if takes_bytes(deployable) else {}
    properties = {
        "Name": api_name(deployable),
        # Without it SAM creates a second stage, named Stage, without throttles.
        "OpenApiVersion": "2.0",
        "MethodSettings": _throttles(deployable),
        "AccessLogSetting": _access_log(REST_LOGS, _REST_LOG_FIELDS),
        "DefinitionBody": {
            "info": {"title": api_name(deployable)},
            "x-amazon-apigateway-gateway-responses": responses,
            **binary,
        },
    }
    if not deployable.is_core:
        return {"Properties": properties}
    return {"Properties": properties, **kept()}


def socket_api() -> Json:
    """The properties to merge into Chalice's WebSocket API."""
    return kept()


def socket_stage() -> Json:
    """The properties to merge into the stage of the WebSocket API: route changes are deployed automatically; Chalice's
    own deployment would stay at the first version."""
    routes = [f"Websocket{route}Route" for route in ("Connect", "Message", "Disconnect")]
    properties = {
        "AutoDeploy": True,
        "DefaultRouteSettings": {
            "ThrottlingRateLimit": {"Ref": parameter_name("SOCKET_ROUTES_RATE")},
            "ThrottlingBurstLimit": {"Ref": parameter_name("SOCKET_ROUTES_BURST")},
        },
        "AccessLogSettings": _access_log(SOCKET_LOGS, _SOCKET_LOG_FIELDS),
    }
    return {"Properties": properties, "DependsOn": routes}


def kept() -> Json:
    """The attributes that keep a resource when its stack is deleted."""
    return {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def written_by_the_account() -> Json:
    """Tags of an access log that refer to the account's role for logs, if this stack sets it. The reference makes
    CloudFormation set the role before a stage enables the log. (DependsOn must not name a resource that a condition
    leaves out.)"""
    tags = [{"Key": "edge-admin:written-by", "Value": {"Ref": LOGS_ACCOUNT}}]
    return {"Tags": {"Fn::If": [MAKES_LOGS_ROLE, tags, {"Ref": "AWS::NoValue"}]}}


def logs_account() -> Json:
    """The role with which API Gateway writes the logs of all APIs of the account in the region. Other stages and other
    APIs use it too, so neither the role nor the setting is deleted with the stack."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    policy = "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    properties = {"AssumeRolePolicyDocument": trust, "ManagedPolicyArns": [{"Fn::Sub": policy}]}
    role = {"Type": "AWS::IAM::Role", "Condition": MAKES_LOGS_ROLE, "Properties": properties}
    account = {
        "Type": "AWS::ApiGateway::Account",
        "Condition": MAKES_LOGS_ROLE,
        "Properties": {"CloudWatchRoleArn": {"Fn::GetAtt": ["ApiLogsRole", "Arn"]}},
    }
    return {"ApiLogsRole": {**role, **kept()}, LOGS_ACCOUNT: {**account, **kept()}}


def open_routes(deployable: Deployable) -> list[tuple[str, str]]:
    """Method and path of the routes of a family that anyone may call and that change something."""
    endpoints = [endpoint for api in imported(deployable.family.api) for endpoint in api.endpoints()]
    return sorted(
        (endpoint.method, endpoint.route)
        for endpoint in endpoints
        if endpoint.permission is None and endpoint.auth is PUBLIC and not endpoint.is_read
    )


def takes_bytes(deployable: Deployable) -> bool:
    """Whether an operation takes bytes that may be no text: API Gateway then passes on every body in base64,
    regardless of its content type, and decodes those that a function answers so."""
    return any(endpoint.takes_bytes for api in imported(deployable.family.api) for endpoint in api.endpoints())


def too_large_of(deployable: Deployable) -> str:
    """The template of the answer to a body that is too large, "" for an API that takes no bytes."""
    if not takes_bytes(deployable):
        return ""
    body: str = gateway_responses(deployable)["REQUEST_TOO_LARGE"]["responseTemplates"][_ENVELOPE_CONTENT]
    return body


def gateway_responses(deployable: Deployable) -> dict[str, Json]:
    """API Gateway's own responses by type, in the form of the API's protocol. A family whose APIs differ in theirs has
    that of its first."""
    api, *_others = imported(deployable.family.api)
    remedies = [endpoint.too_large for endpoint in api.endpoints() if endpoint.too_large]
    texts = {"REQUEST_TOO_LARGE": f"Payload Too Large: {remedies[0]}"} if remedies else {}
    return {
        answer: gateway_response(api.protocol, status, kind, texts.get(answer, text))
        for answer, status, kind, text in GATEWAY_RESPONSES
    }


def gateway_response(protocol: ApiProtocol, status: int, kind: Kind, message: str) -> Json:
    """A gateway response in the form of that protocol; API Gateway fills in ``$context``."""
    error = protocol.gateway_error(kind, message)
    own = {f"gatewayresponse.header.{name}": value for name, value in error.headers.items()}
    response: Json = {
        "responseTemplates": {_ENVELOPE_CONTENT: error.body},
        "responseParameters": GATEWAY_HEADERS | own,
    }
    return {"statusCode": str(status), **response} if status else response


def imported(name: str) -> Any:
    """The value of that dotted name."""
    module, _, value = name.rpartition(".")
    return getattr(import_module(module), value)


def rest_stage_arn() -> Json:
    """The id of the deployed stage, which SAM creates."""
    arn = f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}::/restapis/${{{REST_API}}}/stages/${{{REST_API}.Stage}}"
    return {"Fn::Sub": arn}


def rest_dimensions(deployable: Deployable) -> list[Json]:
    """The dimensions of the metrics of the REST API's stage."""
    return [{"Name": "ApiName", "Value": api_name(deployable)}, {"Name": "Stage", "Value": API_STAGE}]


def socket_dimensions() -> list[Json]:
    return [{"Name": "ApiId", "Value": {"Ref": SOCKET_API}}, {"Name": "Stage", "Value": API_STAGE}]


def fleet_routes() -> list[tuple[str, str]]:
    """Method and path of the routes that every machine calls, and that a Prometheus calls for each machine."""
    declared = [route.split() for module in json.loads(_ROUTES.read_text()).values() for route in module]
    every = [(method, path) for method, path in declared if path.startswith("/api/v1/agents/") or path.endswith("/raw")]
    return sorted(route for route in every if route not in PUBLIC_ROUTES)


def _throttles(deployable: Deployable) -> list[Json]:
    """The throttles by method. API Gateway limits each method separately, those that are not named to the limit of
    ``*``, so a flood on one route does not affect the others."""
    every = _throttle("*", "/*", *_limits("ROUTES"))
    if deployable.kind is StackKind.FAMILY:
        return [every, *(_throttle(*route, OPEN_RATE, OPEN_BURST) for route in open_routes(deployable))]
    return [
        every,
        *(_throttle(method, path, *_limits("FLEET_ROUTES")) for method, path in fleet_routes()),
        *(_throttle(method, path, *_limits("PUBLIC_ROUTES")) for method, path in PUBLIC_ROUTES),
        _throttle(*PUBLIC_KEYS_ROUTE, PUBLIC_KEYS_RATE, PUBLIC_KEYS_BURST),
    ]


def _limits(routes: str) -> tuple[Json, Json]:
    return {"Ref": parameter_name(f"{routes}_RATE")}, {"Ref": parameter_name(f"{routes}_BURST")}


def _throttle(method: str, path: str, rate: Any, burst: Any) -> Json:
    encoded = path if path == "/*" else "/" + path.replace("/", "~1")
    return {
        "HttpMethod": method,
        "ResourcePath": encoded,
        "ThrottlingRateLimit": rate,
        "ThrottlingBurstLimit": burst,
    }


def _access_log(group: str, fields: dict[str, str]) -> Json:
    """The access log settings: a line of JSON for each request."""
    line = json.dumps({name: f"$context.{each}" for name, each in fields.items()}, separators=(",", ":"))
    setting = {"DestinationArn": {"Fn::GetAtt": [group, "Arn"]}, "Format": line}
    return {"Fn::If": [LOGS_ACCESS, setting, {"Ref": "AWS::NoValue"}]}
