"""The pack of real human motion that lies beside the repository, where there is one."""

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PackRow:
    """One line of a pack's index.csv."""

    path: Path
    action: str
    caption: str
    full_root: bool  # False for walking on the spot, whose feet slide by design
    seconds: float
    mean_speed: float  # m/s, as the pack says
    source: str
    licence: str
    split: str  # train, val or test


def pack_folder() -> Path | None:
    """The mocap pack beside the repository (``../shared/mocap``), or None where there is none."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "mocap"
    return folder if (folder / "index.csv").is_file() else None


def read_index(folder: Path) -> list[PackRow]:
    """What a pack holds. Raises OSError without index.csv, KeyError naming a missing column."""
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        return [
            PackRow(
                path=folder / row["file"],
                action=row["action"],
                caption=row["caption"],
                full_root=row["root_motion"] == "full",
                seconds=float(row["seconds"]),
                mean_speed=float(row["mean_speed_mps"]),
                source=row["source"],
                licence=row["licence"],
                split=row["split"],
            )
            for row in csv.DictReader(file)
        ]
