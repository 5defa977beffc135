"""The cost of a resource, read from its row as the price table's comments and ADR 70 say it, and not from its kind."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.kit.tables import Item
from tests.support.accountant import Charge

MB, GB = 1024**2, 1024**3

FREE = frozenset({"box", "vpc", "subnet", "internet_gateway", "route_table", "security_group", "vpc_peering"})
"""The kinds that cost nothing."""


def charge_of_row(row: Item) -> Charge | None:
    """The charge of a stored resource as it is; None: nothing. Raises AssertionError for a kind that is not here."""
    kind = str(row["resource_kind"])
    if kind in FREE:
        return None
    assert kind in _OF_KIND, f"does a {kind} cost anything? Say it in tests/support/charges.py"
    if row["is_released"]:
        return None
    return _OF_KIND[kind](row, json.loads(str(row["spec"])))


Spec = Mapping[str, Any]


def _instance(row: Item, spec: Spec) -> Charge | None:
    """From when it is ready until it is asked to stop. It goes on while it restarts, and while its security
    groups change."""
    if row["desired"] != "present":
        return None
    is_on = row["power"] != "off"
    is_restarting = row["state"] == "changing" and bool(row["act"])
    is_regrouping = row["state"] == "changing" and spec.get("group_generation") == row["generation"]
    if is_regrouping or row["state"] == "ready":
        return ("instance", spec["template_id"], 1) if is_on else None
    return ("instance", spec["template_id"], 1) if is_restarting else None


def _is_there(row: Item) -> bool:
    """From when it can be used until it is asked to go; also where a change or its removal has failed."""
    external: Any = row["external"]
    return row["state"] in {"ready", "changing", "failed"} and "id" in external and not row.get("is_broken")


def _volume(row: Item, spec: Spec) -> Charge | None:
    return ("volume", "gp3", spec["size_gb"]) if _is_there(row) else None


def _snapshot(row: Item, spec: Spec) -> Charge | None:
    return ("snapshot", "standard", spec["size_gb"]) if _is_there(row) else None


def _image(row: Item, spec: Spec) -> Charge | None:
    """By the size of its snapshot as EC2 has told it, before that of its file."""
    told = json.loads(str(row["observed"]))
    if not _is_there(row) or told.get("step") not in {"imported", "registered"}:
        return None
    return "image", "standard", told.get("size_gb") or _whole(spec["file"]["size_bytes"], GB)


def _address(row: Item, _spec: Spec) -> Charge | None:
    return ("eip", "ipv4", 1) if _is_there(row) else None


def _nat_gateway(row: Item, _spec: Spec) -> Charge | None:
    return ("nat_gateway", "public", 1) if _is_there(row) else None


def _bucket(row: Item, spec: Spec) -> Charge | None:
    """From when it is said what it holds."""
    size = spec["size_bytes"]
    return ("bucket", "standard", _whole(size, MB)) if size and _is_there(row) else None


_OF_KIND: Mapping[str, Callable[[Item, Spec], Charge | None]] = {
    "instance": _instance,
    "volume": _volume,
    "snapshot": _snapshot,
    "image": _image,
    "eip": _address,
    "nat_gateway": _nat_gateway,
    "bucket": _bucket,
}


def _whole(size: int, unit: int) -> int:
    return -(-size // unit)
