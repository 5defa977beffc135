"""Uploads an agent release to the bucket of the deployed stack: archives by hash, then the manifest of the version, and
last the pointer to the current version. A reader in between gets the previous release, complete."""

import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chalicelib.fleet.distribution.model import CURRENT, key_of_archive, key_of_release
from infra.agent_bundle import ARCHITECTURES, PYTHONS, Bundle, build_bundle


def build_release(cache: Path) -> list[Bundle]:
    """The bundles of all architectures. Raises RuntimeError if the package index cannot be reached."""
    return [build_bundle(architecture, cache=cache) for architecture in ARCHITECTURES]


def build_for_this_machine(cache: Path) -> list[Bundle]:
    """The bundle for this machine's architecture; empty if there is none. Raises RuntimeError as `build_release`."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if platform.machine() not in ARCHITECTURES or python not in PYTHONS:
        return []
    return [build_bundle(platform.machine(), [python], cache=cache)]


def publish(s3: Any, bucket: str, bundles: Sequence[Bundle], *, current: bool = True) -> str:
    """Upload the bundles of one version, make it the current one, and return it. Safe to repeat."""
    (version,) = {bundle.version for bundle in bundles}
    for bundle in bundles:
        s3.put_object(Bucket=bucket, Key=key_of_archive(bundle.sha256), Body=bundle.content)
    described = {bundle.architecture: bundle.described() for bundle in bundles}
    release = json.dumps({"version": version, "bundles": described}).encode()
    for key in (key_of_release(version), *([CURRENT] if current else [])):
        s3.put_object(Bucket=bucket, Key=key, Body=release, ContentType="application/json")
    return version
