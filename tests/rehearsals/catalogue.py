"""The rehearsals, in their order."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.rehearsals import (
    bad_days,
    deployed,
    functions_killed,
    keys_rotated,
    poison,
    reconnecting,
    restored,
    stopped,
)
from tests.rehearsals.stage import Stage


@dataclass(frozen=True)
class Rehearsal:
    """``title`` says what goes wrong, as docs/reliability.md does."""

    name: str
    title: str
    play: Callable[[Stage], None]


REHEARSALS = (
    Rehearsal("functions", "Functions are killed in the middle of a batch", functions_killed.play),
    Rehearsal("stop", "The cloud stops with commands in flight, and starts again", stopped.play_drained),
    Rehearsal("stop-at-once", "The cloud stops in the middle of everything", stopped.play_undrained),
    Rehearsal("poison", "Messages die, raise an alarm, and are moved back", poison.play),
    Rehearsal("bad-days", "Each agent of a fleet has another bad day", bad_days.play),
    Rehearsal("keys", "Keys are rotated under load", keys_rotated.play),
    Rehearsal("deploy", "A rolling deploy and its roll-back under load", deployed.play),
    Rehearsal("restore", "All tables go back to a backup, and agents carry on", restored.play),
    Rehearsal("reconnect", "500 agents come back at once", reconnecting.play),
)
