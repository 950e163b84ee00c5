"""What an ONNX file says of itself, read without running or trusting it.

An ONNX file is one protocol buffer, https://onnx.ai/onnx/repo-docs/IR.html; its fields are walked
here by the wire format, https://protobuf.dev/programming-guides/encoding/. Nothing is executed and
no other file is touched, which onnxruntime does as soon as it opens one.
"""

from collections.abc import Iterator

OPERATORS = ("", "ai.onnx", "com.microsoft")
"""Domains of operators: the standard's own, and those that are part of onnxruntime."""
MOST_FIELDS = 200_000
"""The model that is shipped has 9,000."""
MOST_DEPTH = 24
"""Messages within messages: a graph in a node's attribute is three."""

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_ELSEWHERE, _LOCATION = 13, 14
"""Fields of a tensor: where its data is if it is in another file, and whether it is."""
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 14: "property", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
    "property": {},
}
"""Fields that are messages, by kind of message; those left out here cannot lead out of the file."""
_DOMAIN = {"node": 7, "opset": 1, "function": 1}
"""The field that names the domain of an operator, by kind of message."""


def read_properties(content: bytes) -> dict[str, str]:
    """The metadata of an ONNX file by key.

    Raises ValueError for what is no ONNX file, for one that keeps data in other files, one with
    operators of others than OPERATORS, and one with too many parts.
    """
    found: dict[str, str] = {}
    has_graph, n_fields = False, 0
    waiting = [("model", memoryview(content), 0)]
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > MOST_DEPTH:
            raise ValueError(f"more than {MOST_DEPTH} graphs within one another")
        texts = ["", ""]
        for number, wire, value in _fields(message):
            n_fields += 1
            if n_fields > MOST_FIELDS:
                raise ValueError(f"more than {MOST_FIELDS} parts")
            inner = _MESSAGES[kind].get(number)
            if inner is not None:
                has_graph |= inner == "graph"
                waiting.append((inner, _as_bytes(wire, value), depth + 1))
            elif kind == "tensor" and (number == _ELSEWHERE or (number == _LOCATION and value)):
                raise ValueError("keeps weights in another file; expected all in one")
            elif kind == "property" and number in (1, 2):
                texts[number - 1] = _as_text(wire, value)
            elif number == _DOMAIN.get(kind) and _as_text(wire, value) not in OPERATORS:
                domain = _as_text(wire, value)[:40]
                raise ValueError(f"operators of {domain!r}; expected those of onnxruntime")
        if kind == "property":
            found[texts[0]] = texts[1]
    if not has_graph:
        raise ValueError("no graph in it")
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, int, memoryview | int]]:
    """Number, wire type and value of each field. Raises ValueError for what cannot be one."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, at = _varint(message, at)
        elif wire in (_FIXED_32, _FIXED_64):
            size = 4 if wire == _FIXED_32 else 8
        else:
            raise ValueError(f"no field has the type {wire}")
        if at + size > end or number == 0:
            raise ValueError("cut short, or no ONNX file")
        yield number, wire, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    number = 0
    for shift, byte in enumerate(message[at : at + 10]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, at + shift + 1
    raise ValueError("cut short, or no ONNX file")


def _as_bytes(wire: int, value: memoryview | int) -> memoryview:
    if wire != _BYTES:
        raise ValueError("a number in the place of a part")
    return value


def _as_text(wire: int, value: memoryview | int) -> str:
    try:
        return str(_as_bytes(wire, value), "utf-8")
    except UnicodeDecodeError:
        raise ValueError("metadata that is not UTF-8 text") from None
