"""A dataset looked at: measured, as a page, and as files for other programs."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pygame
import pytest

from entities.actions import ACTION_INDEX, ActionType
from entities.skeleton import L_FOOT, PELVIS
from ml.capture.bvh import joint_positions
from ml.capture.clip_episode import to_episode
from ml.capture.importing import scene_of
from ml.capture.index import IndexRow
from ml.capture.retarget import retarget_clip, retarget_file
from ml.episodes.reader import Episode, EpisodeDataset, SceneRecord, open_dataset
from ml.episodes.writer import EpisodeWriter
from sim.inspect.export_bvh import to_bvh
from sim.inspect.figures import FAR_EDGES, histogram, measure, worst
from sim.inspect.gallery import choose
from sim.inspect.reconstruct import POINTS, body
from sim.loop import Simulation
from sim.output.recorder import Take
from sim.output.replay import Recording
from tests.chromium import chromium
from tests.conftest import make_scene
from tests.ml.capture.test_retarget import walker
from tools.inspect_dataset import app

# Of the canvas: pixels in the left limbs' colour, how far right they lie, and a sum over all.
LOOK = """(() => {
  const stage = element("stage");
  const data = stage.getContext("2d").getImageData(0, 0, stage.width, stage.height).data;
  let left = 0, at = 0, sum = 0;
  for (let i = 0; i < data.length; i += 4) {
    sum = (sum * 31 + data[i] + data[i + 1]) % 1e9;
    if (data[i] > 200 && data[i + 1] < 110 && data[i + 2] < 40) {
      left++;
      at += i / 4 % stage.width;
    }
  }
  return [left, left ? at / left / stage.width : 0, sum];
})()"""
NASTY = "a man says </script><b>hi</b> & “bye”"


def recorded(writer: EpisodeWriter, seconds: float, *actors: dict, **fields) -> None:
    take = Take(Simulation(make_scene(*actors, duration=seconds, **fields)))
    take.run_until(round(60 * seconds))
    writer.add(take.record("complete"), take.episodes())
    take.close()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> EpisodeDataset:
    """A runner who turns, two who wave, a dog, a captured walk."""
    path = tmp_path_factory.mktemp("inspect") / "runs"
    row = IndexRow(Path("walk.bvh"), "a person walks", source="lab", licence="CC0-1.0", split="val")
    with EpisodeWriter(path) as writer:
        run = {
            "actions": [[0.0, "run"]],
            "velocity": [4.0, 0.0],
            "caption": "a man runs to the right",
        }
        recorded(writer, 4.0, run)
        wave = {"actions": [[0.0, "walk"], [1.5, "wave"]], "caption": "a woman walks, then waves"}
        recorded(writer, 3.0, wave, {**wave, "initial_position": {"x": 0, "y": 3}})
        dog = {"actor_type": "dog", "actions": [[0.0, "walk"]], "caption": NASTY}
        recorded(writer, 2.0, dog)
        captured = to_episode(retarget_clip(walker(3.0)), row, {})
        writer.add(scene_of(captured), [captured])
    return open_dataset(path)


@pytest.fixture
def command(tool):
    """Runs the command in this process: exit code, stdout and stderr."""
    return partial(tool, app)


def test_a_sample_s_figures_are_what_it_shows(dataset):
    runner, woman, _, dog, walk = map(measure, dataset)
    assert runner.far == pytest.approx(16.0, abs=0.3)
    assert runner.speed == pytest.approx(4.0, abs=0.05)
    assert runner.seconds == 4.0
    assert (runner.turn, runner.skate) == (pytest.approx(0.0, abs=0.01), 0.0)
    assert list(woman.actions) == ["walk", "wave"]
    assert sum(woman.actions.values()) == pytest.approx(3.0)
    assert [part.action for part in woman.parts] == [ActionType.WALK, ActionType.WAVE]
    assert woman.parts[0].speed > 2 * woman.parts[1].speed
    assert (dog.kind, dog.skate, dog.parts) == ("dog", 0.0, [])
    assert walk.turn == pytest.approx(np.radians(40), abs=0.12)
    assert walk.split == "val"


def test_what_is_wrong_is_found(dataset):
    runner = dataset.episode(0)
    sliding = replace(runner, state=runner.state.copy())
    sliding.state[:, 2 * L_FOOT + 1] = 0.0
    sunk = replace(runner, root=runner.root - np.float32([0.0, 0.0, 0.2]))
    popping = replace(runner, lateral=runner.lateral.copy())
    popping.lateral[60, 3] += 1.0
    good = measure(runner)
    assert measure(sliding).skate > good.skate + 0.3
    assert measure(sliding).bones > 0.1 > good.bones
    assert measure(sunk).sink == pytest.approx(good.sink + 0.2, abs=0.001)
    assert measure(popping).pop > good.pop + 15
    samples = [replace(good, index=i, skate=i / 10) for i in range(5)]
    assert [s.index for name, s in worst(samples, 2) if name == "skate"] == [4, 3]


def test_what_lies_beyond_the_last_edge_counts_there():
    counts = histogram([0.0, 0.01, 0.05, 99.0, 5000.0], FAR_EDGES)
    assert (counts[0], counts[1], counts[-1], sum(counts)) == (2, 1, 2, 5)


def test_tables_say_what_is_there_and_what_is_missing(dataset, command, tmp_path):
    page = tmp_path / "page.md"
    code, out, _ = command(dataset.root, "--markdown", page)
    assert code == 1  # nobody sprints
    assert "episodes, sprint: 0 (wanted >= 1)" in out
    assert "episodes, walk" not in out
    rows = {line.split(" | ")[0]: line for line in page.read_text().splitlines()}
    assert rows["| episodes"].startswith("| episodes | 5 | 4 | 1 | 0 |")
    assert rows["| bodies: dog"].startswith("| bodies: dog | 1 | 1 |")
    assert "| run | 4.0 | " in page.read_text()
    assert "| run | 1 | 4 | 4.00 |" in page.read_text()


def test_a_page_keeps_the_worst_and_an_even_choice_of_the_rest(dataset):
    good = measure(dataset.episode(0))
    samples = [replace(good, index=i, skate=float(i == 37)) for i in range(100)]
    shown = choose(samples, 20)
    assert len(shown) == 20 == len(set(shown))
    assert 37 in shown
    assert shown == sorted(shown)
    assert max(np.diff(shown)) < 12
    assert choose(samples, 100) == list(range(100))


def test_a_page_is_written_again_and_never_over_something_else(dataset, command, tmp_path):
    page = tmp_path / "page"
    assert command(dataset.root, "--html", page, "--most", "3")[0] == 1
    assert len(list((page / "episodes").iterdir())) == 3
    command(dataset.root, "--html", page, "--episode", "2")
    assert [path.name for path in (page / "episodes").iterdir()] == ["000002.js"]
    data = (page / "data.js").read_text(encoding="utf-8")
    told = json.loads(data.removeprefix("const DATASET = ").rstrip(";\n"))
    assert [episode["i"] for episode in told["episodes"]] == [2]
    assert told["total"] == 5
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").touch()
    code, _, err = command(dataset.root, "--html", tmp_path / "notes")
    assert code == 2
    assert "notes: holds something else" in err


@pytest.mark.slow
def test_the_page_filters_plays_and_scrubs_in_a_browser(dataset, command, tmp_path):
    command(dataset.root, "--html", tmp_path / "page")
    with chromium(tmp_path / "profile") as page:
        page.open(tmp_path / "page" / "index.html")
        assert page.run("document.querySelectorAll('.card').length") == 5
        captions = "[...document.querySelectorAll('.card b')].map(b => b.textContent)"
        assert NASTY in page.run(captions)  # shown as it is, and nothing else on the page
        assert page.run("document.querySelector('.card b b')") is None
        page.wait(
            "[...document.querySelector('.card canvas').getContext('2d')"
            ".getImageData(0, 0, 200, 100).data].some(v => v > 0 && v < 60)"
        )

        page.click("#actions li[data-action=run]")
        assert page.run(captions) == ["a man runs to the right"]
        assert page.run("element('count').textContent") == "1 of 5 episodes"
        page.click("#clear")
        page.click("#search")
        page.type("waves")
        assert page.run(captions) == ["a woman walks, then waves"] * 2
        page.run("element('search').value = ''; select()")
        page.run("element('split').value = 'val'; element('split').onchange()")
        assert page.run(captions) == ["a person walks"]
        page.run("element('split').value = ''; element('split').onchange()")

        page.click(".card[data-episode='0']")
        page.wait("player.track !== null && player.playing")
        assert page.run("element('caption').textContent") == "a man runs to the right"
        page.wait("player.frame > 3")
        page.click("#play")
        assert page.run("player.playing") is False

        page.click("#scrub", 0.25)
        quarter, frame = page.run(LOOK), page.run("player.frame")
        assert frame == pytest.approx(0.25 * 119, abs=3)
        assert quarter[0] > 500  # the left limbs' colour
        assert quarter[1] == pytest.approx(0.5, abs=0.1)  # the camera keeps him in the middle
        page.click("#scrub", 0.75)
        assert page.run("player.frame") == pytest.approx(0.75 * 119, abs=3)
        assert page.run(LOOK)[2] != quarter[2]
        assert page.run("element('clock').textContent").endswith("/ 3.97 s")
        page.click("#timeline", 0.25)
        assert page.run("player.frame") == pytest.approx(0.25 * 119, abs=3)

        plain = page.run(LOOK)
        page.click("#onion")
        onion = page.run(LOOK)
        assert onion[2] != plain[2]
        page.run("element('rate').value = '4'")
        # A tenth of a second by a clock of the test's own, then on to the end by the real one.
        page.run("window.real = requestAnimationFrame; requestAnimationFrame = f => { next = f }")
        page.run("player.play(); window.t = performance.now(); next(t); window.f = player.frame")
        page.run("next(t + 100)")
        assert page.run("player.frame - f") == pytest.approx(0.1 * 30 * 4, abs=0.01)
        page.run("requestAnimationFrame = real; real(next)")
        page.wait("!player.playing")  # it stops at the end
        assert page.run("player.frame") >= 118
        page.click("#next")
        page.wait("player.track.index === 1")
        page.click("#close")
        assert page.run("element('player').open") is False
        assert page.errors == []


def turned(points: np.ndarray, heading: float) -> np.ndarray:
    cos, sin = np.cos(heading), np.sin(heading)
    x, y = points.T
    return np.stack([x * cos + y * sin, y * cos - x * sin], axis=1)


def test_an_exported_bvh_comes_back_as_the_same_motion(dataset, command, tmp_path):
    for index in (0, 1, 4):
        episode, path = dataset.episode(index), tmp_path / f"{index}.bvh"
        assert command(dataset.root, "--bvh", path, "--episode", index) == (0, "", "")
        clip = retarget_file(path)
        assert len(clip.motion) == len(episode)
        assert clip.unit_m == pytest.approx(1.0, abs=1e-3)
        root = turned(episode.root[:, :2] - episode.root[0, :2], episode.heading[0])
        # Facing is smoothed on the way in, so a clip that begins with a turn begins a little aside.
        assert np.abs(clip.motion.root[:, :2] - root).max() < 0.03 * max(np.abs(root).max(), 1.0)
        assert np.abs(clip.motion.heading - (episode.heading - episode.heading[0])).max() < 0.05
        away = np.linalg.norm(clip.motion.pose - episode.pose, axis=2)
        assert away.mean() < 0.025
        assert away.max() < 0.12


def test_a_bvh_s_bones_are_rigid_and_end_where_the_body_s_do(dataset):
    episode = dataset.episode(0)
    bvh = to_bvh(episode)
    joints, _ = joint_positions(bvh)
    points = body(episode)[:, :, [1, 2, 0]]  # x, y, z of the file: left, up and ahead at heading 0
    for name, point in (("LeftLeg", "l_knee"), ("RightHand", "r_hand"), ("LeftToeBase", "l_foot")):
        away = joints[:, bvh.names.index(name)] - points[:, POINTS.index(point)]
        assert np.linalg.norm(away, axis=1).max() < 0.012, name
    assert joints[:, 0] == pytest.approx(points[:, PELVIS], abs=1e-4)


def test_a_json_file_has_every_point_in_the_world(dataset, command, tmp_path):
    path = tmp_path / "run.json"
    assert command(dataset.root, "--json", path, "--episode", 1)[0] == 0
    told, episode = json.loads(path.read_text(encoding="utf-8")), dataset.episode(1)
    assert (told["fps"], told["task"], told["unit"]) == (30, "a woman walks, then waves", "m")
    assert np.shape(told["frames"]) == (90, len(POINTS), 3)
    assert np.array(told["frames"]) == pytest.approx(body(episode), abs=1e-4)
    (start, walk), (then, wave) = told["actions"]
    assert (start, walk, wave) == (0.0, "walk", "wave")
    assert then == pytest.approx(1.5, abs=0.04)
    assert told["points"].index("l_foot") == L_FOOT


@pytest.mark.slow
def test_a_rerun_file_holds_bodies_and_curves_over_time(dataset, command, tmp_path):
    pytest.importorskip("rerun")
    from rerun.chunk import RrdReader

    path = tmp_path / "runs.rrd"
    assert command(dataset.root, "--rerun", path)[0] == 0
    chunks = {}
    for chunk in RrdReader(str(path)).stream():
        if not chunk.is_static:
            chunks[chunk.entity_path] = chunk.to_record_batch()
    assert sum(name.endswith("/points") for name in chunks) == len(dataset)
    batch = chunks["/world/episode_000000/points"]
    assert batch.num_rows == 120
    (column,) = [c for c in batch.schema.names if "positions" in c]
    points = np.array(batch.column(column).to_pylist())
    assert points == pytest.approx(body(dataset.episode(0)), abs=1e-4)
    assert "/world/episode_000003/speed" in chunks
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs.rrd"]
    code, _, err = command(dataset.root, "--rerun", "/dev/full")
    assert (code, err) == (2, "stride: /dev/full: No space left on device\n")


@pytest.mark.slow
def test_sheets_show_moments_of_the_worst_and_of_all(dataset, command, tmp_path):
    command(dataset.root, "--sheets", tmp_path / "sheets", "--worst", "1")
    names = sorted(path.name for path in (tmp_path / "sheets").iterdir())
    assert names == ["spread-1.png", "worst-1.png"]
    sheet = pygame.image.load(tmp_path / "sheets" / "spread-1.png")
    assert sheet.get_width() == 6 * 324 + 4
    assert len({tuple(sheet.get_at((x, 90))) for x in range(0, 1900, 7)}) > 20


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "nowhere: no dataset here"),
        (("{}", "--episode", "9", "--bvh", "x.bvh"), "episode 9: expected 0 to 4"),
        (("{}", "--episode", "1", "--episode", "2", "--bvh", "x.bvh"), "expected one --episode"),
        (("{}", "--bvh", "no/x.bvh"), "No such file or directory"),
        (("{}", "--json", "no/x.json"), "No such file or directory"),
        (("{}", "--most", "0"), "--most"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    dataset, command, arguments, says, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(*(text.format(dataset.root) for text in arguments))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_an_empty_dataset_is_said_to_be_one(command, tmp_path):
    with EpisodeWriter(tmp_path / "none") as writer:
        writer.add(SceneRecord(make_scene({})), [])
    code, _, err = command(tmp_path / "none")
    assert (code, "holds no finished episodes yet" in err) == (2, True)


def test_the_wanted_action_is_there_once_it_is_recorded(dataset):
    runner = dataset.episode(0)
    jumps: Episode = replace(runner, action_id=runner.action_id.copy())
    jumps.action_id[30:60] = ACTION_INDEX[ActionType.JUMP]
    sample = measure(jumps)
    assert sample.actions == {"run": pytest.approx(3.0), "jump": pytest.approx(1.0)}


def test_what_is_damaged_is_named_and_the_rest_is_shown(dataset, command, tmp_path):
    path = tmp_path / "d"
    shutil.copytree(dataset.root, path)
    with EpisodeWriter(path) as writer:
        writer.add(dataset.scene(0), [replace(dataset.episode(0), task="a man runs again")])
    lost = path / "data/chunk-000/file-001.parquet"
    lost.write_bytes(lost.read_bytes()[:-50])
    code, _, err = command(path, "--json", tmp_path / "a.json", "--markdown", tmp_path / "a.md")
    assert code == 1
    assert err.splitlines() == [line for line in err.splitlines() if line.startswith(str(lost))]
    assert "| episodes | 5 |" in (tmp_path / "a.md").read_text()
    code, _, err = command(path, "--episode", "5", "--bvh", tmp_path / "a.bvh")
    assert (code, err.count("\n")) == (2, 1)
    assert str(lost) in err
    lines = (path / "meta/scenes.jsonl").read_text().splitlines()
    lines[0] = "{" + " " * (len(lines[0]) - 1)
    (path / "meta/scenes.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"scenes.jsonl:1: not JSON"):
        Recording(path, 0)
    assert Recording(path, 1).number == 1


def test_a_dataset_that_marks_none_for_validation_is_counted_as_it_is_used(command, tmp_path):
    with EpisodeWriter(tmp_path / "d") as writer:
        for _ in range(3):
            recorded(writer, 1.0, {"actions": [[0.0, "walk"]]})
    command(tmp_path / "d", "--markdown", tmp_path / "a.md")
    page = (tmp_path / "a.md").read_text()
    assert "| episodes | 3 | 2 | 1 | 0 |" in page
    assert "no episode is marked val: training holds out" in page
