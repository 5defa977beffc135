"""Repeated requests: the same request with the same key is answered with the same thing, however often and late."""

from tests.simulation.scene import NothingThereError, RefusedError, Scene, Simulation


def repeat_request(scene: Scene) -> None:
    """Somebody sends a request again whose answer she may not have seen."""
    if not scene.created:
        raise NothingThereError("requests")
    path, options, answer = scene.rng.choice(scene.created)
    again = scene.ask("POST", path, **options)
    with scene.holding("repeat_request"):
        assert again.status == answer.status, f"{path} was {answer.status}, and repeated {again.status}"
        assert again.data == answer.data, f"{path} made {answer.data['id']}, and repeated {again.data['id']}"


def each_answer_is_kept(scene: Scene) -> None:
    """At rest a repeat is answered as the request was."""
    for path, options, answer in scene.created:
        try:
            again = scene.ask("POST", path, **options)
        except RefusedError as error:
            raise AssertionError(f"{path} was {answer.status}, and repeated {error}") from error
        assert again.data == answer.data, f"{path} made {answer.data}, and repeated {again.data}"


SIMULATION = Simulation(operations=(repeat_request,), invariants=(each_answer_is_kept,))
