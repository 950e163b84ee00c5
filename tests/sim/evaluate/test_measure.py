"""The command that measures: sources side by side, and misses named."""

import pytest
from typer.testing import CliRunner

from ml.capture.bvh import write_bvh
from ml.measure.report import Section, as_markdown
from sim.evaluate.animator_tables import add_gait, gait_tables
from sim.evaluate.trials import motions_of, steady_motions
from tests.conftest import at, make_scene
from tests.ml.capture.test_retarget import walker
from tools.measure import app

RUN = CliRunner(env={"COLUMNS": "200"})


def test_two_files_side_by_side(tmp_path):
    bvh, scene, page = tmp_path / "walk.bvh", tmp_path / "scene.json", tmp_path / "docs" / "page.md"
    bvh.write_text(write_bvh(walker()), encoding="utf-8")
    two = make_scene(
        {"velocity": [1.3, 0.0], "actions": [[0, "walk"]]},
        {"initial_position": at(0, 20)},
        duration=4,
    )
    scene.write_text(two.model_dump_json(), encoding="utf-8")
    done = RUN.invoke(app, ["compare", str(bvh), str(scene), "--markdown", str(page)])
    assert done.exit_code == 0, done.output
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows if "source" not in row][:4] == [
        "| walk, real",
        "| walk, refit",
        "| scene, a0",
        "| scene, a1",
    ]
    assert rows[1].split(" | ")[1] == "1.20"
    walks = next(row for row in rows if "a0" in row).split(" | ")
    assert float(walks[1]) == pytest.approx(1.3, abs=0.011)
    assert float(walks[2]) < 0.01


@pytest.mark.parametrize("source", ["nonsense", "none.bvh", "none.json", "mocap:nobody"])
def test_an_unknown_source_is_named(source):
    done = RUN.invoke(app, ["compare", source, "procedural"])
    assert done.exit_code == 2
    assert source in done.output


def test_steady_people_keep_their_speed_and_their_feet():
    tables = gait_tables("steady")
    motions = steady_motions(1.3, persons=3)
    seen = add_gait(tables, "procedural", motions)
    assert len(motions) == 3
    assert len(motions[0]) == 600
    assert seen["error"] < 0.01
    assert seen["bones"] < 0.005
    assert seen["p50"] < 0.02
    assert seen["sink"] < 0.01
    assert 110 < seen["cadence"] < 122
    assert [len(row) for table in tables for row in table.rows] == [11, 10]


def test_motions_keep_each_actor_s_size():
    scene = make_scene(
        {"scale": 0.65, "velocity": [1.0, 0.0]},
        {"scale": 1.2, "initial_position": at(0, 20)},
        duration=1,
    )
    from sim import simulate

    small, large = motions_of(scene, simulate(scene))
    assert (small.scale, small.target_speed) == (0.65, 1.0)
    assert (large.scale, large.target_speed) == (1.2, None)
    assert small.world[0, 1, 2] < 1.0 < large.world[0, 1, 2]


def test_misses_are_named_with_what_was_wanted():
    section = Section("Feet", ("what",))
    section.check("speed", "here", 1.0, high=2.0)
    section.check("speed", "there", 3.0, high=2.0)
    section.check("gap", "never met", float("nan"), high=0.03)
    section.check("duty", "anywhere", 0.5, 0.6, 0.7)
    assert section.misses == [
        "speed, there: 3 (wanted <= 2)",
        "gap, never met: nan (wanted <= 0.03)",
        "duty, anywhere: 0.5 (wanted 0.6 to 0.7)",
    ]
    assert "- speed, there: 3 (wanted <= 2)" in as_markdown([section], "Bodies", "measure")
