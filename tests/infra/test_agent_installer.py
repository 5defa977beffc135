"""The installer as it is served, run as a person would: real files, a small server in place of the control plane."""

import base64
import functools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.agent_bundle import ARCHITECTURES, PYTHONS, build_bundle
from infra.package import ROOT

SCRIPT = ROOT / "chalicelib" / "fleet" / "api" / "agent" / "install.sh"
USER_DATA = ROOT / "chalicelib" / "machines" / "providers" / "user_data.sh"
UNIT = ROOT / "samples" / "agent" / "edge-agent.service"
AS_ROOT = ROOT / "samples" / "agent" / "as-root.conf"
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
NODE_ID = str(uuid.UUID(int=5))
MOST_EXPOSURE = 4.0

needs_bundle = pytest.mark.skipif(
    platform.machine() not in ARCHITECTURES or THIS_PYTHON not in PYTHONS, reason="there is no bundle for this machine"
)
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


@pytest.fixture(scope="module")
def bundle():
    return build_bundle(platform.machine(), [THIS_PYTHON])


class ControlPlane:
    """Answers what the installer and the enrolment ask, and remembers who asked with what."""

    def __init__(self, bundle):
        self.bundle = bundle
        self.key = ""
        self.refuses = None
        self.sha256 = bundle.sha256
        self.bearers = []
        self.registered = []
        self.url = ""

    def answer(self, method, path, query, body, bearer):
        if path == "/archive":
            return 200, self.bundle.content
        if path == "/api/v1/agents/bundle":
            self.bearers.append(bearer)
            if self.refuses == bearer or query.get("architecture") != [platform.machine()]:
                details = {"enrollment_key": ["key_spent"]}
                return 401, {"error": {"code": "unauthorized", "message": "No", "details": details}, "meta": {}}
            offer = {"version": self.bundle.version, "sha256": self.sha256, "size": len(self.bundle.content)}
            offer |= {"url": f"{self.url}/archive", "pythons": list(self.bundle.pythons)}
            return 200, {"data": offer, "meta": {}}
        if path == "/api/v1/agents/enrollment_keys/verify":
            good = {"verified": True, "error": "", "netmaker_key": "t", "network_name": "cluster-a"}
            bad = {"verified": False, "error": "key_spent", "netmaker_key": "", "network_name": ""}
            return 200, {"data": bad if self.refuses else good, "meta": {}}
        self.registered.append(body["version"])
        return 201, {"data": {"api_token": "token-of-the-node", "proxy_password": "p"}, "meta": {}}


class Handler(BaseHTTPRequestHandler):
    def __init__(self, plane, *arguments):
        self.plane = plane
        super().__init__(*arguments)

    def do_GET(self):
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        bearer = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        status, answer = self.plane.answer(self.command, parts.path, parse_qs(parts.query), body, bearer)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def plane(bundle):
    made = ControlPlane(bundle)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, made)) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        made.key = _key(made.url)
        yield made
        server.shutdown()
        thread.join()


def _key(url):
    return base64.b64encode(json.dumps({"admin_urls": [url], "nonce": "bm9uY2U"}).encode()).decode()


def run(plane, root, *arguments, standard_input=None, path=None):
    script = root / "install.sh"
    root.mkdir(exist_ok=True)
    script.write_text(SCRIPT.read_text().replace("@PUBLIC_URL@", plane.url))
    command = ["sh", str(script), "--root", str(root / "machine"), *arguments, "--", "--node-id", NODE_ID]
    python = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        input=standard_input or "",
        env={"PATH": path or python, "TMPDIR": str(root)},
    )


@needs_bundle
class TestInstaller:
    def test_installer_enrols_the_machine_and_deletes_the_key_file(self, plane, tmp_path, bundle):
        key = tmp_path / "key"
        key.write_text(f"  {plane.key[:40]}\n{plane.key[40:]}\n")
        done = run(plane, tmp_path, "--key-file", str(key))
        assert done.returncode == 0, done.stderr
        machine = tmp_path / "machine"
        assert not key.exists()
        assert plane.bearers == [plane.key]
        assert plane.registered == [bundle.version]
        program = machine / "opt" / "edge-agent" / "current" / "bin" / "edge-agent"
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        assert said.stdout.strip() == bundle.version
        identity = json.loads((machine / "var/lib/edge-agent/identity.json").read_text())
        assert identity["api_token"] == "token-of-the-node"
        names = {path.name for path in (machine / "opt" / "edge-agent").iterdir()}
        assert names == {"versions", "current", "launcher.py"}
        unit = (machine / "etc/systemd/system/edge-agent.service").read_text()
        assert re.search(
            r"^ExecStart=/bin/sh .*for python in /\S+python\S* .* -I /opt/edge-agent/launcher.py ", unit, re.MULTILINE
        )
        assert plane.key not in done.stdout + done.stderr
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("tmp.")] == []

    @pytest.mark.slow
    def test_installer_rerun_without_a_key_replaces_the_previous_agent(self, plane, tmp_path, bundle):
        assert run(plane, tmp_path, "--key-file", "-", standard_input=plane.key).returncode == 0
        old = tmp_path / "machine" / "opt" / "edge-agent"
        (old / "bin").mkdir()
        (old / "bin" / "pip").write_text("")
        (old / "pyvenv.cfg").write_text("")
        done = run(plane, tmp_path)
        assert done.returncode == 0, done.stderr
        assert plane.bearers == [plane.key, "token-of-the-node"]
        assert "enrolled already" in done.stdout
        assert {path.name for path in old.iterdir()} == {"versions", "current", "launcher.py"}

    @pytest.mark.slow
    def test_installer_presents_the_key_after_a_refused_token(self, plane, tmp_path):
        assert run(plane, tmp_path, "--key-file", "-", standard_input=plane.key).returncode == 0
        identity = tmp_path / "machine" / "var/lib/edge-agent/identity.json"
        identity.write_text(identity.read_text().replace("token-of-the-node", "removed"))
        plane.bearers.clear()

        def answer(*arguments, ask=plane.answer):
            status, body = ask(*arguments)
            refused = {"error": {"code": "unauthorized", "message": "Unauthorized"}, "meta": {}}
            return (401, refused) if arguments[-1] == "removed" else (status, body)

        plane.answer = answer
        assert run(plane, tmp_path, "--key-file", "-", standard_input=plane.key).returncode in {0, 1}
        assert plane.bearers[-1] == plane.key

    def test_archive_with_a_different_hash_is_not_installed(self, plane, tmp_path):
        plane.sha256 = "0" * 64
        key = tmp_path / "key"
        key.write_text(plane.key)
        done = run(plane, tmp_path, "--key-file", str(key))
        assert done.returncode == 1
        assert "not the agent that was promised" in done.stderr
        assert key.exists()
        assert not (tmp_path / "machine" / "opt").exists()

    def test_refused_key_is_reported_with_the_reason_and_its_file_kept(self, plane, tmp_path):
        plane.refuses = plane.key
        key = tmp_path / "key"
        key.write_text(plane.key)
        done = run(plane, tmp_path, "--key-file", str(key))
        assert done.returncode == 1
        assert "key_spent" in done.stderr
        assert key.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--key-file"], "--key-file wants a value"),
        (["--frobnicate"], "unknown option --frobnicate"),
        (["--server", "http://127.0.0.1:9", "--key-file", "/nowhere"], "cannot be read"),
    ],
)
def test_wrong_installer_argument_is_reported_before_any_change(tmp_path, arguments, says):
    command = ["sh", str(SCRIPT), "--root", str(tmp_path / "machine"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert says in done.stderr
    assert not (tmp_path / "machine").exists()


def test_python_too_old_for_the_agent_is_reported_with_its_version(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "curl", "tar", "gzip", "sha256sum", "mktemp", "rm", "id", "cat", "tr", "dirname", "mkdir"):
        (tools / name).symlink_to(shutil.which(name))
    old = tools / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["sh", str(SCRIPT), "--root", str(tmp_path / "machine"), "--server", "http://127.0.0.1:9"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tools)},
    )
    assert done.returncode == 1
    assert "Python 3.11, 3.12, 3.13 or 3.14 is needed; found: Python 3.9.2" in done.stderr


@pytest.mark.parametrize("path", [SCRIPT, USER_DATA], ids=lambda path: path.name)
def test_scripts_look_for_the_pythons_of_the_bundles_newest_first(path):
    text = path.read_text()
    [names] = re.findall(r"for candidate in (.*?) python3; do", text)
    assert names.split() == [f"python{python}" for python in reversed(PYTHONS)]
    oldest, newest = (each.replace(".", ", ") for each in (PYTHONS[0], PYTHONS[-1]))
    assert f"not ({oldest}) <= sys.version_info[:2] <= ({newest})" in text
    assert f"Python {', '.join(PYTHONS[:-1])} or {PYTHONS[-1]} " in text


def test_installer_script_runs_only_announced_commands():
    """What it calls that changes a machine, each named in the comment on top or in what it prints."""
    text = SCRIPT.read_text()
    assert text.startswith("#!/bin/sh\n# Installs the agent")
    assert "pip install" not in text
    assert not re.search(r"\b(apt|apt-get|yum|eval|wget)\b", text.replace("dnf install python3.11", ""))
    assert text.rstrip().endswith('main "$@"'), "a download that was cut off runs nothing"


# -- the unit ---------------------------------------------------------------------------------------------------------


@needs_systemd
def test_systemd_unit_is_valid_and_has_low_exposure(tmp_path):
    unit = tmp_path / "edge-agent.service"
    shutil.copy(UNIT, unit)
    said = _analyze("security", "--offline=true", unit)
    exposure = float(re.search(r"Overall exposure level for edge-agent.service: ([\d.]+)", said)[1])
    assert exposure < MOST_EXPOSURE
    assert _analyze("verify", unit) == ""


@needs_systemd
def test_root_drop_in_removes_every_restriction_of_the_unit(tmp_path):
    unit = tmp_path / "edge-agent.service"
    shutil.copy(UNIT, unit)
    bare = "\n".join(line for line in UNIT.read_text().splitlines() if not _restricts(line)).replace(
        "User=edge-agent", "User=root"
    )
    other = tmp_path / "bare" / "edge-agent.service"
    other.parent.mkdir()
    other.write_text(bare)
    drop_in = tmp_path / "edge-agent.service.d" / "as-root.conf"
    drop_in.parent.mkdir()
    shutil.copy(AS_ROOT, drop_in)
    assert _analyze("verify", unit) == ""
    with_drop_in, without_any = (_ratings(_analyze("security", "--offline=true", each)) for each in (unit, other))
    assert with_drop_in == without_any


def _restricts(line):
    name = line.partition("=")[0]
    return name in {each.partition("=")[0] for each in AS_ROOT.read_text().splitlines() if "=" in each} - {"User"}


def _ratings(text):
    return sorted(line.split("  ")[0] for line in text.splitlines() if line.startswith(("✓", "✗")))


def _analyze(*arguments):
    command = ["systemd-analyze", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    return (done.stdout + done.stderr).strip()
