"""Damaged datasets by seed: any file of one missing, cut, changed, or made by a stranger.

``damage`` does one thing to a dataset that a disk, an editor, a kill or a stranger may have done.
Every command then ends by itself, with a line that says which file is wrong; one that only reads
changes nothing at all, and none changes anything outside the dataset.
"""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entities.scene import Scene
from entities.units import DT
from ml.episodes.commit import JOURNAL, LOCK, STAGING, staged
from ml.episodes.layout import INFO, OWN_INFO, SCENES, STATS, SUBTASKS, TASKS
from ml.episodes.writer import EpisodeWriter
from sim.loop import Simulation
from sim.output.recorder import Take

SCENE_S = 1.0
OUTSIDE = "outside.txt"
"""A file beside the dataset, which nobody may touch."""
BIG = 10**18
DEEP = 100_000

Rng = np.random.Generator


def damaged(seed: int, folder: Path) -> Path:
    """Make a damaged dataset in a folder, beside a file that is not its own; where it is.

    Beside it is ``how.txt``, which says what was done.
    """
    rng = np.random.default_rng((seed, 0xDA7A))
    root = folder / "d"
    write_sample(root)
    (folder / OUTSIDE).write_text("mine\n" * 100, encoding="utf-8")
    done = [damage(root, rng) for _ in range(1 + int(rng.random() < 0.2))]
    (folder / "how.txt").write_text("\n".join(done), encoding="utf-8", errors="replace")
    return root


def write_sample(root: Path) -> None:
    """A small dataset: three scenes of two people, each committed."""
    for name, data in _sample().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / STAGING).mkdir(exist_ok=True)


@cache
def _sample() -> dict[str, bytes]:
    """The files of the sample, made once a process."""
    with TemporaryDirectory() as scratch:
        root = Path(scratch)
        with EpisodeWriter(root) as writer:
            for seed in range(3):
                take = Take(Simulation(_people(seed), motion="procedural"))
                take.run_until(round(SCENE_S / DT))
                writer.add(take.record("complete"), take.episodes())
                writer.commit()
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }


def _people(seed: int) -> Scene:
    walk = {"id": "a", "initial_position": {"x": 0, "y": 0}, "actions": [[0, "walk"]]}
    wave = {"id": "b", "initial_position": {"x": 1, "y": 2}, "actions": [[0, "wave"]]}
    return Scene.model_validate(
        {
            "prompt": "a person walks, another waves",
            "actors": [{**walk, "caption": "a person walks"}, {**wave, "caption": "one waves"}],
            "duration": SCENE_S,
            "seed": seed,
        }
    )


def damage(root: Path, rng: Rng) -> str:
    """Damage a dataset in one way; in a few words, what was done to which file."""
    ways = (_files, _files, _json, _json, _lines, _table, _table, _table, _stranger, _stranger)
    try:
        return ways[rng.integers(len(ways))](root, rng)
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        pa.ArrowException,
    ) as error:
        return f"nothing, as it is damaged already: {error!r}"


def _pick(rng: Rng, choices: Any) -> Any:
    choices = list(choices)
    return choices[rng.integers(len(choices))]


def _all_files(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*") if p.is_file() and p.name != LOCK)


# A disk, a kill, a careless hand: whole files.


def _files(root: Path, rng: Rng) -> str:
    path = _pick(rng, _all_files(root))
    data = path.read_bytes()
    name = path.relative_to(root)
    outside = root.parent / OUTSIDE

    def replaced(make: Callable[[], None]) -> None:
        path.unlink()
        make()

    def swap() -> None:
        other = _pick(rng, _all_files(root))
        theirs = other.read_bytes()
        other.write_bytes(data)
        path.write_bytes(theirs)

    def flip() -> None:
        changed = bytearray(data)
        for at in rng.integers(0, max(len(data), 1), 1 + rng.integers(8)) if data else ():
            changed[at] ^= 1 << rng.integers(8)
        path.write_bytes(bytes(changed))

    def folder_gone() -> None:
        shutil.rmtree(path.parent)

    def folder_file() -> None:
        shutil.rmtree(path.parent)
        path.parent.write_bytes(data)

    ways: dict[str, Callable[[], Any]] = {
        "deleted": path.unlink,
        "emptied": lambda: path.write_bytes(b""),
        "cut short": lambda: path.write_bytes(data[: rng.integers(0, max(len(data), 1))]),
        "its head lost": lambda: path.write_bytes(data[rng.integers(0, max(len(data), 1)) :]),
        "made noise": lambda: path.write_bytes(rng.bytes(int(rng.integers(1, 4000)))),
        "some bits flipped": flip,
        "made longer": lambda: path.write_bytes(data + rng.bytes(300)),
        "zeroed": lambda: path.write_bytes(bytes(len(data))),
        "a folder": lambda: replaced(path.mkdir),
        "a link out": lambda: replaced(lambda: path.symlink_to(outside)),
        "a link to itself": lambda: replaced(lambda: path.symlink_to(path)),
        "a dangling link": lambda: replaced(lambda: path.symlink_to(root / "none")),
        "a pipe": lambda: replaced(lambda: os.mkfifo(path)),
        "unreadable": lambda: path.chmod(0),
        "swapped with another": swap,
        "its folder gone": folder_gone,
        "its folder a file": folder_file,
    }
    way = _pick(rng, ways)
    ways[way]()
    return f"{name}: {way}"


# JSON documents, and their lines.

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, BIG, -BIG, 1.5, 1e300, "", "x", "../../x", "\u2028",
    "a" * 5000, [], {}, [[]], [None], {"a": None}, "{chunk_index.__class__}", "/etc/passwd",
    "[/bold] <b>",
)  # fmt: skip


def _holders(value: Any) -> list[tuple[Any, Any]]:
    """Every object or list of a document with a key of it."""
    found, waiting = [], [value]
    while waiting:
        item = waiting.pop()
        keys = item.keys() if isinstance(item, dict) else range(len(item))
        for key in list(keys):
            found.append((item, key))
            if isinstance(item[key], dict | list):
                waiting.append(item[key])
    return found


def _changed_json(text: str, rng: Rng) -> tuple[str, str]:
    """A JSON document with something wrong with it, and what that is."""
    way = rng.integers(12)
    if way < 7:
        value = json.loads(text)
        holders = _holders(value)
        # What is near the root decides more than one of a hundred numbers deep inside.
        holder, key = holders[int(len(holders) * rng.random() ** 3)]
        if way < 5:
            was, holder[key] = holder[key], _pick(rng, _VALUES)
            return json.dumps(value), f"{key}: {str(was)[:30]} is {str(holder[key])[:30]!r}"
        if way == 5 and isinstance(holder, dict):
            del holder[key]
            return json.dumps(value), f"without {key}"
        if isinstance(holder, dict):
            holder[_pick(rng, ("x", "", "__class__", "A" * 900))] = _pick(rng, _VALUES)
        else:
            holder.append(_pick(rng, _VALUES))
        return json.dumps(value), f"more beside {key}"
    end = max(text.rfind("}"), 0)
    odd = {
        "a key twice": text[:end] + ', "total_episodes": 3, "seed": 1, "seed": 2}',
        "nested deeply": text[:end] + ', "deep": ' + "[" * DEEP + "]" * DEEP + "}",
        "a number of 10,000 digits": text[:end] + ', "n": ' + "9" * 10_000 + "}",
        "not a number": text[:end] + ', "n": NaN, "m": Infinity}',
        "half a letter": text[:end] + ', "t": "\\ud800"}',
        "a list": "[1, 2]",
        "null": "null",
        "cut": text[: rng.integers(0, max(len(text), 1))],
    }
    name = _pick(rng, odd)
    return odd[name], name


def _encoded(text: str, rng: Rng) -> tuple[bytes, str]:
    """The bytes of a text, as some editors write them."""
    coding = _pick(rng, ("utf-8",) * 6 + ("utf-8-sig", "utf-16", "latin-1 letter"))
    if coding == "latin-1 letter":
        at = int(rng.integers(0, len(text) + 1))
        return text[:at].encode() + b"\xe9" + text[at:].encode(), coding
    return text.encode(coding), coding


def _json(root: Path, rng: Rng) -> str:
    name = _pick(rng, (INFO, INFO, OWN_INFO, STATS))
    text, what = _changed_json((root / name).read_text(encoding="utf-8"), rng)
    data, coding = _encoded(text, rng)
    (root / name).write_bytes(data)
    return f"{name}: {what}, {coding}"


def _lines(root: Path, rng: Rng) -> str:
    path = root / SCENES
    lines = path.read_text(encoding="utf-8").splitlines()
    which = int(rng.integers(len(lines)))
    way = _pick(rng, ("changed",) * 6 + ("lost", "twice", "blank", "joined", "long", "reversed"))
    what = way
    if way == "changed":
        lines[which], what = _changed_json(lines[which], rng)
    elif way == "lost":
        del lines[which]
    elif way == "twice":
        lines.insert(which, lines[which])
    elif way == "blank":
        lines.insert(which, "")
    elif way == "long":
        lines[which] = lines[which][:-1] + ', "x": "' + "a" * (40 << 20) + '"}'
    elif way == "reversed":
        lines.reverse()
    text = ("" if way == "joined" else "\n").join(lines) + "\n"
    data, coding = _encoded(text, rng)
    path.write_bytes(data)
    if rng.random() < 0.7:  # the size that is written down agrees
        _set(root, OWN_INFO, "scenes_bytes", len(data))
    return f"{SCENES}:{which + 1}: {what}, {coding}"


def _set(root: Path, name: str, key: str, value: Any) -> None:
    facts = json.loads((root / name).read_text(encoding="utf-8"))
    facts[key] = value
    (root / name).write_text(json.dumps(facts), encoding="utf-8")


# Tables.

_NUMBERS = (-1, -(2**63), 2**62, 10**6, 99, float("nan"), float("inf"), 1e30, -1e30, 1e12)
_TEXTS = (
    "", " ", "nobody", "[/bold]", "</script>", "a\x1b[31mb", "a" * 50_000, "null", "{}", "[1]",
    '{"paraphrases": 3}', '{"paraphrases": [null]}', "{" * DEEP, "\u202e\u200b", "a\0b", "🏃",
)  # fmt: skip


def _table(root: Path, rng: Rng) -> str:
    paths = [path for path in _all_files(root) if path.suffix == ".parquet"]
    path = _pick(rng, paths)
    name = str(path.relative_to(root))
    if rng.random() < 0.1:
        return f"{name}: {_bomb(path, rng)}"
    with suppress(OSError, pa.ArrowException, KeyError):
        groups = _groups(path)
        table = pa.concat_tables(groups)
        column = _pick(rng, [c for c in table.column_names if rng.random() < 0.2 or "/" not in c])
        place = table.column_names.index(column)
        changed, what = _changed_column(table[column], rng)
        if changed is None:
            table = table.drop_columns([column])
        elif isinstance(changed, str):
            table = table.rename_columns(
                [changed if c == column else c for c in table.column_names]
            )
        elif len(changed) == len(table):
            table = table.set_column(place, column, changed)
        rows = _pick(rng, ("same",) * 8 + ("fewer", "none", "twice", "shuffled", "one group"))
        sizes = [len(group) for group in groups]
        if rows == "fewer":
            table = table.slice(0, max(len(table) - 1, 0))
        elif rows == "none":
            table = table.slice(0, 0)
        elif rows == "twice":
            table = pa.concat_tables([table, table])
        elif rows == "shuffled":
            table = table.take(rng.permutation(len(table)))
        elif rows == "one group":
            sizes = [len(table)]
        with path.open("wb") as file, pq.ParquetWriter(file, table.schema) as writer:
            first = 0
            for size in [*sizes, len(table)]:
                if first < len(table):
                    writer.write_table(table.slice(first, size))
                first += size
        return f"{name}: {column} {what}, rows {rows}"
    return f"{name}: untouched"


def _groups(path: Path) -> list[pa.Table]:
    file = pq.ParquetFile(path)
    return [file.read_row_group(i) for i in range(file.num_row_groups)]


def _changed_column(column: pa.ChunkedArray, rng: Rng) -> tuple[Any, str]:
    """A column with something wrong: None for without it, a text for a new name."""
    values = column.to_pylist()
    at = int(rng.integers(max(len(values), 1)))
    way = _pick(rng, ("value",) * 6 + ("missing value", "dropped", "renamed", "type", "all values"))
    if way == "dropped":
        return None, way
    if way == "renamed":
        return _pick(rng, ("x", "", "STATE", "a" * 3000)), way
    if way == "type":
        kinds = (pa.string(), pa.float64(), pa.int8(), pa.binary(), pa.list_(pa.int64()), pa.null())
        kind = _pick(rng, kinds)
        try:
            return column.cast(kind), f"as {kind}"
        except (pa.ArrowException, NotImplementedError):
            return pa.nulls(len(values), kind), f"as {kind}, empty"
    if not values:
        return column, "left"
    new = _pick(rng, _TEXTS if isinstance(values[at], str) else _NUMBERS)
    if way == "missing value":
        new = None
    for i in range(len(values)) if way == "all values" else [at]:
        if isinstance(values[i], list) and values[i]:
            text = isinstance(values[i][0], str)
            inner = _pick(rng, _TEXTS) if text and new is not None else new
            values[i] = [inner, *values[i][1:]] if rng.random() < 0.8 else new and [inner] * 3
        else:
            values[i] = new
    try:
        return pa.chunked_array([pa.array(values, column.type)]), f"{way} {str(new)[:20]!r}"
    except (pa.ArrowException, TypeError, OverflowError, ValueError):
        try:
            return pa.chunked_array([pa.array(values)]), f"{way} {str(new)[:20]!r}, retyped"
        except (pa.ArrowException, TypeError, OverflowError, ValueError):
            return None, "dropped"


def _bomb(path: Path, rng: Rng) -> str:
    """A small file of the same columns that says it is huge."""
    file = pq.ParquetFile(path)
    way = _pick(rng, ("rows", "text", "columns", "groups"))
    if way == "columns":
        table = pa.table({f"c{i}": [1] for i in range(20_000)})
    elif way == "groups":
        table = file.read().slice(0, 1)
        with path.open("wb") as out, pq.ParquetWriter(out, table.schema) as writer:
            for _ in range(300):
                writer.write_table(table)
        return "many groups of rows"
    else:
        n = 3_000_000 if way == "rows" else 20_000
        texts = pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(n, np.int32)), ["a" * (900_000 if way == "text" else 5)]
        )
        columns = {}
        for own in file.schema_arrow:
            if pa.types.is_string(own.type):
                columns[own.name] = texts
            elif pa.types.is_integer(own.type):
                columns[own.name] = pa.array(np.zeros(n, np.int64))
        table = pa.table(columns)
    with path.open("wb") as out:
        pq.write_table(table, out, compression="zstd")
    return f"a bomb of {way}"


# A stranger: names, templates, journals and links that lead out.


def _stranger(root: Path, rng: Rng) -> str:
    outside = root.parent / OUTSIDE
    way = _pick(rng, ("journal", "journal", "journal", "template", "folder", "lock", "hard link"))
    if way == "template":
        key = _pick(rng, ("data_path", "video_path"))
        value = _pick(
            rng,
            (
                "../{chunk_index}/{file_index}",
                f"../{OUTSIDE}",
                str(outside),
                "{chunk_index.__class__.__mro__}",
                "{chunk_index:999999999d}",
                "{0}",
                "{",
                "",
            ),
        )
        _set(root, INFO, key, value)
        return f"{INFO}: {key} is {value!r}"
    if way == "folder":
        name = _pick(rng, (STAGING, "meta", "data", "meta/episodes", "data/chunk-000"))
        place, aside = root / name, root.parent / "elsewhere"
        shutil.move(place, aside)
        (aside / "keep.txt").write_text("mine", encoding="utf-8")
        place.symlink_to(aside)
        return f"{name}: a link to a folder outside"
    if way == "lock":
        (root / LOCK).unlink(missing_ok=True)
        kind = _pick(rng, ("a link", "a folder", "a pipe", "noise"))
        make = {
            "a link": lambda: (root / LOCK).symlink_to(outside),
            "a folder": lambda: (root / LOCK).mkdir(),
            "a pipe": lambda: os.mkfifo(root / LOCK),
            "noise": lambda: (root / LOCK).write_bytes(rng.bytes(500)),
        }
        make[kind]()
        return f"{LOCK}: {kind}"
    if way == "hard link":
        name = _pick(rng, (SCENES, LOCK))
        (root / name).unlink(missing_ok=True)
        os.link(outside, root / name)
        return f"{name}: the same file as one outside"
    return _journal(root, rng)


def _journal(root: Path, rng: Rng) -> str:
    outside = root.parent / OUTSIDE
    bad = _pick(
        rng,
        (
            f"../{OUTSIDE}", "../../x", str(outside), f"data/../../{OUTSIDE}", "data/chunk-000/x",
            "", ".", "\0", "a" * 5000, 3, None, ["x"], LOCK, f"{STAGING}/x", "meta/./info.json",
            "data/chunk-000/file-000.parquet\n", "DATA/chunk-000/file-000.parquet",
        ),
    )  # fmt: skip
    entry: dict[str, Any] = {"moves": [INFO, TASKS], "grows": SCENES, "length": 0}
    way = _pick(rng, ("moves", "moves", "grows", "length", "whole", "links", "true", "text"))
    if way == "moves":
        entry["moves"] = _pick(rng, ([bad], [INFO, bad], bad, None, [INFO, INFO], [SUBTASKS] * 9))
    elif way == "grows":
        entry["grows"] = bad
    elif way == "length":
        entry["length"] = _pick(rng, (-1, BIG, 1.5, "0", None, True, -BIG))
    elif way == "whole":
        entry = _pick(rng, (None, [], 3, {}, {"moves": []}, {**entry, "more": 1}))
    for name in (INFO, TASKS, SCENES, f"../{OUTSIDE}"):
        if rng.random() < 0.8:
            coming = staged(root, name)
            coming.unlink(missing_ok=True)
            if way == "links":
                coming.symlink_to(outside)
            else:
                coming.write_bytes(rng.bytes(50))
    text = json.dumps(entry)
    if way == "text":
        text = _pick(rng, ("", "{", "[" * DEEP, "\ufeff" + text, "null", text[:-5]))
    (root / STAGING / JOURNAL).write_text(text, encoding="utf-8")
    return f"journal: {way} {text[:70]}"
