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
    """While it is ready and on, while it restarts, and while its security groups change. Beside that for what it was
    seen to run as, as long as EC2 refuses to stop or to remove it, and as long as it runs though it has failed."""
    is_on, is_changing = row["power"] != "off", row["state"] == "changing"
    if row["desired"] == "present":
        is_regrouping = is_changing and spec.get("group_generation") == row["generation"]
        is_at_rest = is_on and (is_regrouping or row["state"] == "ready")
        if is_at_rest or (is_changing and row["act"] and not is_regrouping):
            return ("instance", spec["template_id"], 1)
    done, *later = (_number(row, f"{name}_generation") for name in ("done", "asked", "begun"))
    may_be_off = max(later) > done and not (row["state"] == "failed" and is_on)
    seen = json.loads(str(row["observed"])).get("runs_as")
    return ("instance", seen, 1) if seen and _is_there(row) and not may_be_off else None


def _is_there(row: Item) -> bool:
    """From when it can be used until EC2 is asked to remove it and may have done so; also where a change or its
    removal has failed."""
    external: Any = row["external"]
    if "id" not in external or row.get("is_broken") or row.get("is_going"):
        return False
    if row["desired"] == "absent" and row.get("leased_until"):
        return False
    was_ready = _number(row, "done_generation") > 0
    return row["state"] in {"ready", "changing", "failed"} or (row["state"] == "deleting" and was_ready)


def _number(row: Item, name: str) -> int:
    return int(str(row[name]))


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
