"""Executions that are acknowledged one each, as a server of before wants it."""

import asyncio
from types import SimpleNamespace

import pytest
from edge_agent.claims import Claims
from edge_agent.errors import UnavailableError


class OlderServer:
    """Gives every execution but the first, about which it does not answer."""

    async def acknowledge(self, execution_id: str) -> bool:
        if execution_id == "1":
            raise UnavailableError("no answer")
        return True


def test_executions_that_were_given_are_accepted_after_one_without_an_answer():
    accepted, doubted = [], []

    async def note(item) -> None:
        accepted.append(item.work.id)

    async def add(_ids) -> None:
        pass

    claims = Claims(
        api=OlderServer(),
        acknowledgements=SimpleNamespace(add=add),
        sent_executions=SimpleNamespace(accept=note),
        doubt=doubted.append,
        log=SimpleNamespace(write=lambda *_, **__: None),
    )
    claims._takes_several = False  # noqa: SLF001 - as after its first answer
    items = [SimpleNamespace(work=SimpleNamespace(id=name)) for name in ("1", "2", "3")]

    with pytest.raises(UnavailableError):
        asyncio.run(claims.take(items))

    assert (accepted, doubted) == (["2", "3"], ["1"])
