"""The settings: every environment variable that the functions read, with its meaning and default.

Read once per container. ``python -m chalicelib.settings`` prints the table of docs/operations.md.
"""

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from chalicelib.kit.labels import LABEL_PATTERN
from chalicelib.setting_types import (
    NETWORKS,
    ClusterName,
    CommaList,
    FamilyUrls,
    PositiveInt,
    Prefix,
    Providers,
    Quotas,
    Registration,
    SecurityGroups,
    Subnets,
)


def running_function() -> str:
    """The name, as in ``infra/functions.py``, of the function that this process is an instance of: FUNCTION_NAME, which
    the template sets. "" in tools and tests."""
    return os.environ.get("FUNCTION_NAME", "")


class Settings(BaseModel):
    """The settings of the functions. Raises `ValidationError` (pydantic) for an invalid value. Secrets print as
    asterisks. pydantic-settings is not used: it imports asyncio and a command-line parser, 70 ms of every cold start.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    # Names and addresses of resources: outputs of the stateful stack.
    table_prefix: str = Field("", description="In front of every table's name, e.g. `edge-admin-dev-`.")
    queue_url_prefix: str = Field(
        "", description="The URL of every queue up to its name, e.g. `https://sqs.…/123456789012/edge-admin-dev-`."
    )
    delivery_queue_url: str = Field("", description="Queue of deliveries of a further stack alone; the core has none.")
    event_bus_name: str = Field("default", description="EventBridge bus that domain events are put on.")
    keys_secret_arn: str = Field(
        "", description="Secret `{MASTER_KEY, API_KEY, METRICS_KEY, NETMAKER_MASTER_KEY}`, read every five minutes."
    )
    kms_key_id: str = Field("", description="KMS key that wraps the data key of secrets at rest.")
    signing_key_id: str = Field("", description="KMS key that signs webhooks; unset: one sealed in the tables.")
    agent_bucket: str = Field("", description="Bucket that the agent's archives are handed out from.")
    images_bucket: str = Field("", description="Bucket that the files of tenants' images are stored in.")
    images_import_role: str = Field("", description="Name of the role with which EC2 reads the files of images.")
    export_bucket: str = Field("", description="Bucket that exported logs of hosted nodes are stored in.")
    output_bucket: str = Field("", description="Bucket that outputs beyond 256 KiB are stored in, for agents that do.")
    websocket_url: str = Field("", description="WebSocket URL that registration gives to agents, `wss://…`.")
    websocket_management_url: str = Field("", description="Endpoint of the API that posts to open connections.")
    public_url: str = Field("", description="This API's own URL, with the stage if its host needs one.")
    family_urls: FamilyUrls = Field(
        (),
        description="Comma list of `family=URL`: where the APIs of the families are, for `/.well-known/edge`. The "
        "families that this host serves need none.",
    )
    admin_urls: CommaList = Field(
        (), description="Comma list of URLs that enrollment keys and registration name; PUBLIC_URL when empty."
    )

    # Access of callers.
    auth_enabled: bool = Field(
        default=True, description="`false` lets anyone call as operator; agents still need a token."
    )
    master_key: SecretStr | None = Field(None, description="Replaces the secret's; for local runs and tests.")
    api_key: SecretStr | None = Field(None, description="Operators' second key. Unset: MASTER_KEY.")
    metrics_key: SecretStr | None = Field(None, description="Key of metrics routes. Unset: MASTER_KEY.")
    public_rate_per_second: Annotated[float, Gt(0)] = Field(
        10, description="Requests an address may make on public routes, per container, in the long run."
    )
    public_burst: PositiveInt = Field(100, description="Requests an address may make on public routes at once.")
    key_requests_per_minute: Annotated[int, Ge(0)] = Field(
        60_000, description="Requests a minute of each key that has no limit of its own; `0`: no limit."
    )
    cors_allowed_origins: CommaList = Field((), description="Comma list of browser origins, `*` for any; default none.")
    cors_allowed_headers: CommaList = Field(
        ("authorization", "content-type", "edge-api-revision", "idempotency-key", "x-request-id"),
        description="Comma list of headers that a page may send.",
    )
    api_revision: Literal["", "2026-05-19", "2026-08-19"] = Field(
        "", description="Revision of the API that requests without `Edge-Api-Revision` are for. Empty: the first."
    )
    api_docs_enabled: bool = Field(
        default=True,
        description="Serve the pages: `/`, `/swaggerui`, `/redoc`, `/asyncdoc`, `/api/openapi` and `/api/asyncapi`.",
    )

    # Tenants and their users.
    registration: Registration = Field("invite", description="Ways to become a user: `closed`, `invite`, `open`.")
    mail_from: str = Field("", description="Sender of mails: an address or domain that SES has verified.")
    mail_dir: str = Field("build/mail", description="Folder in which a local cloud keeps mails as files.")
    default_tier: str = Field("free", description="Tier of customers that were given none; the operator's: `operator`.")
    tenant_quotas: Quotas = Field((), description="Quotas of a new tenant, as `instances=2,vcpus=4`; others are 0.")

    # Webhooks.
    webhook_max_attempts: PositiveInt = Field(
        30, description="Attempts to deliver an event to a webhook; with the default pauses, a day of them."
    )
    webhook_retry_seconds: Annotated[int, Ge(1), Le(3600)] = Field(
        15, description="Seconds before a delivery's second attempt; four times as many before each next, up to 3600."
    )
    webhook_allow_private_ips: bool = Field(
        default=False, description="Let webhooks lead to private addresses and metadata services: for local runs."
    )
    event_delivery_max_age_seconds: Annotated[int, Ge(0)] = Field(
        86_400, description="Age in seconds at which an event is no longer delivered to a webhook; `0`: never."
    )
    hosted_networks: CommaList = Field(NETWORKS, description="Networks of hosted nodes: clusters, with `-` for `_`.")
    hosted_template: str = Field("local-small", description="Template that hosted nodes are made from.")

    # Names.
    core_name: str = Field("default", description="Name of this installation, in the source of every event.")

    # The mesh.
    vpn_mode: Literal["registry", "netmaker"] = Field(
        "registry",
        description="`registry`: no mesh, names stand in our tables. `netmaker`: a Netmaker server has networks, hosts "
        "and names.",
    )
    netmaker_api_url: Annotated[str, StringConstraints(pattern=r"^(https?://[^\s?#@]+)?$")] = Field(
        "", description="URL of Netmaker's API, `https://api.nm.example.com`; required in mode `netmaker`."
    )
    netmaker_master_key: SecretStr | None = Field(
        None, description="Replaces the secret's `NETMAKER_MASTER_KEY`; for local runs and tests."
    )
    netmaker_default_domain: str = Field("nm.internal", description="Domain of nodes' VPN host names.")
    netmaker_hosts_prove_nodes: bool = Field(
        default=False,
        description="Let a node come back without its token, as agents of the reference do, if a host of its name is "
        "in the mesh: then anyone who knows a node's id can take it over.",
    )
    cluster_reconciliation_enabled: bool = Field(
        default=True, description="Compare the mesh with our rows every hour and mend it; in mode `netmaker`."
    )
    evict_rogue_hosts: bool = Field(
        default=True, description="Hosts with the name of an unknown node leave our networks after an hour."
    )

    # Admins.
    admin_name: Annotated[str | None, StringConstraints(pattern=LABEL_PATTERN, max_length=63)] = Field(
        None, description="Name of this stack among those that share its tables; `admin-` and CORE_NAME when unset."
    )
    admin_cluster_name: Annotated[
        str, StringConstraints(pattern=f"^admin-cluster-{LABEL_PATTERN[1:]}", max_length=32)
    ] = Field(
        "admin-cluster-default", description="Stacks of the same admin cluster share the clusters among themselves."
    )
    admin_max_wireguard_peers: Annotated[int | None, Ge(1), Le(2**31 - 1)] = Field(
        None,
        description="Nodes and other admins that this admin has room for, above which the installation is degraded; "
        "no limit when unset.",
    )

    # Analytics.
    analytics_kept_days: Annotated[int, Ge(2), Le(400)] = Field(
        90, description="Days that signals, and what instances did by the hour, are kept."
    )
    analytics_daily_kept_days: Annotated[int, Ge(2), Le(3660)] = Field(
        400, description="Days that gaps, and what instances did by the day, are kept; at least as long as hours are."
    )

    # Clusters and enrolment.
    default_cluster_name: ClusterName = Field(
        None, description="Cluster behind `/clusters/default/…`; cannot be `default`."
    )
    default_cluster_subnet: str | None = Field(None, description="Its range; allocated when unset.")
    default_cluster_node_limit: PositiveInt | None = Field(None, description="Its node limit; none when unset.")
    public_enrollment_key_enabled: bool = Field(
        default=False, description="Let anyone draw a single-use key of the default cluster."
    )
    public_enrollment_key_seconds: PositiveInt = Field(86_400, description="How long such a key is good.")
    cluster_auto_generated_ranges: CommaList = Field(
        ("100.64.0.0/10",), description="Comma list of ranges that cluster subnets are allocated from, in order."
    )
    cluster_subnet_prefix: Prefix = Field(24, description="Prefix length of allocated subnets, 1 to 30.")
    admin_slot_reservation: Annotated[int, Ge(0)] = Field(10, description="Addresses of a subnet kept for admins.")
    node_slot_reservation: Annotated[int, Ge(0)] = Field(10, description="Addresses of a subnet kept in reserve.")

    # Nodes and commands.
    node_unreachable_seconds: PositiveInt = Field(
        300, description="Silence after which a node without a connection is unreachable; at least twice POLL_SECONDS."
    )
    poll_seconds: PositiveInt = Field(60, description="How often agents are told to poll while not connected.")
    reveal_node_secrets: bool = Field(
        default=False,
        description="Show nodes' tokens and passwords to operators whose key has `nodes:reveal`, as the contract does.",
    )
    command_default_deadline: Annotated[int, Ge(0)] = Field(
        86_400,
        description="Seconds until a command without `expired_at` expires; `0`, like a null `expired_at`: never.",
    )
    self_update_deadline_seconds: PositiveInt = Field(
        10_800,
        description="How long a self-update request waits for nodes out of reach: agents ask every two hours.",
    )
    execution_pruning_enabled: bool = Field(
        default=False, description="Remove old executions, daily; `edge.command_execution.pruned` tells of each."
    )
    execution_retention_days: PositiveInt = Field(
        30, description="Days that a final execution is kept after its command was given, where pruning is on."
    )
    metrics_base_url: str | None = Field(
        None, description="Host and port, or URL, at which a Prometheus reaches this API; PUBLIC_URL when unset."
    )
    metrics_fresh_seconds: Annotated[int, Ge(0), Le(300)] = Field(
        300, description="Age up to which a node's cached metrics are shown without asking the node; at most 300."
    )
    metrics_push_seconds: PositiveInt | None = Field(
        None, description="How often agents are told to push their metrics unasked; never when unset."
    )
    list_read_limit: PositiveInt = Field(20_000, description="Rows that one list request may examine.")
    short_way: bool = Field(
        default=True, description="Make few executions with their command, and send work to agents."
    )
    push_enabled: bool = Field(default=False, description="Deliver by HTTP to nodes that are not connected.")
    push_host: str | None = Field(None, description="Host to push to in place of each node's VPN host name.")

    # Machines.
    machine_providers: Providers = Field(
        (),
        description="Comma list of the providers whose machines can be made: `ec2`, and `local` beside a local cloud, "
        "where an agent process plays the machine.",
    )
    machine_subnets: Subnets = Field(
        (), description="Comma list of `zone=subnet`: the zones of EC2 in which machines are made; for provider `ec2`."
    )
    machine_security_groups: SecurityGroups = Field(
        (), description="Comma list of the security groups of machines, which let nothing in; for provider `ec2`."
    )
    local_machines_url: SecretStr | None = Field(
        None, description="Address of the host that runs machines of provider `local`; the local cloud sets it."
    )
    operation_limits_enabled: bool = Field(
        default=True, description="Hold customers to the limits of their tier, for each type of operation."
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The settings that the variables of the same names in capitals give; one that is set to nothing is not set.

        Raises `ValidationError` (pydantic), without the values.
        """
        given = {name: environment.get(name.upper()) for name in cls.model_fields}
        return cls.model_validate({name: value for name, value in given.items() if value})

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.node_unreachable_seconds < 2 * self.poll_seconds:
            least = f"at least 2 x POLL_SECONDS ({2 * self.poll_seconds})"
            raise ValueError(f"NODE_UNREACHABLE_SECONDS is {self.node_unreachable_seconds}, and has to be {least}")
        if self.has_mesh and not self.netmaker_api_url:
            raise ValueError("VPN_MODE is netmaker, and NETMAKER_API_URL is not set")
        if "ec2" in self.machine_providers and not self.machine_subnets:
            raise ValueError("MACHINE_PROVIDERS has ec2, and MACHINE_SUBNETS names no zone and subnet")
        if "ec2" in self.machine_providers and not self.machine_security_groups:
            raise ValueError("MACHINE_PROVIDERS has ec2, and MACHINE_SECURITY_GROUPS names none")
        return self

    @property
    def subnet_of_zone(self) -> dict[str, str]:
        """MACHINE_SUBNETS: the subnet of each zone in which EC2 makes machines."""
        return dict(pair.split("=") for pair in self.machine_subnets)

    @property
    def url_of_family(self) -> dict[str, str]:
        """FAMILY_URLS: the address of each family's host."""
        return dict(pair.split("=", 1) for pair in self.family_urls)

    @property
    def has_mesh(self) -> bool:
        """Whether nodes are hosts of networks."""
        return self.vpn_mode == "netmaker"

    @property
    def own_admin_name(self) -> str:
        """ADMIN_NAME, or the one that follows from CORE_NAME."""
        return self.admin_name or f"admin-{self.core_name}"

    @property
    def own_urls(self) -> tuple[str, ...]:
        """The URLs that agents are given: ADMIN_URLS, or PUBLIC_URL alone; empty if neither is set."""
        return self.admin_urls or ((self.public_url,) if self.public_url else ())


if __name__ == "__main__":
    from chalicelib.setting_table import markdown_table

    sys.stdout.write(markdown_table())
