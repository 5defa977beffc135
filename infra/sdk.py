"""Reduces the packaged SDK to the services that the functions call and the data that a client reads.

botocore parses its data files when a client is created, in every new container: the endpoints of 400 services took 80
ms of the 110 ms of a DynamoDB client, and documentation most of the rest.
"""

import gzip
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from infra.grants import GRANTS
from infra.machine_policies import machine_statements

Json = dict[str, Any]

DATA = Path("botocore") / "data"
SERVICES = frozenset(
    {
        *("apigatewaymanagementapi", "cloudwatch", "dynamodb", "ec2", "events", "kms", "s3", "secretsmanager"),
        *("sesv2", "sqs"),
    }
)
"""The services that the functions call."""


def _granted(service: str) -> frozenset[str]:
    """The operations of a service that the contexts of machines and of the cloud grant to functions."""
    statements = [each for grants in GRANTS.values() for each in machine_statements(grants)]
    prefix = f"{service}:"
    actions = [action for each in statements for action in each["Action"]]
    return frozenset(action.removeprefix(prefix) for action in actions if action.startswith(prefix))


OPERATIONS = {"ec2": _granted("ec2"), "cloudwatch": _granted("cloudwatch"), "sesv2": frozenset({"SendEmail"})}
"""The operations that are called of a service whose model is large: EC2's has 700, and 3 MB."""

_MODEL = "service-2.json"
_FOR_PEOPLE = frozenset({"documentation", "documentationUrl"})


def is_description_of_another(name: str) -> bool:
    """Whether a file of a package describes a service that the functions do not call."""
    service, separator, _ = name.removeprefix(f"{DATA}/").partition("/")
    return name.startswith(f"{DATA}/") and bool(separator) and service not in SERVICES


def slim(packages: Path) -> None:
    """Remove unneeded data from the SDK below ``packages``: documentation, examples, earlier API versions. Clients
    behave as before. Does nothing without an SDK (a package of code only)."""
    data = packages / DATA
    if not data.is_dir():
        return
    for service in SERVICES:
        _slim_service(data / service)
    _slim_endpoints(data / "endpoints.json", {_endpoint_prefix(data / service) for service in SERVICES})


def _slim_service(folder: Path) -> None:
    *earlier, latest = sorted(path for path in folder.iterdir() if path.is_dir())
    for version in earlier:
        shutil.rmtree(version)
    for examples in latest.glob("examples-1.json*"):
        examples.unlink()
    # Stored unpacked: the zip compresses them, and a starting function need not decompress twice.
    for packed in latest.glob("*.json.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    model = latest / _MODEL
    content: Json = _without_texts(json.loads(model.read_text()))
    operations = OPERATIONS.get(folder.name)
    _write(model, content if operations is None else _only(operations, content))


def _only(operations: Iterable[str], model: Json) -> Json:
    """The model with these operations, and the shapes that they need. Raises KeyError for one that it does not have."""
    kept = {name: model["operations"][name] for name in sorted(operations)}
    ahead = _shapes_in(kept)
    needed: set[str] = set()
    while ahead:
        name = ahead.pop()
        if name not in needed:
            needed.add(name)
            ahead |= _shapes_in(model["shapes"][name])
    shapes = {name: shape for name, shape in model["shapes"].items() if name in needed}
    return {**model, "operations": kept, "shapes": shapes}


def _shapes_in(value: Any) -> set[str]:
    """The names of the shapes that a part of a model refers to."""
    if isinstance(value, list):
        return {name for each in value for name in _shapes_in(each)}
    if not isinstance(value, dict):
        return set()
    own = {value["shape"]} if isinstance(value.get("shape"), str) else set()
    return own | {name for each in value.values() for name in _shapes_in(each)}


def _endpoint_prefix(folder: Path) -> str:
    """The name of the service in the table of endpoints."""
    (model,) = folder.glob(f"*/{_MODEL}")
    return str(json.loads(model.read_text())["metadata"]["endpointPrefix"])


def _slim_endpoints(file: Path, kept: Iterable[str]) -> None:
    table: Json = json.loads(file.read_text())
    for partition in table["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in sorted(kept) if name in services}
    _write(file, table)


def _without_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_texts(each) for name, each in value.items() if not _is_text(name, each)}
    if isinstance(value, list):
        return [_without_texts(each) for each in value]
    return value


def _is_text(name: str, value: Any) -> bool:
    """Whether a key is documentation. A member of a shape may have the same name, but its value is an object."""
    return name in _FOR_PEOPLE and isinstance(value, str)


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, separators=(",", ":")))
