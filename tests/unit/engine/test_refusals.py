"""Whatever a service answers, the engine raises an EngineError and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lab.converge.plan import Action, Kind, RecordSpec, Step, Subject
from lab.errors import AlreadyThereError, EngineError
from lab.topology.spec import ContainerSpec, NetworkSpec, PodSpec, VolumeSpec
from tests.unit.engine.fake_podman import Answer, answer

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Engine

GARBAGE = {
    "an empty body": answer(200, text=""),
    "no JSON": answer(200, text="<html>nginx</html>"),
    "half of some JSON": answer(200, text='[{"Id": "1"'),
    "JSON of another shape": answer(200, {"Id": "1"}),
    "a list of another shape": answer(200, [1, None, "x"]),
    "entries without a name": answer(200, [{"Id": "1"}, {"id": "2"}]),
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "no answer": b"",
    "a body that ends early": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{",
}
ERRORS = {
    "500": answer(500, {"cause": "c", "message": "image not known", "response": 500}),
    "500 that is a list": answer(500, ["x"]),
    "500 that is a text": answer(500, text="panic: runtime error"),
    "500 without a cause": answer(500, {"error": "x"}),
    "400": answer(400, {"cause": "c", "message": "bad name", "response": 400}),
    "409 with a cause": answer(409, {"cause": "in use", "message": "m", "response": 409}),
    "409 with errors": answer(409, {"Errs": ["port is busy", "port is busy"]}),
    "409 that is a list": answer(409, ["x"]),
    "409 that is a text": answer(409, text="conflict"),
    "503": answer(503, text=""),
}
BROKEN = {name: GARBAGE[name] for name in ("no HTTP", "no answer", "a body that ends early")}


def step(action: Action, kind: Kind, subject: Subject | None = None) -> Step:
    target = "" if subject else "1"
    name = subject.name if subject else "x"
    return Step(
        lab="lab",
        action=action,
        kind=kind,
        name=name,
        because="",
        subject=subject,
        target=target,
        pod="p",
    )


STEPS = [
    step(Action.CREATE, Kind.NETWORK, NetworkSpec(name="n", subnet="10.64.0.0/24")),
    step(Action.CREATE, Kind.VOLUME, VolumeSpec(name="v")),
    step(Action.CREATE, Kind.RECORD, RecordSpec(name="r", spec="{}")),
    step(Action.CREATE, Kind.POD, PodSpec(name="p", network="n", address="10.64.0.10")),
    step(Action.CREATE, Kind.CONTAINER, ContainerSpec(name="c", image="i")),
    step(Action.START, Kind.POD),
    step(Action.START, Kind.CONTAINER),
    step(Action.RESUME, Kind.CONTAINER),
    step(Action.REMOVE, Kind.POD),
    step(Action.REMOVE, Kind.NETWORK),
    step(Action.REMOVE, Kind.VOLUME),
]


THERE = {
    "network": answer(409, {"cause": "network already exists", "message": "network name n used"}),
    "pod": answer(409, {"cause": "pod already exists", "message": "name p is in use"}),
    "volume": answer(500, {"cause": "volume already exists", "message": "volume v exists"}),
    "container": answer(500, {"cause": "that name is already in use", "message": "c is in use"}),
}
"""What podman 4.3.1 answers when it is to create what is there."""


@pytest.mark.parametrize("given", {**GARBAGE, **ERRORS}.values(), ids=[*GARBAGE, *ERRORS])
def test_observing_raises_only_engine_errors(engine: Engine, given: Answer) -> None:
    found, _ = engine(given)
    with pytest.raises(EngineError) as caught:
        found.observe("lab")
    assert caught.value.message


@pytest.mark.parametrize("path", ["pods", "containers", "networks", "volumes"])
def test_a_list_that_cannot_be_understood_is_said_to_be_unexpected(
    engine: Engine, path: str
) -> None:
    wrong = answer(200, [{"Id": 1, "RepoTags": 1, "Ports": 1}])
    found, _ = engine(lambda _, asked: wrong if asked == f"/{path}/json" else answer(200, []))
    with pytest.raises(EngineError, match="podman's service answered something unexpected"):
        found.observe("lab")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.id)
@pytest.mark.parametrize("given", {**BROKEN, **ERRORS}.values(), ids=[*BROKEN, *ERRORS])
def test_executing_raises_only_engine_errors(engine: Engine, step: Step, given: Answer) -> None:
    found, _ = engine(given)
    with pytest.raises(EngineError) as caught:
        found.execute(step)
    assert caught.value.message


@pytest.mark.parametrize("given", {**BROKEN, **ERRORS}.values(), ids=[*BROKEN, *ERRORS])
def test_reading_a_log_raises_only_engine_errors(engine: Engine, given: Answer) -> None:
    found, _ = engine(given)
    with pytest.raises(EngineError):
        list(found.logs("service-a"))


def test_a_service_that_went_away_is_said_to_have_gone(engine: Engine) -> None:
    found, _ = engine(b"")
    with pytest.raises(EngineError, match=r"^podman's service went away while lab tried to start"):
        found.execute(step(Action.START, Kind.POD))


def test_a_refusal_is_told_in_podman_s_own_words(engine: Engine) -> None:
    found, _ = engine(ERRORS["500"])
    with pytest.raises(EngineError, match=r"^image not known$"):
        found.execute(STEPS[4])


def test_the_errors_of_a_pod_s_start_are_each_told_once(engine: Engine) -> None:
    found, _ = engine(ERRORS["409 with errors"])
    with pytest.raises(EngineError, match=r"^port is busy$"):
        found.execute(step(Action.START, Kind.POD))


def test_what_is_gone_already_counts_as_removed(engine: Engine) -> None:
    gone = answer(404, {"cause": "no such pod", "message": "no such pod", "response": 404})
    found, server = engine(gone)
    found.execute(step(Action.REMOVE, Kind.POD))
    assert [request[:2] for request in server.requests] == [
        ("POST", "/pods/1/stop"),
        ("DELETE", "/pods/1"),
    ]


def test_what_is_gone_cannot_be_started(engine: Engine) -> None:
    gone = answer(404, {"cause": "no such pod", "message": "no such pod", "response": 404})
    found, _ = engine(gone)
    with pytest.raises(EngineError, match=r"^no such pod$"):
        found.execute(step(Action.START, Kind.POD))


@pytest.mark.parametrize("kind", [Kind.NETWORK, Kind.VOLUME, Kind.RECORD])
def test_networks_and_volumes_are_not_removed_by_force(engine: Engine, kind: Kind) -> None:
    found, server = engine(lambda method, _: answer(200, [] if method == "GET" else ""))
    found.execute(step(Action.REMOVE, kind))
    changing = [(method, query) for method, _, query, _ in server.requests if method != "GET"]
    assert changing == [("DELETE", "")]


@pytest.mark.parametrize("kind", [Kind.POD, Kind.CONTAINER])
def test_pods_and_containers_are_removed_while_they_run(engine: Engine, kind: Kind) -> None:
    found, server = engine(answer(200, []))
    found.execute(step(Action.REMOVE, kind))
    method, _, query, _ = server.requests[-1]
    assert method == "DELETE"
    assert "force=true" in query


def test_a_container_is_not_stopped_apart_from_its_removal(engine: Engine) -> None:
    found, server = engine(answer(200, []))
    found.execute(step(Action.REMOVE, Kind.CONTAINER))
    assert [request[:2] for request in server.requests] == [("DELETE", "/containers/1")]


@pytest.mark.parametrize("given", [ERRORS["409 with errors"], ERRORS["500"]])
def test_a_pod_that_cannot_be_stopped_is_removed_all_the_same(
    engine: Engine, given: Answer
) -> None:
    found, server = engine(lambda method, _: given if method == "POST" else answer(200, []))
    found.execute(step(Action.REMOVE, Kind.POD))
    assert [request[:2] for request in server.requests] == [
        ("POST", "/pods/1/stop"),
        ("DELETE", "/pods/1"),
    ]


@pytest.mark.parametrize("kind", [Kind.POD, Kind.CONTAINER])
def test_what_is_busy_at_the_first_try_is_removed_at_the_second(engine: Engine, kind: Kind) -> None:
    answers = iter([ERRORS["500"], answer(200, [])])
    found, server = engine(
        lambda method, _: next(answers) if method == "DELETE" else answer(200, [])
    )
    found.execute(step(Action.REMOVE, kind))
    methods = [method for method, *_ in server.requests]
    assert methods[-2:] == ["DELETE", "DELETE"]


def test_a_pod_that_could_not_be_made_leaves_nothing_behind(engine: Engine) -> None:
    found, server = engine(ERRORS["500"])
    with pytest.raises(EngineError):
        found.execute(STEPS[3])
    assert [request[:2] for request in server.requests] == [
        ("POST", "/pods/create"),
        ("DELETE", "/pods/p"),
    ]


def test_a_pod_of_the_same_name_is_not_removed(engine: Engine) -> None:
    found, server = engine(ERRORS["409 with a cause"])
    with pytest.raises(EngineError, match=r"^in use$"):
        found.execute(STEPS[3])
    assert [request[:2] for request in server.requests] == [("POST", "/pods/create")]


def test_a_step_is_one_request_with_the_spec_as_json(engine: Engine) -> None:
    found, server = engine(answer(201, {"Id": "1"}))
    found.execute(STEPS[1])
    ((method, path, _, body),) = server.requests
    assert (method, path) == ("POST", "/volumes/create")
    assert json.loads(body) == {"Name": "v", "Labels": {"lab.name": "lab", "lab.owner": "v"}}


@pytest.mark.parametrize("given", THERE.values(), ids=THERE)
def test_what_is_there_already_is_told_apart_and_left_alone(engine: Engine, given: Answer) -> None:
    found, server = engine(given)
    with pytest.raises(AlreadyThereError) as caught:
        found.execute(STEPS[3])
    assert caught.value.message.encode() in given
    assert [request[:2] for request in server.requests] == [("POST", "/pods/create")]
