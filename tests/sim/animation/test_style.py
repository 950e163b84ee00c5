"""Style, faces, speech and gaze: each changes what it says it changes, in every action."""

from dataclasses import fields

import numpy as np
import pytest

from entities.actions import ACTION_INDEX, ACTION_VELOCITIES, ACTIONS, ActionType
from entities.components import FACE_INDEX, FACES, Attention, Gait, Intent, Pose, StyleState
from entities.scene import Scene
from entities.skeleton import L_FOOT, L_HAND, NECK, PELVIS, R_FOOT, R_HAND
from entities.units import DT
from ml.measure.similarity import distance_matrix, motion_distance
from sim import simulate
from sim.animation.attention import GAZES, LOUD, MOST_PITCH, MOST_YAW, lips
from sim.animation.motion_state import MotionState
from sim.animation.pose import evaluate_poses
from sim.animation.style import COLUMNS, STYLES, set_style, style_row
from sim.build import build_world
from sim.loop import Simulation
from sim.story.language.lexicon import words
from tests.motion_stage import Take, film, stage

TRAVELS = [action for action in ACTIONS if ACTION_VELOCITIES[action] > 0.0]
PLAIN = len(STYLES)
"""Row of the one without a style."""


def dressed(action: ActionType, intensity: float = 1.0):
    """The same person doing one action in every style, and last in none."""
    world = stage([action] * (len(STYLES) + 1))
    for row, style in enumerate(STYLES):
        set_style(world[StyleState], row, style, intensity, "test")
    world[StyleState].now[:] = world[StyleState].goal
    return world


def go(world, seconds: float) -> Take:
    action = ACTIONS[int(world[Gait].action[0])]
    speed = ACTION_VELOCITIES[action]

    def control(world, time):
        world[Intent].velocity[:, 0] = speed * -np.expm1(-time / 0.5)

    return film(world, seconds, control)


def lean(take: Take) -> np.ndarray:
    trunk = take.pose.joints[:, :, NECK] - take.pose.joints[:, :, PELVIS]
    return np.arctan2(trunk[..., 0], trunk[..., 1]).mean(axis=0)


def looks(take: Take) -> np.ndarray:
    """(N, T, 12, 3) m: the joints as seen, the nose and the mouth."""
    t, n = take.pose.roll.shape
    seen = np.zeros((t, n, 12, 3))
    seen[:, :, :10] = take.joints - take.root[:, :, None]
    seen[:, :, 10, :2] = 0.12 * take.pose.gaze
    seen[:, :, 11, 0] = 0.04 * take.pose.mouth
    return seen.transpose(1, 0, 2, 3)


@pytest.fixture(scope="module")
def walks() -> Take:
    world = dressed(ActionType.WALK)
    go(world, 4.0)
    return go(world, 6.0)


def of(figure: np.ndarray, style: str) -> float:
    """A style's figure beside the plain walker's."""
    return float(figure[STYLES.index(style)] - figure[PLAIN])


def test_story_and_animator_know_the_same_styles():
    assert set(words().styles) == set(STYLES)


def test_style_leaves_speed_alone_and_changes_posture_in_the_named_way(walks):
    speed = walks.root[-1, :, 0] - walks.root[0, :, 0]
    assert np.allclose(speed, speed[PLAIN], atol=1e-9)
    leaning = lean(walks)
    assert of(leaning, "angry") > 0.15
    assert of(leaning, "tired") > 0.10
    assert of(leaning, "sad") > 0.15
    assert of(leaning, "old") > 0.35
    assert of(leaning, "sneaky") > 0.25
    assert of(leaning, "proud") < -0.10
    height = walks.pose.joints[:, :, PELVIS, 1].mean(axis=0)
    for style, lower in (("tired", 0.03), ("old", 0.05), ("sneaky", 0.10), ("scared", 0.06)):
        assert of(height, style) < -lower
    nod = walks.pose.gaze[:, :, 1].mean(axis=0)
    assert of(nod, "sad") < -0.4
    assert of(nod, "proud") > 0.2


def test_cadence_follows_the_style(walks):
    contact = walks.pose.contact
    strides = walks.states[-1].phase - walks.states[0].phase
    steps = 120.0 * strides / ((len(contact) - 1) * DT)
    for style, faster in (("angry", 8), ("scared", 8), ("old", 5), ("happy", 3)):
        assert of(steps, style) >= faster
    for style, slower in (("tired", 8), ("zombie", 8), ("sad", 4)):
        assert of(steps, style) <= -slower
    assert (contact.any(axis=2)).all()


def test_arms_feet_and_rhythm_show_the_style(walks):
    joints, lateral = walks.pose.joints, walks.pose.lateral
    reach = np.ptp(joints[:, :, L_HAND, 0] - joints[:, :, NECK, 0], axis=0)
    assert of(reach, "child") > 0.15
    assert of(reach, "sad") < -0.15
    hands = joints[:, :, [L_HAND, R_HAND]].mean(axis=(0, 2))
    row = STYLES.index("zombie")
    assert hands[row, 0] > 0.45
    assert hands[row, 1] > joints[:, row, PELVIS, 1].mean() + 0.25
    assert of(np.abs(walks.pose.roll).max(axis=0), "drunk") > 0.10
    assert of(np.ptp(lateral[:, :, PELVIS], axis=0), "drunk") > 0.08
    stance = np.abs(lateral[:, :, [L_FOOT, R_FOOT]]).mean(axis=(0, 2))
    assert of(stance, "drunk") > 0.04
    assert of(stance, "graceful") < -0.03
    lifted = joints[:, :, L_FOOT, 1].max(axis=0)
    assert of(lifted, "child") > 0.03
    bounce = np.ptp(joints[:, :, PELVIS, 1], axis=0)
    assert of(bounce, "robotic") < -0.01
    sides = [
        joints[:, STYLES.index("injured"), PELVIS, 1][c]
        for c in (
            walks.pose.contact[:, STYLES.index("injured"), 0]
            & ~walks.pose.contact[:, STYLES.index("injured"), 1],
            walks.pose.contact[:, STYLES.index("injured"), 1]
            & ~walks.pose.contact[:, STYLES.index("injured"), 0],
        )
    ]
    assert abs(sides[0].mean() - sides[1].mean()) > 0.02


def test_a_robot_moves_and_stops_with_right_angles_at_the_elbow():
    world = dressed(ActionType.WAVE)
    take = film(world, 5.0)
    hand = np.linalg.norm(np.diff(take.pose.joints[:, :, R_HAND], axis=0), axis=2)[120:] / DT
    robot, plain = hand[:, STYLES.index("robotic")], hand[:, PLAIN]
    assert robot.max() < 2.0 * plain.max()
    assert np.percentile(robot, 20) < 0.6 * np.percentile(plain, 20)


@pytest.mark.parametrize("action", TRAVELS)
def test_every_style_shows_in_every_locomotion(action):
    world = dressed(action)
    go(world, 2.0)
    seen = looks(go(world, 2.4))[:, ::4]
    face = world[StyleState].face
    apart = [motion_distance(seen[PLAIN], seen[row]) for row in range(PLAIN)]
    for style, far, its_face in zip(STYLES, apart, face, strict=False):
        assert far > 0.015 or (its_face >= 0 and far > 0.008), (style, far)


def test_intensity_scales_and_zero_is_plain():
    world = dressed(ActionType.WALK, 0.0)
    take = go(world, 3.0)
    assert np.abs(take.pose.joints - take.pose.joints[:, PLAIN:]).max() < 1e-12
    half, _ = style_row("sad", 0.5, "x")
    full, _ = style_row("sad", 1.0, "x")
    assert half[COLUMNS.index("lean")] == pytest.approx(0.5 * full[COLUMNS.index("lean")])


def scene(**actor) -> Scene:
    return Scene.model_validate(
        {
            "actors": [
                {"id": "ann", "initial_position": {"x": 0, "y": 0}, **actor},
                {"id": "bob", "initial_position": {"x": 0, "y": 4}, "heading": 3.0},
            ],
            "objects": [{"id": "box", "object_type": "box", "position": {"x": 3, "y": -3}}],
            "duration": 6.0,
            "seed": 1,
        }
    )


def test_cues_change_style_gradually_and_at_their_time():
    made = Simulation(
        scene(
            actions=[[0, "idle"]],
            style="happy",
            cues=[{"t": 1.0, "style": "sad", "intensity": 0.5}, {"t": 3.0, "intensity": 0.0}],
        )
    )
    leans, frames = [], list(made.frames(300))
    column = COLUMNS.index("lean")
    made = Simulation(made.scene)
    for _ in range(300):
        made.step()
        leans.append(made.world[StyleState].now[0, column])
    happy, sad = style_row("happy", 1.0, "")[0][column], style_row("sad", 0.5, "")[0][column]
    assert leans[50] == happy
    assert leans[150] == pytest.approx(sad)
    assert np.abs(np.diff(leans)).max() < 0.02
    assert leans[-1] == pytest.approx(0.0, abs=1e-12)
    assert FACES[frames[30].face[0]] == "happy"
    assert FACES[frames[150].face[0]] == "sad"
    assert FACES[frames[290].face[0]] == "neutral"


@pytest.mark.parametrize(
    ("actor", "told"),
    [
        ({"style": "sleepy"}, r"actors\[0\].style: unknown 'sleepy'; expected one of tired, happy"),
        (
            {"cues": [{"t": 1, "style": "odd"}]},
            r"actors\[0\].cues\[0\].style: unknown 'odd'; expected one of tired",
        ),
        (
            {"cues": [{"t": 1, "gaze": "nobody"}]},
            r"actors\[0\].cues\[0\].gaze: unknown 'nobody'; .* one of left, right",
        ),
    ],
)
def test_unknown_names_are_refused_with_the_field(actor, told):
    with pytest.raises(ValueError, match=told):
        build_world(scene(**actor))


def gaze(seconds: float = 2.0, **actor) -> np.ndarray:
    return simulate(scene(**actor), seconds).overlay.gaze[:, 0]


def test_heads_turn_to_what_is_looked_at_within_limits_and_smoothly():
    for name, side in (("bob", 1.2), ("box", -0.785), ("left", 1.0), ("right", -1.0)):
        seen = gaze(actions=[[0, "stand"]], cues=[{"t": 0.5, "gaze": name}])
        assert seen[-1, 0] == pytest.approx(side, abs=0.03), name
        assert abs(seen[25, 0]) < 0.05
        assert np.abs(np.diff(seen[:, 0])).max() < 0.16
    for name, up in (("up", 1), ("down", -1)):
        seen = gaze(actions=[[0, "stand"]], cues=[{"t": 0.5, "gaze": name}])
        assert up * seen[-1, 1] > 0.4
    assert (
        np.abs(gaze(actions=[[0, "run"]], cues=[{"t": 0, "gaze": "bob"}])[:, 0]).max() <= MOST_YAW
    )
    assert len(GAZES) == 6
    assert MOST_PITCH == 0.6


def test_one_looks_at_whom_one_talks_to_and_asleep_at_nobody():
    talks = gaze(actions=[[0, "talk"]], cues=[{"t": 0, "target": "bob"}])
    sleeps = gaze(actions=[[0, "sleep"]], cues=[{"t": 0, "target": "bob"}])
    assert talks[-1, 0] > 1.0
    assert np.abs(sleeps[:, 0]).max() < 0.3


def test_turning_on_the_way_the_head_leads():
    path = [[0, {"x": 0, "y": 0}], [2, {"x": 3, "y": 0}], [4, {"x": 3, "y": 3}]]
    seen = gaze(4.0, actions=[[0, "walk"]], movement_path=path)
    assert seen[60:180, 0].max() > 0.10


def test_lips_move_while_words_are_said_and_only_then():
    for action in ("idle", "talk", "shout", "whisper", "sing"):
        run = simulate(
            scene(actions=[[0, action]], cues=[{"t": 1.0, "say": "good morning everybody"}]), 4.0
        )
        mouth = run.overlay.mouth[:, 0]
        assert (mouth[:55] == 0.0).all(), action
        assert (mouth[160:] == 0.0).all(), action
        spoken = mouth[62:150]
        assert spoken.max() > 0.6 * LOUD[ACTION_INDEX[ActionType(action)]]
        turns = np.count_nonzero(np.diff(np.sign(np.diff(spoken))))
        assert turns >= 6
    loudest = LOUD[ACTION_INDEX[ActionType.SHOUT]]
    assert loudest > 2.0 * LOUD[ACTION_INDEX[ActionType.WHISPER]]


def test_without_words_the_mouth_follows_the_gesture():
    run = simulate(scene(actions=[[0, "sing"]]), 3.0)
    assert run.overlay.mouth[60:, 0].max() > 0.7
    assert (run.overlay.mouth[:, 1] == 0.0).all()


def test_lips_are_closed_at_both_ends_and_open_for_vowels():
    curve = lips("aah, mmm", 120)
    assert curve[0] == curve[-1] == 0.0
    assert curve[20:40].max() > 2.0 * curve[75:105].max()
    assert ((curve >= 0.0) & (curve <= 1.0)).all()


def test_faces_come_from_action_or_style():
    world = stage([ActionType.CRY, ActionType.WALK, ActionType.WALK])
    set_style(world[StyleState], 1, "angry", 1.0, "test")
    set_style(world[StyleState], 0, "happy", 1.0, "test")
    face = film(world, 0.1).pose.face[-1]
    assert [FACES[f] for f in face] == ["sad", "angry", "neutral"]
    assert FACE_INDEX["neutral"] == 0
    assert (world[Attention].voice == -1.0).all()


def test_styled_rows_give_the_same_bits_alone_and_stacked():
    world = dressed(ActionType.JOG)
    world[Attention].look[::2] = -2
    rows = go(world, 1.0).states[-12:]
    block = evaluate_poses(MotionState.stack(rows))
    singles = [evaluate_poses(row) for row in rows]
    lonely = evaluate_poses(rows[-1].take(np.array([PLAIN])))
    for field in fields(Pose):
        parts = np.concatenate([getattr(single, field.name) for single in singles])
        assert np.array_equal(parts, getattr(block, field.name)), field.name
        assert np.array_equal(
            getattr(lonely, field.name)[0], getattr(singles[-1], field.name)[PLAIN]
        ), field.name


def test_no_action_looks_like_another_or_like_idle():
    """The larger of the two mean distances from a frame to the other's nearest (see likeness)."""
    world = stage(list(ACTIONS))
    speeds = np.array([ACTION_VELOCITIES[action] for action in ACTIONS])
    take = film(world, 3.0, lambda w, t: np.copyto(w[Intent].velocity[:, 0], speeds))
    seen = looks(take)[:, ::6]
    apart = distance_matrix(list(seen))
    apart[np.diag_indices(len(ACTIONS))] = np.inf
    near = np.unravel_index(apart.argmin(), apart.shape)
    assert apart.min() > 0.07, [ACTIONS[i].value for i in near]
    assert apart[ACTION_INDEX[ActionType.IDLE]].min() > 0.07
