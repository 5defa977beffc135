"""Every table of the application, for templates and tests. The specifications stand in the contexts' stores."""

from chalicelib.clusters.store import TABLE as CLUSTERS
from chalicelib.clusters.subnets import SUBNETS
from chalicelib.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS
from chalicelib.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.enrollment.store import TOKENS as REGISTRATION_TOKENS
from chalicelib.events.store import TABLE as OCCURRENCES
from chalicelib.kit.counters import TABLE as COUNTERS
from chalicelib.kit.crypto import DATA_KEYS
from chalicelib.kit.tables import Table
from chalicelib.nodes.store import CONNECTIONS, NODES, PRESENCE

ALL_TABLES: tuple[Table, ...] = (
    CLUSTERS,
    SUBNETS,
    NODES,
    PRESENCE,
    CONNECTIONS,
    ENROLLMENT_KEYS,
    REGISTRATION_TOKENS,
    COMMANDS,
    FAN_OUTS,
    EXECUTIONS,
    OCCURRENCES,
    COUNTERS,
    DATA_KEYS,
)
