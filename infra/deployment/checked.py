"""Checks settings before anything changes on AWS, by the rules of the functions and of CloudFormation."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from chalicelib.settings import Settings
from infra.parameters import parameter_name

Json = dict[str, Any]

INSECURE: Mapping[str, str] = {
    "AUTH_ENABLED": "anybody would be an operator",
    "WEBHOOK_ALLOW_PRIVATE_IPS": "webhooks would reach the network of the functions, and AWS's metadata services",
}
"""Settings with a value that is for local runs only, with the reason."""

MOST_ENVIRONMENT_BYTES = 4096
"""The variables of a function together, as the JSON that Lambda measures (Lambda quotas, "Environment variables")."""

LENGTH_OF_UNKNOWN = 100
"""About that of an ARN or of a URL of API Gateway."""


def check_settings(settings: Mapping[str, str]) -> None:
    """Raises ValueError, with name and value, for a setting with which the functions would not start, or that is
    insecure."""
    try:
        checked = Settings.from_environment(settings)
    except ValidationError as error:
        raise ValueError("; ".join(_told(each, settings) for each in error.errors(include_input=False))) from None
    for name, why in INSECURE.items():
        value = getattr(checked, name.lower())
        if value != Settings.model_fields[name.lower()].default:
            raise ValueError(f"{name}={settings[name]} is for local runs only: {why}")


def check_parameters(template: Json, names: Mapping[str, str]) -> None:
    """Raises ValueError for a value that CloudFormation would refuse. ``names`` has values by the names of settings."""
    for name, value in names.items():
        declared = template["Parameters"].get(parameter_name(name))
        if declared is not None and (allowed := _refused(declared, value)):
            raise ValueError(f"{name}={value}: {allowed}")


def check_environment(template: Json, parameters: Mapping[str, str]) -> None:
    """Raises ValueError with the longest values where the variables of a function are more than Lambda takes.
    ``parameters`` has those that are given; what only the deployment makes counts as `LENGTH_OF_UNKNOWN`."""
    declared = {name: str(each["Default"]) for name, each in template["Parameters"].items() if "Default" in each}
    known = {**declared, **parameters}
    of_all = template.get("Globals", {}).get("Function", {})
    for name, each in template["Resources"].items():
        if not (own := _variables(each.get("Properties", {}))):
            continue  # no function: each of these has a variable with its name
        asked = _variables(of_all) | own
        values = {variable: _value(value, known) for variable, value in asked.items()}
        size = len(json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode())
        if size > MOST_ENVIRONMENT_BYTES:
            longest = sorted(values, key=lambda variable: len(values[variable]), reverse=True)[:3]
            told = ", ".join(f"{variable} ({len(values[variable])})" for variable in longest)
            raise ValueError(
                f"the settings are {size} bytes in the environment of {name}, and Lambda takes "
                f"{MOST_ENVIRONMENT_BYTES}; the longest are {told}"
            )


def _variables(function: Json) -> Json:
    found: Json = function.get("Environment", {}).get("Variables", {})
    return found


def _value(value: Any, known: Mapping[str, str]) -> str:
    if isinstance(value, dict):
        return known.get(str(value.get("Ref")), "x" * LENGTH_OF_UNKNOWN)
    return str(value)


def _told(error: Any, settings: Mapping[str, str]) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    name = str(error["loc"][0]).upper()
    return f"{name}={settings.get(name, '')}: {message}"


def _refused(declared: Json, value: str) -> str:
    if "AllowedValues" in declared and value not in declared["AllowedValues"]:
        return f"allowed: {', '.join(declared['AllowedValues'])}"
    if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], value):
        return f"has to match {declared['AllowedPattern']}"
    if declared["Type"] == "Number":
        try:
            number = float(value)
        except ValueError:
            return "has to be a number"
        if number < float(declared.get("MinValue", number)) or number > float(declared.get("MaxValue", number)):
            return f"has to be from {declared.get('MinValue', 'any')} to {declared.get('MaxValue', 'any')}"
    return ""
