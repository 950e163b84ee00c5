"""Hands, paws and feet that hold something stay there; animals have gaits of their own."""

import numpy as np
import pytest

from entities.scene import Scene
from entities.skeleton import L_FOOT, L_HAND, NECK, PELVIS, R_FOOT, R_HAND
from ml.measure.metrics import Motion
from sim import simulate
from sim.evaluate import trials

DOWN_M = 0.002


def filmed(action: str, seconds: float, kind: str = "human", objects=(), **more) -> Motion:
    actor = {"id": "a", "initial_position": {"x": 0.0, "y": 0.0}, "actor_type": kind}
    scene = Scene.model_validate(
        {
            "actors": [actor | {"actions": [[0.0, action]]} | more],
            "objects": list(objects),
            "duration": seconds,
        }
    )
    return trials.motions_of(scene, simulate(scene, motion="procedural"))[0]


def slides(motion: Motion, joint: int) -> np.ndarray:
    """Speeds m/s over the ground of a joint that is on it in three frames running."""
    place = motion.world[60:, joint]
    down = place[:, 2] < DOWN_M
    speed = np.linalg.norm(np.diff(place[:, :2], axis=0), axis=1) * motion.fps
    return speed[1:][down[2:] & down[1:-1] & down[:-2]]


def test_a_crawlers_hands_and_feet_stay_where_they_are_put():
    motion = filmed("crawl", 6.0)
    for joint in (L_HAND, R_HAND):
        still = slides(motion, joint)
        assert len(still) > 60
        assert np.percentile(still, 90) < 0.01
    held = motion.contact[1:] & motion.contact[:-1]
    gone = np.linalg.norm(np.diff(motion.feet[:, :, :2], axis=0), axis=2)
    assert gone[held].max() < 1e-4
    assert motion.world[:, [L_HAND, R_HAND], 2].min() > -0.01


@pytest.mark.parametrize(
    ("kind", "action", "speed"),
    [("dog", "walk", 0.8), ("dog", "run", 5.0), ("cat", "walk", 0.5), ("horse", "jog", 3.5)],
)
def test_paws_do_not_slide_at_any_gait(kind, action, speed):
    motion = filmed(action, 6.0, kind, velocity=(speed, 0.0))
    for joint in (L_HAND, R_HAND, L_FOOT, R_FOOT):
        still = slides(motion, joint)
        assert len(still) > 20
        assert np.percentile(still, 95) < 0.05


def footfalls(motion: Motion, joint: int) -> np.ndarray:
    down = motion.world[120:, joint, 2] < DOWN_M
    return np.flatnonzero(down[1:] & ~down[:-1])


def apart(motion: Motion, first: int, second: int) -> float:
    """Share of a stride by which ``second`` comes down after ``first``."""
    one, other = footfalls(motion, first), footfalls(motion, second)
    stride = np.diff(one).mean()
    lag = [(other[other >= at][0] - at) / stride for at in one[:-2] if (other >= at).any()]
    return float(np.median(np.asarray(lag) % 1.0))


def test_a_dog_walks_in_fours_trots_in_pairs_and_gallops():
    walk = filmed("walk", 6.0, "dog", velocity=(0.8, 0.0))
    trot = filmed("jog", 6.0, "dog", velocity=(2.2, 0.0))
    gallop = filmed("run", 6.0, "dog", velocity=(6.0, 0.0))
    assert apart(walk, L_FOOT, L_HAND) == pytest.approx(0.25, abs=0.06)
    assert apart(trot, L_FOOT, L_HAND) == pytest.approx(0.5, abs=0.08)
    assert apart(walk, L_FOOT, R_FOOT) == pytest.approx(0.5, abs=0.05)
    # Left to right may be a little more than nothing or a little less than a stride.
    pair = apart(gallop, L_FOOT, R_FOOT)
    assert min(pair, 1.0 - pair) < 0.25


def test_a_dog_sits_on_its_haunches_and_lies_on_its_belly():
    stands, sits, lies = (filmed(a, 5.0, "dog").pose[-1] for a in ("stand", "sit", "lie_down"))
    assert stands[PELVIS, 1] > 0.44
    assert sits[PELVIS, 1] < 0.25
    assert sits[NECK, 1] > sits[PELVIS, 1] + 0.2
    assert lies[PELVIS, 1] < 0.14
    assert lies[NECK, 1] < 0.25


def test_a_climber_takes_rungs_and_keeps_them_while_he_rises():
    ladder = {"id": "l", "object_type": "ladder", "position": {"x": 0.3, "y": 0.0}}
    motion = filmed("climb", 7.0, objects=[ladder], cues=[{"t": 0.0, "target": "l"}])
    assert motion.root[-1, 2] > 1.5
    rising = slice(180, 360)
    for joint in (L_HAND, R_HAND, L_FOOT, R_FOOT):
        height = motion.world[rising, joint, 2]
        step = np.abs(np.diff(height)) * motion.fps
        assert (step < 0.01).mean() > 0.6  # most of the time it holds a rung
        assert np.ptp(height) > 0.5
