"""Generates docs/permissions.md: who may do what, from the operation table.

``python -m chalicelib.web.permissions_page`` writes it.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from chalicelib import families
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.web.api import DOCS
from chalicelib.web.operation_table import OperationRow, every_operation

PAGE = DOCS / "permissions.md"

_INTRODUCTION = """\
# Permissions

Generated from the operations of all families by `make openapi`; `make check` compares it.

A key has a role or a list of permissions. The roles are `viewer`, `operator` and `admin`; each contains the permissions
of the roles before it. An operation needs one permission; without it the answer is 403 and names the permission. A
request that names secrets for a script needs `secrets:use` besides.

The scope of an operation says what a restricted key can do: with the scope `reach` it sees and changes only what
is within its restriction, and the rest does not exist for it; with the scope `installation` or `tenant` it is refused
with 403. With the scope `tenant` every caller sees and changes what belongs to its own tenant, and the rest does not
exist for it; keys of tenants other than `default` are refused everything that has another scope.

A policy of a tenant that denies a permission on a thing holds for every text by which a request names that thing.
"""


def page_text(operations: Sequence[OperationRow], permissions: Sequence[Permission]) -> str:
    """The page. ``permissions`` are those that the families declare."""
    return "\n".join(
        [
            _INTRODUCTION,
            "## Roles\n",
            *_roles(permissions),
            "",
            *_decided(operations),
            "## Operations without a permission\n",
            "Their callers are agents, who act on their own node, and anyone.\n",
            *_open(operations),
            "",
        ]
    )


def _roles(permissions: Sequence[Permission]) -> Iterator[str]:
    roles = list(KeyRole)
    yield _row("permission", *roles)
    yield _row("---", *["---"] * len(roles))
    for one in permissions:
        yield _row(f"`{one.name}`", *("✓" if role.contains(one.role) else "" for role in roles))


def _decided(operations: Sequence[OperationRow]) -> Iterator[str]:
    for api in dict.fromkeys(one.api for one in operations):
        yield f"## Operations of {api}\n"
        yield _row("operation", "permission", "least role", "scope", "audit log", "`Idempotency-Key`")
        yield _row(*["---"] * 6)
        for one in operations:
            if one.api == api and one.permission is not None:
                yield _row(
                    f"`{one.method} {one.path}`",
                    f"`{one.permission.name}`",
                    one.permission.role,
                    one.scope or "",
                    f"`{one.audit}`" if one.audit else "",
                    "yes" if one.takes_idempotency_key else one.repeats and f"no: {one.repeats}",
                )
        yield ""


def _open(operations: Sequence[OperationRow]) -> Iterator[str]:
    yield _row("operation", "callers", "audit log", "why a POST may be repeated")
    yield _row(*["---"] * 4)
    for one in operations:
        if one.permission is None:
            told = f"`{one.audit}`" if one.audit else ""
            yield _row(f"`{one.method} {one.path}`", one.endpoint.auth.name, told, one.repeats)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def generated() -> dict[Path, str]:
    """The page of all families, by its path relative to the project's folder."""
    return {PAGE: page_text(every_operation(), families.deployed(families.EVERY).permissions)}


def main() -> None:
    """Write the page."""
    for file, text in generated().items():
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    main()
