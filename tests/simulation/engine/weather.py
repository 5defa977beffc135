"""What goes wrong by itself in a history: at which share of calls, by a seed."""

from collections.abc import Callable, Collection
from random import Random

SHARES = {
    # of calls of AWS by the application
    "crash": 1 / 120,
    "crash_at_the_end": 1 / 40,
    "pause": 1 / 250,
    "slow_call": 1 / 25,
    "throttle": 1 / 60,
    "conflict": 1 / 40,
    "lost_answer": 1 / 40,
    "outcome_unknown": 1 / 150,
    # of batches that are sent
    "send_refused": 1 / 15,
    "send_repeated": 1 / 15,
    "bus_refused": 1 / 15,
    # of messages
    "message_repeated": 1 / 8,
    "message_delayed": 1 / 6,
    "start_refused": 1 / 20,
    # of frames and connections
    "wake_up_lost": 1 / 4,
    "frame_late": 1 / 6,
    "frame_repeated": 1 / 6,
    "post_refused": 1 / 10,
    "disconnect_lost": 1 / 3,
    "disconnect_late": 1 / 3,
    # of calls of EC2
    "ec2_lags": 1 / 6,
    # of containers
    "skewed_clocks": 3 / 4,
    # of requests
    "request_lost": 1 / 30,
    "answer_lost": 1 / 30,
    "request_sent_twice": 1 / 25,
    "request_late": 1 / 30,
    "server_answers_5xx": 1 / 30,
    "server_answers_429": 1 / 30,
    # of a machine's calls of its disk, and of its starts
    "agent_killed": 1 / 150,
    "power_cut": 1 / 300,
    "torn_write": 1 / 300,
    "wrong_clock": 1 / 2,
    # once: no command is for so few machines that its request makes their executions
    "large_fleet": 1,
}
"""Every fault that strikes at a call, with the share of such calls while it is on."""


class Weather:
    """The faults of one history. Each has chance of its own, so that one more or less moves no other. ``note`` is told
    of each that strikes."""

    def __init__(self, seed: int, on: Collection[str], note: Callable[[str], None]) -> None:
        self._shares = {name: SHARES[name] for name in sorted(on) if name in SHARES}
        self._chances = {name: Random(f"{seed} {name}") for name in SHARES}
        self._note = note

    def strikes(self, name: str) -> bool:
        """Whether the fault strikes now."""
        share = self._shares.get(name)
        if share is None or self._chances[name].random() >= share:
            return False
        self._note(name)
        return True

    def seconds(self, name: str, least: float, most: float) -> float:
        """How long what a fault does lasts."""
        return self._chances[name].uniform(least, most)

    def chance(self, name: str) -> Random:
        """The chance of a fault."""
        return self._chances[name]

    def clear(self) -> None:
        """Nothing strikes any more."""
        self._shares = {}
