"""The mode without a mesh: names stand in our own tables and nowhere else."""

from chalicelib.vpn.port import Member


class Registry:
    """Every enrolled node is a member, and the row of an alias is the whole record of it."""

    def require_address(self, member: Member) -> None:
        """Never refuses: enrolment is membership."""

    def record_name(self, name: str, member: Member) -> None:
        """Nothing beyond the row."""

    def forget_name(self, name: str, cluster_name: str) -> None:
        """Nothing beyond the row."""
