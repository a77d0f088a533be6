"""The commands as a user types them, on an engine of dictionaries: output, exit status, errors."""

from __future__ import annotations

import json
import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from lab import cli
from lab.converge import ports, ready
from lab.engine.doctor import Finding
from lab.errors import EngineError
from lab.interruption import Interrupted
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from lab.converge.plan import Step
    from lab.topology.spec import ImageSpec


class Terminal:
    """A terminal in front of a fake engine; ``answers`` says what a URL answers once asked."""

    def __init__(self) -> None:
        """Everything works until a test says otherwise."""
        self.engine = FakeEngine()
        self.urls: list[str] = []
        self.trouble: EngineError | None = None
        self.not_ready: dict[str, str] = {}
        self.build_error = ""

    def type(self, *words: str, env: dict[str, str] | None = None) -> Result:
        """Run `lab` with these words."""
        return CliRunner().invoke(cli.app, words, env=env)

    def connect(self, url: str = "") -> FakeEngine:
        self.urls.append(url)
        if self.trouble:
            raise self.trouble
        return self.engine

    def ask(self, url: str, timeout: float) -> str:
        del timeout
        return self.not_ready.get(url, "")

    def build(self, image: ImageSpec, emit: Callable[[str], None]) -> str:
        if image.name == self.build_error:
            raise EngineError("the build is broken", details=("its last line",))
        emit(f"STEP 1/1: {image.name}")
        return self.engine.references.setdefault(image.reference, f"id of {image.reference}")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal()

    class Builder:
        build = staticmethod(terminal.build)

        def __init__(self, store: object) -> None:
            assert store is terminal.engine.images

    for variable in ("LAB_NAME", "CONTAINER_HOST"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("lab.engine.podman.connect", terminal.connect)
    monkeypatch.setattr("lab.images.builder.Builder", Builder)
    monkeypatch.setattr(ready, "wait", partial(ready.wait, ask=terminal.ask))
    # Ports of this machine, which other programs may use, are tried in test_ports.py.
    monkeypatch.setattr(ports, "check", lambda _: None)
    return terminal


def states(terminal: Terminal) -> dict[str, str]:
    return {c.name: c.state for c in terminal.engine.containers.values() if not c.infra}


def sentence(result: Result) -> str:
    """What an error says, and that it is no traceback and not on stdout."""
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


# up


def test_up_says_where_everything_answers_and_what_to_try_next(lab: Terminal) -> None:
    result = lab.type("up", "direct")
    assert result.exit_code == 0
    assert states(lab) == {"service-a": "running", "service-b": "running", "envoy-prom": "running"}
    assert "lab: up, scenario direct, in sync" in result.stdout
    assert "http://127.0.0.1:8080" in result.stdout
    assert "http://127.0.0.1:9090" in result.stdout
    assert "curl http://127.0.0.1:8080" in result.stdout
    assert "lab down" in result.stdout


def test_up_again_does_nothing_and_says_so(lab: Terminal) -> None:
    lab.type("up", "direct")
    lab.engine.done.clear()
    result = lab.type("up", "direct")
    assert result.exit_code == 0
    assert "nothing to do" in result.stdout
    assert lab.engine.done == []


def test_up_with_another_scenario_keeps_what_did_not_change(lab: Terminal) -> None:
    lab.type("up", "direct")
    before = lab.engine.named("service-b").id
    result = lab.type("up", "sidecar")
    assert result.exit_code == 0
    assert lab.engine.named("service-b").id == before
    assert states(lab)["service-a-envoy"] == "running"


def test_up_shows_progress_on_stderr_only(lab: Terminal) -> None:
    result = lab.type("up", "direct", "-o", "json")
    assert "done create pod service-a-pod" in result.stderr
    assert "images come from registry" in result.stderr
    assert json.loads(result.stdout)["state"] == "up"


def test_quiet_shows_no_progress_at_all(lab: Terminal) -> None:
    assert lab.type("up", "direct", "--quiet").stderr == ""


def test_up_prints_the_status_as_json(lab: Terminal) -> None:
    found = json.loads(lab.type("up", "direct", "-o", "json", "--error-rate", "30").stdout)
    assert found["name"] == "lab"
    assert found["scenario"] == "direct"
    assert found["in_sync"] is True
    assert found["parameters"]["error-rate"] == 30
    assert found["endpoints"]["service-a"] == "http://127.0.0.1:8080"


def test_up_takes_a_scenario_of_the_user_s_own(lab: Terminal, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("summary: Mine.\npods:\n  web:\n    containers:\n      site: {image: nginx}\n")
    lab.engine.references["docker.io/library/nginx:latest"] = "id of nginx"
    lab.engine.references["nginx"] = "id of nginx"
    assert lab.type("up", str(mine)).exit_code == 0
    assert states(lab) == {"site": "running"}


def test_another_name_makes_another_lab_beside_the_first(lab: Terminal) -> None:
    lab.type("up", "direct")
    result = lab.type(
        *("up", "direct", "--name", "two", "--port", "8081", "--prometheus-port", "9091")
    )
    assert result.exit_code == 0
    assert {"service-a", "two-service-a"} <= states(lab).keys()
    assert "lab down --name two" in result.stdout


def test_the_name_can_come_from_the_environment(lab: Terminal) -> None:
    result = lab.type("up", "direct", "-o", "json", env={"LAB_NAME": "two"})
    assert json.loads(result.stdout)["name"] == "two"


@pytest.mark.parametrize(
    ("words", "parameter", "value"),
    [
        (("--seed", "7"), "seed", 7),
        (("--retries", "0"), "retries", 0),
        (("--max-retries", "99"), "max-retries", 99),
        (("--host", "127.0.0.2"), "host", "127.0.0.2"),
        (("--port", "8081"), "port", 8081),
        (("--prometheus-port", "9091"), "prometheus-port", 9091),
        (("--set", "error-rate=50"), "error-rate", 50),
        (("--set", "error-rate=50", "--set", "seed=1"), "seed", 1),
        (("--error-rate", "10", "--set", "error-rate=50"), "error-rate", 50),
    ],
)
def test_parameters_come_from_options_and_from_set_which_wins(
    lab: Terminal, words: tuple[str, ...], parameter: str, value: object
) -> None:
    found = json.loads(lab.type("up", "sidecar", "-o", "json", *words).stdout)
    assert found["parameters"][parameter] == value


def test_a_dry_run_shows_each_step_with_its_cause_and_changes_nothing(lab: Terminal) -> None:
    result = lab.type("up", "direct", "--dry-run")
    assert result.exit_code == 0
    assert "create pod service-a-pod  because it does not exist" in result.stdout
    assert (lab.engine.done, lab.engine.references) == ([], {})


def test_a_dry_run_prints_the_plan_as_json(lab: Terminal) -> None:
    found = json.loads(lab.type("up", "direct", "--dry-run", "-o", "json").stdout)
    assert found.keys() >= {"lab", "steps", "kept"}
    assert found["steps"][-1].keys() >= {"action", "kind", "name", "because", "needs"}


# Bad input


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("up", "sidecra"), "there is no scenario"),
        (("up", "direct", "--error-rate", "120"), "error-rate"),
        (("up", "direct", "--set", "port=abc"), "port"),
        (("up", "direct", "--set", "colour=red"), "colour"),
        (("up", "direct", "--set", "colour"), "give NAME=VALUE"),
        (("up", "direct", "--retries", "3"), "retries"),
        (("up", "direct", "--name", "Bad Name"), "cannot be the name of a lab"),
        (("up", "./missing.yaml"), "cannot read 'missing.yaml'"),
        (("show", "sidecra"), "there is no scenario"),
        (("build", "direct", "--set", "x"), "give NAME=VALUE"),
    ],
)
def test_bad_input_is_one_sentence_with_status_2_and_changes_nothing(
    lab: Terminal, words: tuple[str, ...], expected: str
) -> None:
    result = lab.type(*words)
    assert result.exit_code == 2
    assert sentence(result).startswith("error: ")
    assert expected in sentence(result)
    assert (lab.engine.done, lab.engine.references) == ([], {})


@pytest.mark.parametrize(
    "words", [("up",), ("up", "direct", "--colour"), ("up", "direct", "--port", "x"), ("fly",)]
)
def test_words_that_no_command_takes_end_with_status_2(
    lab: Terminal, words: tuple[str, ...]
) -> None:
    result = lab.type(*words)
    assert result.exit_code == 2
    assert lab.engine.done == []


def test_a_misspelt_scenario_gets_the_nearest_one(lab: Terminal) -> None:
    assert "sidecar" in sentence(lab.type("up", "sidecra"))


def test_an_error_ends_with_what_to_do_next(lab: Terminal) -> None:
    lab.trouble = EngineError("podman is not installed", hint="install it")
    result = lab.type("up", "direct")
    assert result.exit_code == 1
    assert sentence(result) == "error: podman is not installed\nhint: install it\n"


@pytest.mark.parametrize("command", [("down",), ("status",), ("logs",), ("build", "direct")])
def test_every_command_says_in_one_sentence_that_podman_cannot_be_used(
    lab: Terminal, command: tuple[str, ...]
) -> None:
    lab.trouble = EngineError("podman is not installed")
    result = lab.type(*command)
    assert result.exit_code == 1
    assert "error: podman is not installed" in sentence(result)


def test_control_characters_of_foreign_origin_do_not_reach_the_terminal(lab: Terminal) -> None:
    lab.trouble = EngineError("bad\x1b[31m [bold]name[/]")
    assert sentence(lab.type("status")) == "error: bad\\x1b[31m [bold]name[/]\n"


def test_what_is_in_the_way_is_named_and_nothing_is_created(lab: Terminal) -> None:
    lab.engine.add_network("lab", "10.88.0.0/16")
    result = lab.type("up", "direct")
    assert result.exit_code == 1
    assert "network lab exists and does not belong to this lab" in sentence(result)
    assert lab.engine.done == []


def test_a_failed_build_is_told_with_its_last_lines_and_starts_nothing(lab: Terminal) -> None:
    lab.build_error = "service-a"
    result = lab.type("up", "direct")
    assert result.exit_code == 1
    assert "error: could not build image service-a: the build is broken" in result.stderr
    assert "its last line" in result.stderr
    assert lab.engine.done == []


def test_a_lab_that_does_not_answer_is_status_3_with_the_last_lines_of_its_log(
    lab: Terminal,
) -> None:
    lab.not_ready = {"http://127.0.0.1:8080/readyz": "HTTP 503"}
    result = lab.type("up", "direct", "--wait", "0s", "--quiet")
    assert result.exit_code == 3
    text = sentence(result)
    assert "error: service-a did not answer within 0s" in text
    assert "service-a (http://127.0.0.1:8080/readyz): HTTP 503" in text
    assert "last lines of service-a:" in text
    assert "    service-a says 6\n    service-a says 7\n" in result.stderr
    assert "envoy-prom says" not in text
    assert "--wait" in text


# Interruptions


@pytest.mark.parametrize(
    ("raised", "status", "word"),
    [
        (Interrupted(signal.SIGINT), 130, "interrupted"),
        (Interrupted(signal.SIGTERM), 143, "terminated"),
        (Interrupted(signal.SIGHUP), 129, "hung up"),
    ],
)
def test_an_interruption_has_its_own_status_and_the_next_up_carries_on(
    lab: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    raised: BaseException,
    status: int,
    word: str,
) -> None:
    execute = lab.engine.execute

    def interrupted(step: Step) -> None:
        if step.id == "create pod service-a-pod":
            raise raised
        execute(step)

    with monkeypatch.context() as patch:
        patch.setattr(lab.engine, "execute", interrupted)
        result = lab.type("up", "direct")
    assert result.exit_code == status
    assert f"{word}: what is listed above is done" in result.stderr
    assert lab.type("up", "direct").exit_code == 0


# status


def test_status_of_nothing_is_absent_with_status_3(lab: Terminal) -> None:
    result = lab.type("status")
    assert result.exit_code == 3
    assert result.stdout == "lab: absent\n"


def test_status_of_what_runs_is_good(lab: Terminal) -> None:
    lab.type("up", "direct")
    result = lab.type("status")
    assert result.exit_code == 0
    assert "lab: up, scenario direct, in sync" in result.stdout


def test_status_of_a_damaged_lab_is_3_and_says_what_an_up_would_do(lab: Terminal) -> None:
    lab.type("up", "direct")
    lab.engine.named("service-a").state = "exited"
    result = lab.type("status")
    assert result.exit_code == 3
    assert "lab: degraded, scenario direct, drifted" in result.stdout
    assert "start container service-a  because it was stopped" in result.stdout


def test_status_as_json_has_all_that_programs_need(lab: Terminal) -> None:
    lab.type("up", "sidecar")
    found = json.loads(lab.type("status", "-o", "json").stdout)
    assert found.keys() >= {
        *("name", "scenario", "state", "in_sync"),
        *("parameters", "pods", "endpoints"),
    }
    pod = found["pods"][2]
    assert pod.keys() >= {"name", "state", "ip", "containers"}
    assert pod["containers"][1].keys() >= {"name", "state", "image", "id"}
    assert pod["containers"][1]["id"] == lab.engine.named("service-a-envoy").id


def test_status_of_nothing_is_json_too(lab: Terminal) -> None:
    result = lab.type("status", "-o", "json", "--name", "two")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["state"] == "absent"


# down


def test_down_removes_the_lab_and_says_what_it_kept(lab: Terminal) -> None:
    lab.type("up", "direct")
    result = lab.type("down")
    assert result.exit_code == 0
    assert "lab: removed" in result.stdout
    assert "kept volume lab-prometheus-data" in result.stdout
    assert list(lab.engine.volumes) == ["lab-prometheus-data"]


def test_down_again_is_a_friendly_no_op(lab: Terminal) -> None:
    lab.type("up", "direct")
    lab.type("down")
    result = lab.type("down")
    assert result.exit_code == 0
    assert "nothing to do" in result.stdout


def test_down_with_volumes_leaves_nothing(lab: Terminal) -> None:
    lab.type("up", "direct")
    assert lab.type("down", "--volumes").exit_code == 0
    assert lab.engine.volumes == {}


def test_down_of_one_lab_leaves_the_other_alone(lab: Terminal) -> None:
    lab.type("up", "direct")
    lab.type("up", "direct", "--name", "two", "--port", "8081", "--prometheus-port", "9091")
    lab.type("down", "--name", "two")
    assert lab.type("status").exit_code == 0
    assert lab.type("status", "--name", "two").exit_code == 3


def test_a_dry_run_of_down_changes_nothing(lab: Terminal) -> None:
    lab.type("up", "direct")
    result = lab.type("down", "--dry-run")
    assert "remove pod service-a-pod  because the lab goes down" in result.stdout
    assert lab.type("status").exit_code == 0


# build, show, scenarios, logs, load


def test_build_makes_the_images_and_starts_nothing(lab: Terminal) -> None:
    result = lab.type("build", "direct")
    assert result.exit_code == 0
    assert any("/service-a:" in reference for reference in lab.engine.references)
    assert (lab.engine.pods, lab.engine.volumes, lab.engine.networks) == ({}, {}, {})


def test_build_again_does_nothing(lab: Terminal) -> None:
    lab.type("build", "direct")
    assert "nothing to do" in lab.type("build", "direct").stdout


def test_build_prints_references_as_json(lab: Terminal) -> None:
    found = json.loads(lab.type("build", "direct", "-o", "json").stdout)
    assert {image["name"] for image in found} >= {"service-a", "service-b", "envoy-prom"}
    assert {image["reference"] for image in found} <= lab.engine.references.keys()


def test_without_a_registry_images_come_from_packages_and_it_is_said_why(lab: Terminal) -> None:
    lab.engine.images.trouble = "no answer within 5 s"
    result = lab.type("build", "direct")
    expected = "images come from packages: the registry cannot be used (no answer within 5 s)"
    assert expected in result.stderr


def test_clean_removes_the_images_that_no_lab_uses(lab: Terminal) -> None:
    lab.type("up", "sidecar")
    lab.type("build", "sidecar", "--set", "retries=5")
    before = set(lab.engine.references)
    planned = lab.type("clean", "--dry-run").stdout.splitlines()
    (removed,) = (line for line in planned if line.startswith("remove image"))
    assert "localhost/lab/service-a-envoy:" in removed
    assert removed.endswith("because no lab uses it (69 MB)")
    assert sum(line.endswith("because lab lab uses it") for line in planned) == len(planned) - 1
    assert set(lab.engine.references) == before
    result = lab.type("clean")
    assert result.exit_code == 0
    assert "removed 1 image\n" in result.stdout
    (gone,) = before - set(lab.engine.references)
    assert gone in removed
    assert lab.type("status").exit_code == 0
    assert "nothing to do" in lab.type("clean").stdout


def test_clean_keeps_the_images_of_a_degraded_lab_and_of_other_labs(lab: Terminal) -> None:
    lab.type("up", "direct", "--name", "two")
    lab.engine.remove_pod(lab.engine.pod_named("two-service-a-pod").id)
    before = set(lab.engine.references)
    assert "nothing to do" in lab.type("clean").stdout
    assert set(lab.engine.references) == before


def test_show_prints_the_yaml_and_the_commands(lab: Terminal) -> None:
    result = lab.type("show", "direct")
    assert result.exit_code == 0
    assert "extra_hosts:" in result.stdout
    assert "podman pod create" in result.stdout
    assert result.stdout.endswith("\n")
    assert lab.urls == []


def test_show_can_print_the_commands_alone(lab: Terminal) -> None:
    result = lab.type("show", "sidecar", "--shell", "--set", "port=8081")
    assert "extra_hosts:" not in result.stdout
    assert "8081:80" in result.stdout


def test_scenarios_lists_what_is_shipped_with_parameters(lab: Terminal) -> None:
    result = lab.type("scenarios")
    assert result.exit_code == 0
    assert "sidecar" in result.stdout
    assert "error-rate" in result.stdout
    assert lab.urls == []


def test_scenarios_as_json(lab: Terminal) -> None:
    found = json.loads(lab.type("scenarios", "-o", "json").stdout)
    assert {"direct", "sidecar"} <= {scenario["name"] for scenario in found}
    assert all(scenario["summary"] for scenario in found)
    assert "error-rate" in {parameter["name"] for parameter in found[0]["parameters"]}


def test_logs_of_one_container_are_its_lines(lab: Terminal) -> None:
    lab.type("up", "direct")
    result = lab.type("logs", "service-b", "--tail", "2")
    assert result.stdout == "service-b says 6\nservice-b says 7\n"


def test_logs_of_all_containers_stand_behind_their_names(lab: Terminal) -> None:
    lab.type("up", "direct")
    lines = lab.type("logs", "--tail", "1").stdout.splitlines()
    assert sorted(lines) == [
        "envoy-prom | envoy-prom says 7",
        "service-a  | service-a says 7",
        "service-b  | service-b says 7",
    ]


def test_logs_take_a_container_of_a_named_lab_with_or_without_its_prefix(lab: Terminal) -> None:
    lab.type("up", "direct", "--name", "two")
    for name in ("service-b", "two-service-b"):
        result = lab.type("logs", name, "--name", "two", "--tail", "1")
        assert result.stdout == "two-service-b says 7\n"


def test_logs_of_an_unknown_container_name_those_that_exist(lab: Terminal) -> None:
    lab.type("up", "direct")
    result = lab.type("logs", "service-c")
    assert result.exit_code == 2
    assert "lab lab has no container service-c" in sentence(result)
    assert "service-b" in sentence(result)


@pytest.mark.parametrize("command", ["logs", "load"])
def test_what_needs_a_lab_says_when_there_is_none(lab: Terminal, command: str) -> None:
    result = lab.type(command)
    assert result.exit_code == 3
    assert "no lab named lab is up" in sentence(result)
    assert "lab up direct" in sentence(result)


def test_the_address_of_podman_s_service_is_passed_on(lab: Terminal) -> None:
    lab.type("status", "--engine", "unix:///x.sock")
    assert lab.urls == ["unix:///x.sock"]


def test_a_hint_keeps_the_name_of_the_lab(lab: Terminal) -> None:
    for command in ("logs", "load", "metrics", "verify"):
        assert "`lab up direct --name two`" in sentence(lab.type(command, "--name", "two"))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("lab down --name t", "two"),
        ("lab up sidecar --set ma", "max-retries="),
        ("lab show direct --set re", ""),
        ("lab compare direct sidecar --set ret", "retries="),
    ],
)
def test_names_of_labs_and_of_parameters_complete(lab: Terminal, typed: str, expected: str) -> None:
    lab.type("up", "direct", "--name", "two")
    words = len(typed.split()) - 1
    env = {"_LAB_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(words)}
    result = CliRunner().invoke(cli.app, [], env=env, prog_name="lab")
    assert result.stdout.strip() == expected


def test_doctor_ends_with_whether_lab_can_run_here(
    lab: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Finding("podman", "good", "4.3.1"), Finding("registry", "warning", "no answer")]
    monkeypatch.setattr("lab.engine.doctor.examine", lambda _url: tuple(found))
    assert lab.type("doctor").stdout.endswith("lab can run here\n")
    found.append(Finding("service", "bad", "broken", "mend it"))
    result = lab.type("doctor")
    assert result.exit_code == 1
    assert result.stdout.endswith("lab cannot run here: see service\n")


def test_up_and_status_link_to_the_graphs_of_the_scenario(lab: Terminal) -> None:
    printed = lab.type("up", "direct", "--source", "packages").stdout
    found = json.loads(lab.type("status", "-o", "json").stdout)["graphs"]
    assert f"graphs       {found}\n" in printed
    assert found.startswith(
        "http://127.0.0.1:9090/classic/graph?g0.expr=rate(service_a_requests_total"
        "%7Bjob%3D%22service-a%22%7D%5B5s%5D)"
    )
    assert "envoy" not in found
    lab.type("up", "sidecar", "--source", "registry")
    found = json.loads(lab.type("status", "-o", "json").stdout)["graphs"]
    assert found.startswith("http://127.0.0.1:9090/query?g0.expr=")
    assert "envoy_cluster_upstream_rq_retry" in found


def test_version_is_printed(lab: Terminal) -> None:
    result = lab.type("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("lab ")


# Experiments


@pytest.mark.parametrize(
    "words",
    [
        ("sweep", "-c", "0"),
        ("sweep", "-c", "1,1001"),
        ("sweep", "-c", ""),
        ("sweep", "-c", "1,,2"),
        ("sweep", "--error-rate", "0,101"),
        ("sweep", "--retries", "2,-1"),
        ("sweep", "--max-retries", "x"),
        ("sweep", "--set", "port=0"),
        ("compare", "direct", "sidecar", "--set", "retries=-1"),
        ("compare", "direct", "nowhere"),
    ],
)
def test_an_experiment_with_an_impossible_value_is_refused_before_it_begins(
    lab: Terminal, words: tuple[str, ...]
) -> None:
    result = lab.type(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert not lab.engine.done
