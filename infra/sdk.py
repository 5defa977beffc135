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

Json = dict[str, Any]

DATA = Path("botocore") / "data"
SERVICES = frozenset({"apigatewaymanagementapi", "dynamodb", "events", "kms", "s3", "secretsmanager", "sqs"})
"""The services that the functions call."""

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
    _write(model, _without_texts(json.loads(model.read_text())))


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
