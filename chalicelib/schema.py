"""Every table of the application, for templates and tests. The specifications stand in the contexts' stores."""

from collections.abc import Mapping, Sequence

from chalicelib.fleet.admins.store import TABLE as ADMINS
from chalicelib.fleet.aliases import store as aliases_store
from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.clusters import store as clusters_store
from chalicelib.fleet.clusters.model import Identified
from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.clusters.subnet_store import SUBNETS
from chalicelib.fleet.commands import store as commands_store
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS
from chalicelib.fleet.enrollment import store as enrollment_store
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.enrollment.store import TOKENS as REGISTRATION_TOKENS
from chalicelib.fleet.mesh.store import TABLE as VPN_NETWORKS
from chalicelib.fleet.metrics.store import TABLE as METRICS_CACHE
from chalicelib.fleet.nodes import store as nodes_store
from chalicelib.fleet.nodes.exclusion_store import EXCLUSIONS as NODE_EXCLUSIONS
from chalicelib.fleet.nodes.store import CONNECTIONS, NODES, PRESENCE
from chalicelib.fleet.ssh import store as ssh_store
from chalicelib.fleet.ssh.attempt_store import ATTEMPTS as SSH_ATTEMPTS
from chalicelib.fleet.ssh.store import KEYS as SSH_PUBLIC_KEYS
from chalicelib.fleet.ssh.store import USERNAMES as SSH_USERNAMES
from chalicelib.fleet.updates import store as updates_store
from chalicelib.fleet.updates.store import NODE_UPDATES as SELF_UPDATES
from chalicelib.fleet.updates.store import REQUESTS as SELF_UPDATE_REQUESTS
from chalicelib.kit.counters import TABLE as COUNTERS
from chalicelib.kit.counters import total_of
from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.kit.tables import Query, Table
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.events.store import TABLE as OCCURRENCES
from chalicelib.platform.webhooks import store as webhooks_store
from chalicelib.platform.webhooks.store import DELIVERIES, WEBHOOKS

ALL_TOTALS: Mapping[str, Sequence[Query]] = {
    **clusters_store.TOTALS,
    **enrollment_store.TOTALS,
    **nodes_store.TOTALS,
    **aliases_store.TOTALS,
    **commands_store.TOTALS,
    **updates_store.TOTALS,
    **ssh_store.TOTALS,
    **webhooks_store.TOTALS,
}
"""Every total that is kept as a counter, but for those of single clusters and commands, and the counts that a recount
reads."""


def totals_of_cluster(cluster: Identified) -> dict[str, Sequence[Query]]:
    """The totals of what belongs to one cluster, as `ALL_TOTALS`."""
    children = {
        total_of(table.name, "cluster_name", cluster.name): (
            Query(table, cluster.id, table.index("by_cluster"), count_only=True),
        )
        for table in (NODES, ALIASES, ENROLLMENT_KEYS)
    }
    return {**children, **commands_store.BY_CLUSTER.counted(EXECUTIONS, cluster.name)}


ALL_TABLES: tuple[Table, ...] = (
    CLUSTERS,
    SUBNETS,
    NODES,
    PRESENCE,
    CONNECTIONS,
    NODE_EXCLUSIONS,
    METRICS_CACHE,
    ALIASES,
    ENROLLMENT_KEYS,
    REGISTRATION_TOKENS,
    COMMANDS,
    FAN_OUTS,
    EXECUTIONS,
    SELF_UPDATE_REQUESTS,
    SELF_UPDATES,
    SSH_USERNAMES,
    SSH_PUBLIC_KEYS,
    SSH_ATTEMPTS,
    WEBHOOKS,
    DELIVERIES,
    OCCURRENCES,
    TASKS,
    ADMINS,
    VPN_NETWORKS,
    COUNTERS,
    DATA_KEYS,
)
