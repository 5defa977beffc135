"""The mode with a mesh: a Netmaker server holds networks, hosts and their names."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.fleet.mesh.netmaker_api import NetmakerApi, Outcome
from chalicelib.fleet.mesh.netmaker_shapes import FoundNode
from chalicelib.fleet.mesh.store import MadeNetwork, NetworkStore
from chalicelib.fleet.vpn import names
from chalicelib.fleet.vpn.port import Host, Joining, Member, Network
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError, Kind, conflict, taken, unavailable
from chalicelib.kit.ids import Ids

NETWORK_SEEN_FOR = timedelta(seconds=60)
"""How long a container takes a network for there without asking."""

JOIN_LIFETIME = timedelta(days=1)
"""How long a key to join with stays in Netmaker: as long as its use is remembered here. The next hourly repair after
that removes it."""

MOST_KEYS_REMOVED = 200
"""Keys to join with that one message removes: ten seconds."""

NOT_IN_NETWORK = "Node is not enrolled in the VPN network. Ensure the agent is connected and has joined the network."
NO_ADDRESS = "Node has not been assigned an IP address yet. It may still be enrolling in the VPN."


class Netmaker:
    """The port to a mesh, and what repairs need beyond it. ``domain`` is Netmaker's default domain, which its lists put
    behind names. Networks that it makes are noted in ``store`` before, and only those are ever removed."""

    is_mesh = True

    def __init__(self, api: NetmakerApi, store: NetworkStore, clock: Clock, ids: Ids, *, domain: str) -> None:
        self._api = api
        self._store = store
        self._clock = clock
        self._ids = ids
        self._domain = domain
        self._networks_seen: dict[str, datetime] = {}

    # -- the port ------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Whether Netmaker answers; raises `EdgeError` unavailable."""
        self._api.check()

    def require_answer(self, cluster_name: str) -> None:
        """One read, which also shows whether our key is still good."""
        self._api.network(names.network_name(cluster_name))

    def taken_ranges(self, cluster_name: str) -> Sequence[str]:
        """The ranges of all networks except a former one of this name, which will be replaced. Raises `EdgeError`
        (conflict) if a network that we did not create has this name."""
        own = names.network_name(cluster_name)
        found = self._api.networks()
        if any(network.name == own for network in found) and self._store.find(cluster_name) is None:
            raise taken("name")
        return [network.ipv4_range for network in found if network.name != own and network.ipv4_range]

    def join_token(self, network: Network, joining: Joining) -> str | None:
        """Create a key for a single use. The network's own key is unlimited: any machine that sees it could join, for
        ever."""
        self._require_network(network)
        ends = int((self._clock.now() + JOIN_LIFETIME).timestamp())
        tag = names.join_tag(joining.key_id, joining.node_id, ends, self._ids)
        made = self._api.create_enrollment_key(names.network_name(network.cluster_name), tag)
        if made is None:
            raise unavailable()
        return made.token.get_secret_value()

    def given_token(self, joining: Joining) -> str | None:
        """One list of all keys: only a machine that asks again comes here."""
        if joining.node_id is None:
            return None
        start = names.join_tag_start(joining.key_id, joining.node_id)
        found = {tag: key for key in self._api.enrollment_keys() for tag in key.tags or () if tag.startswith(start)}
        newest = max(found, key=lambda tag: names.join_tag_ends(tag) or 0, default=None)
        if newest is None or not found[newest].uses_remaining:
            return None
        return found[newest].token.get_secret_value()

    def remove_join_keys(self, key_id: str | None = None) -> int:
        """Remove the keys to join with of an enrollment key that is gone, or those that are past their time, up to
        `MOST_KEYS_REMOVED`; returns how many."""
        now = int(self._clock.now().timestamp())
        removed = 0
        for key in self._api.enrollment_keys():
            ends = [end for tag in key.tags or () if (end := names.join_tag_ends(tag)) is not None]
            is_of_key = key_id is not None and any(
                tag.startswith(names.join_tag_start(key_id)) for tag in key.tags or ()
            )
            if not ends or not (is_of_key or (key_id is None and max(ends) <= now)):
                continue
            if self._api.delete_enrollment_key(key.value.get_secret_value()) is Outcome.REFUSED:
                raise unavailable()
            removed += 1
            if removed == MOST_KEYS_REMOVED:
                break
        return removed

    def host_of(self, member: Member) -> Host | None:
        """Find a member by its name in the network; the second list is only read if the first contains it."""
        addresses = [address for address in self._addresses_of(member) if address]
        found = self._latest(member.cluster_name, addresses) if addresses else None
        return None if found is None else Host(found.host_id, names.host_name(member.node_id), _bare(found.address))

    def require_address(self, member: Member) -> None:
        """One list of the network, and one more for a name that is there twice. Raises `EdgeError` (conflict), in the
        contract's words."""
        address = self._address_of(member)
        if address is None:
            raise conflict(NOT_IN_NETWORK)
        if not address:
            raise conflict(NO_ADDRESS)

    def record_name(self, name: str, member: Member) -> None:
        """Enter the name, or enter it again where the network has it already."""
        address = self._address_of(member)
        if address:
            self.point_name(name, member.cluster_name, address)

    def forget_name(self, name: str, cluster_name: str) -> None:
        if self._api.delete_name(names.network_name(cluster_name), names.dns_name(name, cluster_name)) is (
            Outcome.REFUSED
        ):
            raise unavailable()

    # -- for settling and repairs --------------------------------------------------------------------------------

    def point_name(self, name: str, cluster_name: str, address: str) -> None:
        """Make the name resolve to this address. Raises `EdgeError` (service unavailable) if Netmaker refuses."""
        network, entry = names.network_name(cluster_name), names.dns_name(name, cluster_name)
        if self._api.create_name(network, entry, address) is Outcome.DONE:
            return
        self._api.delete_name(network, entry)
        if self._api.create_name(network, entry, address) is not Outcome.DONE:
            raise unavailable()

    def make_network(self, network: Network) -> bool:
        """The network is there, with the cluster's range; True if it was made now.

        One of our own with another range belonged to a deleted cluster, and is replaced. Raises `EdgeError` (conflict)
        for one with another range that is not ours, or a range that Netmaker does not take.
        """
        name = names.network_name(network.cluster_name)
        found = self._api.network(name)
        made = self._store.find(network.cluster_name)
        if found is not None and found.ipv4_range == network.ipv4_range:
            if made is not None and made.cluster_id != network.cluster_id:
                self._store.note_made(network.cluster_name, network.cluster_id)
            return False
        if found is not None:
            if made is None or made.cluster_id == network.cluster_id:
                if made is not None:  # noted by one that died before it made it: ours would have our range
                    self._store.forget(made)
                raise conflict(f"network {name} has the range {found.ipv4_range}, not {network.ipv4_range}")
            self._delete(network.cluster_name)
        self._store.note_made(network.cluster_name, network.cluster_id)
        if self._api.create_network(name, network.ipv4_range) is Outcome.DONE:
            return True
        beaten = self._api.network(name)
        if beaten is None or beaten.ipv4_range != network.ipv4_range:
            self._store.forget(MadeNetwork(network.cluster_name, network.cluster_id))
            raise conflict(f"Netmaker does not take {network.ipv4_range} for {name}")
        return False

    def remove_network(self, cluster_name: str) -> bool:
        """The network of a cluster that is gone is gone too, if we have made it; whether there was one of ours.

        Raises `EdgeError` (service unavailable) while foreign hosts are in it, or Netmaker is still deleting it.
        """
        made = self._store.find(cluster_name)
        if made is None:
            return False
        self._delete(cluster_name)
        self._store.forget(made)
        return True

    def hosts(self, cluster_name: str) -> list[Host]:
        """All hosts of a network that is there; one whose name is not known has an empty one."""
        listed = self._api.host_names(names.network_name(cluster_name))
        known = {entry.address: self._bare_host(entry.name, cluster_name) for entry in listed if entry.address}
        nodes = self._nodes(cluster_name)
        return [Host(node.host_id, known.get(_bare(node.address), ""), _bare(node.address)) for node in nodes]

    def names(self, cluster_name: str) -> dict[str, str]:
        """The aliases that are entered, and the address of each. Names of another form are others'."""
        labels = {}
        for entry in self._api.custom_names(names.network_name(cluster_name)):
            label = names.label_of(entry.name, cluster_name, self._domain)
            if label is not None and not names.is_node_id(label):
                labels[label] = entry.address
        return labels

    def admit(self, host_id: str, cluster_name: str) -> bool:
        """Put a host into the network; False if there is no such host."""
        outcome = self._api.admit(host_id, names.network_name(cluster_name))
        if outcome is Outcome.REFUSED:
            raise unavailable()
        return outcome is Outcome.DONE

    def dismiss(self, host_id: str, cluster_name: str) -> None:
        """Take a host out of the network; none of that id there is no error."""
        self._api.dismiss(host_id, names.network_name(cluster_name))

    def remove_host(self, host_id: str, member: Member) -> None:
        """Delete a member's former host completely; succeeds if it does not exist. It stays if it has another node's
        name in that network: a machine that lost its node id enrols under a new one, and keeps its host.
        """
        is_there = self._api.network(names.network_name(member.cluster_name)) is not None
        found = self.hosts(member.cluster_name) if is_there else []
        if any(host.id == host_id and names.node_id_of(host.name) not in {None, member.node_id} for host in found):
            return
        if self._api.delete_host(host_id) is Outcome.REFUSED:
            raise unavailable()

    # -- inside --------------------------------------------------------------------------------------------------

    def _delete(self, cluster_name: str) -> None:
        """Delete a network of ours. Where hosts hold it, ours leave first. Returns when it is gone."""
        name = names.network_name(cluster_name)
        if self._api.delete_network(name) is Outcome.REFUSED:
            for host in self.hosts(cluster_name):
                if names.node_id_of(host.name) is not None:
                    self.dismiss(host.id, cluster_name)
            if self._api.delete_network(name) is Outcome.REFUSED:
                raise unavailable()
        if self._api.network(name) is not None:  # Netmaker may go on deleting after its answer
            raise unavailable()

    def _address_of(self, member: Member) -> str | None:
        """None for no host of that name in the network, empty for one without an address."""
        listed = self._addresses_of(member)
        addresses = [address for address in listed if address]
        if len(addresses) > 1:
            node = self._latest(member.cluster_name, addresses)
            return addresses[0] if node is None else _bare(node.address)
        return addresses[0] if addresses else ("" if listed else None)

    def _addresses_of(self, member: Member) -> list[str]:
        """One for each host of that name: a machine that was set up anew is another host beside the one it was."""
        wanted = names.host_name(member.node_id)
        entries = self._api.host_names(names.network_name(member.cluster_name))
        return [entry.address for entry in entries if self._bare_host(entry.name, member.cluster_name) == wanted]

    def _latest(self, cluster_name: str, addresses: Sequence[str]) -> FoundNode | None:
        """The host at these addresses that Netmaker saw last."""
        found = [node for node in self._nodes(cluster_name) if _bare(node.address) in addresses]
        return max(found, key=lambda node: node.checked_in_seconds, default=None)

    def _bare_host(self, name: str, cluster_name: str) -> str:
        """A host's name without its network and the default domain."""
        return name.removesuffix(f".{self._domain}").removesuffix(f".{names.network_name(cluster_name)}")

    def _nodes(self, cluster_name: str) -> list[FoundNode]:
        nodes = self._api.nodes(names.network_name(cluster_name))
        return [node for node in nodes if not node.is_leaving and not node.is_static]

    def _require_network(self, network: Network) -> None:
        """It is there; asked once a minute for each network: a fleet enrols at once."""
        known_until = self._networks_seen.get(network.cluster_id)
        if known_until is not None and self._clock.now() < known_until:
            return
        try:
            self.make_network(network)
        except EdgeError as error:
            raise (unavailable() if error.kind is Kind.CONFLICT else error) from error
        self._networks_seen[network.cluster_id] = self._clock.now() + NETWORK_SEEN_FOR


def _bare(address: str) -> str:
    """An address without its prefix length."""
    return address.partition("/")[0]
