"""The ruler itself: motions whose figures are known in advance."""

from dataclasses import replace

import numpy as np
import pytest

from entities.skeleton import (
    BONE_LENGTHS,
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    LATERAL,
    NECK,
    PELVIS,
    R_ELBOW,
    R_FOOT,
    R_HAND,
    R_KNEE,
    ActorType,
    joints_world,
)
from ml.episodes.features import N_FEATURES, decode, encode
from ml.measure.metrics import (
    Motion,
    bone_deviation,
    debounced_contact,
    elbow_flexion,
    foot_penetration,
    gait_figures,
    hip_flexion,
    joint_speed,
    knee_flexion,
    limit_violations,
    mean_speed,
    omnicontrol_skating,
    peak_jerk,
    pop_score,
    skating_ratio,
    speed_error,
    support_speed,
)
from ml.measure.similarity import cycle_match, cycles, distance_matrix, motion_distance, signature

BONES = np.array(BONE_LENGTHS[ActorType.HUMAN])


def still(seconds: float = 4.0, fps: float = 30.0) -> Motion:
    """Somebody standing with slightly bent knees and elbows, every bone of the right length."""
    n = round(seconds * fps)
    pose = np.zeros((n, 10, 2))
    pose[:, PELVIS] = 0.0, 0.94
    pose[:, NECK] = 0.0, 0.94 + BONES[0]
    for elbow, hand, knee, foot in (
        (L_ELBOW, L_HAND, L_KNEE, L_FOOT),
        (R_ELBOW, R_HAND, R_KNEE, R_FOOT),
    ):
        pose[:, elbow] = pose[:, NECK] + BONES[1] * direction(-95)
        pose[:, hand] = pose[:, elbow] + BONES[2] * direction(-75)
        pose[:, knee] = pose[:, PELVIS] + BONES[3] * direction(-75)
        pose[:, foot] = pose[:, knee] + BONES[4] * direction(-104)
    pose[:, :, 1] -= pose[:, L_FOOT, 1].min()
    return posed(pose, np.zeros((n, 3)), fps)


def direction(degrees: float) -> np.ndarray:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])


def posed(pose: np.ndarray, root: np.ndarray, fps: float, **more) -> Motion:
    heading, lateral = np.zeros(len(pose)), np.tile(LATERAL, (len(pose), 1))
    contact = more.pop("contact", np.ones((len(pose), 2), bool))
    world = joints_world(root, heading, pose, lateral)
    return Motion(fps, root, heading, pose, lateral, world, contact, bones=BONES, **more)


def stepping(
    cadence: float, duty: float, speed: float, seconds: float = 10.0, fps: float = 60.0
) -> Motion:
    """Feet that plant and lift at a known rhythm, on a body that goes straight on."""
    base = still(seconds, fps)
    t = np.arange(len(base)) / fps
    stride_s = 120.0 / cadence
    root = np.zeros((len(base), 3))
    root[:, 0] = speed * t
    pose, contact = base.pose.copy(), np.zeros((len(base), 2), bool)
    for foot, (joint, offset) in enumerate(((L_FOOT, 0.0), (R_FOOT, 0.5))):
        cycle = t / stride_s + offset
        phase, number = cycle % 1.0, np.floor(cycle) - offset
        contact[:, foot] = phase < duty
        u = np.clip((phase - duty) / (1.0 - duty), 0.0, 1.0)
        x = speed * stride_s * (number + duty / 2 + u * u * (3 - 2 * u))
        pose[:, joint, 0] = x - root[:, 0]
        pose[:, joint, 1] = 0.3 * np.sin(np.pi * u) * (phase >= duty)
    return posed(pose, root, fps, contact=contact, target_speed=speed)


def sliding(speed: float, height: float = 0.0, fps: float = 30.0) -> Motion:
    """A body that glides along with its left foot ``height`` up; the right one hangs in the air."""
    base = still(4.0, fps)
    root = np.zeros((len(base), 3))
    root[:, 0] = speed * np.arange(len(base)) / fps
    pose = base.pose.copy()
    pose[:, R_FOOT, 1] += 0.4
    pose[-8:, L_FOOT, 1] += height
    pose[:-8, L_FOOT, 0] -= root[:-8, 0] - root[-8, 0]  # stands still but for the last 8 frames
    return posed(pose, root, fps)


def test_a_sliding_foot_counts_above_half_a_metre_a_second():
    # The foot moves in 7 of 119 steps; the five-frame mean passes 0.5 m/s at 4/5 of 0.7 m/s, so
    # it needs four moving frames round it: all but one at the start, and, as nothing beyond the
    # end counts as moving, all but one there.
    assert skating_ratio(sliding(0.7)) == pytest.approx(5 / 119)
    assert skating_ratio(sliding(0.3)) == 0.0
    assert skating_ratio(sliding(0.49)) == 0.0


def test_a_foot_in_the_air_does_not_skate_and_the_original_looks_higher():
    assert skating_ratio(sliding(2.0, height=0.03)) == 0.0
    assert omnicontrol_skating(sliding(2.0, height=0.03)) > 0.02
    assert omnicontrol_skating(sliding(2.0, height=0.08)) == 0.0


def test_stance_height_is_the_source_s_own():
    high = sliding(0.7)
    world = high.world.copy()
    world[..., 2] += 0.11
    assert skating_ratio(replace(high, world=world)) == pytest.approx(5 / 119)


def test_support_foot_speed_is_the_slower_foot_s():
    motion = stepping(110, 0.62, 1.3)
    assert support_speed(motion) == pytest.approx((0.0, 0.0), abs=1e-9)
    root = np.zeros((60, 3))
    root[:, 0] = 0.2 * np.arange(60) / 30
    assert support_speed(posed(still(2).pose, root, 30.0)) == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize(
    ("cadence", "duty", "speed"), [(100, 0.65, 0.8), (116, 0.61, 1.3), (165, 0.35, 3.0)]
)
def test_gait_figures_find_the_rhythm_they_were_given(cadence, duty, speed):
    motion = stepping(cadence, duty, speed)
    seen = gait_figures(motion)
    assert seen.cadence == pytest.approx(cadence, rel=0.01)
    assert seen.duty == pytest.approx(duty, abs=0.01)
    assert seen.step_length == pytest.approx(speed * 60 / cadence, rel=0.02)
    assert seen.double_support == pytest.approx(max(2 * duty - 1, 0), abs=0.02)
    assert seen.flight == pytest.approx(max(1 - 2 * duty, 0), abs=0.02)
    assert mean_speed(motion) == pytest.approx(speed)
    assert speed_error(motion) == pytest.approx(0.0, abs=1e-9)


def test_pelvis_is_measured_at_mid_stance():
    motion = stepping(120, 0.6, 1.3)
    stride_s, t = 1.0, np.arange(600) / 60.0
    pose = motion.pose.copy()
    pose[:, PELVIS, 1] += 0.02 * np.cos(4 * np.pi * (t / stride_s - 0.3))
    seen = gait_figures(posed(pose, motion.root, 60.0, contact=motion.contact))
    assert seen.pelvis_range == pytest.approx(0.04, rel=0.02)
    assert seen.pelvis_mid_stance == pytest.approx(0.02, rel=0.05)


def test_too_few_steps_have_no_rhythm():
    assert np.isnan(gait_figures(still()).cadence)


def test_flicker_in_contacts_is_no_step():
    motion = stepping(110, 0.6, 1.3, fps=30.0)
    contact = motion.contact.copy()
    stance = np.flatnonzero(contact[:, 0])
    contact[stance[5], 0] = False
    swing = np.flatnonzero(~contact[:, 1])
    contact[swing[len(swing) // 2], 1] = True
    assert np.array_equal(debounced_contact(replace(motion, contact=contact)), motion.contact)


def test_penetration_is_depth_below_the_floor():
    pose = still(1.0).pose.copy()
    pose[:15, L_FOOT, 1] -= 0.02
    deepest, mean = foot_penetration(posed(pose, np.zeros((30, 3)), 30.0))
    assert deepest == pytest.approx(0.02)
    assert mean == pytest.approx(0.02 / 4)


def test_bone_deviation_is_a_share_of_the_length():
    motion = still(1.0)
    assert bone_deviation(motion) < 1e-9
    pose = motion.pose.copy()
    pose[7, L_HAND] = pose[7, L_ELBOW] + 1.02 * (pose[7, L_HAND] - pose[7, L_ELBOW])
    assert bone_deviation(replace(motion, pose=pose)) == pytest.approx(0.02)
    assert bone_deviation(replace(motion, pose=2 * motion.pose, scale=2.0)) < 1e-9
    with pytest.raises(ValueError, match="own lengths"):
        bone_deviation(replace(motion, bones=None))


def test_jerk_of_a_sine_is_known():
    t = np.arange(300) / 30.0
    pose = still(10.0).pose.copy()
    amplitude, omega = 0.2, 2 * np.pi * 0.5
    pose[:, L_HAND, 0] += amplitude * np.sin(omega * t)
    motion = posed(pose, np.zeros((300, 3)), 30.0)
    assert peak_jerk(motion) == pytest.approx(amplitude * omega**3, rel=0.02)
    assert peak_jerk(still()) < 1e-6


def test_flexions_are_signed_as_people_bend():
    motion = still()
    assert knee_flexion(motion.pose)[0] == pytest.approx(np.radians([29, 29]))
    assert elbow_flexion(motion.pose)[0] == pytest.approx(np.radians([20, 20]))
    assert hip_flexion(motion.pose)[0] == pytest.approx(np.radians([15, 15]))
    assert limit_violations(motion) == (0.0, 0.0)


def test_joints_bent_backwards_are_found():
    pose = still(1.0).pose.copy()
    pose[:6, L_KNEE] = pose[:6, PELVIS] + BONES[3] * direction(-104)
    pose[:6, L_FOOT] = pose[:6, L_KNEE] + BONES[4] * direction(-90)
    share, worst = limit_violations(posed(pose, np.zeros((30, 3)), 30.0))
    assert share == pytest.approx(0.2)
    assert worst == pytest.approx(np.radians(14))


def test_a_pop_is_a_joint_faster_than_its_actions():
    pose = still(4.0, 60.0).pose.copy()
    smooth = posed(pose, np.zeros((240, 3)), 60.0)
    assert pop_score(smooth, 2.0, own_mps=0.0) == pytest.approx(0.0)
    pose[120:, L_HAND, 0] += 0.1
    popped = posed(pose, np.zeros((240, 3)), 60.0)
    assert joint_speed(popped).max() == pytest.approx(6.0)
    assert pop_score(popped, 2.0, own_mps=0.0) == pytest.approx(2.0)
    assert pop_score(popped, 2.0, own_mps=8.0) == pytest.approx(0.5)
    assert pop_score(popped, 3.0, own_mps=0.0) == pytest.approx(0.0)


def test_joint_speed_leaves_out_travel_and_turning_of_the_world():
    motion = still(2.0)
    n = len(motion)
    heading = np.linspace(0.0, 3.0, n)
    root = np.stack([np.linspace(0, 9, n), np.linspace(0, 4, n), np.zeros(n)], axis=1)
    world = joints_world(root, heading, motion.pose, motion.lateral)
    assert joint_speed(replace(motion, heading=heading, root=root, world=world)).max() < 1e-9


def test_other_rates_keep_the_motion():
    motion = stepping(116, 0.61, 1.3, fps=60.0)
    thirty, twenty = motion.at_fps(30.0), motion.at_fps(20.0)
    assert np.array_equal(thirty.world, motion.world[::2])
    assert np.array_equal(twenty.root, motion.root[::3])
    mixed = thirty.at_fps(20.0)
    assert np.allclose(mixed.root[:10, 0], np.arange(10) / 20.0 * 1.3)
    assert mixed.contact.dtype == bool
    assert mean_speed(mixed) == pytest.approx(1.3)
    assert len(motion.between(1.0, 2.0)) == 61


def swinging(lag: float = 0.0) -> Motion:
    """A walk's rhythm with thighs, knees and elbows that swing as sines of the stride."""
    motion = stepping(120, 0.6, 1.3)
    t = np.arange(len(motion)) / 60.0
    pose = motion.pose.copy()
    for offset, knee, foot, elbow, hand in (
        (0.0, L_KNEE, L_FOOT, L_ELBOW, L_HAND),
        (0.5, R_KNEE, R_FOOT, R_ELBOW, R_HAND),
    ):
        phase = 2 * np.pi * (t + offset - lag)
        thigh = -90 + 25 * np.cos(phase)
        shank = thigh - 30 + 25 * np.sin(phase)
        fore = -90 + 20 - 10 * np.cos(phase)
        for angle, joint, parent, bone in (
            (thigh, knee, PELVIS, 3),
            (shank, foot, knee, 4),
            (np.full(len(t), -90.0), elbow, NECK, 1),
            (fore, hand, elbow, 2),
        ):
            pose[:, joint] = pose[:, parent] + BONES[bone] * direction(angle).T
    return posed(pose, motion.root, 60.0, contact=motion.contact)


def test_cycles_are_cut_at_touch_downs_and_compared_in_phase():
    found = cycles(swinging())
    assert found.shape == (17, 3, 48)
    phase = 2 * np.pi * np.arange(48) / 48
    mean = found.mean(axis=0)
    assert mean[0] == pytest.approx(np.radians(25 * np.cos(phase)), abs=0.02)
    assert mean[1] == pytest.approx(np.radians(30 - 25 * np.sin(phase)), abs=0.02)
    late = cycles(swinging(lag=0.1)).mean(axis=0)
    assert cycle_match(late, mean) == pytest.approx([1.0, 1.0, 1.0], abs=0.01)
    assert np.corrcoef(late[0], mean[0])[0, 1] < 0.9
    wrong = mean * np.array([[1.0], [1.0], [-1.0]])
    assert cycle_match(wrong, mean) == pytest.approx([1.0, 1.0, -1.0], abs=1e-6)


def test_distance_sees_poses_travel_and_faces_but_not_phase():
    def signed(motion, face=0, mouth=0.0):
        n = len(motion)
        return signature(motion, np.zeros((n, 2)), np.full(n, face), np.full(n, mouth))

    idle = signed(still())
    assert motion_distance(idle, idle) == 0.0
    assert motion_distance(signed(swinging()), signed(swinging(lag=0.25))) < 0.02
    pose = still().pose.copy()
    pose[:, R_HAND] += 0.2, 0.0
    assert motion_distance(signed(posed(pose, np.zeros((120, 3)), 30.0)), idle) == pytest.approx(
        0.2, abs=1e-6
    )
    assert motion_distance(signed(still(), face=3), idle) == pytest.approx(0.05, abs=1e-6)
    assert motion_distance(signed(still(), mouth=1.0), idle) == pytest.approx(0.04, abs=1e-6)
    root = np.zeros((120, 3))
    root[:, 0] = np.arange(120) / 30.0
    assert motion_distance(signed(posed(still().pose, root, 30.0)), idle) == pytest.approx(0.1)
    matrix = distance_matrix([idle, signed(still(), face=3), signed(still(), face=1)])
    assert np.array_equal(matrix, matrix.T)
    assert (matrix[~np.eye(3, dtype=bool)] > 0.04).all()


def test_a_motion_and_its_22_numbers_are_the_same():
    rng = np.random.default_rng(0)
    motion = swinging()
    heading = np.cumsum(rng.normal(0, 0.02, len(motion)))
    root = np.cumsum(rng.normal(0, 0.03, (len(motion), 3)), axis=0)
    state = encode(root, heading, 0.65 * motion.pose, 0.65)
    assert state.shape == (600, N_FEATURES)
    assert abs(state[:, 0]).max() == 0.0
    assert state[:, :20].reshape(-1, 10, 2) == pytest.approx(motion.pose)
    back, pose = decode(state, heading, root[0, :2], 0.65)
    assert back == pytest.approx(root[:, :2])
    assert pose == pytest.approx(0.65 * motion.pose)
    step = 0.65 * state[10, 20:]
    turned = step[0] * np.exp(1j * heading[10]) + step[1] * 1j * np.exp(1j * heading[10])
    assert [turned.real, turned.imag] == pytest.approx(root[11, :2] - root[10, :2])
    with pytest.raises(ValueError, match="at least 2"):
        encode(root[:1], heading[:1], motion.pose[:1], 1.0)
