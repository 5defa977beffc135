"""Custom domains for both APIs. Machines keep an address for years: a custom domain can be pointed at another stack,
region or account, while API Gateway's generated host ends with its API."""

from typing import Any

from infra.apis import REST_API, SOCKET_API, SOCKET_STAGE
from infra.deployables import Deployable
from infra.functions import API_STAGE
from infra.parameters import is_given, parameter_name

Json = dict[str, Any]

HAS_REST_DOMAIN = "HasRestDomain"
HAS_SOCKET_DOMAIN = "HasSocketDomain"
HAS_SOCKET_URL = "HasSocketUrl"

_REST_NAME = parameter_name("REST_DOMAIN_NAME")
_SOCKET_NAME = parameter_name("WEBSOCKET_DOMAIN_NAME")
_SOCKET_URL = parameter_name("WEBSOCKET_URL")


def domain_conditions(deployable: Deployable) -> Json:
    rest = {HAS_REST_DOMAIN: is_given("REST_DOMAIN_NAME"), HAS_SOCKET_URL: is_given("WEBSOCKET_URL")}
    return rest | ({HAS_SOCKET_DOMAIN: is_given("WEBSOCKET_DOMAIN_NAME")} if deployable.is_core else {})


def domains(deployable: Deployable) -> Json:
    """The resources, by logical id."""
    rest: Json = {
        "RestDomain": {
            "Type": "AWS::ApiGateway::DomainName",
            "Condition": HAS_REST_DOMAIN,
            "Properties": {
                "DomainName": {"Ref": _REST_NAME},
                "RegionalCertificateArn": {"Ref": parameter_name("REST_CERTIFICATE_ARN")},
                "EndpointConfiguration": {"Types": ["REGIONAL"]},
                "SecurityPolicy": "TLS_1_2",
            },
        },
        "RestDomainMapping": {
            "Type": "AWS::ApiGateway::BasePathMapping",
            "Condition": HAS_REST_DOMAIN,
            "Properties": {
                "DomainName": {"Ref": "RestDomain"},
                "RestApiId": {"Ref": REST_API},
                "Stage": {"Ref": f"{REST_API}.Stage"},  # SAM's name for the stage that it creates
            },
        },
    }
    if not deployable.is_core:
        return rest
    sockets: Json = {
        "SocketDomain": {
            "Type": "AWS::ApiGatewayV2::DomainName",
            "Condition": HAS_SOCKET_DOMAIN,
            "Properties": {
                "DomainName": {"Ref": _SOCKET_NAME},
                "DomainNameConfigurations": [
                    {
                        "CertificateArn": {"Ref": parameter_name("WEBSOCKET_CERTIFICATE_ARN")},
                        "EndpointType": "REGIONAL",
                        "SecurityPolicy": "TLS_1_2",
                    }
                ],
            },
        },
        "SocketDomainMapping": {
            "Type": "AWS::ApiGatewayV2::ApiMapping",
            "Condition": HAS_SOCKET_DOMAIN,
            "Properties": {
                "DomainName": {"Ref": "SocketDomain"},
                "ApiId": {"Ref": SOCKET_API},
                "Stage": {"Ref": SOCKET_STAGE},
            },
        },
    }
    return rest | sockets


def domain_outputs(deployable: Deployable) -> Json:
    """The target for the deployer's DNS record: the host, and its zone for an alias record."""
    parts = [("RestDomain", HAS_REST_DOMAIN)]
    parts += [("SocketDomain", HAS_SOCKET_DOMAIN)] if deployable.is_core else []
    return {
        f"{resource}{what}": {"Condition": condition, "Value": {"Fn::GetAtt": [resource, attribute]}}
        for resource, condition in parts
        for what, attribute in (("Target", "RegionalDomainName"), ("Zone", "RegionalHostedZoneId"))
    }


def rest_url() -> Json:
    """The API's address for machines: the custom domain, otherwise the generated host."""
    generated = {"Fn::Sub": f"https://${{{REST_API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{API_STAGE}/"}
    return {"Fn::If": [HAS_REST_DOMAIN, {"Fn::Sub": f"https://${{{_REST_NAME}}}/"}, generated]}


def socket_url(deployable: Deployable) -> Json:
    """WEBSOCKET_URL if it is set, otherwise the custom domain, otherwise the generated host. A further stack uses the
    core's API, and takes the domain from its WEBSOCKET_URL."""
    url = generated_socket_url("wss")
    if deployable.is_core:
        url = {"Fn::If": [HAS_SOCKET_DOMAIN, {"Fn::Sub": f"wss://${{{_SOCKET_NAME}}}"}, url]}
    return {"Fn::If": [HAS_SOCKET_URL, {"Ref": _SOCKET_URL}, url]}


def generated_socket_url(scheme: str) -> Json:
    """The URL at API Gateway's own host. Frames are posted to it even with a custom domain."""
    host = f"${{{SOCKET_API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"
    return {"Fn::Sub": f"{scheme}://{host}/{API_STAGE}"}
