"""The models of hosted nodes on the wire."""

from typing import Annotated
from urllib.parse import quote

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from chalicelib.kit.fields import about
from chalicelib.machines.hosted.exposure import Exposure
from chalicelib.machines.hosted.model import Action, Build, BuildStatus, HostedNode, Phase, Status
from chalicelib.web.validation import Body, OneOf, Path, Uuid

NODE_ID = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"
BUILD_ID = "0190a1b2-d4e5-7f60-9b7c-8d9e0f1a2b3c"
OWNER = "0190a1b2-0001-7000-8000-000000000001"
WEBHOOK_URL = "https://hooks.example.com/nodes"

_AS_DOCUMENTED = {
    **{name: name for name in ("invoke_url", "rln_commit_id")},
    "peer_dns": "peerDNS",
}

RECEIVER = about("Receiver of the node's statuses; null or empty: none.", WEBHOOK_URL)

Url = Annotated[str, MaxLen(2048), StringConstraints(pattern=r"^(https?://.+)?$")]


class Documented(BaseModel):
    """A model whose names on the wire are those of the published document."""

    model_config = ConfigDict(
        alias_generator=lambda name: _AS_DOCUMENTED.get(name, to_camel(name)), populate_by_name=True, frozen=True
    )


class NodePath(Path):
    node_id: Annotated[Uuid, about("UUID of a hosted node.", NODE_ID)]


class SettingsIn(Body):
    """The settings of a node."""

    webhook_url: Annotated[Url | None, RECEIVER, Field(alias="webhookUrl")] = None


class NodeCreate(Body):
    """A new node."""

    name: Annotated[str, MinLen(1), MaxLen(100), about("Name for people.", "my node")]
    network: Annotated[str, MinLen(1), MaxLen(63), about("Network that it joins (HOSTED_NETWORKS).", "regtest")]
    settings: Annotated[SettingsIn | None, about("Its own receiver of statuses.")] = None


class NodeDestroy(Body):
    """A node that its owner wants no more."""

    node_id: Annotated[
        Uuid, about("A node of the customer, which ends for good.", NODE_ID), Field(alias="destroyNodeId")
    ]


class SettingsChange(Body):
    """The settings to apply, in either of two shapes; the first one counts."""

    settings: Annotated[SettingsIn | None, about("The receiver, in the shape of a new node.")] = None
    webhook_url: Annotated[Url | None, RECEIVER, Field(alias="webhookUrl")] = None

    @property
    def url(self) -> str | None:
        """The receiver that was named, "" for none; None if none of the shapes was sent."""
        if self.settings is not None:
            return (self.settings.webhook_url or "") if "webhook_url" in self.settings.model_fields_set else None
        return (self.webhook_url or "") if "webhook_url" in self.model_fields_set else None


class SettingsOut(Documented):
    """The settings of a node."""

    webhook_url: Annotated[str, about("Receiver of the node's statuses; empty for none.", WEBHOOK_URL)]


class BuildOut(Documented):
    """One action on a node."""

    id: Annotated[str, about("Id of the build.", BUILD_ID, format="uuid")]
    action: Annotated[OneOf[Action], about("Action that it carries out.", Action.CREATE)]
    build_number: Annotated[int, about("Number of the build, from 1 for each node.", 1)]
    build_status: Annotated[
        OneOf[BuildStatus], about("Outcome; `IN_PROGRESS` until there is one.", BuildStatus.SUCCESS)
    ]
    current_phase: Annotated[
        OneOf[Phase], about("Phase that it is in; of a failed build the one that it failed in.", Phase.COMPLETED)
    ]
    build_complete: Annotated[bool, about("Whether it has ended.", True)]
    timestamp: Annotated[str, about("When it was asked for.", "2026-11-21T10:00:00Z", format="date-time")]
    reason: Annotated[str | None, about("Why it failed, or what it waits for.", None)]


class NodeOut(Documented):
    """A hosted node."""

    node_id: Annotated[str, about("Id, also of its instance and of its node in the fleet.", NODE_ID, format="uuid")]
    name: Annotated[str, about("Name for people.", "my node")]
    network: Annotated[str, about("Network that it joined.", "regtest")]
    status: Annotated[OneOf[Status], about("Status; a stopped node is `PAUSED`.", Status.RUNNING)]
    status_reason: Annotated[str | None, about("Why it has failed.", None)]
    initialized: Annotated[bool, about("Whether a build has succeeded yet.", True)]
    protocol: Annotated[str, about("Protocol of the service that it exposes.", "https")]
    port: Annotated[int, about("Port of the service.", 443)]
    invoke_url: Annotated[
        str, about("URL of the service.", f"https://machines.example.com/nodes/{OWNER}/{NODE_ID}/", format="uri")
    ]
    peer_dns: Annotated[str, about("Name inside the network.", f"node-{NODE_ID}.cluster-regtest.nm.internal")]
    peer_port: Annotated[int, about("Port inside the network.", 9735)]
    rln_commit_id: Annotated[str | None, about("Version that it runs; null while it is unknown.", "0.2.0+b1a2b3c4d5")]
    settings: Annotated[SettingsOut, about("Its receiver of statuses.")]
    builds: Annotated[list[BuildOut], about("The last actions, the newest first.")]


class NodeAnswer(NodeOut):
    """A hosted node, which stands below `data` again."""

    data: Annotated[NodeOut, about("The same, for clients that read it here.")]


class NodeInData(NodeOut):
    """A hosted node, which stands below `node` again."""

    node: Annotated[NodeOut, about("The same as around it, which some clients read.")]


class NodesOut(Documented):
    """The nodes of the caller's customer, newest first."""

    nodes: Annotated[list[NodeOut], about("All of them, of the destroyed ones those that fit.")]


class CreatedOut(Documented):
    """The node that is being made."""

    data: Annotated[NodeInData, about("The node.")]
    message: Annotated[str, about("Text for people.", "Create build started successfully.")]


class MessageOut(Documented):
    """The action was accepted."""

    message: Annotated[str, about("Text for people.", "Upgrade build started successfully.")]


class HealthOut(Documented):
    """The health of a node."""

    status: Annotated[OneOf[Status], about("Status of the node.", Status.RUNNING)]
    healthy: Annotated[bool, about("Whether it runs and its agent is in contact.", True)]
    last_seen_at: Annotated[
        str | None, about("When its agent was last heard; null if never.", "2026-11-21T10:00:00Z", format="date-time")
    ]


def node_out(node: HostedNode, exposure: Exposure) -> NodeOut:
    """The node as it is shown; ``exposure`` tells the service that it exposes."""
    return NodeOut(
        node_id=node.id,
        name=node.name,
        network=node.network,
        status=node.status,
        status_reason=node.reason or None,
        initialized=node.is_initialized,
        protocol=exposure.protocol,
        port=exposure.port,
        invoke_url=f"{exposure.base_url}/nodes/{quote(node.owner or 'none', safe='')}/{node.id}/",
        peer_dns=exposure.peer_name(node),
        peer_port=exposure.peer_port,
        rln_commit_id=node.program or None,
        settings=SettingsOut(webhook_url=node.webhook_url),
        builds=[_build_out(build) for build in reversed(node.builds)],
    )


def _build_out(build: Build) -> BuildOut:
    return BuildOut(
        id=build.id,
        action=build.action,
        build_number=build.number,
        build_status=build.status,
        current_phase=build.phase,
        build_complete=not build.is_under_way,
        timestamp=build.begun_at,
        reason=build.reason or None,
    )
