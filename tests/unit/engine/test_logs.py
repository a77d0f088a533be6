"""Log frames: whole lines, however the stream is cut into chunks and frames."""

from __future__ import annotations

import threading
import tracemalloc
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.engine import logs
from lab.engine.logs import LONGEST, SECOND, Line, stored, whole
from lab.engine.merging import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

lines = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))


def frames(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of a stream without their ends."""
    return (line.text.removesuffix(b"\n").decode() for line in whole(logs.frames(chunks)))


def frame(payload: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def pieces(data: bytes, cuts: set[int]) -> list[bytes]:
    at = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    return [data[a:b] for a, b in pairwise(at)]


@given(lines, st.sets(st.integers(0, 200)), st.sets(st.integers(0, 300)))
def test_any_cutting_into_frames_and_chunks_gives_the_same_lines(
    expected: list[str], frame_cuts: set[int], chunk_cuts: set[int]
) -> None:
    text = "".join(f"{line}\n" for line in expected).encode()
    stream = b"".join(frame(piece) for piece in pieces(text, frame_cuts))
    assert list(frames(pieces(stream, chunk_cuts))) == expected


def test_every_byte_may_be_a_chunk_of_its_own() -> None:
    stream = frame(b"one\ntw") + frame(b"o\nthree\n")
    assert list(frames(bytes([byte]) for byte in stream)) == ["one", "two", "three"]


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert list(frames([frame(b"one\ntwo")])) == ["one", "two"]


def test_an_empty_log_has_no_lines() -> None:
    assert list(frames([])) == []


def test_a_frame_that_never_ends_is_left_out() -> None:
    assert list(frames([frame(b"one\n"), frame(b"two\n")[:-1]])) == ["one"]


def test_a_line_is_given_as_soon_as_it_is_whole() -> None:
    def chunks() -> Iterator[bytes]:
        yield frame(b"one\n")
        raise AssertionError("the first line was not given before the second was asked for")

    assert next(iter(frames(chunks()))) == "one"


STAMP = b"2026-01-31T12:00:00"
NOON = 1769860800 * SECOND


def test_what_a_line_consists_of_is_byte_for_byte() -> None:
    text = "a\N{NO-BREAK SPACE}b\r".encode() + b"\xff\x1b[31m\n"
    (line,) = whole(logs.frames([frame(STAMP + b"Z " + text)]))
    assert line == Line(NOON, 1, text)


def test_times_have_any_precision_and_zone_and_go_with_each_piece() -> None:
    stream = (
        frame(STAMP + b".5Z one\n")
        + frame(STAMP + b".000000007+00:00 tw")
        + frame(b"2026-01-31T14:00:01+02:00 o\n")
    )
    assert list(whole(logs.frames([stream]))) == [
        Line(NOON + SECOND // 2, 1, b"one\n"),
        Line(NOON + 7, 1, b"two\n"),
    ]


def test_a_line_of_one_stream_is_not_cut_by_the_other() -> None:
    stream = frame(b"\xc3") + frame(b"error\n", stream=2) + frame(b"\xa9\n")
    assert [line.text for line in whole(logs.frames([stream]))] == [b"error\n", "é\n".encode()]


def test_a_line_without_end_takes_bounded_memory_and_loses_nothing() -> None:
    piece = frame(b"x" * 8192)
    tracemalloc.start()
    try:
        total = sum(len(line.text) for line in whole(logs.frames(piece for _ in range(4000))))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 8192 * 4000
    assert most < 8 * LONGEST


def entry(text: str, *, second: int = 0, stream: str = "stdout", flag: str = "F") -> bytes:
    return f"2026-01-31T12:00:{second:02}.000000001+00:00 {stream} {flag} {text}\n".encode()


def test_a_file_has_what_podman_would_tell(tmp_path: Path) -> None:
    path = tmp_path / "ctr.log"
    path.write_bytes(
        entry("par", flag="P") + entry("err", stream="stderr") + entry("tial\r") + b"nonsense\n"
    )
    assert list(whole(stored(str(path)))) == [
        Line(NOON + 1, 2, b"err\n"),
        Line(NOON + 1, 1, b"partial\r\n"),
    ]


@given(st.lists(st.sampled_from("FP"), max_size=12), st.integers(0, 14))
def test_the_tail_of_a_file_is_its_last_lines(
    tmp_path_factory: pytest.TempPathFactory, flags: list[str], tail: int
) -> None:
    path = tmp_path_factory.mktemp("tail") / "ctr.log"
    path.write_bytes(b"".join(entry(str(n), flag=f) for n, f in enumerate(flags)))
    ended = [line for line in whole(stored(str(path))) if line.text.endswith(b"\n")]
    shown = [line for line in whole(stored(str(path), tail=tail)) if line.text.endswith(b"\n")]
    assert shown == ended[len(ended) - min(tail, len(ended)) :]


def test_a_file_is_followed_where_another_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "ctr.log"
    path.write_bytes(entry("one") + entry("tw")[:-1])
    whole_line = entry("one") + entry("two")
    steps: list[Callable[[], object]] = [
        lambda: path.write_bytes(whole_line),
        lambda: path.rename(tmp_path / "old"),
        lambda: path.write_bytes(entry("three")),
    ]

    def wait() -> bool:
        if steps:
            steps.pop(0)()
        return bool(steps)

    assert [e.text for e in stored(str(path), wait=wait)] == [b"one\n", b"two\n", b"three\n"]


def said(*times: int) -> Iterator[Line]:
    return (Line(time * SECOND, 1, str(time).encode()) for time in times)


def test_logs_are_merged_by_time_and_in_order_where_times_are_the_same() -> None:
    found = merged({"a": said(1, 3, 3, 2, 9), "b": said(1, 3, 4)})
    assert [f"{name}{line.text.decode()}" for name, line in found] == [
        "a1", "b1", "a3", "a3", "a2", "b3", "b4", "a9",
    ]  # fmt: skip


def test_logs_that_are_followed_are_merged_alike() -> None:
    found = merged({"a": said(1, 3, 3, 2, 9), "b": said(1, 3, 4)}, follow=True)
    assert [f"{name}{line.text.decode()}" for name, line in found] == [
        "a1", "b1", "a3", "a3", "a2", "b3", "b4", "a9",
    ]  # fmt: skip


def test_one_log_that_is_silent_does_not_hold_up_the_other() -> None:
    more = threading.Event()

    def silent() -> Iterator[Line]:
        more.wait()
        yield from said(5000)

    found = merged({"a": said(*range(3000)), "b": silent()}, follow=True)
    assert [name for name, _ in islice(found, 3000)] == ["a"] * 3000
    more.set()
    assert [name for name, _ in found] == ["b"]


def test_an_error_of_a_log_that_is_followed_comes_after_its_lines() -> None:
    def broken() -> Iterator[Line]:
        yield from said(1)
        raise OSError("gone")

    found = merged({"a": broken()}, follow=True)
    assert next(found)[0] == "a"
    with pytest.raises(OSError, match="gone"):
        next(found)
