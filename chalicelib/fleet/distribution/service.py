"""`Distribution`: reads the agent's releases from the bucket and makes download links."""

from chalicelib.fleet.distribution.model import CURRENT, Offer, Release, key_of_archive, key_of_release
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.objects import Objects

LINK_SECONDS = 300
"""How long a link is good for beginning a download. A download that has begun goes on."""


class Distribution:
    """Reads what a deployment has put into the bucket; writes nothing."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def offer(self, architecture: str, version: str | None) -> Offer:
        """The archive of a version for an architecture, with a download link; the current version if ``version`` is
        None.

        Raises `EdgeError` (not found), with an explanation, if this stack has no such version or architecture, (service
        unavailable).
        """
        release = self.release(version)
        bundle = release.bundles.get(architecture)
        if bundle is None:
            there = ", ".join(sorted(release.bundles))
            raise _missing(f"version {release.version} of the agent is there for {there}, not for {architecture}")
        url = self._objects.link(key_of_archive(bundle.sha256), LINK_SECONDS)
        return Offer(release.version, bundle, url, LINK_SECONDS)

    def has(self, version: str) -> bool:
        """Whether this stack serves a version, for any architecture. Raises `EdgeError` (service unavailable)."""
        return self._objects.read(key_of_release(version)) is not None

    def release(self, version: str | None) -> Release:
        """The manifest of a version, or of the current one. Raises `EdgeError` (not found, service unavailable) as
        `offer` does."""
        content = self._objects.read(CURRENT if version is None else key_of_release(version))
        if content is None:
            raise _missing(
                "this stack serves no agent: deploying it puts one there"
                if version is None
                else f"this stack has no version {version} of the agent"
            )
        return Release.model_validate_json(content)


def _missing(text: str) -> EdgeError:
    return EdgeError(Kind.NOT_FOUND, text)
