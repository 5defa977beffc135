"""The defaults of PUBLIC_URL and ADMIN_URLS, derived from the API's own address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.parameters import parameter_name

_PUBLIC, _ADMIN = parameter_name("PUBLIC_URL"), parameter_name("ADMIN_URLS")


def public_url(outputs: Mapping[str, str]) -> str:
    """The API's URL with its stage, without a trailing slash; empty before the API exists."""
    return outputs.get("EndpointURL", "").rstrip("/")


def _no_others(_url: str) -> str:
    return ""


@dataclass(frozen=True)
class Urls:
    """``settings`` are the deployer's; ``before`` and ``outputs`` are the parameters and outputs of the deployed stack,
    empty without one. ``admin_urls`` derives ADMIN_URLS from PUBLIC_URL: a further stack's agents continue at the core.
    """

    settings: Mapping[str, str]
    before: Mapping[str, str]
    outputs: Mapping[str, str]
    admin_urls: Callable[[str], str] = _no_others

    @property
    def own(self) -> str:
        """The API's previous address."""
        return public_url(self.outputs)

    @property
    def public_follows(self) -> bool:
        """Whether PUBLIC_URL is derived: neither set now nor deployed with a value other than the API's own URL."""
        return not self.settings.get("PUBLIC_URL") and (
            "PUBLIC_URL" in self.settings or self.before.get(_PUBLIC, "") in {"", self.own}
        )

    @property
    def admin_follow(self) -> bool:
        """Whether ADMIN_URLS is derived: neither set now nor deployed with a list that does not start with
        PUBLIC_URL."""
        if self.admin_urls is _no_others or self.settings.get("ADMIN_URLS"):
            return False
        deployed, public = self.before.get(_ADMIN, ""), self.before.get(_PUBLIC, "")
        is_made = not deployed or (bool(public) and deployed.split(",")[0] == public)
        return "ADMIN_URLS" in self.settings or is_made

    def follow_from(self, outputs: Mapping[str, str]) -> bool:
        """Whether the stack needs a second deployment with its new address."""
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
