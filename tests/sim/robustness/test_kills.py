"""The kills find what loses something, and nothing in what does not; so do the commands' checks."""

import os
from pathlib import Path

import pytest

from sim.robustness import kills
from sim.robustness.commands import wrong_end
from sim.robustness.isolation import Ended
from sim.robustness.kills import Finished, Target, lost

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
PARTS = 4


def careful(path: Path, seed: int):
    """Writes parts one after the other, each under another name first."""

    def work() -> None:
        for part in range(PARTS):
            if not (path / f"{part}").exists():
                (path / f"{part}.part").write_text(f"part {part}", encoding="utf-8")
                os.replace(path / f"{part}.part", path / f"{part}")
            print("finished", part + 1, flush=True)

    return work


def hasty(path: Path, seed: int):
    """Says that it has finished before it has, and writes where readers look."""

    def work() -> None:
        for part in range(PARTS):
            print("finished", part + 1, flush=True)
            with (path / f"{part}").open("w", encoding="utf-8") as file:
                file.write("part ")
                file.flush()
                os.fsync(file.fileno())
                file.write(f"{part}")

    return work


def parts(path: Path) -> Finished:
    found = {}
    for file in sorted(path.iterdir()):
        if file.suffix != ".part":
            found[file.name] = file.read_text(encoding="utf-8")
            assert found[file.name] == f"part {file.name}", "half a part has a part's name"
    return found


def failures(order, monkeypatch, folder: Path) -> list[str]:
    target = Target(order.__name__, lambda _: None, order, parts)
    monkeypatch.setattr(kills, "TARGETS", (target,))
    found = []
    for seed in range(6):
        place = folder / f"{order.__name__}-{seed}"
        place.mkdir()
        outcome = kills.attempt(seed, place)
        assert outcome.runs >= 1
        found += outcome.failures
    return found


@pytest.mark.slow
def test_a_careful_writer_loses_nothing_and_a_hasty_one_does(monkeypatch, tmp_path):
    assert failures(careful, monkeypatch, tmp_path) == []
    found = "\n".join(failures(hasty, monkeypatch, tmp_path))
    assert "what is there cannot be read" in found
    assert "half a part has a part's name" in found


def test_what_was_finished_and_is_not_any_more_is_named():
    was = {"scene 0": "a", "scene 1": "b", "scene 2": "c"}
    assert lost(was, {**was, "scene 3": "d"}) == []
    assert lost(was, {"scene 0": "a", "scene 2": "x"}) == [
        "scene 1 was finished and is gone",
        "scene 2 was finished and is another",
    ]


def ended(code: int = 0, out: str = "", err: str = "", **changes) -> Ended:
    facts = {"hung": False, "value": None, "seconds": 1.0, "cpu_s": 1.0, "peak_mb": 9.0}
    return Ended(code=code, out=out, err=err, **{**facts, "left_behind": False, **changes})


@pytest.mark.parametrize(
    "good",
    [
        ended(),
        ended(2, err="stride: meta/info.json: not JSON\n"),
        ended(1, err="a.bvh: no MOTION\nb.bvh: cut short\n"),
        ended(out="no nanny, information 5, take_nan.mp4, /inf/x\n"),
        ended(seconds=25.0, cpu_s=2.0),
    ],
)
def test_a_good_end(good):
    assert wrong_end(good) == []


@pytest.mark.parametrize(
    "bad",
    [
        ended(1, err="Traceback (most recent call last):\nKeyError: 'x'\n"),
        ended(0, err="Traceback (most recent call last):\nKeyError: 'x'\n"),
        ended(2),
        ended(2, err="Usage: tool\n\nno such option\n"),
        ended(-11),
        ended(137),
        ended(out="speed  nan m/s\n"),
        ended(out="far -inf\n"),
        ended(cpu_s=12.0, seconds=12.0),
        ended(-9, hung=True),
        ended(left_behind=True),
    ],
)
def test_a_bad_end(bad):
    assert len(wrong_end(bad)) == 1
