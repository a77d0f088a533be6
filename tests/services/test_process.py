"""What both services have in common: settings, paths, signals, logs."""

import signal
import socket
import subprocess
import sys
import threading

import pytest
import requests

from tests.services.conftest import Start, Upstream
from tests.services.processes import PATIENCE, SERVICES, Service, command
from tests.services.raw_upstream import Exchange, http

URL = {"UPSTREAM_SERVICE": "http://b.service"}
PERCENT = "a whole number from 0 to 100"
PORT = "a whole number from 0 to 65535"
ADDRESS = "a URL such as http://b.service:80"
SECONDS = "a number of seconds above 0 and up to 15"


@pytest.fixture(params=["service_a", "service_b"])
def service(request: pytest.FixtureRequest, start: Start) -> Service:
    return start(request.param, **URL)


def failed_start(name: str, environment: dict[str, str]) -> tuple[int, str, str]:
    done = subprocess.run(
        command(name),
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("name", "environment", "problem"),
    [
        ("service_b", {"ERROR_RATE": "abc"}, f'ERROR_RATE must be {PERCENT}, not "abc"'),
        ("service_b", {"ERROR_RATE": "101"}, f'ERROR_RATE must be {PERCENT}, not "101"'),
        ("service_b", {"ERROR_RATE": "-1"}, f'ERROR_RATE must be {PERCENT}, not "-1"'),
        ("service_b", {"ERROR_RATE": "1_0"}, f'ERROR_RATE must be {PERCENT}, not "1_0"'),
        ("service_b", {"ERROR_RATE": "2\n0"}, f'ERROR_RATE must be {PERCENT}, not "2\\n0"'),
        ("service_b", {"SERVICE_PORT": "65536"}, f'SERVICE_PORT must be {PORT}, not "65536"'),
        (
            "service_b",
            {"ERROR_SEED": "9" * 5000},
            f'ERROR_SEED must be a whole number from 0 to {2**63 - 1}, not "{"9" * 5000}"',
        ),
        (
            "service_b",
            {"METRICS_PORT": "x", "ERROR_RATE": "200"},
            f'METRICS_PORT must be {PORT}, not "x"; ERROR_RATE must be {PERCENT}, not "200"',
        ),
        ("service_a", {}, f"UPSTREAM_SERVICE must be {ADDRESS}, but it is not set"),
        (
            "service_a",
            {"UPSTREAM_SERVICE": ""},
            f"UPSTREAM_SERVICE must be {ADDRESS}, but it is not set",
        ),
        *(
            (
                "service_a",
                {"UPSTREAM_SERVICE": url},
                f'UPSTREAM_SERVICE must be {ADDRESS}, not "{url}"',
            )
            for url in (
                "b.service:80",
                "https://b.service",
                "http://",
                "http://b.service:99999",
                "http://b.service:0",
                "http://me:secret@b.service",
                "http://b service/",
                "http://[::1",
            )
        ),
        (
            "service_a",
            URL | {"SERVICE_HOST": "nowhere"},
            'SERVICE_HOST must be an IP address, not "nowhere"',
        ),
        *(
            (
                "service_a",
                URL | {"UPSTREAM_TIMEOUT": text},
                f'UPSTREAM_TIMEOUT must be {SECONDS}, not "{text}"',
            )
            for text in ("0", "-1", "15.1", "nan", "inf", "soon")
        ),
    ],
)
def test_a_bad_setting_ends_the_start_with_one_line_that_says_what_is_allowed(
    name: str, environment: dict[str, str], problem: str
) -> None:
    assert failed_start(name, environment) == (2, "", f"{name}: {problem}\n")


def test_a_port_in_use_ends_the_start_with_one_line() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - as service B listens
        port = taken.getsockname()[1]
        status, _, errors = failed_start("service_b", {"SERVICE_PORT": str(port)})
    assert (status, errors) == (
        1,
        f"service_b: cannot listen on 0.0.0.0:{port} (service): Address already in use\n",
    )


def test_the_log_starts_with_the_settings(start: Start) -> None:
    with start("service_a", UPSTREAM_SERVICE="http://b.service/x", SERVICE_HOST="127.0.0.1") as a:
        pass
    assert a.started["settings"] == {
        "service_name": "service_a",
        "service_host": "127.0.0.1",
        "service_port": 0,
        "metrics_host": "0.0.0.0",  # noqa: S104 - the default
        "metrics_port": 0,
        "upstream_service": "http://b.service/x",
        "upstream_timeout": 5.0,
    }
    assert (a.started["service"], a.started["level"]) == ("service_a", "info")


def test_an_unknown_path_is_not_found_and_not_counted(service: Service) -> None:
    assert service.get("/favicon.ico").status_code == 404
    assert service.counted() == (0, 0)


def test_other_methods_are_refused_and_not_counted(service: Service) -> None:
    response = requests.post(service.url, data=b"x" * 100_000, timeout=PATIENCE)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
    assert service.counted() == (0, 0)


def test_head_answers_without_a_body_and_is_counted(start: Start) -> None:
    service = start("service_b", ERROR_RATE=0)
    response = requests.head(service.url, timeout=PATIENCE)
    assert (response.status_code, response.text) == (200, "")
    assert service.counted() == (1, 0)


def test_health_moves_no_counter(service: Service) -> None:
    assert service.get("/healthz").status_code == 200
    assert service.counted() == (0, 0)


def test_what_is_not_http_is_answered_400_and_leaves_no_line_in_the_log(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as client:
        client.sendall(b"EHLO example\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.0 400 ")
    service.stop()
    assert [line["event"] for line in service.lines.queue] == ["stopping", "stopped"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_although_clients_stay_connected(service: Service, number: int) -> None:
    with requests.Session() as client, socket.create_connection(("127.0.0.1", service.port)):
        client.get(f"{service.url}/healthz", timeout=PATIENCE)
        assert service.stop(number) == 0
    assert service.stderr == ""


def test_a_request_in_flight_is_finished_while_new_ones_are_refused(
    start: Start, upstream: Upstream
) -> None:
    received, released = threading.Event(), threading.Event()

    def answer_late(exchange: Exchange) -> None:
        if exchange.receive():
            received.set()
            released.wait(PATIENCE)
            exchange.send(http(b"late but complete"))

    service = start("service_a", UPSTREAM_SERVICE=upstream(answer_late).url, UPSTREAM_TIMEOUT=15)
    answers: list[requests.Response] = []
    client = threading.Thread(target=lambda: answers.append(service.get()))
    client.start()
    assert received.wait(PATIENCE)

    service.process.terminate()
    service.log_line("stopping")
    with pytest.raises(requests.ConnectionError):
        service.get()
    released.set()
    client.join(PATIENCE)

    assert service.wait() == 0
    assert answers[0].text == "Service A: upstream responded with: late but complete\n"
    assert answers[0].headers["Connection"] == "close"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_during_the_imports_ends_the_process(name: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import early_stop, signal; signal.raise_signal(signal.{name})\n1/0",
        ],
        cwd=SERVICES,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
