"""``python -m tools.inspect_dataset``: what is in a dataset, in tables, pictures and files.

Without options it prints counts, balance, spread, figures by action and the worst samples; it
ends with 1 if walks, jogs, runs, sprints, jumps or turns are missing, or if episodes cannot be
read: a line says which file is damaged, and the others are shown.
"""

import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from entities.command import refused_by_system, run_command, users_fault
from entities.errors import UserError
from ml.episodes.reader import EMPTY, EpisodeDataset, open_dataset
from ml.measure.report import show, write_page
from sim.command import progress_bar
from sim.inspect.export import write_bvh_file, write_json_file, write_rerun
from sim.inspect.figures import (
    Sample,
    balance_section,
    counts_section,
    measure,
    realism_section,
    spread_section,
    worst_section,
)
from sim.inspect.gallery import choose, write_gallery
from sim.inspect.sample_sheets import write_sheets

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Flag = typer.Option
RERUN_EPISODES = 20


@app.command(help=__doc__)
def inspect(
    path: Annotated[Path, typer.Argument(metavar="DATASET", help="The dataset's folder.")],
    episode: Annotated[
        list[int] | None, Flag(help="Only this one, for the files below; may be repeated.")
    ] = None,
    html: Annotated[Path | None, Flag(metavar="DIR", help="Write a gallery page.")] = None,
    most: Annotated[int, Flag(min=1, help="Episodes on the page, the worst among them.")] = 1000,
    sheets: Annotated[Path | None, Flag(metavar="DIR", help="Write PNG sheets of samples.")] = None,
    worst: Annotated[int, Flag(min=0, help="Worst samples a figure.")] = 3,
    rerun: Annotated[Path | None, Flag(metavar="FILE.rrd", help="For the Rerun viewer.")] = None,
    bvh: Annotated[Path | None, Flag(metavar="FILE.bvh", help="One episode, for Blender.")] = None,
    json: Annotated[Path | None, Flag(metavar="FILE.json", help="One episode's points.")] = None,
    markdown: Annotated[Path | None, Flag(help="Also write the tables to this file.")] = None,
) -> int:
    """Tables by default, and every file that is asked for."""
    with users_fault():
        dataset = open_dataset(path)
        if len(dataset) == 0:
            raise ValueError(f"{path}: {EMPTY}")
        damage: list[str] = []
        chosen = [dataset.episode(index) for index in episode or ()]
        if (bvh or json) and len(chosen) > 1:
            raise ValueError("--bvh and --json: one episode a file; expected one --episode")
        if bvh or json:
            one = chosen[0] if chosen else dataset.episode(0)
        if bvh is not None:
            write_bvh_file(one, bvh)
        if json is not None:
            write_json_file(one, json)
        if rerun is not None:
            some = chosen or list(islice(dataset.episodes(damage), RERUN_EPISODES))
            if not some:
                raise ValueError(damage[0])
            write_rerun(some, rerun)
    if (bvh or json or rerun) and not (html or sheets or markdown):
        return _end_by(damage)
    damage = []
    samples = _measured(dataset, damage)
    if not samples:
        raise UserError(damage[0])
    sections = [
        counts_section(dataset, samples),
        balance_section(samples),
        spread_section(samples),
        realism_section(samples),
        worst_section(samples, worst),
    ]
    with users_fault():
        if html is not None:
            shown = [e.index for e in chosen] or choose(samples, most)
            with progress_bar(False) as progress:
                write_gallery(html, dataset, samples, shown, progress)
        if sheets is not None:
            damage += write_sheets(sheets, dataset, samples, worst)
        if markdown is not None:
            command = f"python -m tools.inspect_dataset {path.name}"
            write_page(markdown, sections, f"What is in {path.name}", command)
    show(sections)
    return _end_by(damage) or int(any(section.misses for section in sections))


def _end_by(damage: Iterable[str]) -> int:
    """The exit code, after a line for each file that could not be read."""
    lines = list(dict.fromkeys(damage))
    for line in lines:
        print(line, file=sys.stderr)
    return 1 if lines else 0


def _measured(dataset: EpisodeDataset, damage: list[str]) -> list[Sample]:
    samples = []
    with progress_bar(False) as progress, refused_by_system():
        for episode in dataset.episodes(damage):
            samples.append(measure(episode))
            if progress is not None:
                progress(len(samples), len(dataset))
    return samples


if __name__ == "__main__":
    run_command(app)
