"""Only the ports use the operating system, so that a simulation which replaces them controls everything."""

import ast
from pathlib import Path

import edge_agent
import pytest

PACKAGE = Path(edge_agent.__file__).parent

OUTSIDE = {
    "bundles.py": "a program of its own, which runs before the agent is installed; the agent gets it as an `Installer`",
    "cli.py": "reads arguments, environment and standard input before the agent exists",
    "command_environment.py": "names this process's program, before the agent exists",
    "composition.py": "chooses the implementations of the ports, and handles the process's signals",
    "enrol_command.py": "changes to another user before the agent exists",
    "leave_command.py": "reads arguments and environment, and runs without an agent",
    "logs_command.py": "reads arguments and environment, and runs beside the agent",
    "launcher.py": "a program of its own, which starts the agent's process and decides between two versions of it",
    "launcher_log.py": "a part of the launcher",
    "launcher_versions.py": "a part of the launcher",
    "__main__.py": "passes the exit status to the system",
}
"""Modules that use the operating system, and why."""

# asyncssh is not in the list: the SSH modules use its protocol logic, and `Network.serve_ssh` opens its sockets.
MODULES = frozenset(
    [
        "concurrent",
        "fcntl",
        "glob",
        "http",
        "multiprocessing",
        "platform",
        "psutil",
        "pty",
        "pwd",
        "queue",
        "resource",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "socketserver",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "termios",
        "threading",
        "time",
        "urllib3",
        "websockets",
    ]
)
"""Modules that are not imported at all, with their submodules."""

NAMES = {
    "asyncio": frozenset(
        [
            "create_subprocess_exec",
            "create_subprocess_shell",
            "open_connection",
            "run",
            "run_coroutine_threadsafe",
            "sleep",
            "start_server",
            "timeout",
            "timeout_at",
            "to_thread",
            "wait_for",
            "wrap_future",
        ]
    ),
    "datetime": frozenset({"now", "today", "utcnow"}),
    "random": frozenset(["choice", "randint", "random", "randrange", "sample", "shuffle", "uniform", "SystemRandom"]),
    "uuid": frozenset({"uuid1", "uuid4"}),
    "pathlib": frozenset({"Path"}),
    "urllib": frozenset({"request"}),
}
"""Names that are not used of a module or class."""

ALLOWED_OF_OS = frozenset({"strerror"})
METHODS = frozenset(
    [
        "add_reader",
        "add_signal_handler",
        "add_writer",
        "call_at",
        "call_soon_threadsafe",
        "create_connection",
        "create_server",
        "run_in_executor",
    ]
)
"""Methods of the event loop that nothing calls. `call_later` is the clock's."""

PORTS = frozenset(f"edge_agent.ports.{name}" for name in ("clock", "disk", "network", "processes", "threads"))
BUILTINS = frozenset({"input", "open", "print", "random.Random"})


def system_uses(tree):
    """The line and name of each use of the operating system."""
    return [(node.lineno, name) for node in ast.walk(tree) for name in _uses(node)]


def _uses(node):
    match node:
        case ast.Import(names=names):
            return [each.name for each in names if _is_refused_import(each.name)]
        case ast.ImportFrom(module=str(module), names=names):
            return [each.name for each in names if _is_refused_import(module, each.name)]
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if _is_refused(owner, name):
            return [f"{owner}.{name}"]
        case ast.Attribute(attr=name) if name in METHODS:
            return [name]
        case ast.Call() if _is_refused_call(ast.unparse(node.func), node):
            return [ast.unparse(node.func)]
    return []


def _is_refused_call(function, node):
    if function == "asyncio.wait":
        return any(keyword.arg == "timeout" for keyword in node.keywords)
    return function in BUILTINS or function.endswith(("get_running_loop().call_later", "get_running_loop().time"))


def _is_refused_import(module, name=""):
    top, _, submodule = module.partition(".")
    return top in MODULES or _is_refused(top, submodule) or _is_refused(top, name)


def _is_refused(owner, name):
    return name in NAMES.get(owner, ()) or (owner == "os" and name not in ALLOWED_OF_OS and name != "")


def modules():
    return sorted(path for path in PACKAGE.glob("*.py") if path.name not in OUTSIDE)


@pytest.mark.parametrize("module", modules(), ids=lambda path: path.name)
def test_module_outside_the_ports_does_not_import_their_implementations(module):
    imported = {node.module for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported if name.startswith("edge_agent.ports.")} <= PORTS


@pytest.mark.parametrize("module", modules(), ids=lambda path: path.name)
def test_module_outside_the_ports_does_not_use_the_operating_system(module):
    assert system_uses(ast.parse(module.read_text())) == []


def test_modules_that_may_use_the_operating_system_exist_and_do_use_it():
    for name in OUTSIDE:
        assert system_uses(ast.parse((PACKAGE / name).read_text())), name


def test_only_the_composition_chooses_implementations_of_ports():
    for module in modules():
        names = {node.id for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Name)}
        assert not {name for name in names if name.startswith("System")}, module.name


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "import os.path as path\npath.exists('x')",
        "from threading import Lock",
        "import urllib.request",
        "from urllib import request",
        "from http.server import HTTPServer",
        "from pathlib import Path",
        "from asyncio import sleep",
        "asyncio.sleep(1)",
        "asyncio.wait(tasks, timeout=1)",
        "asyncio.get_running_loop().call_later(1, call)",
        "loop.add_reader(descriptor, call)",
        "os.fsync(1)",
        "open('file')",
        "uuid.uuid4()",
        "datetime.now(UTC)",
        "random.Random()",
        "random.uniform(0, 1)",
    ],
)
def test_use_of_the_operating_system_is_found(code):
    assert system_uses(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.strerror(28)",
        "from pathlib import PurePath",
        "import random\ndef draw(rng: random.Random): return rng.uniform(0, 1)",
        "from urllib.parse import urlsplit",
        "self._clock.call_later(1, call)",
        "asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)",
    ],
)
def test_code_without_effects_is_allowed(code):
    assert system_uses(ast.parse(code)) == []
