"""Saved scripts: changed at the same time by several callers, and run as commands."""

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.scripts.model import NewScript, Parameter, ParameterType, Run, ScriptCall
from chalicelib.fleet.scripts.store import SCRIPTS
from chalicelib.fleet.targeting.model import Targeting, TargetType
from tests.simulation.scene import Scene, Simulation

UNIT = Parameter(name="UNIT", type=ParameterType.STRING, required=True)


def save(scene: Scene) -> None:
    name, text = scene.rng.choice(("restart", "report")), scene.rng.choice(("true", "false"))
    scene.fleet.scripts.save(NewScript(name, text, parameters=(UNIT,)))


def run(scene: Scene) -> None:
    run_everywhere = Run(Targeting(type=TargetType.ALL))
    call = ScriptCall(name=str(scene.some_row(SCRIPTS)["id"]), parameters={"UNIT": "it's"})
    scene.fleet.scripts.run(call, run_everywhere, reach=EVERYWHERE)


def delete(scene: Scene) -> None:
    scene.fleet.scripts.delete(str(scene.some_row(SCRIPTS)["id"]))


def totals_are_those_of_the_rows(scene: Scene) -> None:
    counted, there = scene.world.platform.counters.read(SCRIPTS.name), len(scene.rows(SCRIPTS))
    assert counted == there, f"{counted} scripts are counted, {there} are there"


SIMULATION = Simulation(operations=(save, run, delete), invariants=(totals_are_those_of_the_rows,))
