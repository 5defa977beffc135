"""Templates: the kinds of machines that can be made."""

from pydantic import BaseModel


class Template(BaseModel, frozen=True):
    """A kind of machine. ``zones`` are the places in ``region`` where it can be made, ``agent`` tells whether its
    machines enrol themselves."""

    id: str
    name: str
    description: str
    machine_type: str
    vcpus: int
    memory_mb: int
    disk_size_gb: int
    disk_type: str
    image: str
    architecture: str
    region: str
    zones: tuple[str, ...]
    agent: bool
