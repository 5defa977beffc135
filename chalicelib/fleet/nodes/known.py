"""`Known`: what is stored of a node that registers, and how it proves to be that node."""

from dataclasses import dataclass

from chalicelib.fleet.enrollment.model import Redemption
from chalicelib.fleet.nodes.model import Exclusion, Node, Presence
from chalicelib.fleet.nodes.rules import BearerProof
from chalicelib.kit.errors import EdgeError


@dataclass(frozen=True)
class Known:
    """The stored state of a node before its registration, and the proofs that it gives."""

    node: Node | None
    presence: Presence | None
    exclusion: Exclusion | None
    redemption: Redemption | None
    refusal: EdgeError | None
    proof: BearerProof

    @property
    def is_removed(self) -> bool:
        """Whether the node was deleted and has not enrolled again."""
        return self.node is None and self.exclusion is not None and self.exclusion.removed_at_ms is not None
