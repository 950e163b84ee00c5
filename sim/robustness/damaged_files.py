"""Damaged, foreign and malicious text files by seed, and the trial of one.

A scene file, a list of shots, a script, an index of captions or a BVH file is read, and what it
says can be used; or it is refused in one line that names it. Either within LIMIT_S and MEMORY_MB.
"""

import json
import re
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from entities.scene import Scene, load_scene
from ml.capture.bvh import Bvh, write_bvh
from ml.capture.importing import find_rows, import_files
from ml.capture.index import IndexRow
from sim.loop import Simulation
from sim.output.shot_list import read_shots
from sim.robustness.campaign import Outcome
from sim.robustness.isolation import isolated
from sim.story import parse_prompt
from sim.story.script_file import with_script

LIMIT_S = 10.0
MEMORY_MB = 1_000.0
CLIP = "walk_1.bvh"
"""The whole file that a damaged index is for."""
TICKS = 2
"""Of a scene that is taken: what the first one plans, the second one does."""
SHOTS = 3
"""Of a list that are parsed."""
LONGEST_REFUSAL = 4_000
NUMBERS = (
    "0", "-1", "1e999", "-1e999", "1e308", "5e-324", "NaN", "Infinity", "-Infinity", "nan", "inf",
    "9" * 40, "9" * 5_000, "0." + "3" * 5_000, "-0.0", "1e", "0x10", "1_000", "٣", "½", "+1", ".5",
    "1.", "01", "true", "null", "2147483648", "9223372036854775808", "1e5", "3600.0001",
)  # fmt: skip
WORDS = (
    "", "\0", "\u2028", "\x85", "\f", "\ufeff", "\u200b", "\u202e", "\x1b[2J", "é" * 200,
    "x" * 5_000, "../../etc/passwd", "/dev/zero", "%s%n%d", "CON", "nul.txt", "\\ud800",
    "\\u0000", '"', "\\",
    "{", "}", "[", "]", ":", ",", "#", "MOTION", "HIERARCHY", "End Site", "CHANNELS 3", "Frames: 9",
    "JOINT", "ROOT", "OFFSET", "now she sits", "a man runs", "ghost", "[/bold]", "\U0001f600", "家",
)  # fmt: skip
VALUES = (
    "null", "true", "[]", "{}", "[[]]", '{"x":{}}', '"text"', "0", "-1.5", "[0, 1, 2, 3]",
    '{"t": 0}', '[[0, "walk"]]', '{"x": 1e5, "y": 0, "z": null}',
)  # fmt: skip

Rng = np.random.Generator


def damage(seed: int, folder: Path) -> tuple[Path, str]:
    """Make a damaged file in a folder; its path, and in a few words how it is damaged."""
    rng = np.random.default_rng((seed, 0xF17E))
    name = list(SAMPLES)[seed % len(SAMPLES)]
    text, done = SAMPLES[name](), []
    data: bytes | None = None
    for _ in range(int(rng.integers(1, 4))):
        how = str(rng.choice(list(DAMAGES)))
        text = DAMAGES[how](rng, text)
        done.append(how)
    if rng.random() < 0.3:
        how = str(rng.choice(list(ENCODINGS)))
        data = ENCODINGS[how](rng, text)
        done.append(how)
    path = folder / name
    path.write_bytes(text.encode(errors="surrogatepass") if data is None else data)
    return path, f"{name}: {', '.join(done)}"


def use(path: Path) -> None:
    """Read a file as the commands do. Raises ValueError or OSError for what is refused."""
    USES[path.name](path)


def fault(path: Path, how: str) -> str | None:
    """Use a file: what is wrong with how it ends, or None."""
    start = time.monotonic()
    try:
        use(path)
    except (ValueError, OSError) as error:
        if type(error) not in (ValueError, OSError, *OSError.__subclasses__()):
            return f"{how}: {type(error).__name__}: {error}"
        line = str(error)
        if path.name not in line and CLIP not in line:
            return f"{how}: the refusal does not name the file: {line[:200]}"
        if len(line) > LONGEST_REFUSAL or "\n" in line:
            return f"{how}: the refusal is no line: {line[:200]}"
    seconds = time.monotonic() - start
    return f"{how}: {seconds:.1f} s" if seconds > LIMIT_S else None


def attempt(seed: int, folder: Path) -> Outcome:
    """Use a damaged file in a process of its own."""
    path, how = damage(seed, folder)
    ended = isolated(lambda: fault(path, how), 2.0 * LIMIT_S, folder)
    outcome = Outcome(runs=1, slowest_s=ended.seconds)
    if ended.hung or ended.code:
        outcome.failures.append(f"{how}: {ended.what()}\n{ended.err}")
    elif ended.value is not None:
        outcome.failures.append(str(ended.value))
    return outcome


# What the commands do with each.


def _use_scene(path: Path) -> None:
    scene = load_scene(path)
    try:
        simulation = Simulation(scene, motion="procedural")
        for _ in range(TICKS):
            simulation.step()
    except ValueError as error:  # a path that nobody can run, which the command says, too
        raise ValueError(f"{path.name}: {error}") from error


def _use_shots(path: Path) -> None:
    shots, refused = read_shots(path, None, None, None)
    for line in refused:
        if not line.startswith(path.name) or "\n" in line:
            raise AssertionError(f"a refusal without its line: {line[:200]}")
    for shot in shots[:SHOTS]:
        try:
            shot.parse()
        except ValueError as error:
            if "\n" in str(error):
                raise AssertionError(f"a refusal of many lines: {error}") from error


def _use_script(path: Path) -> None:
    with_script(_scene(), path)


def _use_captures(path: Path) -> None:
    """A BVH file, or an index of one: what is refused is named, and nothing else ends."""
    index = None
    if path.suffix != ".bvh":
        index, path = path, path.with_name(CLIP)
        path.write_text(walk_bvh(), encoding="utf-8")
    rows = find_rows([path], index, IndexRow(Path(), ""))
    outcome = import_files(rows, None, set(), None)
    for line in outcome.refused:
        raise ValueError(line)


USES: dict[str, Callable[[Path], None]] = {
    "scene.json": _use_scene,
    "shots.jsonl": _use_shots,
    "shots.csv": _use_shots,
    "shots.txt": _use_shots,
    "script.txt": _use_script,
    "script.json": _use_script,
    "walk.bvh": _use_captures,
    "index.csv": _use_captures,
    "captions.txt": _use_captures,
}


# Whole files, before they are damaged.


@cache
def _scene() -> Scene:
    return parse_prompt("anna throws a ball to bob, then they walk past a tree", 3)


@cache
def scene_text() -> str:
    """A scene file in which every list has something."""
    document = json.loads(_scene().model_dump_json())
    actor = document["actors"][0]
    actor["movement_path"] = [[t, {"x": 0.5 * t, "y": 0.0}] for t in range(4)]
    actor["cues"] = [{"t": 1.0, "say": "hello", "gaze": "up"}]
    document["camera"]["keyframes"] = [{"t": 0.0, "zoom": 1.0}, {"t": 2.0, "pan": 3.0}]
    document["events"] = [{"t": 1.5, "actor": actor["id"], "text": "now she sits"}]
    return json.dumps(document, indent=1)


@cache
def _shot_lines() -> str:
    scene = json.loads(scene_text())
    rows = [
        {"prompt": "a man walks to the tree", "seconds": 1, "seed": 3, "name": "Take"},
        {"prompt": "two dogs run", "motion": "procedural"},
        {"scene": scene, "seconds": 2.5, "name": "own scene"},
    ]
    return "\n".join(map(json.dumps, rows)) + '\n"a woman sits"\n'


@cache
def walk_bvh() -> str:
    """A walk of a second by a plain skeleton."""
    parts = [("Hips", -1, (0, 95, 0)), ("Spine", 0, (0, 30, 0)), ("Neck", 1, (0, 25, 0))]
    for side, sign in (("Left", 1), ("Right", -1)):
        first = len(parts)
        parts += [
            (f"{side}Arm", 1, (18 * sign, 20, 0)),
            (f"{side}ForeArm", first, (0, -28, 0)),
            (f"{side}Hand", first + 1, (0, -26, 0)),
            (f"{side}UpLeg", 0, (9 * sign, -5, 0)),
            (f"{side}Leg", first + 3, (0, -42, 0)),
            (f"{side}Foot", first + 4, (0, -42, 0)),
        ]
    turns = ("Zrotation", "Xrotation", "Yrotation")
    channels = [("Xposition", "Yposition", "Zposition", *turns), *[turns] * (len(parts) - 1)]
    t = np.arange(30) / 30.0
    motion = np.zeros((30, sum(map(len, channels))))
    motion[:, 1], motion[:, 2] = 95.0, 120.0 * t
    for joint, sign in ((6, 1.0), (12, -1.0), (3, -0.7), (9, 0.7)):
        motion[:, 3 + 3 * joint + 1] = 25.0 * sign * np.sin(2.0 * np.pi * t)
    ends = {joint: np.array([0.0, -2.0, 14.0]) for joint in (2, 5, 8, 11, 14)}
    return write_bvh(
        Bvh(
            [name for name, _, _ in parts],
            [parent for _, parent, _ in parts],
            np.array([offset for _, _, offset in parts], float),
            channels,
            ends,
            1.0 / 30.0,
            motion,
        )
    )


SAMPLES: dict[str, Callable[[], str]] = {
    "scene.json": scene_text,
    "shots.jsonl": _shot_lines,
    "shots.csv": lambda: (
        'prompt,seed,seconds,name\n"a man, alone, runs",3,1,one\nshe sits,,2,two\n'
    ),
    "shots.txt": lambda: "# mine\na man runs\n\ntwo dogs bark\na girl jumps, then waves\n",
    "script.txt": lambda: "# later\n0.5 anna: now she sits\n2 they wave\n3.25 bob: he runs left\n",
    "script.json": lambda: '[{"t": 1, "actor": "anna", "text": "sits"},\n {"t": 2, "text": "run"}]',
    "walk.bvh": walk_bvh,
    "index.csv": lambda: "file,action,caption,root_motion,split\nwalk_1.bvh,walk,a walk,full,val\n",
    "captions.txt": lambda: "walk_1  a person walks, then stops\nwalk_2 a person runs\n",
}


# Damages of a text.

_TOKENS = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\w.+-]+|\s+|.', re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def _some(rng: Rng, kinds: tuple[str, ...]) -> str:
    return kinds[int(rng.integers(len(kinds)))]


def _places(rng: Rng, text: str) -> tuple[int, int]:
    first, last = sorted(rng.integers(len(text) + 1, size=2).tolist())
    return first, min(last, first + int(10 ** rng.uniform(0.0, 3.0)))


def _cut(rng: Rng, text: str) -> str:
    return text[: int(rng.integers(len(text) + 1))]


def _drop(rng: Rng, text: str) -> str:
    first, last = _places(rng, text)
    return text[:first] + text[last:]


def _repeat(rng: Rng, text: str) -> str:
    first, last = _places(rng, text)
    return text[:last] + text[first:last] * int(10 ** rng.uniform(0.0, 2.5)) + text[last:]


def _swap(rng: Rng, text: str) -> str:
    tokens = _TOKENS.findall(text) or [""]
    for _ in range(int(rng.integers(1, 5))):
        a, b = rng.integers(len(tokens), size=2).tolist()
        tokens[a], tokens[b] = tokens[b], tokens[a]
    return "".join(tokens)


def _shuffle_lines(rng: Rng, text: str) -> str:
    lines = text.split("\n")
    first = int(rng.integers(len(lines)))
    part = lines[first : first + 12]
    rng.shuffle(part)
    return "\n".join([*lines[:first], *part, *lines[first + 12 :]])


def _number(rng: Rng, text: str) -> str:
    found = list(_NUMBER.finditer(text))
    if not found:
        return text + _some(rng, NUMBERS)
    at = found[int(rng.integers(len(found)))]
    return text[: at.start()] + _some(rng, NUMBERS) + text[at.end() :]


def _token(kinds: tuple[str, ...]) -> Callable[[Rng, str], str]:
    def replace(rng: Rng, text: str) -> str:
        tokens = _TOKENS.findall(text) or [""]
        tokens[int(rng.integers(len(tokens)))] = _some(rng, kinds)
        return "".join(tokens)

    return replace


def _insert(rng: Rng, text: str) -> str:
    at = int(rng.integers(len(text) + 1))
    return text[:at] + _some(rng, WORDS) + text[at:]


def _in_a_string(rng: Rng, text: str) -> str:
    found = [at.start() + 1 for at in re.finditer(r'"(?=\w)', text)] or [0]
    at = found[int(rng.integers(len(found)))]
    return text[:at] + _some(rng, WORDS) + text[at:]


def _nest(rng: Rng, text: str) -> str:
    depth = int(10 ** rng.uniform(1.0, 5.0))
    around = _some(rng, ("[]", '{"a":}', "()", "{}"))
    opened, closed = around[:-1] * depth, around[-1] * (depth if rng.random() < 0.5 else 0)
    at = int(rng.integers(len(text) + 1)) if rng.random() < 0.5 else 0
    return text[:at] + opened + closed + text[at:]


def _twice(rng: Rng, text: str) -> str:
    found = re.findall(r'"\w+": *[^,{}\[\]]+,', text) or [""]
    again = found[int(rng.integers(len(found)))]
    return text.replace(again, again * 2, 1) if again else text * 2


def _long(rng: Rng, text: str) -> str:
    at = int(rng.integers(len(text) + 1))
    return text[:at] + _some(rng, ("x", "9", " ", "[", '"', "1 ", "\n", "a,")) * 300_000 + text[at:]


def _foreign(rng: Rng, text: str) -> str:
    other = SAMPLES[_some(rng, tuple(SAMPLES))]()
    return other if rng.random() < 0.5 else text + other


DAMAGES: dict[str, Callable[[Rng, str], str]] = {
    "cut": _cut,
    "a part gone": _drop,
    "a part repeated": _repeat,
    "tokens swapped": _swap,
    "lines shuffled": _shuffle_lines,
    "an odd number": _number,
    "another odd number": _number,
    "an odd word": _token(WORDS),
    "another type": _token(VALUES),
    "something put in": _insert,
    "something put in a string": _in_a_string,
    "nested": _nest,
    "a key twice": _twice,
    "a long line": _long,
    "another file's content": _foreign,
    "nothing": lambda rng, text: text,
}


# And of bytes.


def _flip(rng: Rng, text: str) -> bytes:
    data = bytearray(text.encode(errors="surrogatepass")) or bytearray(b"\0")
    for at in rng.integers(len(data), size=int(10 ** rng.uniform(0.0, 2.0))).tolist():
        data[at] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _ends(end: str) -> Callable[[Rng, str], bytes]:
    return lambda rng, text: text.replace("\n", end).encode(errors="surrogatepass")


def _as(encoding: str) -> Callable[[Rng, str], bytes]:
    return lambda rng, text: text.encode(encoding, errors="replace")


ENCODINGS: dict[str, Callable[[Rng, str], bytes]] = {
    "bits flipped": _flip,
    "a BOM": _as("utf-8-sig"),
    "UTF-16": _as("utf-16"),
    "UTF-16 without a BOM": _as("utf-16-le"),
    "UTF-32": _as("utf-32"),
    "Latin-1": lambda rng, text: text.replace("a", "ä").encode("latin-1", errors="replace"),
    "CRLF": _ends("\r\n"),
    "CR": _ends("\r"),
    "NEL": _ends("\x85"),
    "U+2028": _ends("\u2028"),
    "form feeds": _ends("\f"),
    "NULs": lambda rng, text: text.replace(" ", "\0").encode(errors="surrogatepass"),
    "noise": lambda rng, text: rng.bytes(int(10 ** rng.uniform(0.0, 4.0))),
}
