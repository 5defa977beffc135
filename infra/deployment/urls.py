"""The defaults of PUBLIC_URL and ADMIN_URLS, derived from the API's own address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.parameters import parameter_name

_PUBLIC, _ADMIN = parameter_name("PUBLIC_URL"), parameter_name("ADMIN_URLS")


def public_url(outputs: Mapping[str, str]) -> str:
    """The API's URL with its stage and without a slash at the end, or nothing before there is one."""
    return outputs.get("EndpointURL", "").rstrip("/")


def _no_others(_url: str) -> str:
    return ""


@dataclass(frozen=True)
class Urls:
    """``settings`` is what the deployer chose; ``before`` and ``outputs`` are parameters and outputs of the stack as it
    is deployed, empty where it is not. ``admin_urls`` makes ADMIN_URLS of PUBLIC_URL: a further stack's agents go on at
    the core."""

    settings: Mapping[str, str]
    before: Mapping[str, str]
    outputs: Mapping[str, str]
    admin_urls: Callable[[str], str] = _no_others

    @property
    def own(self) -> str:
        """The API's address as it was before."""
        return public_url(self.outputs)

    @property
    def public_follows(self) -> bool:
        """A PUBLIC_URL that is deployed and is not the API's own was chosen once, and stays."""
        return not self.settings.get("PUBLIC_URL") and (
            "PUBLIC_URL" in self.settings or self.before.get(_PUBLIC, "") in {"", self.own}
        )

    @property
    def admin_follow(self) -> bool:
        """Those that were made here begin with PUBLIC_URL."""
        if self.admin_urls is _no_others or self.settings.get("ADMIN_URLS"):
            return False
        deployed, public = self.before.get(_ADMIN, ""), self.before.get(_PUBLIC, "")
        is_made = not deployed or (bool(public) and deployed.split(",")[0] == public)
        return "ADMIN_URLS" in self.settings or is_made

    def follow_from(self, outputs: Mapping[str, str]) -> bool:
        """Whether the stack has to be told of its new address."""
        return public_url(outputs) != self.own and (self.public_follows or self.admin_follow)

    def parameters(self, outputs: Mapping[str, str]) -> dict[str, str]:
        """The parameters that are derived from the API's address."""
        found = {}
        if self.public_follows:
            found[_PUBLIC] = public_url(outputs)
        if self.admin_follow:
            public = found.get(_PUBLIC, self.settings.get("PUBLIC_URL") or self.before.get(_PUBLIC, ""))
            found[_ADMIN] = self.admin_urls(public)
        return found
