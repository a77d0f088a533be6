"""Parameters: what a scenario declares, and what may be given."""

from __future__ import annotations

import pytest

from lab.errors import UsageError
from lab.topology import scenario
from lab.topology.parameters import Parameter

REFUSED = {
    "above the range": ({"error-rate": 120}, "error-rate '120' is out of range: 0 to 100"),
    "below the range": ({"error-rate": -1}, "error-rate '-1' is out of range: 0 to 100"),
    "no number": ({"error-rate": "abc"}, "error-rate 'abc' is not a whole number"),
    "a fraction": ({"error-rate": "0.2"}, "error-rate '0.2' is not a whole number"),
    "padded": ({"error-rate": " 20"}, "error-rate ' 20' is not a whole number"),
    "empty": ({"seed": ""}, "seed '' is not a whole number"),
    "endless": ({"seed": "9" * 5000}, f"seed '{'9' * 60}...' is out of range: at most 18 digits"),
    "no port": ({"port": 65536}, "port '65536' is out of range: 1 to 65535"),
    "a host name": ({"host": "localhost"}, "host 'localhost' is not an IPv4 address"),
    "unknown": ({"retries": 1}, "direct.yaml has no parameter 'retries'"),
    "misspelt": (
        {"eror-rate": 1},
        "direct.yaml has no parameter 'eror-rate'; did you mean 'error-rate'?",
    ),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bad_value_is_refused_in_one_sentence(given: dict[str, str | int], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        scenario.load("direct", given=given)
    assert caught.value.message == message


def test_a_refusal_says_which_parameters_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        scenario.load("direct", given={"x": 1})
    assert (
        caught.value.hint
        == "direct.yaml takes host, prometheus-port, error-rate, seed, port, copies."
    )


def test_several_bad_values_are_all_named() -> None:
    with pytest.raises(UsageError, match=r"^2 parameters are wrong$") as caught:
        scenario.load("direct", given={"port": 0, "seed": "x"})
    assert caught.value.details == (
        "port '0' is out of range: 1 to 65535",
        "seed 'x' is not a whole number",
    )


def test_two_parameters_that_name_the_same_port_are_a_problem_of_the_scenario() -> None:
    with pytest.raises(UsageError) as caught:
        scenario.load("direct", given={"port": 9090})
    (detail,) = caught.value.details
    assert "port 9090 is published twice, first at _prometheus.yaml:" in detail


def test_the_parameters_of_a_scenario_include_those_it_shares() -> None:
    assert [parameter.name for parameter in scenario.parameters("sidecar")] == [
        "host",
        "prometheus-port",
        "error-rate",
        "seed",
        "port",
        "copies",
        "retries",
        "max-retries",
    ]


def test_a_parameter_carries_what_help_and_completion_need() -> None:
    assert scenario.parameters("sidecar")[6] == Parameter(
        name="retries",
        type="integer",
        default=2,
        minimum=0,
        maximum=10,
        help="maximum retries per request",
    )


@pytest.mark.parametrize(
    ("minimum", "maximum", "words"),
    [(0, 9, "0 to 9"), (1, None, "at least 1"), (None, 9, "at most 9"), (None, None, "")],
)
def test_a_range_reads_as_words(minimum: int | None, maximum: int | None, words: str) -> None:
    parameter = Parameter(name="n", type="integer", minimum=minimum, maximum=maximum)
    assert parameter.range == words


def test_every_shipped_parameter_has_help() -> None:
    assert all(parameter.help for parameter in scenario.parameters("sidecar"))
