"""``python -m tools.render_batch``: a list of sentences, or a dataset, becomes a folder of films.

Run it again and it makes what is missing. A film has its name only once it is whole, and
``manifest.jsonl`` says of every film what it shows, from which seed, and what its bytes are.
"""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from entities.command import refused_by_system, run_command, users_fault
from entities.scene import explain
from sim.command import parse_size, progress_bar
from sim.output.batch import Batch, sole_owner
from sim.output.jobs import Answer, Engine, WorkerDied, check_engine, do_all
from sim.output.shot_list import Look, RecordedScenes, Shot, film, read_shots

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Flag = typer.Option


@app.command(help=__doc__)
def render_batch(
    source: Annotated[Path, typer.Argument(help="A .txt, .jsonl or .csv list, or a dataset.")],
    out: Annotated[Path, typer.Argument(help="Folder for the films; made where it is missing.")],
    fps: Annotated[int, Flag(help="Pictures a second, 10 to 120.")] = 30,
    size: Annotated[str, Flag(metavar="WxH", help="Of the picture, in pixels.")] = "1280x720",
    seconds: Annotated[float | None, Flag(help="How long every film is.")] = None,
    seed: Annotated[int | None, Flag(min=0, help="Of the first film; film i has i more.")] = None,
    motion: Annotated[str | None, Flag(help="How bodies are moved; as for run_sim.py.")] = None,
    kind: Annotated[str, Flag(help="mp4, webm or gif.")] = "mp4",
    engine: Annotated[Engine, Flag(help="Processes here, or a Ray cluster.")] = Engine.LOCAL,
    workers: Annotated[int | None, Flag(help="Processes; one per core by default.")] = None,
    address: Annotated[str | None, Flag(help="The Ray cluster's; auto by default.")] = None,
    quiet: Annotated[bool, Flag("--quiet", help="No progress.")] = False,
) -> int:
    """Film everything that is not filmed yet; 0 if all of it is there at the end, else 1."""
    with users_fault():
        look = Look(fps, parse_size(size), f".{kind}")
        dataset = None
        if source.is_dir():
            for name, value in (("seed", seed), ("motion", motion)):
                if value is not None:
                    raise ValueError(f"--{name}: not with a dataset, whose scenes have theirs")
            dataset = RecordedScenes(source, seconds)
        if dataset is None:
            shots, refused = read_shots(source, seed, seconds, motion)
        else:
            shots, refused = dataset.shots, dataset.refused
        check_engine(engine, workers, address)
        out.mkdir(parents=True, exist_ok=True)
    with sole_owner(out):
        with users_fault():
            batch = Batch(out, look)
            missing = [shot for shot in shots if not batch.has(shot)]
            jobs = batch.jobs(missing, dataset, in_place=engine is not Engine.RAY)
            answers = do_all(film, jobs, engine=engine, workers=workers, address=address)
        with progress_bar(quiet) as progress, closing(answers), refused_by_system():
            failures = batch.collect(answers, missing, len(shots), progress)
        with refused_by_system():
            batch.close(shots)
    made = len(missing) - len(failures)
    there = len(shots) - len(missing)
    failed = len(failures) + len(refused)
    print(f"{made} made, {there} already there, {failed} failed", file=sys.stderr)
    for line in refused:
        print(line, file=sys.stderr)
    for shot, answer in failures:
        _print_failure(shot, answer)
    return 1 if failed else 0


def _print_failure(shot: Shot, answer: Answer) -> None:
    """A line about a film that could not be made; a bug brings its traceback."""
    error = answer.error
    if isinstance(error, ValueError | WorkerDied):
        line = explain(error) if isinstance(error, ValidationError) else str(error)
        print(f"{shot.where}: {' '.join(line.split())}", file=sys.stderr)
    else:
        print(
            "\n".join([f"{shot.where}:", *getattr(error, "__notes__", [repr(error)])]),
            file=sys.stderr,
        )


if __name__ == "__main__":
    run_command(app)
