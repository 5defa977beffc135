"""Answers about nodes."""

from typing import Annotated

from pydantic import BaseModel, Field

from chalicelib.fleet import fields, samples
from chalicelib.fleet.nodes.model import IdType, Status
from chalicelib.kit.fields import about
from chalicelib.web.spellings import SameAs, Spelled, another_name
from chalicelib.web.validation import Timestamp


class NodeAliasOut(BaseModel):
    """One of the node's aliases, in short."""

    id: Annotated[str, fields.ALIAS]
    name: Annotated[str, fields.ALIAS_NAME]
    vpn_hostname: Annotated[str, fields.ALIAS_HOST]


class NodeOut(Spelled):
    """A machine that runs the agent."""

    id: Annotated[str, fields.OWN_ID_OF_NODE]
    node_name: Annotated[str, about("Host name of the node: `node-` and its id.", samples.NODE_NAME)]
    cluster_name: Annotated[str, fields.CLUSTER_OF_NODE]
    netmaker_host_id: Annotated[
        str | None, about("UUID of the node's host in Netmaker; null without a mesh.", None, format="uuid")
    ]
    vpn_host_id: Annotated[
        str | None,
        SameAs("netmaker_host_id"),
        another_name("netmaker_host_id", None),
    ] = None
    id_type: Annotated[IdType, fields.ID_TYPE]
    enrollment_key_id: Annotated[str | None, fields.ENROLLMENT_KEY_OF_NODE]
    status: Annotated[Status, fields.NODE_STATUS]
    vpn_hostname: Annotated[str, fields.NODE_HOST]
    mdns_hostname: Annotated[str, about("Multicast DNS name of the node on its own LAN.", f"{samples.NODE_NAME}.local")]
    http_port: Annotated[int, fields.HTTP_PORT]
    ssh_port: Annotated[int, fields.SSH_PORT]
    host_metrics_port: Annotated[int, fields.HOST_METRICS_PORT]
    wireguard_metrics_port: Annotated[int, fields.WIREGUARD_METRICS_PORT]
    agent_metrics_port: Annotated[int, fields.AGENT_METRICS_PORT]
    http_proxy_port: Annotated[int, fields.HTTP_PROXY_PORT]
    socks5_proxy_port: Annotated[int, fields.SOCKS5_PROXY_PORT]
    api_token: Annotated[
        str | None,
        about(
            "The node's bearer token; null unless the setting REVEAL_NODE_SECRETS is on and the key has "
            "`nodes:reveal`.",
            None,
        ),
    ] = Field(repr=False)
    proxy_password: Annotated[str | None, about("Password of the node's proxies; null like `api_token`.", None)] = (
        Field(repr=False)
    )
    version: Annotated[str, fields.AGENT_VERSION]
    self_update_enabled: Annotated[bool, fields.SELF_UPDATE_ENABLED]
    hostname: Annotated[str | None, fields.HOSTNAME]
    os_name: Annotated[str | None, fields.OS_NAME]
    os_version: Annotated[str | None, fields.OS_VERSION]
    architecture: Annotated[str | None, fields.ARCHITECTURE]
    kernel: Annotated[str | None, fields.KERNEL]
    addresses: Annotated[list[str], fields.ADDRESSES]
    booted_at: Annotated[Timestamp | None, fields.BOOTED_AT]
    ssh_host_keys: Annotated[list[str], fields.SSH_HOST_KEYS]
    labels: Annotated[dict[str, str], fields.LABELS]
    features: Annotated[list[str], fields.FEATURES]
    aliases: Annotated[list[NodeAliasOut], about("Further names of the node in the network of its cluster.")]
    blocked_at: Annotated[Timestamp | None, fields.BLOCKED_AT]
    identity_conflict_at: Annotated[Timestamp | None, fields.IDENTITY_CONFLICT_AT]
    identity_conflict_instances: Annotated[
        list[str],
        about("Ids of the agent processes that use the identity at the same time; empty without a conflict.", []),
    ]
    last_seen_at: Annotated[Timestamp, fields.LAST_SEEN_AT]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


class AdmissionOut(BaseModel):
    """Whether a machine may be a node."""

    node_id: Annotated[str, about("UUID of the machine, which need not be a node.", samples.NODE_ID, format="uuid")]
    is_node: Annotated[bool, about("Whether the machine is enrolled now.", True)]
    blocked_at: Annotated[Timestamp | None, fields.BLOCKED_AT]
    removed_at: Annotated[
        Timestamp | None,
        about(
            "When a node of this id was last deleted: enrollment keys from before no longer admit it. Null: never.",
            None,
        ),
    ]
