"""``python -m tools.import_bvh``: BVH files of any common skeleton become an episode dataset.

A folder's ``index.csv``, or ``--index``, says each file's caption, split and licence; without it
the file's name is its caption. What has been imported already is left out, so a run can be
repeated; what cannot be is named with the reason, and the rest goes on.
"""

import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from entities.command import refused_by_system, run_command, users_fault
from ml.capture.importing import (
    LICENCE,
    ORIGIN,
    by_source,
    find_rows,
    import_files,
    joint_reports,
    known_hashes,
)
from ml.capture.index import IndexRow
from ml.episodes.reader import SPLITS
from ml.episodes.writer import EpisodeWriter
from ml.measure.report import show_tables, write_page

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
COMMAND = "python -m tools.import_bvh ../shared/mocap --out mocap --markdown docs/mocap.md"
Flag = typer.Option


class Up(StrEnum):
    """A file's vertical axis."""

    Y = "y"
    Z = "z"


@app.command(help=__doc__)
def import_bvh(
    sources: Annotated[list[Path], typer.Argument(help="BVH files, and folders of them.")],
    out: Annotated[Path | None, Flag(help="Dataset to create or to append to.")] = None,
    index: Annotated[Path | None, Flag(help="Captions: a .csv, or lines of name, caption.")] = None,
    up: Annotated[Up | None, Flag(help="The files' vertical axis; found out by default.")] = None,
    split: Annotated[str, Flag(help="Of files the index says nothing of.")] = "train",
    licence: Annotated[str, Flag(help="Of files the index says nothing of.")] = "",
    source: Annotated[str, Flag(help="Name of where the files come from, likewise.")] = "",
    joints: Annotated[bool, Flag("--joints", help="Print which joint was taken for what.")] = False,
    markdown: Annotated[Path | None, Flag(help="Also write the table to this file.")] = None,
) -> int:
    """Import what is not there yet; 0 if every file came in, 1 if some were refused."""
    with users_fault():
        if split not in SPLITS:
            raise ValueError(f"--split: {split!r}; expected one of {', '.join(SPLITS)}")
        rows = find_rows(
            sources, index, IndexRow(Path(), "", split=split, licence=licence, source=source)
        )
        known = known_hashes(out)
        writer = None if out is None else EpisodeWriter(out, licence=LICENCE, origin=ORIGIN)
    with refused_by_system(), nullcontext() if writer is None else writer:
        outcome = import_files(rows, up, known, writer)
    if joints:
        for report in joint_reports(outcome.imported):
            print(report)
    table = by_source(imported.episode for imported in outcome.imported)
    show_tables([table])
    if markdown is not None:
        with refused_by_system():
            write_page(markdown, [table], "Captured motion", COMMAND)
    counts = len(outcome.imported), outcome.already_there, len(outcome.refused)
    print("{} imported, {} already there, {} refused".format(*counts), file=sys.stderr)
    for line in outcome.refused:
        print(line, file=sys.stderr)
    return 1 if outcome.refused else 0


if __name__ == "__main__":
    run_command(app)
