"""The application as it is packaged."""

import subprocess
import sys
from pathlib import Path

from chalicelib.fleet.api import API
from chalicelib.web.application import ANY
from chalicelib.web.fallback import GREEDY

ROOT = Path(__file__).parents[3]
RESOURCES_PER_API = 300
TOOLS = ("boto3", "jsonschema", "openapi_spec_validator", "aiohttp", "moto", "ministack", "requests")


def run(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_app_has_every_route_and_fits_into_one_rest_api():
    registered = run("import app\nfor p, m in app.app.routes.items():\n    print(p, *m)").splitlines()
    methods = {line.split()[0]: set(line.split()[1:]) for line in registered}
    for endpoint in API.endpoints():
        assert endpoint.method in methods[endpoint.route]
    assert all(ANY in each for each in methods.values())
    assert {"/", GREEDY} <= set(methods)
    nodes = {tuple(path.split("/")[:depth]) for path in methods for depth in range(2, path.count("/") + 2)}
    assert len(nodes) <= RESOURCES_PER_API


def test_route_level_has_one_variable_name():
    names: dict[str, set[str]] = {}
    for endpoint in API.endpoints():
        parts = endpoint.route.split("/")
        for depth, part in enumerate(parts):
            if part.startswith("{"):
                names.setdefault("/".join(parts[:depth]), set()).add(part)
    assert {level: variables for level, variables in names.items() if len(variables) > 1} == {}


def test_app_import_loads_no_tool_and_no_client():
    loaded = run(f"import sys, app; print(*[m for m in {TOOLS!r} if m in sys.modules])").split()
    assert loaded == []


def test_app_file_is_short_and_without_logic():
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 60
