"""Stride's command: flags -> Scene -> window, film or summary."""

import json
import logging
import re
import sys
import time
import tomllib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entities.atomic_write import write_whole
from entities.command import refused_by_system, run_command, users_fault
from entities.scene import CameraMode, CameraPlan, Scene, load_scene
from entities.units import DT
from sim.command import Progress, parse_size, progress_bar

if TYPE_CHECKING:
    from sim.loop import Simulation

DEFAULT_FPS = 30

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Flag = typer.Option


class Motion(StrEnum):
    """What moves the actors."""

    LEARNED = "learned"
    PROCEDURAL = "procedural"


class Planner(StrEnum):
    """What turns a sentence into a scene."""

    RULES = "rules"
    LLM = "llm"


@dataclass(frozen=True, slots=True)
class LanguageOptions:
    """What a sentence is understood with; base_url and name are a language model's."""

    embedder: str | None
    planner: Planner
    enhance: bool
    base_url: str | None
    name: str | None


@app.command()
def run(
    prompt: Annotated[str | None, Flag(help="The scene in a sentence.")] = None,
    scene: Annotated[Path | None, Flag(help="The scene as a JSON file.")] = None,
    replay: Annotated[
        Path | None,
        Flag(metavar="DIR", help="A dataset; with --headless, run it again to compare."),
    ] = None,
    episode: Annotated[int | None, Flag(min=0, help="Which of the dataset's episodes; 0.")] = None,
    script: Annotated[
        Path | None, Flag(help="A file of later sentences: 3.5 ACTOR: now she sits")
    ] = None,
    video: Annotated[Path | None, Flag(help="Write an .mp4, .webm or .gif file.")] = None,
    frames: Annotated[Path | None, Flag(help="Write PNG files to a new folder.")] = None,
    headless: Annotated[bool, Flag("--headless", help="Only simulate; print a summary.")] = False,
    record: Annotated[Path | None, Flag(metavar="DIR", help="Add episodes to a dataset.")] = None,
    record_video: Annotated[
        bool, Flag("--record-video", help="A new dataset gets a film of each scene, of --size.")
    ] = False,
    dump_scene: Annotated[str | None, Flag(help="Write the scene's JSON; - is stdout.")] = None,
    scene_schema: Annotated[
        bool, Flag("--scene-schema", help="Print the JSON schema of scene files.")
    ] = False,
    seconds: Annotated[float | None, Flag(help="How long the scene is.")] = None,
    seed: Annotated[int | None, Flag(min=0, help="Another number, another take.")] = None,
    fps: Annotated[int | None, Flag(help="Pictures a second of a film, 10 to 120; 30.")] = None,
    size: Annotated[str, Flag(metavar="WxH", help="Of the picture, in pixels.")] = "1280x720",
    camera: Annotated[CameraMode | None, Flag(help="How the camera moves.")] = None,
    follow: Annotated[str | None, Flag(metavar="ACTOR", help="Whom the camera follows.")] = None,
    transparent: Annotated[
        bool, Flag("--transparent", help="No stage but an alpha channel: webm and PNG.")
    ] = False,
    motion: Annotated[
        Motion | None, Flag(help="What moves people; learned where there is a model.")
    ] = None,
    model_file: Annotated[
        Path | None, Flag("--model", help="The motion model, an .onnx file of ml.export.")
    ] = None,
    embedder: Annotated[
        str | None, Flag(metavar="NAME", help="What unknown verbs are compared by; minilm.")
    ] = None,
    planner: Annotated[Planner, Flag(help="Who makes the scene of the sentence.")] = Planner.RULES,
    enhance: Annotated[
        bool, Flag("--enhance", help="A language model enriches the sentence first.")
    ] = False,
    llm_base_url: Annotated[
        str | None, Flag(help="An OpenAI-compatible server; xAI, with XAI_API_KEY.")
    ] = None,
    llm_model: Annotated[str | None, Flag(help="The model it serves; grok-4.")] = None,
    quiet: Annotated[bool, Flag("--quiet", help="No notices and no progress bar.")] = False,
    version: Annotated[bool, Flag("--version", help="Print the version.")] = False,
) -> None:
    """Type a sentence and watch stick people do it: in a window, or as a film."""
    logging.basicConfig(format="%(message)s", level=logging.ERROR if quiet else logging.WARNING)
    if version:
        print(own_version())
        return
    if scene_schema:
        print(json.dumps(Scene.model_json_schema(), indent=2))
        return
    with users_fault():
        is_film = video is not None or frames is not None
        one_output(video=video, frames=frames, headless=headless or None)
        if record_video and record is None:
            raise ValueError("--record-video: only for a dataset; expected --record with it")
        for_films_only(is_film, fps=fps, transparent=transparent or None)
        width_height = parse_size(size)
        language = LanguageOptions(embedder, planner, enhance, llm_base_url, llm_model)
        if replay is None:
            refuse_beside("--prompt or --scene", episode=episode)
            story = read_story(prompt, scene, seed, language)
        else:
            from sim.output.replay import Recording

            given = {"prompt": prompt, "scene": scene, "seed": seed, "script": script}
            refuse_beside("--replay", **given, record=record, motion=motion)
            recording = Recording(replay, episode or 0, model_file)
            story = recording.scene
        story = adjusted(story, seconds=seconds, seed=seed, camera=camera, follow=follow)
        if script is not None:
            from sim.story.script_file import with_script

            story = with_script(story, script)
        if dump_scene is not None:
            write_text(dump_scene, story.model_dump_json(indent=2))
    if story.description and not quiet:
        print(story.description, file=sys.stderr)
    if dump_scene is not None and not is_film and not headless:
        return
    if headless and replay is not None:
        with users_fault():
            lines = recording.differences()
        print("\n".join(lines) or f"scene {recording.number}, run again: the same to the last bit")
        sys.exit(1 if lines else 0)
    from sim.loop import Simulation

    if replay is None:
        by = None if motion is None else motion.value
        run = partial(Simulation, story, motion=by, model=model_file)
    else:
        run = partial(recording.run, story.camera)
    recorder, committing = None, nullcontext()
    if record is not None:
        from sim.output.recorder import Recorder

        with users_fault():
            recorder = Recorder(record, width_height if record_video else None)
        run = partial(recorder.watch, run)
        committing = recorder.committing(round(story.duration / DT))
    runs: list[Simulation] = []  # the film of a gif has a second one, which only looks ahead
    run = partial(kept, run, runs)
    if is_film:
        from sim.output.video import Clip, prepare_frames, prepare_video

        with users_fault():
            rate = DEFAULT_FPS if fps is None else fps
            clip = Clip(story, rate, width_height, transparent=transparent, run=run)
            job = prepare_video(clip, video) if frames is None else prepare_frames(clip, frames)
        with progress_bar(quiet) as progress, refused_by_system(), committing:
            job(progress)
        tell(runs[:1])
    elif headless:
        with users_fault():
            simulation = run()
        with progress_bar(quiet) as progress, refused_by_system(), committing:
            line = summary(simulation, story.duration, progress)
        tell(runs)
        print(line)
    else:
        from sim.window.window import Window

        with users_fault():
            window = Window(run(), width_height, recorder)
        with refused_by_system():
            code = window.run()
        if code:
            sys.exit(code)


def kept(run: Callable[[], "Simulation"], runs: "list[Simulation]") -> "Simulation":
    """A new run, which is added to ``runs``."""
    runs.append(run())
    return runs[-1]


def tell(runs: "list[Simulation]") -> None:
    """Say what later sentences brought on stage, and what of them could not be done."""
    for notice in [notice for simulation in runs for notice in simulation.notices]:
        logging.warning(notice)


def one_output(**outputs: object) -> None:
    """Raises ValueError when more than one kind of output is asked for."""
    asked = [f"--{name}" for name, value in outputs.items() if value is not None]
    if len(asked) > 1:
        raise ValueError(f"{' and '.join(asked)}: expected only one of them")


def for_films_only(is_film: bool, **flags: object) -> None:
    """Raises ValueError for a flag that would do nothing here."""
    for name, value in flags.items():
        if value is not None and not is_film:
            raise ValueError(f"--{name}: only for a film; expected --video or --frames with it")


def refuse_beside(flag: str, **flags: object) -> None:
    """Raises ValueError for a flag that would do nothing beside ``flag``."""
    for name, value in flags.items():
        if value is not None:
            raise ValueError(f"--{name}: not with {flag}")


def read_story(
    prompt: str | None, path: Path | None, seed: int | None, language: LanguageOptions
) -> Scene:
    """The scene of a sentence or of a file. Raises ValueError unless just one of them is given."""
    asks_llm = language.planner is Planner.LLM or language.enhance
    if not asks_llm and (language.base_url or language.name):
        raise ValueError("--llm-base-url and --llm-model: expected --planner llm or --enhance")
    if (prompt is None) == (path is None):
        raise ValueError(
            'expected either --prompt or --scene, such as --prompt "a man runs to the tree"'
        )
    if path is not None:
        if asks_llm or language.embedder:
            raise ValueError("--planner, --enhance and --embedder: only for a --prompt")
        return load_scene(path)
    if re.search("[\ud800-\udfff]", prompt):
        raise ValueError("--prompt: not UTF-8 text")
    if language.embedder is not None:
        from ml.text.encoders import open_encoder

        notice = open_encoder(language.embedder).notice  # refused here, not at the first odd verb
        if notice:
            logging.warning(notice)
    if asks_llm:
        from sim.build import build_world
        from sim.story.llm import Endpoint
        from sim.story.planner import plan_prompt

        return plan_prompt(
            prompt,
            seed or 0,
            endpoint=Endpoint.from_settings(language.base_url, language.name),
            check=build_world,
            plan=language.planner is Planner.LLM,
            enhance=language.enhance,
            embedder=language.embedder,
        )
    from sim.story import parse_prompt

    return parse_prompt(prompt, seed or 0, language.embedder)


def adjusted(
    scene: Scene,
    *,
    seconds: float | None,
    seed: int | None,
    camera: CameraMode | None,
    follow: str | None,
) -> Scene:
    """The scene with the flags' values in place of its own, validated again as a whole.

    Raises ValueError for a camera that follows an actor who is not there.
    """
    plan = scene.camera
    if camera is not None:
        plan = CameraPlan(mode=camera, follow=plan.follow)
    if follow is not None:
        names = [actor.id for actor in scene.actors]
        if follow not in names:
            raise ValueError(f"--follow: no actor {follow!r}; expected one of {', '.join(names)}")
        plan = plan.model_copy(update={"follow": follow})
    changes = {"duration": seconds, "seed": seed, "camera": plan}
    changes = {name: value for name, value in changes.items() if value is not None}
    return Scene.model_validate({**dict(scene), **changes})


def write_text(target: str, text: str) -> None:
    """Write to a file, or to stdout for ``-``."""
    if target == "-":
        print(text, flush=True)
    else:
        write_whole(target, text + "\n")


def summary(simulation: "Simulation", seconds: float, progress: Progress | None) -> str:
    """Run to the end; a line with the number of actors, the speed and the metres travelled."""
    import numpy as np

    ticks = max(1, round(seconds / DT))
    travelled = np.zeros(0)
    last, done = np.zeros((0, 3)), 0
    start = time.perf_counter()
    for block in simulation.blocks(ticks + 1):
        known, n = len(last), block.root.shape[1]
        last = np.concatenate([last, block.root[0, known:]])  # who comes on stage begins here
        travelled = np.pad(travelled, (0, n - known))
        path = np.concatenate([last[None], block.root])
        travelled += np.linalg.norm(np.diff(path, axis=0), axis=-1).sum(axis=0)
        last, done = block.root[-1], done + len(block.root)
        if progress is not None:
            progress(min(done, ticks), ticks)
    took = time.perf_counter() - start
    names = simulation.cast.actor_ids
    line = (
        f"{len(names)} actors, {ticks * DT:g} s in {took:.3g} s, {ticks * DT / took:.0f}x real time"
    )
    if names:
        far = int(travelled.argmax())
        line += f"; {travelled.sum():.1f} m in all, {names[far]} {travelled[far]:.1f} m"
    return line


def own_version() -> str:
    """The installed version, or the source tree's."""
    try:
        return metadata.version("stride-sim")
    except metadata.PackageNotFoundError:
        source = Path(__file__).with_name("pyproject.toml").read_text(encoding="utf-8")
        return tomllib.loads(source)["project"]["version"]


def main() -> None:
    """The console script."""
    run_command(app)


if __name__ == "__main__":
    main()
