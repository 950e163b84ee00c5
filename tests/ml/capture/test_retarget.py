"""Real motion comes in whole: any naming, order and unit, on the contract's bones and ground."""

import re
from dataclasses import replace

import numpy as np
import pytest

from entities.skeleton import L_FOOT, NECK, PELVIS, R_FOOT
from ml.capture.bvh import Bvh, joint_positions, parse_bvh, read_bvh, write_bvh
from ml.capture.index import mocap_folder, read_index
from ml.capture.refit import BONES
from ml.capture.retarget import retarget_clip, retarget_file
from ml.measure.metrics import (
    bone_deviation,
    foot_penetration,
    gait_figures,
    limit_violations,
    mean_speed,
    skating_ratio,
    support_speed,
)

CHANNELS = ("Zrotation", "Xrotation", "Yrotation")
# name, parent, offset of a 1.70 m body in metres, y up, facing +z
BODY = [
    ("Hips", None, (0, 0, 0)),
    ("Spine", "Hips", (0, 0.26, 0)),
    ("Neck", "Spine", (0, 0.24, 0)),
    ("Head", "Neck", (0, 0.09, 0.015)),
    *(
        row
        for side, sign in (("Left", 1), ("Right", -1))
        for row in (
            (f"{side}Shoulder", "Spine", (0.025 * sign, 0.19, 0)),
            (f"{side}Arm", f"{side}Shoulder", (0.15 * sign, 0, 0)),
            (f"{side}ForeArm", f"{side}Arm", (0.295 * sign, 0, 0)),
            (f"{side}Hand", f"{side}ForeArm", (0.25 * sign, 0, 0)),
            (f"{side}UpLeg", "Hips", (0.09 * sign, -0.05, 0)),
            (f"{side}Leg", f"{side}UpLeg", (0, -0.415, 0)),
            (f"{side}Foot", f"{side}Leg", (0, -0.402, 0)),
        )
    ),
]
ENDS = {"Head": (0, 0.17, 0), "LeftHand": (0.17, 0, 0), "RightHand": (-0.17, 0, 0)}
ENDS |= {"LeftFoot": (0, -0.075, 0.175), "RightFoot": (0, -0.075, 0.175)}


def walker(seconds: float = 4.0, fps: float = 30.0, speed: float = 1.2) -> Bvh:
    """A body that swings its limbs and travels along +z; its feet are not meant to stand still."""
    names = [name for name, *_ in BODY]
    t = np.arange(round(seconds * fps)) / fps
    swing = np.sin(2 * np.pi * t / 1.1)
    angles = {name: np.zeros((len(t), 3)) for name in names}
    angles["LeftUpLeg"][:, 1], angles["RightUpLeg"][:, 1] = -25 * swing, 25 * swing
    angles["LeftLeg"][:, 1], angles["RightLeg"][:, 1] = 20 + 18 * swing, 20 - 18 * swing
    angles["LeftArm"][:, 0], angles["RightArm"][:, 0] = -80, 80
    angles["LeftForeArm"][:, 2], angles["RightForeArm"][:, 2] = -20 + 9 * swing, 20 + 9 * swing
    angles["Hips"][:, 2] = 40 * t / seconds  # turns to its left
    angles["Spine"][:, 1] = 8
    root = np.stack([0 * t + 0.3, 0.93 + 0.02 * swing**2, speed * t], axis=1)
    return Bvh(
        names=names,
        parents=[-1 if parent is None else names.index(parent) for _, parent, _ in BODY],
        offsets=np.array([offset for *_, offset in BODY], float),
        channels=[("Xposition", "Yposition", "Zposition", *CHANNELS)]
        + [CHANNELS] * (len(names) - 1),
        ends={names.index(name): np.array(offset, float) for name, offset in ENDS.items()},
        frame_s=1.0 / fps,
        motion=np.concatenate([root, *(angles[name] for name in names)], axis=1),
    )


def renamed(bvh: Bvh, rename) -> Bvh:
    return Bvh(
        [rename(name) for name in bvh.names],
        bvh.parents,
        bvh.offsets,
        bvh.channels,
        bvh.ends,
        bvh.frame_s,
        bvh.motion,
    )


def rescaled(bvh: Bvh, factor: float) -> Bvh:
    motion = bvh.motion.copy()
    motion[:, :3] *= factor
    ends = {joint: factor * offset for joint, offset in bvh.ends.items()}
    return Bvh(
        bvh.names, bvh.parents, factor * bvh.offsets, bvh.channels, ends, bvh.frame_s, motion
    )


def z_up(bvh: Bvh) -> Bvh:
    """The same file with its axes named anew: (x, y, z) -> (z, x, y)."""
    turn = {"X": "Y", "Y": "Z", "Z": "X"}
    return Bvh(
        bvh.names,
        bvh.parents,
        bvh.offsets[:, [2, 0, 1]],
        [tuple(turn[name[0]] + name[1:] for name in names) for names in bvh.channels],
        {joint: offset[[2, 0, 1]] for joint, offset in bvh.ends.items()},
        bvh.frame_s,
        bvh.motion,
    )


def reordered(bvh: Bvh) -> Bvh:
    """Right limbs before left ones, root rotations before positions."""
    joints = list(range(len(bvh.names)))
    place: list[int] = []

    def visit(joint: int) -> None:
        place.append(joint)
        for child in reversed([k for k in joints if bvh.parents[k] == joint]):
            visit(child)

    visit(0)
    first = np.cumsum([0, *map(len, bvh.channels)])
    columns, channels = [], []
    for joint in place:
        order = list(range(len(bvh.channels[joint])))
        order = order[3:] + order[:3] if joint == 0 else order
        channels.append(tuple(bvh.channels[joint][k] for k in order))
        columns += [first[joint] + k for k in order]
    return Bvh(
        [bvh.names[joint] for joint in place],
        [-1 if bvh.parents[j] < 0 else place.index(bvh.parents[j]) for j in place],
        bvh.offsets[place],
        channels,
        {place.index(joint): offset for joint, offset in bvh.ends.items()},
        bvh.frame_s,
        bvh.motion[:, columns],
    )


def rig(pairs: str):
    """A renaming given as "Hips:pelvis UpLeg:thigh_l …"; {s} and {S} stand for the side."""
    table = dict(pair.split(":", 1) for pair in pairs.split())

    def rename(name: str) -> str:
        side = next((s for s in ("Left", "Right") if name.startswith(s)), "")
        plain = table.get(name.removeprefix(side), name.removeprefix(side))
        return plain.format(side=side, low=side.lower(), L=side[:1], l=side[:1].lower())

    return rename


RIGS = {
    "mixamo": lambda name: f"mixamorig:{name}",
    "daz": rig(
        "Hips:hip Spine:abdomen Neck:neck Shoulder:{l}Collar Arm:{l}Shldr ForeArm:{l}ForeArm "
        "Hand:{l}Hand UpLeg:{l}Thigh Leg:{l}Shin Foot:{l}Foot"
    ),
    "xsens": rig(
        "Shoulder:{side}Collar Arm:{side}Shoulder ForeArm:{side}Elbow Hand:{side}Wrist "
        "UpLeg:{side}Hip Leg:{side}Knee Foot:{side}Ankle"
    ),
    "mvn": rig(
        "Hips:Pelvis Spine:T8 Shoulder:{side}Shoulder Arm:{side}UpperArm ForeArm:{side}ForeArm "
        "Hand:{side}Hand UpLeg:{side}UpperLeg Leg:{side}LowerLeg Foot:{side}Foot"
    ),
    "bandai": rig(
        "Shoulder:Shoulder_{L} Arm:UpperArm_{L} ForeArm:LowerArm_{L} Hand:Hand_{L} "
        "UpLeg:UpperLeg_{L} Leg:LowerLeg_{L} Foot:Foot_{L}"
    ),
    "rokoko": rig(
        "Shoulder:{side}Shoulder Arm:{side}Arm ForeArm:{side}ForeArm Hand:{side}Hand "
        "UpLeg:{side}Thigh Leg:{side}Shin Foot:{side}Foot"
    ),
    "unreal": rig(
        "Hips:pelvis Spine:spine_01 Neck:neck_01 Head:head Shoulder:clavicle_{l} Arm:upperarm_{l} "
        "ForeArm:lowerarm_{l} Hand:hand_{l} UpLeg:thigh_{l} Leg:calf_{l} Foot:foot_{l}"
    ),
    "biped": rig(
        "Hips:Bip01_Pelvis Spine:Bip01_Spine Neck:Bip01_Neck Head:Bip01_Head "
        "Shoulder:Bip01_{L}_Clavicle Arm:Bip01_{L}_UpperArm ForeArm:Bip01_{L}_Forearm "
        "Hand:Bip01_{L}_Hand UpLeg:Bip01_{L}_Thigh Leg:Bip01_{L}_Calf Foot:Bip01_{L}_Foot"
    ),
}


def same(one, other, within_m: float = 0.001) -> None:
    for a, b in ((one.motion, other.motion), (one.raw, other.raw)):
        assert abs(a.world - b.world).max() < within_m
        assert abs(a.pose - b.pose).max() < within_m
        assert abs(a.heading - b.heading).max() < 1e-3
        assert np.array_equal(a.contact, b.contact)


def test_a_bvh_written_and_read_is_the_same():
    bvh = walker()
    again = parse_bvh(write_bvh(bvh))
    assert sorted(again.names) == sorted(bvh.names)
    order = [again.names.index(name) for name in bvh.names]
    assert order != sorted(order)  # the walker's joints are not depth first, a file's are
    assert [again.channels[k] for k in order] == bvh.channels
    assert abs(joint_positions(again)[0][:, order] - joint_positions(bvh)[0]).max() < 1e-5


def test_forward_kinematics_by_hand():
    bvh = walker(1.0)
    bvh.motion[:] = 0.0
    names = bvh.names
    column = {name: 3 + 3 * k for k, name in enumerate(names)}
    bvh.motion[:, column["Hips"] + 2] = 90.0  # Y: the left side turns from +x to -z
    bvh.motion[:, column["LeftUpLeg"] + 1] = -90.0  # X: the thigh forward and level
    joints, ends = joint_positions(bvh)
    assert joints[0, names.index("LeftUpLeg")] == pytest.approx([0, -0.05, -0.09], abs=1e-9)
    assert joints[0, names.index("LeftLeg")] == pytest.approx([0.415, -0.05, -0.09], abs=1e-9)
    toe = ends[names.index("LeftFoot")][0]
    assert toe == pytest.approx([0.415 + 0.402 + 0.075, -0.05 + 0.175, -0.09], abs=1e-9)


@pytest.mark.parametrize("name", RIGS)
def test_other_names_give_the_same_motion(name):
    bvh = walker()
    same(retarget_clip(renamed(bvh, RIGS[name])), retarget_clip(bvh))


def test_other_units_orders_and_axes_give_the_same_motion():
    bvh = walker()
    expected = retarget_clip(bvh)
    same(retarget_clip(rescaled(bvh, 100 / 2.54)), expected)
    same(retarget_clip(reordered(bvh)), expected)
    same(retarget_clip(z_up(bvh)), expected)
    other = renamed(reordered(rescaled(z_up(bvh), 17.3)), RIGS["daz"])
    same(retarget_clip(parse_bvh(write_bvh(other))), expected)
    assert expected.unit_m == pytest.approx(1.0, abs=1e-6)
    assert retarget_clip(rescaled(bvh, 100.0)).unit_m == pytest.approx(0.01, abs=1e-8)


def test_a_first_frame_at_rest_is_left_out():
    bvh = walker()
    rest = np.concatenate([bvh.motion[:1, :3], np.zeros((1, bvh.motion.shape[1] - 3))], axis=1)
    led = replace(bvh, motion=np.concatenate([rest, bvh.motion]))
    assert len(retarget_clip(led).motion) == len(retarget_clip(bvh).motion)
    same(retarget_clip(led), retarget_clip(bvh))
    still = replace(bvh, motion=np.zeros_like(bvh.motion))  # all of it is the rest pose
    assert len(retarget_clip(still).motion) == len(retarget_clip(bvh).motion)


def test_frames_are_resampled_to_thirty_a_second():
    fast, slow = retarget_clip(walker(fps=120.0)), retarget_clip(walker(fps=30.0))
    assert len(fast.motion) == len(slow.motion) == 120
    assert abs(fast.raw.world[:-1] - slow.raw.world[:-1]).max() < 0.002
    assert len(retarget_clip(walker(4.0, fps=24.0)).motion) == 119


def test_the_body_that_comes_out_is_the_contract_s():
    clip = retarget_clip(walker())
    motion = clip.motion
    assert bone_deviation(motion) < 1e-9
    assert abs(motion.pose[:, PELVIS, 0]).max() == 0.0
    assert limit_violations(motion)[0] == 0.0
    assert foot_penetration(motion)[0] < 0.001
    assert motion.heading[0] == 0.0
    assert motion.heading[90] - motion.heading[30] == pytest.approx(np.radians(20), abs=0.01)
    assert motion.root[0] == pytest.approx([0, 0, 0])
    assert mean_speed(motion) == pytest.approx(1.2, rel=0.01)
    lean = np.arctan2(*(motion.pose[:, NECK] - motion.pose[:, PELVIS]).T)
    assert lean == pytest.approx(np.full(len(motion), np.radians(8 * 0.24 / 0.5)), abs=0.02)
    assert (motion.lateral[:, L_FOOT] > motion.lateral[:, R_FOOT]).all()
    assert not clip.out_of_plane
    assert np.array_equal(motion.bones, BONES)


def test_arms_held_out_sideways_are_out_of_plane():
    bvh = walker()
    names = bvh.names
    for name in ("LeftArm", "RightArm"):
        bvh.motion[:, 3 + 3 * names.index(name)] = 0.0
    clip = retarget_clip(bvh)
    assert clip.out_of_plane_share > 0.9
    assert clip.out_of_plane
    assert np.isfinite(clip.motion.pose).all()


@pytest.mark.parametrize(
    ("drop", "missing"),
    [
        (("LeftLeg",), "left lower leg"),
        (("RightForeArm", "LeftForeArm"), "left forearm, right forearm"),
        (("Hips",), "hips"),
    ],
)
def test_a_skeleton_that_lacks_joints_is_refused_by_their_names(drop, missing):
    bvh = renamed(walker(1.0), lambda name: f"Thing{len(name)}" if name in drop else name)
    with pytest.raises(ValueError, match=rf"no joint for {missing}; has .*Spine"):
        retarget_clip(bvh)


def test_a_limb_out_of_order_is_refused():
    swap = {"LeftLeg": "LeftUpLeg", "LeftUpLeg": "LeftLeg"}
    with pytest.raises(ValueError, match=r"'LeftLeg'.*does not hang from 'LeftUpLeg'"):
        retarget_clip(renamed(walker(1.0), lambda name: swap.get(name, name)))


def test_the_report_names_what_was_taken_and_what_was_not():
    report = retarget_clip(renamed(walker(1.0), RIGS["unreal"])).rig.report()
    assert "left_upper_leg: thigh_l" in report
    assert "unused: spine_01, head, clavicle_l, clavicle_r" in report


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda text: "hello", "expected HIERARCHY"),
        (lambda text: text.replace("Frames: 30", "Frames: 31"), r"expected 31 frames of 57"),
        (lambda text: text.replace("Frame Time", "Frame Tome: x\nTime"), "Frame Time"),
        (lambda text: text.replace("JOINT Spine", "JOINTS Spine"), "line 6.*JOINTS Spine"),
        (lambda text: text.rstrip()[:-8] + "nan", "finite"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(tmp_path, spoil, says):
    path = tmp_path / "clip.bvh"
    path.write_text(spoil(write_bvh(walker(1.0))), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"clip\.bvh: .*{says}"):
        retarget_file(path)


def line(text: str, start: str) -> int:
    """The number of the first line that starts with something."""
    lines = [one.strip() for one in text.split("\n")]
    return 1 + next(i for i, one in enumerate(lines) if one.startswith(start))


WALK = write_bvh(walker(1.0))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda text: text.replace("Xrotation", "Wrotation", 1),
            f"line {line(WALK, 'CHANNELS 6')}: channel 'Wrotation'; expected X, Y or Z",
        ),
        (lambda text: text.replace("CHANNELS 6", "CHANNELS", 1), "channels; 5 are named"),
        (lambda text: text.replace("CHANNELS 3", "CHANNELS " + "9" * 600, 1), "; 3 are named"),
        (lambda text: text.replace("HIERARCHY", "HIERARCHY\nCHANNELS 1 Xrotation"), "line 2: c"),
        (lambda text: text.replace("HIERARCHY", "HIERARCHY\nCHANNELS"), "line 2: cannot read"),
        (lambda text: text.replace("HIERARCHY", "HIERARCHY\nEnd Site\n{\nOFFSET 0"), "line 2: c"),
        (lambda text: text.replace("HIERARCHY", "HIERARCHY\n}"), "line 2: cannot read '}'"),
        (lambda text: text.replace("HIERARCHY", "HIERARCHY\nOFFSET 0 0 0"), "line 2: cannot read"),
        (lambda text: text.replace("OFFSET", "OFFSET 1e999 0 0\nOFFSET", 1), "line 4: '1e999'"),
        (lambda text: text.replace("OFFSET", "OFFSET 1 0 0\nOFFSET", 1), "line 5: an OFFSET too"),
        (lambda text: text.replace("Frames: 30", "Frames: " + "9" * 5_000), "Frames: N"),
        (lambda text: text.replace("Frames: 30", "Frames: 1000000000"), "frames; expected 1 to"),
        (lambda text: text.replace("Frames: 30", "Frames: 0"), "'0' frames; expected 1 to"),
        (lambda text: re.sub(r"Time: \S+", "Time: 33.3", text), "Frame Time '33.3'; expected sec"),
        (lambda text: re.sub(r"Time: \S+", "Time: 1e8", text), "Frame Time '1e8'"),
        (lambda text: re.sub(r"Time: \S+", "Time: nan", text), "Frame Time 'nan'"),
        (lambda text: re.sub(r"Time: \S+", "Time: 1e-9", text), "Frame Time '1e-9'"),
        (lambda text: text.rstrip()[:-8] + "x" * 9_000, "xxx...'; expected a number"),
        (lambda text: text.rstrip()[:-8] + "1e300", "finite numbers up to"),
        (lambda text: text + "1 " * 100, "1711 numbers; expected 30 frames of 57"),
        (lambda text: text.replace("OFFSET", "\0OFFSET", 1), "line 4: a NUL"),
        (lambda text: "HIERARCHY\n" + "ROOT a\n{\nOFFSET 0 0 0\n" * 600 + "MOTION\n", "512 joints"),
        (lambda text: "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n}\nMOTION\nFrames: 9\nFrame Time: .1\n",
         "joints with CHANNELS"),
        (lambda text: "HIERARCHY\nMOTION\nFrames: 9\nFrame Time: .1\n", "expected one ROOT"),
        (lambda text: "", "not a BVH file"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_line(tmp_path, spoil, says):
    path = tmp_path / "clip.bvh"
    path.write_text(spoil(WALK), encoding="utf-8")
    with pytest.raises(ValueError, match=r"clip\.bvh: ") as error:
        retarget_file(path)
    assert says in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("MOTION", "Motion").replace("HIERARCHY", "\n hierarchy").encode(),
        lambda text: text.replace("\nFrame", "\n\n  Frame").encode(),
        lambda text: re.sub(r"(ROOT|JOINT) (\w+)\n\s*\{", r"\1 \2 {", text).encode(),
        lambda text: text.replace("Spine", "SpineMOTION").encode(),
    ],
)  # fmt: skip
def test_files_are_read_whatever_wrote_them(tmp_path, write):
    path = tmp_path / "clip.bvh"
    path.write_bytes(write(WALK))
    again, plain = read_bvh(path), parse_bvh(WALK)
    assert (again.motion == plain.motion).all()
    assert (again.offsets == plain.offsets).all()
    assert again.channels == plain.channels
    assert len(again.names) == len(plain.names)


def test_a_long_take_is_read_in_parts():
    bvh = parse_bvh(WALK)
    bvh.motion = np.tile(bvh.motion, (60, 1)) + np.arange(1800)[:, None]
    text = write_bvh(bvh)
    assert len(text) > 1 << 20
    assert abs(parse_bvh(text).motion - bvh.motion).max() <= 5.1e-7


@pytest.fixture(scope="module")
def pack():
    folder = mocap_folder()
    if folder is None:
        pytest.skip("no mocap pack at ../shared/mocap")
    rows = read_index(folder)
    wanted = [row for row in rows if row.action in ("walk", "run") and row.full_root]
    return [(row, retarget_file(row.path)) for row in wanted]


def test_the_pack_measures_as_real_people_do(pack):
    walks = [clip for row, clip in pack if row.action == "walk"]
    real_runs = [clip for row, clip in pack if row.action == "run"]
    assert 0.015 < np.mean([skating_ratio(clip.raw) for clip in walks]) < 0.04
    assert 0.015 < np.mean([skating_ratio(clip.raw) for clip in real_runs]) < 0.04
    gaits = [gait_figures(clip.raw) for clip in walks]
    assert 95 < np.nanmedian([gait.cadence for gait in gaits]) < 115
    assert 0.60 < np.nanmedian([gait.duty for gait in gaits]) < 0.67
    assert max(np.nan_to_num(gait.flight) for gait in gaits) < 0.1
    assert 145 < np.nanmedian([gait_figures(clip.raw).cadence for clip in real_runs]) < 170
    assert 0.25 < np.nanmedian([gait_figures(clip.raw).duty for clip in real_runs]) < 0.38
    for row, clip in pack:
        assert mean_speed(clip.raw) == pytest.approx(row.mean_speed, abs=0.05), row.path.stem


def test_refitting_plants_the_feet_and_keeps_the_ground(pack):
    for row, clip in pack:
        assert bone_deviation(clip.motion) < 1e-9, row.path.stem
        assert foot_penetration(clip.motion)[0] < 0.01, row.path.stem
        assert limit_violations(clip.motion)[0] == 0.0, row.path.stem
        assert support_speed(clip.motion)[0] < 0.02, row.path.stem
    before = np.mean([skating_ratio(clip.raw) for _, clip in pack])
    assert np.mean([skating_ratio(clip.motion) for _, clip in pack]) < before


def test_a_clip_of_the_pack_survives_another_rig(pack):
    row, expected = next((row, clip) for row, clip in pack if row.action == "run")
    bvh = read_bvh(row.path)
    spine = {"Spine": "spine_01", "Chest": "spine_02"}
    other = renamed(
        reordered(rescaled(z_up(bvh), 39.37)), lambda n: spine.get(n, RIGS["unreal"](n))
    )
    same(retarget_clip(parse_bvh(write_bvh(other))), expected)
