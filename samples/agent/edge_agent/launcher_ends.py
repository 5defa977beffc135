"""The launcher's count of versions that keep ending. A part of the launcher, see `launcher.py`."""

from dataclasses import asdict, dataclass, replace

from edge_agent.launcher_versions import Versions

ENDS = "ends.json"


@dataclass(frozen=True)
class Ends:
    """How often in a row a version has ended by an error soon after its start, its last exit status, and how often
    versions were changed for that in a row."""

    version: str
    count: int = 0
    status: int = 0
    changes: int = 0


class EarlyEnds:
    """Counts early ends in a file beside the versions, since the launcher ends with the agent.

    A file that is torn or of another version counts none. A count that cannot be written is kept in memory.
    """

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._unwritten: Ends | None = None

    def of(self, version: str) -> Ends:
        found = self._unwritten or self._read()
        if found is None:
            return Ends(version)
        return found if found.version == version else Ends(version, changes=found.changes)

    def add(self, version: str, status: int) -> bool:
        """Count an end. False if it could not be written: only this process knows of it."""
        before = self.of(version)
        return self._note(replace(before, count=before.count + 1, status=status))

    def changed(self, before: Ends, version: str) -> None:
        """Begin with another version."""
        self._note(Ends(version, changes=before.changes + 1))

    def forget(self, version: str) -> None:
        """Count from none again: this version has run for long enough."""
        self._unwritten = None
        try:
            (self._versions.folder / ENDS).unlink(missing_ok=True)
        except OSError:
            self._unwritten = Ends(version)

    def _note(self, ends: Ends) -> bool:
        try:
            self._versions.write(ENDS, asdict(ends))
        except OSError:
            self._unwritten = ends
        else:
            self._unwritten = None
        return self._unwritten is None

    def _read(self) -> Ends | None:
        found = self._versions.read(ENDS)
        if found is None:
            return None
        try:
            return Ends(str(found["version"]), int(found["count"]), int(found["status"]), int(found["changes"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
