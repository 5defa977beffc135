"""A real Prometheus, as its Debian package brings it, with the configuration of our documentation."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from infra.local.emulator import HOST, free_port
from infra.local.processes import GuardedProcess
from infra.package import ROOT

PATIENCE_SECONDS = 10.0

DOCUMENT = ROOT / "docs" / "metrics.md"

KEY_FILE = "metrics.key"

INSTALLED = shutil.which("prometheus") is not None and shutil.which("promtool") is not None


def documented(api_url: str, clusters: dict[str, str]) -> str:
    """The configuration of the documentation, for this API and every two seconds. ``clusters`` names, by type, whose
    nodes are looked for: other tests leave some that never answer."""
    first, further = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    text = first + further
    places = {
        **{f"{name}/discovery": f"{name}/discovery?cluster_name={cluster}" for name, cluster in clusters.items()},
        "https://edge.example": api_url,
        "edge.example": urlsplit(api_url).netloc,
        "scheme: https": "scheme: http",
        "scrape_interval: 300s": "scrape_interval: 2s",
        "scrape_interval: 60s": "scrape_interval: 2s",
        "refresh_interval: 300s": "refresh_interval: 5s",
        "scrape_timeout: 20s": "scrape_timeout: 2s",
    }
    for theirs, ours in places.items():
        assert theirs in text, f"{DOCUMENT} does not say {theirs}"
        text = text.replace(theirs, ours)
    return text


class Prometheus:
    """Runs from the start to `stop`, on a free port of 127.0.0.1, with its data in ``folder``."""

    def __init__(self, folder: Path, configuration: str, key: str) -> None:
        (folder / KEY_FILE).write_text(key)
        (folder / "prometheus.yml").write_text(configuration)
        self._log = folder / "prometheus.log"
        self._url = f"http://{HOST}:{free_port()}"
        self._pool = urllib3.PoolManager(retries=False, timeout=PATIENCE_SECONDS)
        command = ["prometheus", "--config.file=prometheus.yml", f"--storage.tsdb.path={folder / 'data'}"]
        command += [f"--web.listen-address={urlsplit(self._url).netloc}", "--log.level=warn"]
        with self._log.open("wb") as output:
            self._process = GuardedProcess(
                [str(shutil.which(command[0])), *command[1:]], environment={}, output=output, folder=folder
            )

    def is_ready(self) -> bool:
        assert self._process.running, self._log.read_text()
        try:
            return self._pool.request("GET", f"{self._url}/-/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def targets(self) -> list[dict[str, Any]]:
        """What it found and scrapes."""
        return list(self._get("/api/v1/targets?state=active")["activeTargets"])

    def values(self, query: str) -> list[float]:
        """The values of an instant query, one a series."""
        return [float(each["value"][1]) for each in self._get(f"/api/v1/query?query={quote(query)}")["result"]]

    def stop(self) -> None:
        """End it and wait. Safe to repeat."""
        self._process.stop()
        self._pool.clear()

    def _get(self, path: str) -> Any:
        answer = self._pool.request("GET", self._url + path)
        assert answer.status == 200, answer.data
        return answer.json()["data"]


def complaints(text: str) -> list[str]:
    """What `promtool check metrics` says of a text, a line each. Fails for a text that it cannot read."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode in {0, 3}, done.stderr
    return done.stderr.splitlines()
