"""The mesh as a Netmaker server: makes networks, hosts and names follow our rows, and repairs differences."""
