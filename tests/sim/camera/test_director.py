"""The automatic camera keeps its subject in view and never jerks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entities.scene import CameraKeyframe, CameraMode, CameraPlan
from sim.camera.director import FOCAL, ORBIT_RATE, Director
from tests.staging import make_cast, make_frame

SIZE = (1280, 720)
CAST = make_cast(["human", "human", "child"])
AWAY = ((3.0, 1.0), (-2.0, 4.0))


def frame_at(time, position, velocity, others=AWAY):
    """The first actor there and moving, two others standing about."""
    root = [(*position, 0.0), *((*place, 0.0) for place in others)]
    return make_frame(CAST, root=root, time=time, velocity=[(*velocity, 0.0), (0, 0, 0), (0, 0, 0)])


def course(time, way):
    """Sprint from rest, stop within 0.5 s after 4 s, wait, then sprint back: (place, velocity)."""

    def start(t):
        return 8.0 * (t - 1.0 + np.exp(-t)), 8.0 * (1.0 - np.exp(-t))

    way = np.asarray(way)
    if time <= 4.0:
        along, speed = start(time)
    elif time <= 4.5:
        top, late = start(4.0), time - 4.0
        along, speed = top[0] + top[1] * (late - late * late), top[1] * (1.0 - 2.0 * late)
    else:
        top = start(4.0)
        back = start(max(0.0, time - 5.2))
        along, speed = top[0] + 0.25 * top[1] - back[0], -back[1]
    return along * way, speed * way


def film(director, fps, way, seconds=10.0):
    cameras = []
    for i in range(int(seconds * fps)):
        place, velocity = course(i / fps, way)
        frame = frame_at(i / fps, place, velocity)
        cameras.append((frame, director.update(frame, 1.0 / fps if i else 0.0)))
    return cameras


def follow(**kwargs):
    return CameraPlan(mode=CameraMode.FOLLOW, follow="a0", **kwargs)


@pytest.mark.parametrize("size", [SIZE, (1080, 1920), (320, 240)])
@pytest.mark.parametrize("fps", [24, 60])
@pytest.mark.parametrize("way", [(1, 0), (-1, 0), (0, 1), (0, -1), (0.6, 0.8), (0.8, -0.6)])
def test_runner_stays_in_the_middle_sixty_percent(fps, way, size):
    for frame, camera in film(Director(CAST, follow(), size), fps, way):
        for height in (0.0, 1.7):
            pixel, depth = camera.project(frame.root[0] + np.array([0.0, 0.0, height]))
            assert depth > 2.0
            assert 0.2 * size[0] <= pixel[0] <= 0.8 * size[0], frame.time
            assert 0.1 * size[1] <= pixel[1] <= 0.9 * size[1], frame.time


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_camera_looks_ahead_of_a_runner(side):
    frame, camera = film(Director(CAST, follow(), SIZE), 60, (side, 0), 3.9)[-1]
    pixel, _ = camera.project(frame.root[0])
    assert 0.05 * SIZE[0] < side * (SIZE[0] / 2 - pixel[0]) < 0.2 * SIZE[0]


def test_followed_actor_has_a_good_size():
    for speed, low, high in ((0.0, 0.30, 0.36), (8.0, 0.23, 0.30)):
        camera = Director(CAST, follow(), SIZE).update(frame_at(0.0, (0, 0), (speed, 0)), 0.0)
        foot, head = (camera.project(np.array([0.0, 0.0, z]))[0][1] for z in (0.0, 1.7))
        assert low < (foot - head) / SIZE[1] < high


def test_running_along_the_view_swings_the_camera_aside():
    for way in ((0, 1), (0, -1)):
        _, camera = film(Director(CAST, follow(), SIZE), 60, way, 3.9)[-1]
        assert np.radians(20) < abs(camera.yaw) < np.radians(35)
    _, camera = film(Director(CAST, follow(), SIZE), 60, (1, 0), 3.9)[-1]
    assert abs(camera.yaw) < 1e-6


@pytest.mark.parametrize("mode", [CameraMode.FOLLOW, CameraMode.FIT, CameraMode.FIXED])
def test_first_camera_is_settled(mode):
    director = Director(CAST, CameraPlan(mode=mode, follow="a0"), SIZE)
    frame = frame_at(0.0, (2.0, 3.0), (0.0, 0.0))
    first = director.update(frame, 0.0)
    for _ in range(90):
        later = director.update(frame, 1 / 60)
    assert later.position == pytest.approx(first.position, abs=1e-9)
    assert (later.yaw, later.pitch, later.focal) == (first.yaw, first.pitch, first.focal)


def test_frame_rate_hardly_matters():
    ends = [
        film(Director(CAST, follow(), SIZE), fps, (1, 0), 6.0 + 1.0 / fps)[-1][1].position
        for fps in (30, 120)
    ]
    assert ends[0] == pytest.approx(ends[1], abs=0.05)


def test_same_frames_same_cameras():
    first, second = (film(Director(CAST, follow(), SIZE), 30, (0.6, 0.8), 3.0) for _ in range(2))
    for (_, a), (_, b) in zip(first, second, strict=True):
        assert (a.position == b.position).all()
        assert a.yaw == b.yaw


def test_camera_moves_without_jerks():
    cameras = [camera for _, camera in film(Director(CAST, follow(), SIZE), 120, (1, 0), 7.0)]
    place = np.array([camera.position for camera in cameras])
    speed = np.diff(place, axis=0) * 120
    assert np.abs(np.diff(speed, axis=0)).max() * 120 < 80.0  # m/s², of a spring after 8 m/s


def test_cut_between_actors_is_eased():
    director = Director(CAST, follow(), SIZE)
    frame = frame_at(0.0, (0.0, 0.0), (0.0, 0.0), others=((12.0, 0.0), (0.0, 5.0)))
    places = [director.update(frame, 0.0).position[0]]
    director.follow("a1")
    for i in range(1, 181):
        frame.time = i / 60
        places.append(director.update(frame, 1 / 60).position[0])
    steps = np.diff(places)
    assert steps.min() > -0.01  # it goes there and does not swing back
    assert steps[0] < 0.02
    assert steps.max() < 0.6
    assert places[-1] - places[0] == pytest.approx(12.0, abs=0.1)


def test_unknown_actor_is_refused():
    with pytest.raises(ValueError, match="nobody"):
        Director(CAST, follow(), SIZE).follow("nobody")


def test_first_who_moves_is_followed_when_nobody_is_named():
    director = Director(CAST, CameraPlan(), SIZE)
    root = [(0, 0, 0), (4, 0, 0), (0, 5, 0)]
    director.update(make_frame(CAST, root=root), 0.0)
    assert director.followed == "a0"
    moving = [(0, 0, 0), (2.0, 0, 0), (0, 0, 0)]
    director.update(make_frame(CAST, root=root, time=0.5, velocity=moving), 0.5)
    assert director.followed == "a1"


@settings(max_examples=60)
@given(
    places=st.lists(
        st.tuples(st.floats(-40, 40), st.floats(-40, 40)), min_size=3, max_size=3, unique=True
    ),
    size=st.sampled_from([SIZE, (1080, 1920)]),
)
def test_fit_shows_everybody(places, size):
    director = Director(CAST, CameraPlan(mode=CameraMode.FIT), size)
    frame = make_frame(CAST, root=[(*place, 0.0) for place in places])
    camera = director.update(frame, 0.0)
    for height in (0.0, 1.1):
        pixels, depth = camera.project(frame.root + np.array([0.0, 0.0, height]))
        assert (depth > 0.5).all()
        assert (pixels >= 0).all()
        assert (pixels <= size).all()


def test_fixed_stays_while_actors_go():
    director = Director(CAST, CameraPlan(mode=CameraMode.FIXED), SIZE)
    cameras = [camera for _, camera in film(director, 30, (1, 0), 4.0)]
    assert cameras[-1].position == pytest.approx(cameras[0].position, abs=1e-9)


def test_orbit_goes_round_its_subject():
    director = Director(CAST, CameraPlan(mode=CameraMode.ORBIT, follow="a0"), SIZE)
    frame = frame_at(0.0, (1.0, 2.0), (0.0, 0.0))
    first = director.update(frame, 0.0)
    reach = np.hypot(*(first.position[:2] - (1.0, 2.0)))
    for i in range(1, 241):
        frame.time = i / 60
        camera = director.update(frame, 1 / 60)
    assert camera.yaw - first.yaw == pytest.approx(4.0 * ORBIT_RATE, abs=0.02)
    assert np.hypot(*(camera.position[:2] - (1.0, 2.0))) == pytest.approx(reach, rel=0.02)


def test_keyframes_are_met_and_eased():
    keys = [
        CameraKeyframe(t=1.0, zoom=2.0, pan=3.0, crane=1.0, dolly=2.0),
        CameraKeyframe(t=3.0, zoom=1.0),
    ]
    director = Director(CAST, follow(keyframes=keys), SIZE)
    frame = frame_at(0.0, (0.0, 0.0), (0.0, 0.0))
    cameras = []
    for i in range(241):
        frame.time = i / 60
        cameras.append(director.update(frame, 1 / 60 if i else 0.0))
    start, key, end = cameras[0], cameras[60], cameras[180]
    assert (start.focal, key.focal, end.focal) == pytest.approx((FOCAL, 2 * FOCAL, FOCAL))
    ahead = start.axes()[2]
    assert key.position - start.position == pytest.approx(2.0 * ahead + (3.0, 0.0, 1.0))
    focal = np.array([camera.focal for camera in cameras[:61]])
    assert (np.diff(focal) >= 0.0).all()
    assert np.diff(focal)[[0, -1]].max() < 0.1 * np.diff(focal).max()


def test_mode_keyframe_takes_effect():
    keys = [CameraKeyframe(t=1.0, mode=CameraMode.FIT), CameraKeyframe(t=2.0, follow="a1")]
    director = Director(CAST, follow(keyframes=keys), SIZE)
    film(director, 30, (0, 0), 1.5)
    assert (director.mode, director.followed) == (CameraMode.FIT, "a0")
    film(director, 30, (0, 0), 2.5)
    assert director.followed == "a1"


def test_zoom_by_hand_keeps_the_point_under_the_pointer():
    director = Director(CAST, follow(), SIZE)
    frame = frame_at(0.0, (0.0, 0.0), (0.0, 0.0))
    before = director.update(frame, 0.0)
    pixel = (900.0, 560.0)
    ground = before.to_ground(np.array(pixel))
    director.zoom_at(pixel, 1.6, before)
    after = director.update(frame, 1 / 60)
    assert after.focal == pytest.approx(1.6 * before.focal)
    assert after.project(ground)[0] == pytest.approx(pixel, abs=1.0)
    director.release()
    assert director.update(frame, 1 / 60).position == pytest.approx(before.position)


def test_camera_never_goes_underground():
    director = Director(CAST, follow(), SIZE)
    director.pan(0.0, -50.0)
    assert director.update(frame_at(0.0, (0, 0), (0, 0)), 0.0).position[2] > 0.0


def test_empty_scene_has_a_camera():
    cast = make_cast([])
    camera = Director(cast, CameraPlan(), SIZE).update(make_frame(cast, root=[]), 0.0)
    assert np.isfinite(camera.position).all()


def test_zoom_has_an_end_at_both_ends():
    director = Director(CAST, follow(keyframes=[CameraKeyframe(t=0.0, zoom=80.0)]), SIZE)
    frame = frame_at(0.0, (0.0, 0.0), (0.0, 0.0))
    camera = director.update(frame, 0.0)
    assert camera.focal == pytest.approx(80.0 * FOCAL)
    for factor, most in ((1e6, 100.0), (1e-9, 80.0 * 0.05)):
        for _ in range(40):
            director.zoom_at((5.0, 700.0), factor, camera)
            camera = director.update(frame, 1.0 / 60.0)
            assert np.isfinite(camera.position).all()
        assert camera.focal == pytest.approx(most * FOCAL)


def test_pan_has_an_end():
    director = Director(CAST, follow(), SIZE)
    for _ in range(50):
        director.pan(1e30, -1e30)
    assert director.manual.right == -director.manual.up == 100_000.0


def walking_apart(seconds: float, velocities, director: Director) -> None:
    for i in range(int(30 * seconds)):
        t = i / 30.0
        root = [(vx * t, vy * t + 2.0 * k, 0.0) for k, (vx, vy) in enumerate(velocities)]
        moving = [(*velocity, 0.0) for velocity in velocities]
        frame = make_frame(director_cast(len(velocities)), root=root, time=t, velocity=moving)
        director.update(frame, 1.0 / 30.0 if i else 0.0)


_CASTS = {n: make_cast(["human"] * n) for n in (2, 5)}


def director_cast(n: int):
    return _CASTS[n]


def test_two_who_walk_apart_are_told_how_to_be_seen(caplog):
    walking_apart(6.0, [(3.0, 0.0), (-3.0, 0.0)], Director(director_cast(2), follow(), SIZE))
    (line,) = caplog.messages
    assert "a1 goes another way than a0" in line
    assert "--camera fit" in line


@pytest.mark.parametrize(
    ("velocities", "mode"),
    [
        ([(3.0, 0.0), (3.0, 0.0)], CameraMode.FOLLOW),  # together
        ([(3.0, 0.0), (0.0, 0.0)], CameraMode.FOLLOW),  # one stays behind
        ([(3.0, 0.0), (-3.0, 0.0)], CameraMode.FIT),
        ([(3.0, 0.0)] * 3 + [(-3.0, 0.0)] * 2, CameraMode.FOLLOW),  # a crowd
    ],
)
def test_nothing_is_said_where_nobody_is_missed(caplog, velocities, mode):
    plan = CameraPlan(mode=mode, follow="a0")
    walking_apart(6.0, velocities, Director(director_cast(len(velocities)), plan, SIZE))
    assert caplog.messages == []
