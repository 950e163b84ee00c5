"""``python -m tools.fingerprint``: does another revision behave the same, to the last bit?

``take`` runs sixty scenes (every theme, every action, later sentences, both motions) and writes a
digest of each trace, film, dumped scene, dataset, replay, message and help page. ``compare`` says
what differs between two such files. A checkout is only reached by its public surface, so one
revision of this command serves to compare any two others; they must run on the same machine, with
the same versions of everything else.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from entities.command import run_command, users_fault

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SECONDS = 5.0
FILM = {"fps": 20, "size": (480, 270), "seconds": 2.0}
THEMES = ("baseball", "basketball", "beach", "city", "dojo", "generic", "park", "room", "soccer")
THEMES += ("space", "stage", "street", "track")
WEATHERS = ("clear", "cloudy", "rain", "snow", "fog")
HOURS = ("day", "dawn", "dusk", "night")
CAMERAS = ("follow", "fit", "fixed", "orbit")
KINDS = ("human", "child", "alien", "robot", "dog", "cat", "horse")

SENTENCES = (  # one for each theme, and for each way in which actors meet actors or objects
    "a man runs from home plate to first base while the crowd waits",
    "a pitcher throws the ball to the catcher and a batter hits it",
    "a boy kicks a soccer ball to a girl, the goalkeeper dives and saves it",
    "a player dribbles a basketball to the hoop and shoots",
    "three runners sprint on the track in the rain",
    "a woman with a dog crosses the street, a car drives past",
    "three children run around the tree in the park at dusk",
    "a girl builds a sandcastle on the beach and swims",
    "an old man sits down on the sofa in the living room, reads and falls asleep",
    "two fighters bow in the dojo, then one punches and the other one dodges",
    "a singer dances on the stage while the audience claps",
    "an astronaut jumps on the moon next to a spaceship",
    "a policeman chases a thief through the city at night in the snow",
    "two women walk past a tree, then sprint to the red car",
    "a man picks up the box, carries it to the table and puts it down",
    "two friends meet, shake hands, hug and walk away together",
    "a child climbs the ladder, then a robot pushes a box",
    "a cowboy rides a horse past a fence while a cat sleeps on a bench",
    "four people sit down at a table, eat and drink, one of them laughs",
    "a sad woman limps to the bench and cries, a man hands her a book",
    "an alien leaves the ufo, waves and floats to a star",
    "a zombie walks toward a scared girl; she screams and runs away",
    "ten people walk between two buildings",
    "a tired boy throws a ball to a happy dog that catches it",
    "a bowler bowls, a golfer swings, a tennis player hits the ball",
    "three girls skip around a lamp post while a drunk man staggers past",
    "a goalkeeper waits, a striker kicks the ball and celebrates",
    "a grandmother reads on a chair next to a sleeping child",
    "two boys chase a thief around the house, he climbs a ladder",
    "a waiter carries a box between the tables and bows",
    "a referee walks backwards and points at a player who limps away in the fog",
)
LATER = (  # a sentence, and what follows it: the lines of a script
    ("a man walks to the tree", ("1 now he runs", "2.5 now he sits down", "4 now he waves")),
    ("two women walk", ("1.5 now they dance", "3 now they jog to the left")),
    ("a boy stands next to a ball", ("1 now he kicks the ball", "3 now he runs")),
    ("a robot waits by a box", ("1 now it picks up the box", "3 now it puts down the box")),
    ("two friends stand in the park", ("1 now they shake hands", "3 now they wave")),
    ("a dog runs to the left", ("2 now it sits", "3.5 now it lies down")),
    ("a woman sits on a bench", ("1.5 now she gets up", "3 now she walks away")),
    ("a man reads a book", ("1 now he claps", "2 now he falls", "4 now he gets up")),
    ("a girl jogs", ("0.5 now she stops", "1.5 now she turns left and sprints", "3 now she bows")),
)
REFUSED = (  # mistakes of a user, each answered with a line
    ("--prompt", "green ideas"),
    ("--prompt", ""),
    ("--prompt", "a man walks", "--size", "17x18", "--video", "x.mp4"),
    ("--prompt", "a man walks", "--fps", "5", "--video", "x.mp4"),
    ("--prompt", "a man walks", "--follow", "nobody"),
    ("--prompt", "a man walks", "--video", "x.avi"),
    ("--prompt", "a man walks", "--seconds", "-1", "--headless"),
    ("--prompt", "a man walks", "--model", "nothing.onnx", "--headless"),
    ("--prompt", "a man walks", "--embedder", "nothing"),
    ("--scene", "nothing.json"),
    ("--replay", "nothing", "--episode", "0"),
    ("--prompt", "a man walks", "--planner", "llm", "--llm-base-url", "http://127.0.0.1:9/v1"),
    ("--record-video", "--prompt", "a man walks"),
    ("--nothing",),
)

IN_PROCESS = """
import hashlib, json, sys, tempfile
from dataclasses import fields, is_dataclass
from pathlib import Path
import numpy as np
from sim import Scene, parse_prompt, render_video, simulate

def into(digest, value):
    if is_dataclass(value):
        for field in fields(value):
            digest.update(field.name.encode())
            into(digest, getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    else:
        digest.update(repr(value).encode())

job = json.load(sys.stdin)
motion, film, seconds = job["motion"], job["film"], job["seconds"]
scene = Scene.model_validate(job["scene"]) if "scene" in job else parse_prompt(job["prompt"], 1)
digest = hashlib.sha256()
into(digest, simulate(scene, seconds=seconds, motion=motion))
said = {"trace": digest.hexdigest()}
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "film.mp4"
    render_video(scene, path, motion=motion, fps=film["fps"], size=tuple(film["size"]),
                 seconds=film["seconds"])
    said["film"] = hashlib.sha256(path.read_bytes()).hexdigest()
said["scene"] = hashlib.sha256(scene.model_dump_json(indent=2).encode()).hexdigest()
print(json.dumps(said))
"""


def solo_scenes(checkout: Path) -> list[dict]:
    """Scene files in which, between them, every kind of actor does every action of a checkout."""
    code = "from entities.actions import ActionType; print(*[a.value for a in ActionType])"
    actions = _run(checkout, ["-c", code]).stdout.split()
    scenes = []
    for first in range(0, len(actions), 4):
        some = actions[first : first + 4]
        cast = [
            {
                "id": f"a{i}",
                "actor_type": KINDS[(first // 4 + i) % len(KINDS)] if i == 3 else KINDS[i],
                "initial_position": {"x": -4.0 + 3.0 * i, "y": 2.0 * i},
                "heading": 0.4 * i,
                "actions": [[0.0, action], [3.5, some[(i + 1) % len(some)]]],
                "style": ("", "happy", "tired", "angry")[(first // 4 + i) % 4] or None,
            }
            for i, action in enumerate(some)
        ]
        things = [{"object_type": "chair", "position": {"x": 6.0, "y": 1.0}}]
        things.append({"object_type": "ball", "position": {"x": -3.6, "y": 0.3}})
        k = first // 4
        look = {
            "theme": THEMES[k % len(THEMES)],
            "weather": WEATHERS[k % len(WEATHERS)],
            "time_of_day": HOURS[k % len(HOURS)],
            "camera": {"mode": CAMERAS[k % len(CAMERAS)]},
        }
        scenes.append(
            {"actors": cast, "objects": things, "seed": first, "duration": SECONDS, **look}
        )
    return scenes


def digests(checkout: Path) -> dict[str, str]:
    """Digests of everything that a checkout makes, by name."""
    played = {f"sentence {i}": {"prompt": text} for i, text in enumerate(SENTENCES)}
    played |= {f"solo {i}": {"scene": scene} for i, scene in enumerate(solo_scenes(checkout))}
    jobs = [
        (f"{name}, {motion}", {**what, "motion": motion, "film": FILM, "seconds": SECONDS})
        for name, what in played.items()
        for motion in ("procedural", "learned")
    ]
    found: dict[str, str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, said in pool.map(lambda job: (job[0], _in_process(checkout, job[1])), jobs):
            found |= {f"{name}: {what}": digest for what, digest in said.items()}
        for part in pool.map(lambda i: _recorded(checkout, i), range(2 * len(LATER))):
            found |= part
        for part in pool.map(lambda words: _messages(checkout, words), REFUSED):
            found |= part
        for part in pool.map(lambda name: _help(checkout, name), _commands(checkout)):
            found |= part
    return found | _generated(checkout)


def _run(
    checkout: Path, words: list[str], given: str | None = None, folder: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder or checkout,
        env=environment,
        input=given,
        text=True,
        capture_output=True,
        check=False,
    )


def _in_process(checkout: Path, job: dict) -> dict[str, str]:
    done = _run(checkout, ["-c", IN_PROCESS], json.dumps(job))
    return json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stderr}


def _recorded(checkout: Path, number: int) -> dict[str, str]:
    """A scene with later sentences, recorded with its film, dumped, played back and run again."""
    prompt, lines = LATER[number // 2]
    motion = ("procedural", "learned")[number % 2]
    command = str(checkout / "run_sim.py")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.txt"
        script.write_text("\n".join(lines), encoding="utf-8")
        arguments = ["--prompt", prompt, "--script", str(script), "--seconds", "5"]
        arguments += ["--motion", motion, "--dump-scene", "-", "--headless", "--size", "320x180"]
        arguments += ["--record", "runs", "--record-video"]
        dump = _run(checkout, [command, *arguments], folder=folder)
        back = ["--replay", "runs", "--episode", "0"]
        again = _run(checkout, [command, *back, "--headless"], folder=folder)
        seen = ["--video", "seen.mp4", "--size", "320x180", "--fps", "15"]
        film = _run(checkout, [command, *back, *seen], folder=folder)
        printed = dump.stdout[: dump.stdout.rfind("}") + 1]  # the summary has seconds in it
        parts = {
            "dumped": _of(printed + dump.stderr.replace(folder, "")),
            "dataset": _of_folder(Path(folder) / "runs"),
            "run again": again.stdout + again.stderr,
            "replayed": _of((Path(folder) / "seen.mp4").read_bytes()) + film.stderr,
        }
    return {f"later {number}: {name}": digest for name, digest in parts.items()}


def _messages(checkout: Path, words: tuple[str, ...]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        done = _run(checkout, [str(checkout / "run_sim.py"), *words], folder=folder)
    return {" ".join(words): f"{done.returncode}: {done.stderr}"}


def _commands(checkout: Path) -> list[str]:
    """The modules of a checkout that are commands: those with a ``__main__`` part."""
    files = [*(checkout / "tools").glob("*.py"), *(checkout / "ml").rglob("*.py")]
    names = [".".join(path.relative_to(checkout).with_suffix("").parts) for path in files]
    return sorted(
        name
        for name, path in zip(names, files, strict=True)
        if "__main__" in path.read_text(encoding="utf-8") and name != "tools.fingerprint"
    )


def _help(checkout: Path, module: str) -> dict[str, str]:
    done = _run(checkout, ["-m", module, "--help"])
    return {f"{module} --help": f"{done.returncode}: {done.stdout}{done.stderr}"}


def _generated(checkout: Path) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "tools.generate_dataset", "made", "--samples", "60", "--seed", "3"]
        done = _run(checkout, words, folder=folder)
        content = _of_folder(Path(folder) / "made") if done.returncode == 0 else done.stderr
    return {"generated dataset": content}


def _of(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _of_folder(folder: Path) -> str:
    """Digest of every file's name and bytes, without timings and the lock."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock":
            content = path.read_bytes()
            if path.name == "manifest.json":
                kept = json.loads(content)
                content = json.dumps({k: v for k, v in kept.items() if "second" not in k}).encode()
            digest.update(str(path.relative_to(folder)).encode() + hashlib.sha256(content).digest())
    return digest.hexdigest()


@app.command()
def take(
    out: Annotated[Path, typer.Argument(help="Where the digests go, as JSON.")],
    checkout: Annotated[Path, typer.Option(help="The root of the revision to run.")] = Path("."),
) -> None:
    """Run everything and write its digests."""
    found = digests(checkout.resolve())
    out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"{len(found)} digests in {out}")


@app.command()
def compare(before: Path, after: Path) -> None:
    """Print what differs between two files of ``take``; exit code 1 if anything does."""
    with users_fault():
        old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (before, after))
    names = sorted(old.keys() | new.keys())
    differing = [name for name in names if old.get(name) != new.get(name)]
    for name in differing:
        print(f"{name}: {old.get(name, 'absent')[:400]} | {new.get(name, 'absent')[:400]}")
    print(f"{len(names) - len(differing)} of {len(names)} the same")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    run_command(app)
