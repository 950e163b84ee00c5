"""Captured files become episodes: the same whatever they look like, each with its terms."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from entities.actions import ACTIONS, ActionType
from ml.capture.bvh import Bvh, parse_bvh, read_bvh, write_bvh
from ml.capture.clip_episode import action_of, caption_of, flight_height, to_episode
from ml.capture.importing import find_rows, scene_of
from ml.capture.index import IndexRow, mocap_folder, read_index
from ml.capture.retarget import retarget_clip
from ml.episodes.features import decode
from ml.episodes.reader import SOURCES, Episode, Source, open_dataset
from ml.measure.metrics import skating_ratio
from tests.ml.capture.test_retarget import RIGS, renamed, reordered, rescaled, walker, z_up
from tools.import_bvh import app


def save(path: Path, bvh: Bvh) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(write_bvh(bvh), encoding="utf-8")
    return path


@pytest.fixture
def command(tool):
    """Runs the command in this process: exit code, stdout and stderr."""
    return partial(tool, app)


def assert_same(one: Episode, other: Episode, within_m: float = 0.001) -> None:
    assert len(one) == len(other)
    for name in ("root", "pose", "lateral"):
        assert abs(getattr(one, name) - getattr(other, name)).max() < within_m, name
    assert abs(one.state[:, -2:] - other.state[:, -2:]).max() < within_m
    assert abs(one.heading - other.heading).max() < 1e-3
    assert abs(one.velocity - other.velocity).max() < 0.01
    assert abs(one.action - other.action).max() < 0.01
    for name in ("contact", "action_id", "source"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def with_toes(bvh: Bvh) -> Bvh:
    """The same body with a toe joint where the ball of the foot is, as most files have it."""
    names, parents, offsets = list(bvh.names), list(bvh.parents), list(bvh.offsets)
    channels, ends = list(bvh.channels), dict(bvh.ends)
    motion = [bvh.motion]
    for side in ("Left", "Right"):
        foot = names.index(f"{side}Foot")
        end = ends.pop(foot)
        names.append(f"{side}ToeBase")
        parents.append(foot)
        offsets.append(0.75 * end)
        channels.append(("Zrotation", "Xrotation", "Yrotation"))
        ends[len(names) - 1] = 0.25 * end
        motion.append(np.zeros((len(bvh.motion), 3)))
    return Bvh(
        names, parents, np.array(offsets), channels, ends, bvh.frame_s, np.concatenate(motion, 1)
    )


def lafan1(name: str) -> str:
    return name.replace("ToeBase", "Toe")


def cgspeed(name: str) -> str:
    return {"Spine": "LowerBack"}.get(name, name)


def bandai(name: str) -> str:
    return f"Toes_{name[0]}" if "Toe" in name else RIGS["bandai"](name)


@pytest.mark.parametrize("rename", [lafan1, cgspeed, RIGS["mixamo"], bandai])
def test_skeletons_with_toes_give_the_same_episode(rename):
    row = IndexRow(Path("walk.bvh"), "a person walks")
    expected = to_episode(retarget_clip(walker()), row, {})
    assert_same(to_episode(retarget_clip(renamed(with_toes(walker()), rename)), row, {}), expected)


def test_the_episode_is_what_the_clip_shows():
    clip = retarget_clip(walker(4.0))
    row = IndexRow(
        Path("x/walk.bvh"),
        "a person walks and turns left",
        source="lab",
        licence="CC0-1.0",
        split="val",
    )
    episode = to_episode(clip, row, {"sha256": "abc"})
    n = len(clip.motion) - 1
    assert len(episode) == n
    root, pose = decode(episode.state, episode.heading, episode.root[0, :2], 1.0)
    assert abs(root - clip.motion.root[:n, :2]).max() < 1e-4
    assert abs(pose - clip.motion.pose[:n]).max() < 1e-5
    step = clip.motion.root[n, :2] - clip.motion.root[n - 1, :2]
    assert np.hypot(*episode.state[-1, -2:]) == pytest.approx(np.hypot(*step), abs=1e-5)
    assert abs(np.hypot(*episode.action[20:-20, :2].T) - 1.2).max() < 0.03
    assert episode.action[60, 2] == pytest.approx(np.radians(10), abs=0.02)
    assert {ACTIONS[i] for i in episode.action_id} == {ActionType.WALK}
    assert {SOURCES[i] for i in episode.source} == {Source.CAPTURED}
    assert (episode.split, episode.teaches, episode.task) == ("val", "all", row.caption)
    assert episode.about["licence"] == "CC0-1.0"
    assert episode.about["skating"] == pytest.approx(skating_ratio(clip.motion), abs=1e-4)


def test_what_may_be_learned_is_marked():
    clip = retarget_clip(walker(1.0))
    row = IndexRow(Path("a.bvh"), "walks", source="lab")
    across = walker(1.0)
    for name in ("LeftArm", "RightArm"):
        across.motion[:, 3 + 3 * across.names.index(name)] = 0.0
    assert to_episode(clip, row, {}).teaches == "all"
    assert to_episode(clip, replace(row, full_root=False), {}).teaches == "pose"
    assert to_episode(clip, replace(row, source="deepmimic"), {}).teaches == "nothing"
    flagged = to_episode(retarget_clip(across), row, {})
    assert flagged.teaches == "nothing"
    assert flagged.about["out_of_plane"] is True
    around = walker(3.0)  # an arm held out sideways draws small circles: in the plane it spins
    turn = 14.0 * np.arange(90) / 30.0
    arm, forearm = (3 + 3 * around.names.index(name) for name in ("LeftArm", "LeftForeArm"))
    around.motion[:, arm] = np.degrees(np.arcsin(0.34 * np.sin(turn)))
    around.motion[:, arm + 2] = np.degrees(np.arcsin(0.34 * np.cos(turn)))
    around.motion[:, forearm + 2] = 0.0
    spinning = retarget_clip(around)
    assert spinning.too_fast
    assert to_episode(spinning, row, {}).teaches == "nothing"
    assert not clip.too_fast


def test_a_walk_on_the_spot_keeps_its_sliding_feet():
    bvh = walker(3.0, speed=0.0)
    bvh.motion[:, 5] = 0.0
    planted, sliding = retarget_clip(bvh).motion, retarget_clip(bvh, travels=False).motion
    swing = np.ptp(retarget_clip(bvh).raw.pose[:, 7, 0])
    assert np.ptp(sliding.pose[:, 7, 0]) > 0.9 * swing
    assert sliding.pose[:, [7, 9], 1].min() >= 0.0
    assert sliding.contact.mean() > planted.contact.mean()


def test_a_jump_s_height_goes_to_the_root():
    clip = retarget_clip(walker(2.0))
    motion = clip.motion
    pose, contact = motion.pose.copy(), np.ones_like(motion.contact)
    contact[20:35] = False
    t = np.arange(1, 16) / 30.0
    rise = 0.5 * 9.81 * t * (16 / 30.0 - t)
    pose[:, [7, 9], 1] = 0.0
    pose[20:35, :, 1] += rise[:, None]
    jump = replace(motion, pose=pose, contact=contact)
    height = flight_height(jump)
    assert height[20:35] == pytest.approx(rise, abs=1e-9)
    assert height[:20].max() == height[35:].max() == 0.0
    row = IndexRow(Path("j.bvh"), "a person jumps", action="jump")
    episode = to_episode(replace(clip, motion=jump), row, {})
    assert episode.root[27, 2] == pytest.approx(rise[7], abs=1e-5)
    assert episode.pose[20:35, 7, 1] == pytest.approx(np.zeros(15), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("walk1_subject1.bvh", "walk"),
        ("dataset-1_walk_active_001.bvh", "walk active"),
        ("Zombie Walk.bvh", "zombie walk"),
        ("SneakLeft_120fps.bvh", "sneak left"),
    ],
)
def test_a_file_s_name_is_its_caption_for_want_of_an_index(name, caption):
    assert caption_of(Path(name)) == caption


def test_actions_are_told_by_name_and_gaits_by_speed():
    motion = retarget_clip(walker(2.0)).motion
    fast, runner = (retarget_clip(walker(2.0, speed=s)).motion for s in (3.0, 5.0))
    assert action_of("zombie-walk", motion) is ActionType.ZOMBIE_WALK
    assert action_of("a person is dancing", motion) is ActionType.DANCE
    assert action_of("something nobody knows", motion) is ActionType.WALK
    assert action_of("run", fast) is ActionType.JOG
    assert action_of("run", runner) is ActionType.RUN


def test_a_folder_becomes_a_dataset_once(tmp_path, command):
    source, out = tmp_path / "clips", tmp_path / "data"
    save(source / "bvh" / "one.bvh", walker(2.0))
    save(source / "bvh" / "walk_slow.bvh", walker(1.0, speed=0.8))
    save(source / "bvh" / "broken.bvh", walker(1.0))
    (source / "bvh" / "broken.bvh").write_text("HIERARCHY")
    (source / "index.csv").write_text(
        "file,action,caption,root_motion,source,licence,split\n"
        "bvh/one.bvh,walk,a person walks,none,lab,CC0-1.0,test\n"
    )
    code, stdout, stderr = command(source, "--out", out, "--joints", "--licence", "mine")
    assert code == 1
    assert "2 imported, 0 already there, 1 refused" in stderr
    assert stderr.strip().splitlines()[-1].startswith(f"{source / 'bvh' / 'broken.bvh'}: not a BVH")
    assert "left_upper_leg: LeftUpLeg" in stdout
    dataset = open_dataset(out)
    one, slow = dataset
    assert (one.task, one.split, one.teaches) == ("a person walks", "test", "pose")
    assert (one.about["licence"], one.about["source"]) == ("CC0-1.0", "lab")
    assert (slow.task, slow.split, slow.about["licence"]) == ("walk slow", "train", "mine")
    record = dataset.scene(0)
    assert (record.ticks, record.end_reason) == (0, "captured")
    assert record.scene.actors[0].caption == "a person walks"
    (source / "bvh" / "broken.bvh").unlink()
    save(source / "bvh" / "new_run.bvh", walker(1.0, speed=5.0))
    code, _, stderr = command(source, "--out", out)
    assert (code, len(open_dataset(out))) == (0, 3)
    assert "1 imported, 2 already there, 0 refused" in stderr


def test_a_file_that_cannot_be_read_costs_no_other(tmp_path, command):
    source, out = tmp_path / "clips", tmp_path / "data"
    for name, speed in (("a_walk", 1.0), ("c_walk", 1.1), ("d_walk", 1.2)):
        save(source / f"{name}.bvh", walker(1.0, speed=speed))
    (source / "bb_walk.bvh").symlink_to("/nowhere/x.bvh")
    (source / "bc_walk.bvh").symlink_to("bc_walk.bvh")
    (source / "bd_walk.bvh").mkdir()
    (source / "be_walk.bvh").write_bytes(b"\xff" * 9)
    (source / "bf_walk.bvh").symlink_to("/dev/zero")
    (source / "index.csv").write_text("file,caption\na_walk.bvh," + "x" * 2_001 + "\n")
    code, _, stderr = command(source, "--out", out)
    assert code == 1
    summary, *lines = stderr.strip().split("\n")
    assert summary == "2 imported, 0 already there, 6 refused"
    assert [line.split(": ")[0] for line in lines] == [
        str(source / f"{name}_walk.bvh") for name in ("a", "bb", "bc", "bd", "be", "bf")
    ]
    reasons = ("2000", "No such file", "symbolic links", "directory", "0xff", "larger than 64 MiB")
    assert all(why in line for why, line in zip(reasons, lines, strict=True))
    assert [episode.about["file"] for episode in open_dataset(out)] == ["c_walk.bvh", "d_walk.bvh"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("clips", "--index", "long.csv"), "which does not exist"),
        (("clips", "--index", "wide.csv"), "wide.csv:1: field larger than"),
        (("clips", "--index", "nul.csv"), "nul.csv: line 2: a NUL"),
        (("nowhere",), "nowhere: no such file"),
        (("empty",), "no BVH files"),
        (("clips", "--split", "holdout"), "--split: 'holdout'; expected one of train, val, test"),
        (("clips", "--index", "no.csv"), "no.csv: No such file"),
        (("clips", "--index", "bad.csv"), "no column 'caption'"),
        (("clips", "--index", "gone.csv"), "which does not exist"),
        (("clips", "--index", "odd.csv"), "odd.csv:2: split: 'maybe'"),
        (("clips", "--up", "x"), "'x'"),
        (("clips", "--out", "clips"), "holds a_walk.bvh; expected a dataset"),
    ],
)
def test_what_cannot_start_says_so_in_a_line(tmp_path, monkeypatch, command, arguments, says):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "clips" / "a_walk.bvh", walker(1.0))
    Path("empty").mkdir()
    Path("long.csv").write_text("file,caption\n" + "x" * 9_000 + ".bvh,walks\n")
    Path("wide.csv").write_text("file,caption\na_walk.bvh," + "x" * 200_000 + "\n")
    Path("nul.csv").write_bytes(b"file,caption\na_walk.bvh,a\0\n")
    Path("bad.csv").write_text("file,text\na,b\n")
    Path("gone.csv").write_text("file,caption\nclips/b.bvh,walks\n")
    Path("odd.csv").write_text("file,caption,split\nclips/a_walk.bvh,walks,maybe\n")
    code, out, err = command(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_a_skeleton_that_lacks_joints_is_named(tmp_path, command):
    bvh = renamed(walker(1.0), lambda name: "Thing" if name == "LeftLeg" else name)
    path = save(tmp_path / "a_walk.bvh", bvh)
    code, _, err = command(path, "--out", tmp_path / "data")
    assert code == 1
    assert f"{path}: skeleton: no joint for left lower leg; has Hips" in err
    assert len(open_dataset(tmp_path / "data")) == 0


def test_a_text_index_has_a_name_and_a_caption_a_line(tmp_path):
    save(tmp_path / "02_01.bvh", walker(1.0))
    index = tmp_path / "index.txt"
    index.write_text("02_01   walk, then stop\n02_03 run\n")
    (row,) = find_rows([tmp_path], index, IndexRow(Path(), ""))
    assert (row.path, row.caption) == (tmp_path / "02_01.bvh", "walk, then stop")


def test_an_index_is_read_whatever_wrote_it(tmp_path):
    save(tmp_path / "a_walk.bvh", walker(1.0))
    index = tmp_path / "index.csv"
    for encoding in ("utf-8-sig", "utf-16"):
        index.write_bytes("file,caption\r\na_walk.bvh,läuft\u2028fort\r\n".encode(encoding))
        (row,) = find_rows([tmp_path], index, IndexRow(Path(), ""))
        assert row.caption == "läuft\u2028fort"


def test_scene_and_episode_agree():
    row = IndexRow(Path("w.bvh"), "a person walks")
    imported = to_episode(retarget_clip(walker(2.0)), row, {})
    scene = scene_of(imported).scene
    assert scene.duration == pytest.approx(len(imported) / 30.0)
    assert scene.actors[0].actions[0][1] is ActionType.WALK


@pytest.mark.slow
def test_the_whole_pack_comes_in_with_its_splits_and_licences(tmp_path, command):
    folder = mocap_folder()
    if folder is None:
        pytest.skip("no mocap pack at ../shared/mocap")
    code, _, stderr = command(folder, "--out", tmp_path / "data")
    assert code == 0, stderr
    dataset = open_dataset(tmp_path / "data")
    told = {row.path.name: row for row in read_index(folder)}
    assert len(dataset) == len(told) == 239
    splits = {"train": 0, "val": 0, "test": 0}
    before, after = [], []
    for episode in dataset:
        row = told[episode.about["file"]]
        splits[episode.split] += 1
        assert (episode.task, episode.about["licence"]) == (row.caption, row.licence)
        assert episode.split == row.split
        if row.source == "deepmimic":
            assert (episode.split, episode.teaches) == ("test", "nothing")
        if not row.full_root:
            assert episode.teaches in ("pose", "nothing")
        if episode.about["out_of_plane"]:
            assert episode.teaches == "nothing"
        if row.full_root:
            before.append(episode.about["skating_source"])
            after.append(episode.about["skating"])
    assert splits == {"train": 148, "val": 18, "test": 73}
    assert np.mean(after) < np.mean(before)


@pytest.mark.slow
def test_clips_of_the_pack_in_other_clothes_give_the_same_episodes():
    folder = mocap_folder()
    if folder is None:
        pytest.skip("no mocap pack at ../shared/mocap")
    rigs = list(RIGS.values())
    spine = {"Spine": "spine_01", "Chest": "spine_02"}
    for number, row in enumerate(read_index(folder)):
        bvh = read_bvh(row.path)
        rig = rigs[number % len(rigs)]
        other = renamed(bvh, lambda name, rig=rig: spine.get(name) or rig(name))
        other = rescaled(other, (100.0, 39.37, 17.3)[number % 3])
        other = parse_bvh(write_bvh(reordered(z_up(other) if number % 2 else other)))
        expected = to_episode(retarget_clip(bvh, travels=row.full_root), row, {})
        assert_same(to_episode(retarget_clip(other, travels=row.full_root), row, {}), expected)
