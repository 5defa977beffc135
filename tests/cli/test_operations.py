"""Every operation for operators has a command of `edgectl`, or stands here with the reason why not."""

import re

from edgectl.resources import RESOURCES

from chalicelib.web.operation_table import every_operation

OF_THEIR_OWN = {"create_command", "retry_command", "get_execution_output", "create_tail"}
"""`edgectl run`, `edgectl retry`, `edgectl executions output` and `edgectl tail`."""

BY_PATH = {
    "move_node": "the command uses PATCH",
    "cancel_and_get_execution": "the command uses PATCH",
    **dict.fromkeys(
        ("show_raw_host_metrics", "show_raw_agent_metrics", "show_raw_wireguard_metrics", "show_raw_admin_metrics"),
        "for Prometheus",
    ),
    **dict.fromkeys(
        ("discover_host_metrics", "discover_agent_metrics", "discover_wireguard_metrics"),
        "for Prometheus",
    ),
    **dict.fromkeys(
        ("show_admin_cluster", "list_admin_clusters", "list_edge_clusters", "list_orphaned_clusters"),
        "of the mesh, which few have",
    ),
}
"""Operations that `edgectl api METHOD PATH` calls."""


COMPUTE_BY_PATH = {
    "list_zones": "templates show theirs",
    **dict.fromkeys(
        (
            *("admin_list_instances", "admin_get_instance", "admin_delete_instance", "admin_stop_instance"),
            *("admin_start_instance", "admin_restart_instance", "admin_reset_instance", "change_customer"),
        ),
        "for who serves several customers",
    ),
}
"""The same of machines that the control plane makes. Their family has further APIs, for customers and users."""

COMPUTE = "/api/compute/"


def fixed(path):
    """A path whose variables have no names."""
    return re.sub(r"{[^}]*}", "{}", path)


def offered():
    lists = {("GET", fixed(resource.path)) for resource in RESOURCES if resource.path}
    actions = {(action.method, fixed(action.path)) for resource in RESOURCES for action in resource.actions}
    return lists | actions


def operators():
    return {
        row.id: (row.method, fixed(row.path))
        for row in every_operation()
        if row.permission is not None and (row.family == "fleet" or row.path.startswith(COMPUTE))
    }


def test_every_operation_has_a_command_or_a_reason():
    known = offered()
    missing = {name for name, operation in operators().items() if operation not in known}

    assert missing == {*BY_PATH, *COMPUTE_BY_PATH, *OF_THEIR_OWN}


def test_every_command_is_an_operation_of_the_document():
    assert offered() <= set(operators().values())


def test_every_variable_of_a_path_leads_to_a_kind_of_things():
    names = {resource.name for resource in RESOURCES}
    for resource in RESOURCES:
        assert set(resource.variables.values()) <= names
