"""Clock, ids and randomness come in as arguments; nothing sleeps; nothing scans a table."""

import ast
from collections.abc import Iterator
from typing import Final

from infra.house.findings import Finding
from infra.house.sources import Source

READS_THE_CLOCK: Final = frozenset(
    {
        *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
        "datetime.date.today",
        *(
            f"time.{name}{unit}"
            for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")
            for unit in ("", "_ns")
        ),
        *(f"time.{name}" for name in ("localtime", "gmtime", "ctime", "asctime", "strftime")),
        "chalicelib.kit.clock.SystemClock",
    }
)
DRAWS_IDS: Final = frozenset(
    {*(f"uuid.{name}" for name in ("uuid1", "uuid4", "uuid6", "uuid7", "getnode")), "chalicelib.kit.ids.Ids"}
)
IS_PURE: Final = frozenset({"secrets.compare_digest", "random.Random"})
"""Functions of `random` and `secrets` that are pure."""
MAKES_REAL: Final = ("chalicelib.kit.clock.SystemClock", "chalicelib.kit.ids.Ids")
"""Classes that may be named anywhere, as a type, and called only where the application is wired."""
SLEEPS: Final = frozenset({"time.sleep", "asyncio.sleep", "select.select", "signal.pause"})
WAITS: Final = frozenset({"threading.Event", "threading.Condition", "multiprocessing.Event"})
READS_WITHOUT_KEY: Final = frozenset({"scan", "execute_statement", "batch_execute_statement"})
"""Methods of the DynamoDB clients that may read a whole table; a PartiQL SELECT does so without saying it."""


def find_clock(source: Source) -> Iterator[Finding]:
    for node, name in _references(source):
        if name in READS_THE_CLOCK:
            yield Finding(
                source.path, node.lineno, "clock", f"{name} reads the clock", "take a kit.clock.Clock as an argument"
            )


def find_randomness(source: Source) -> Iterator[Finding]:
    for node, name in _references(source):
        module = name.partition(".")[0]
        drawn = name in DRAWS_IDS or name in {"os.urandom", "os.getrandom"}
        if drawn or (module in {"random", "secrets"} and name not in {"random", "secrets"} | IS_PURE):
            yield Finding(
                source.path, node.lineno, "randomness", f"{name} is not repeatable", "take kit.ids.Ids as an argument"
            )
    for call in source.nodes(ast.Call):
        if source.full_name(call.func) == "random.Random" and not call.args:
            wrong = "random.Random without a seed is not repeatable"
            yield Finding(source.path, call.lineno, "randomness", wrong, "pass a seed, or take kit.ids.Ids")


def find_sleep(source: Source) -> Iterator[Finding]:
    """A call of a sleeping function, of any ``sleep`` method (a clock's too), or of ``Event().wait``."""
    instead = "leave waiting to a queue's delay or a sweep; retries use kit.backoff"
    for node, name in _references(source):
        if name in SLEEPS:
            yield Finding(source.path, node.lineno, "sleep", f"{name} blocks a function that is billed", instead)
    for call in source.nodes(ast.Call):
        if not isinstance(call.func, ast.Attribute) or source.full_name(call.func) in SLEEPS:
            continue
        owner = call.func.value
        waits = (
            call.func.attr == "wait" and isinstance(owner, ast.Call) and (source.full_name(owner.func) or "") in WAITS
        )
        if waits or call.func.attr == "sleep":
            wrong = f"{ast.unparse(call.func)} blocks a function that is billed"
            yield Finding(source.path, call.lineno, "sleep", wrong, instead)


def find_scan(source: Source) -> Iterator[Finding]:
    instead = "query a key or an index by name"
    for call in source.nodes(ast.Call):
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if method == "get_paginator" and call.args and isinstance(call.args[0], ast.Constant):
            method = str(call.args[0].value)
        if method in READS_WITHOUT_KEY:
            yield Finding(source.path, call.lineno, "scan", f"{method} may read a whole table", instead)
    for text in source.nodes(ast.Constant):
        if text.value in {"dynamodb:Scan", "dynamodb:PartiQLSelect", "dynamodb:*"}:
            wrong = f"{text.value} permits reading a whole table"
            yield Finding(source.path, text.lineno, "scan", wrong, "grant Query and GetItem")


def _references(source: Source) -> Iterator[tuple[ast.expr, str]]:
    """Every expression that names something imported: a call, or a function passed on as a value."""
    if not source.imported:
        return
    called = {id(call.func) for call in source.nodes(ast.Call)}
    for node in [*source.nodes(ast.Name), *source.nodes(ast.Attribute)]:
        name = source.full_name(node)
        if name is not None and (name not in MAKES_REAL or id(node) in called):
            yield node, name
