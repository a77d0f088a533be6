"""The parts of the load generator on their own."""

import asyncio
import errno
import itertools
import socket
import statistics
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import LabError, UsageError
from lab.measure.traffic import latency, outcome, target
from lab.measure.traffic.alarm import Alarm
from lab.measure.traffic.outcome import ErrorKind
from lab.measure.traffic.pacer import Arrivals, achieved, schedule


def test_constant_arrivals_are_evenly_spaced_and_do_not_drift() -> None:
    times = itertools.islice(schedule(3, Arrivals.CONSTANT, 0), 3001)
    assert list(times) == [i / 3 for i in range(3001)]


def test_poisson_arrivals_are_the_same_for_the_same_seed() -> None:
    first, again, other = (
        list(itertools.islice(schedule(100, Arrivals.POISSON, seed), 50)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first == sorted(first)


def test_poisson_arrivals_have_the_rate_and_spread_of_their_name() -> None:
    times = list(itertools.islice(schedule(100, Arrivals.POISSON, 1), 20_000))
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert statistics.fmean(gaps) == pytest.approx(0.01, rel=0.05)
    assert statistics.pstdev(gaps) == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(
    ("due", "sent", "expected"), [(10, 10, 100), (10, 9.99, 100), (10, 20, 50), (0, 0, 100)]
)
def test_the_rate_achieved_is_the_one_asked_for_unless_sending_took_longer(
    due: float, sent: float, expected: float
) -> None:
    assert achieved(100, due, sent) == expected


@given(st.lists(st.booleans()))
def test_packed_outcomes_are_unpacked_as_they_were(outcomes: list[bool]) -> None:
    assert list(outcome.unpack(outcome.pack(bytes(outcomes)), len(outcomes))) == outcomes


@pytest.mark.parametrize(("text", "count"), [("!", 8), ("AA==", 9), ("AA==", 0)])
def test_damaged_outcomes_are_refused(text: str, count: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        outcome.unpack(text, count)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ""),
        (b"fine\n", "fine"),
        (b"first\nsecond", "first"),
        (b"Service B: Yay! nounce 1234", "Service B: Yay! nounce 1"),
        ("é".encode() * 30, "é" * 24),
        (b"\xff" * 30, "\N{REPLACEMENT CHARACTER}" * 24),
    ],
)
def test_a_kind_of_answer_is_24_characters_of_its_first_line(body: bytes, expected: str) -> None:
    assert outcome.class_of(body).decode() == expected


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), ErrorKind.REFUSED),
        (ConnectionResetError(errno.ECONNRESET, ""), ErrorKind.RESET),
        (BrokenPipeError(errno.EPIPE, ""), ErrorKind.RESET),
        (TimeoutError(), ErrorKind.TIMEOUT),
        (OSError(errno.ETIMEDOUT, ""), ErrorKind.TIMEOUT),
        (socket.gaierror(socket.EAI_NONAME, ""), ErrorKind.DNS),
        (OSError(errno.EHOSTUNREACH, ""), ErrorKind.UNREACHABLE),
        (OSError(errno.EMFILE, ""), ErrorKind.UNSENT),
        (OSError(errno.ENFILE, ""), ErrorKind.UNSENT),
        (OSError(errno.EADDRNOTAVAIL, ""), ErrorKind.UNSENT),
        (OSError(errno.ENOBUFS, ""), ErrorKind.UNSENT),
        (OSError(errno.ENOMEM, ""), ErrorKind.UNSENT),
        (PermissionError(errno.EPERM, ""), ErrorKind.UNSENT),
        (socket.gaierror(socket.EAI_SYSTEM, ""), ErrorKind.UNSENT),
        (OSError(errno.EPROTO, ""), ErrorKind.OTHER),
    ],
)
def test_errors_have_a_kind(error: Exception, kind: ErrorKind) -> None:
    assert outcome.kind_of(error) is kind


def _of(*seconds: float) -> str:
    recorder = latency.Recorder()
    for each in seconds:
        recorder.add(each)
    return recorder.histogram()


@pytest.mark.parametrize(
    "text",
    ["", "x", "\u202e", "AAAA", "A" * 64, _of(0.1)[:-4], _of(0.1)[4:], "HISTFAAAAAA=" * 3],
)
@pytest.mark.parametrize("read", [latency.counts, latency.summary])
def test_a_text_that_is_no_histogram_is_said_to_be_damaged(
    read: Callable[[str], object], text: str
) -> None:
    with pytest.raises(LabError, match="no HDR histogram"):
        read(text)


def test_latencies_come_back_from_the_histogram_to_three_digits() -> None:
    found = latency.summary(_of(*(milliseconds / 1000 for milliseconds in range(1, 1001))))
    assert found is not None
    assert found.count == 1000
    assert (found.p50, found.p90, found.p99, found.p99_9, found.max, found.mean) == pytest.approx(
        (0.5, 0.9, 0.99, 0.999, 1, 0.5005), rel=0.001
    )


def test_latencies_beyond_the_range_count_at_its_ends() -> None:
    found = latency.summary(_of(0, 7200))
    assert found is not None
    assert found.count == 2
    assert found.max == pytest.approx(3600, rel=0.001)


@pytest.mark.parametrize(
    ("url", "host", "port", "first", "header"),
    [
        ("http://localhost", "localhost", 80, "GET / HTTP/1.1", "Host: localhost"),
        ("http://a.test:81?q=1#x", "a.test", 81, "GET /?q=1 HTTP/1.1", "Host: a.test:81"),
        ("HTTP://[::1]:8080/a%20b;c", "::1", 8080, "GET /a%20b;c HTTP/1.1", "Host: [::1]:8080"),
        ("http://h//a/../b?", "h", 80, "GET //a/../b HTTP/1.1", "Host: h"),
    ],
)
def test_a_url_becomes_an_address_and_a_request(
    url: str, host: str, port: int, first: str, header: str
) -> None:
    found = target.parse(url)
    lines = found.request.decode().split("\r\n")
    assert (found.host, found.port) == (host, port)
    assert lines[0] == first
    assert header in lines
    assert lines[-2:] == ["", ""]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "https://localhost",
        "unix:///run/podman.sock",
        "http://",
        "http://:80",
        "http://me@host",
        "http://host:port",
        "http://host:70000",
        "http://[::1",
        "http://host/a b",
        "http://host/\r\nX: y",
        "http://host/é",
        f"http://{'x' * 64}.test",
        "http://a..b",
    ],
)
def test_another_url_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(UsageError, match="--url"):
        target.parse(url)


def test_an_alarm_rings_once_and_not_before_its_time() -> None:
    async def rings() -> list[float]:
        loop = asyncio.get_running_loop()
        rung: list[float] = []
        second = asyncio.Event()

        def ring() -> None:
            rung.append(time.monotonic())
            if len(rung) == 1:
                alarm.set(rung[0] - 1)  # which has passed
            else:
                second.set()

        alarm = Alarm(loop, ring)
        at = time.monotonic() + 0.02
        alarm.set(at)
        await second.wait()
        alarm.close()
        return [moment - at for moment in rung]

    late = asyncio.run(rings())
    assert len(late) == 2
    assert min(late) >= 0
