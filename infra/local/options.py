"""The options of the local cloud, and where they come from."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.families import CHOSEN
from infra.parameters import LOCAL_VARIABLES, SECRET_KEYS, documented_settings

STAGE = "local"
SWEEP_SECONDS = 5.0
WAIT = {"Delay": 1, "MaxAttempts": 120}


@dataclass(frozen=True)
class Options:
    """``settings`` are documented settings and keys by name, as in the environment; ``port`` 0 takes a free one.

    ``families`` is a comma list; "": those that are there by default.

    Checking roles takes a third of the emulator's time, so measurements disable it. To warm up starts every function
    before there is work: it takes most of a minute, and without it the first event waits some seconds. A cloud that
    keeps its state can be stopped and started again on what it held. The schedules that are rare on AWS are called in
    every twentieth round, if at all.
    """

    port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    sweep_seconds: float = SWEEP_SECONDS
    record_calls: bool = False
    check_roles: bool = True
    warms_up: bool = True
    keeps_state: bool = False
    sweeps_rarely: bool = True
    families: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, port: int) -> "Options":
        """The settings from the shell. PORT overrides ``port``."""
        known = (*documented_settings(), *LOCAL_VARIABLES, *SECRET_KEYS)
        settings = {name: environment[name] for name in known if environment.get(name)}
        return cls(
            port=int(environment.get("PORT") or port),
            settings=settings,
            sweep_seconds=float(environment.get("LOCAL_SWEEP_SECONDS") or SWEEP_SECONDS),
            families=environment.get(CHOSEN, ""),
        )


def settings_of_this_shell(*, port: int) -> Options:
    """Options from this process's environment."""
    return Options.from_environment(os.environ, port=port)
