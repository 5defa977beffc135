"""The functions as Lambda has them: what the package holds, put together from this virtual environment.

The zip itself holds wheels of Lambda's platform, which do not load on every machine.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from infra.deployables import CORE
from infra.functions import LambdaFunction
from infra.package import REQUIREMENTS, ROOT, compile_all, kept_in_package
from infra.sdk import slim

LIBRARIES = next(path for path in sys.path if path.endswith("site-packages"))
"""Where this environment's libraries are."""

RUNTIME = ("chalice/__init__.py", "chalice/app.py")
"""What Chalice puts into the package of itself."""


@dataclass(frozen=True)
class Deployed:
    """A function and the handler that Lambda loads: ``module.name``."""

    function: LambdaFunction
    handler: str

    @property
    def module(self) -> str:
        return self.handler.rpartition(".")[0]

    @property
    def is_api(self) -> bool:
        return self.module == "app"


def deployed_functions() -> list[Deployed]:
    """Every function of the core with its handler."""
    return [Deployed(function, function.handler) for function in CORE.functions]


def environment_of(function_name: str, endpoint_url: str = "http://127.0.0.1:9") -> Mapping[str, str]:
    """What the template sets, for a stack behind ``endpoint_url``. "" stands for a process that is no function's."""
    named = {"FUNCTION_NAME": function_name} if function_name else {}
    return {
        **named,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint_url,
        "TABLE_PREFIX": "bench-",
        "QUEUE_URL_PREFIX": f"{endpoint_url}/",
        "WEBSOCKET_MANAGEMENT_URL": endpoint_url,
        "MASTER_KEY": "bench",
        "PYDANTIC_DISABLE_PLUGINS": "true",
    }


def put_together(folder: Path) -> None:
    """Fill ``folder`` as the package is filled: sources, libraries without ballast, a slim SDK, all compiled."""
    shutil.copy2(ROOT / "app.py", folder)
    shutil.copytree(ROOT / "chalicelib", folder / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    names = [str(file) for name in _required() for file in distribution(name).files or ()]
    for name in kept_in_package([*names, *RUNTIME]):
        if not name.startswith(("..", "/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(LIBRARIES) / name, folder / name)
    slim(folder)
    compile_all(folder)


def _required() -> list[str]:
    lines = (ROOT / REQUIREMENTS).read_text().splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line and not line.startswith("#")]
