"""The mutants still fit the program; `make simulate-mutants` searches them."""

import pytest

from tests.simulation.history import every_fault, simulations
from tests.simulation.mutants import applies, mutants

PARTS = simulations()
MUTANTS = {mutant.name: mutant for mutant in mutants()}


def test_there_are_fifteen_mutants_at_least():
    assert len(MUTANTS) >= 15


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_applies_and_names_known_faults_and_invariants(name):
    mutant = MUTANTS[name]
    assert applies(mutant)
    assert set(mutant.needs) <= set(every_fault(PARTS))
    known = {each.__name__ for part in PARTS for each in (*part.invariants, *part.exact, *part.watches, *part.ears)}
    known |= {name for part in PARTS for name in (*part.promises, *(each.__name__ for each in part.operations))}
    assert mutant.found_by <= known
