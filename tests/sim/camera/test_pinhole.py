"""The pinhole: projection, its inverse on the ground, and what follows from it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.camera.pinhole import NEAR_M, Camera

ANGLE = st.floats(-3.1, 3.1)


def looking(yaw: float, pitch: float, height: float = 2.0, focal: float = 1.6) -> Camera:
    return Camera(
        position=np.array([1.5, -7.0, height]), yaw=yaw, pitch=pitch, focal=focal, size=(1280, 720)
    )


@given(yaw=ANGLE, pitch=st.floats(-1.4, -0.02), reach=st.floats(0.05, 0.95), side=st.floats(-1, 1))
def test_ground_round_trip(yaw, pitch, reach, side):
    camera = looking(yaw, pitch)
    pixel = np.array([640 + 600 * side, 720 * reach])
    ground = camera.to_ground(pixel)
    if np.isnan(ground).any():  # at or above the horizon
        assert camera.rays(pixel)[2] >= -1e-12
        return
    assert ground[2] == pytest.approx(0.0, abs=1e-6)
    back, depth = camera.project(ground)
    assert depth > 0.0
    if depth > NEAR_M:
        assert back == pytest.approx(pixel, abs=1e-4)


@given(yaw=ANGLE, pitch=st.floats(-1.5, 1.5))
def test_axes_are_a_right_handed_frame(yaw, pitch):
    right, up, ahead = looking(yaw, pitch).axes()
    assert np.array([right, up, ahead]) @ np.array([right, up, ahead]).T == pytest.approx(
        np.eye(3), abs=1e-12
    )
    assert np.cross(right, ahead) == pytest.approx(-up, abs=1e-12) or np.cross(
        right, up
    ) == pytest.approx(-ahead, abs=1e-12)
    assert right[2] == 0.0  # the horizon is level


def test_size_falls_with_depth():
    camera = looking(0.0, 0.0)
    for depth in (2.0, 8.0, 40.0):
        foot, head = (camera.project(np.array([1.5, -7.0 + depth, z]))[0] for z in (0.0, 1.7))
        assert foot[1] - head[1] == pytest.approx(1.7 * 1.6 * 720 / depth)
        assert camera.pixels_per_metre(depth) * 1.7 == pytest.approx(foot[1] - head[1])


def test_parallax_is_inverse_to_depth():
    camera = looking(0.0, 0.0)
    moved = looking(0.0, 0.0)
    moved.position = camera.position + np.array([0.5, 0.0, 0.0])
    for depth in (4.0, 20.0, 300.0):
        point = np.array([0.3, -7.0 + depth, 1.0])
        shift = moved.project(point)[0] - camera.project(point)[0]
        assert shift == pytest.approx([-0.5 * camera.focal_px / depth, 0.0])


def test_a_window_of_another_size_shows_the_same_height():
    point = np.array([1.5, 3.0, 3.0])
    shares = [
        Camera(position=np.array([1.5, -7.0, 2.0]), size=size).project(point)[0][1] / size[1]
        for size in ((1280, 720), (640, 360), (1080, 1920))
    ]
    assert shares == pytest.approx([shares[0]] * 3)


def test_points_behind_are_told_by_their_depth():
    pixels, depth = looking(0.0, 0.0).project(np.array([[1.5, -9.0, 2.0], [1.5, 0.0, 2.0]]))
    assert depth == pytest.approx([-2.0, 7.0])
    assert np.isfinite(pixels).all()
