"""Text files from outside: what is read, and what is refused in a line that says where."""

import os
import threading
import tracemalloc

import pytest

from entities import files
from entities.files import (
    MAX_DIGITS,
    MAX_JSON_DEPTH,
    byte_lines,
    decode_text,
    json_lines,
    parse_json,
    read_bytes,
    read_json,
    read_text,
    shortened,
    text_lines,
)


def refusal(call, *arguments) -> str:
    with pytest.raises(ValueError, match=r".") as error:
        call(*arguments)
    line = str(error.value)
    assert "\n" not in line
    assert len(line) < 300
    return line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_text(tmp_path, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes("a man\r\nsitzt in 家\n".encode(encoding))
    assert read_text(path) == "a man\r\nsitzt in 家\n"
    assert [line.decode() for _, line in byte_lines(path)] == ["a man", "sitzt in 家"]
    path.write_bytes('{"é": [1]}\n\n"\u2028"\n'.encode(encoding))
    assert list(json_lines(path)) == [(1, {"é": [1]}), (3, "\u2028")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a\nb\xe4r\n", "x.txt: line 2: byte 0xe4 is not UTF-8 text"),
        (b"\xff\xfea", "not UTF-16 text"),
        (b"a\nb\0", "x.txt: line 2: a NUL"),
        ("a\n\0".encode("utf-16"), "line 2: a NUL"),
        (b"\xed\xa0\x80", "byte 0xed"),  # half of a surrogate pair
    ],
)
def test_what_is_no_text_is_named_with_its_line(data, says):
    assert says in refusal(decode_text, data, "x.txt")


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\f", "\v", "\x1c"])
def test_only_line_feeds_end_a_line(tmp_path, end):
    path = tmp_path / "a.jsonl"
    path.write_bytes(f'{{"say": "a{end}b"}}\r\n"c"'.encode())
    if end > "\x1f":  # the others JSON wants escaped
        assert list(json_lines(path)) == [(1, {"say": f"a{end}b"}), (2, "c")]
    else:
        assert "a.jsonl:1: not JSON" in refusal(list, json_lines(path))
    assert len(list(byte_lines(path))) == 2
    assert text_lines(f"a{end}b\r\nc\rd\n") == [f"a{end}b", "c", "d", ""]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1, "b": {"c": 2, "c": 3}}', "x.json: key 'c' comes twice"),
        ("[1,\n 1e999]", "x.json: line 2: '1e999' is beyond"),
        ('["1e999", -1e999]', "'-1e999'"),
        ("[1,\n\nNaN]", "x.json: line 3: NaN"),
        ("-Infinity", "-Infinity"),
        ("9" * 5_000, f"a number of 5000 letters; expected {MAX_DIGITS}"),
        ("0." + "3" * 5_000, "a number of 5002 letters"),
        ("[" * (MAX_JSON_DEPTH + 1) + "]" * (MAX_JSON_DEPTH + 1), f"{MAX_JSON_DEPTH} levels"),
        ("[" * 200_000, f"more than {MAX_JSON_DEPTH} levels"),
        ('{"a":' * 100_000, f"more than {MAX_JSON_DEPTH} levels"),
        (r'["\ud800"]', "half of a surrogate pair"),
        ('{"\\udc00x": 1}', "half of a surrogate pair"),
        ('["\ud800"]', "half of a surrogate pair"),
        ("[1,\n2,]", "x.json: not JSON: Expecting value at line 2 column 3"),
        ("", "x.json: not JSON"),
        ("{'a': 1}", "x.json: not JSON"),
        ('"' + "x" * 1_000_000, "x.json: not JSON: Unterminated string"),
    ],
)
def test_json_that_two_programs_would_read_differently_is_refused(text, says):
    assert says in refusal(parse_json, text, "x.json")


def test_what_json_allows_is_taken():
    assert parse_json(r'{"a": ["\ud83d\ude00", 1.5, -0, true, null]}', "x") == {
        "a": ["😀", 1.5, 0, True, None]
    }
    assert parse_json("[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH, "x")
    assert parse_json("9" * MAX_DIGITS, "x") == int("9" * MAX_DIGITS)
    assert parse_json("1.7976931348623157e308", "x") == 1.7976931348623157e308


def test_no_more_is_read_than_is_allowed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x\n" * 500)
    assert len(read_bytes(path, 1_000)) == 1_000
    assert "a.txt: larger than 999 bytes" in refusal(read_bytes, path, 999)
    assert "larger than 999 bytes" in refusal(list, byte_lines(path, 999))
    tracemalloc.start()
    assert "/dev/zero: larger than 1 MiB" in refusal(read_json, "/dev/zero", 1 << 20)
    assert "/dev/zero: line 1: longer than 16 MiB" in refusal(list, byte_lines("/dev/zero"))
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()


def test_lines_are_read_one_by_one(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'"a"\n\xff\n"b"\n')
    lines = byte_lines(path)
    assert next(lines) == (1, b'"a"')
    assert "a.jsonl:2: line 1: byte 0xff" in refusal(list, json_lines(path))
    assert list(lines) == [(2, b"\xff"), (3, b'"b"')]


def test_folders_and_names_that_are_none_are_refused(tmp_path):
    with pytest.raises(IsADirectoryError) as error:
        read_text(tmp_path)
    assert error.value.filename == str(tmp_path)
    assert "no name of a file" in refusal(read_text, "a\0b")


def test_a_pipe_is_read_if_somebody_writes_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PIPE_WAIT_S", 0.05)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "a pipe that nobody writes to" in refusal(read_text, pipe)
    writer = threading.Thread(target=pipe.write_text, args=("slow",))
    writer.start()
    monkeypatch.setattr(files, "PIPE_WAIT_S", 5.0)
    assert read_text(pipe) == "slow"
    writer.join()


def test_a_shortened_text_is_a_line():
    assert shortened("a\nb\x1b[2J") == r"'a\nb\x1b[2J'"
    assert len(shortened("x" * 1_000, 40)) == 42
