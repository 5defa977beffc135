"""The mode without a mesh: names stand in our own tables and nowhere else."""

from collections.abc import Sequence

from chalicelib.fleet.vpn.port import Host, Joining, Member, Network


class Registry:
    """Every enrolled node is a member, and the row of an alias is the whole record of it."""

    is_mesh = False

    def require_answer(self, cluster_name: str) -> None:
        """There is no mesh to check."""

    def taken_ranges(self, cluster_name: str) -> Sequence[str]:
        """None but those of our own clusters."""
        del cluster_name
        return ()

    def join_token(self, network: Network, joining: Joining) -> str | None:
        """None: a registration token of ours takes its place."""

    def given_token(self, joining: Joining) -> str | None:
        """None was given."""

    def host_of(self, member: Member) -> Host | None:
        """Always None: without a mesh, nodes have no hosts."""

    def require_address(self, member: Member) -> None:
        """Never refuses: enrolment is membership."""

    def record_name(self, name: str, member: Member) -> None:
        """Nothing beyond the row."""

    def forget_name(self, name: str, cluster_name: str) -> None:
        """Nothing beyond the row."""


REGISTRY = Registry()
"""It has no state: one serves all."""
