"""The two ways of a command for few nodes, on one cloud: the setting is changed in place, as by a deployment."""

import json

from infra.local.cloud import LocalCloud

SETTING = "SHORT_WAY"
SHORT, LONG = "short way", "long way"
"""Executions are made with the command and told with wake-ups; or by a worker, and fetched."""

_FUNCTIONS = ("api_handler", "create_executions", "deliver_commands")
_OF_AGENTS = "/api/v1/agents/command_executions"


def take(cloud: LocalCloud, way: str) -> None:
    """Have all commands from now on take this way. Functions start anew: the first commands are slower."""
    functions = cloud.client("lambda")
    for name in _FUNCTIONS:
        deployed = cloud.function_name(name)
        variables = functions.get_function_configuration(FunctionName=deployed)["Environment"]["Variables"]
        given = {**variables, SETTING: "true" if way == SHORT else "false"}
        functions.update_function_configuration(FunctionName=deployed, Environment={"Variables": given})


def requests_of_agents(cloud: LocalCloud) -> int:
    """All about executions so far, as the log of the API's function tells them."""
    lines = [json.loads(line) for line in cloud.function_logs("api_handler") if line.startswith("{")]
    routes = [str(line["route"]) for line in lines if line.get("event") == "request"]
    return sum(route.startswith(_OF_AGENTS) for route in routes)
