"""The window: what keys and mouse do, first by events, then in a real window with real keys."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pygame
import pytest

from entities.actions import ACTIONS, ActionType
from entities.scene import CameraMode, load_scene
from entities.units import DT
from sim.loop import Simulation
from sim.window.controls import BINDINGS
from sim.window.playback import MAX_CATCH_UP_TICKS, PACES, Playback
from sim.window.window import Window
from tests.conftest import make_scene

ROOT = Path(__file__).parents[3]
SIZE = (480, 270)


def two(**fields):
    """Somebody runs, somebody stands."""
    return make_scene(
        {"id": "anna", "actions": [[0.0, "run"]]},
        {"id": "bob", "initial_position": {"x": 2.0, "y": 3.0}},
        **fields,
    )


class Person:
    """A viewer: presses keys and lets pictures go by."""

    def __init__(self, window: Window) -> None:
        self.window = window
        pygame.event.clear()

    def down(self, key: int, text: str = "", mod: int = 0) -> None:
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, unicode=text, mod=mod))

    def up(self, key: int) -> None:
        pygame.event.post(pygame.event.Event(pygame.KEYUP, key=key, mod=0))

    def press(self, key: int, text: str = "", mod: int = 0) -> None:
        """Press, release, and see one picture."""
        self.down(key, text, mod)
        self.up(key)
        self.window.step(0.0)

    def write(self, text: str) -> None:
        """Type text into an open line."""
        pygame.event.post(pygame.event.Event(pygame.TEXTINPUT, text=text))
        self.window.step(0.0)

    def click(self, pixel, button: int = 1) -> None:
        for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
            pygame.event.post(pygame.event.Event(kind, pos=pixel, button=button))
        self.window.step(0.0)

    def wait(self, seconds: float) -> None:
        """Watch, at 60 pictures a second."""
        for _ in range(round(seconds / DT)):
            self.window.step(DT)


@pytest.fixture
def window(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Window(Simulation(two()), SIZE)
    yield made
    pygame.display.quit()


@pytest.fixture
def session(window):
    return window.session


@pytest.fixture
def person(window):
    return Person(window)


def title() -> str:
    return pygame.display.get_caption()[0]


def picture(window: Window) -> np.ndarray:
    return pygame.surfarray.array3d(window.screen).astype(int)


def test_pace_pause_and_hitches_never_change_what_happens():
    plain = list(Simulation(two()).frames(120))
    playback = Playback(Simulation(two()))
    rng = np.random.default_rng(0)
    while playback.simulation.world.tick < 120:
        playback.change_pace(int(rng.integers(-2, 3)))
        if rng.random() < 0.2:
            playback.toggle_pause()
        playback.advance(float(rng.uniform(0.0, 0.05)))
        if rng.random() < 0.1:
            playback.back()
    playback.to_newest()
    tick = playback.simulation.world.tick
    now = playback.simulation.frame()
    expected = plain[tick] if tick < len(plain) else list(Simulation(two()).frames(tick))[tick]
    assert np.array_equal(now.root, expected.root)
    assert np.array_equal(now.joints, expected.joints)


def test_playback_follows_real_time_and_caps_catching_up():
    playback = Playback(Simulation(two()))
    for _ in range(90):
        playback.advance(1.0 / 45.0)
    assert abs(playback.simulation.world.tick - 120) <= 1
    tick = playback.simulation.world.tick
    playback.advance(5.0)
    assert playback.simulation.world.tick - tick <= MAX_CATCH_UP_TICKS
    playback.change_pace(-1)
    tick = playback.simulation.world.tick
    for _ in range(60):
        playback.advance(DT)
    assert abs(playback.simulation.world.tick - tick - 30) <= 1


def test_what_is_seen_lies_between_ticks():
    playback = Playback(Simulation(two()))
    playback.advance(10.25 * DT)
    playback.advance(3.25 * DT)
    ticks = list(Simulation(two()).frames(playback.simulation.world.tick))
    seen = playback.frame().root[0, 0]
    assert ticks[-2].root[0, 0] < seen < ticks[-1].root[0, 0]


@pytest.mark.slow
def test_thirty_seconds_are_remembered():
    playback = Playback(Simulation(make_scene({})))
    for _ in range(1900):
        playback.forward()
    for _ in range(5000):
        playback.back()
    assert playback.ticks_behind == 1800
    assert playback.frame().time == pytest.approx(100 * DT)
    playback.forward()
    assert playback.frame().time == pytest.approx(101 * DT)
    assert playback.simulation.world.tick == 1900


def test_space_pauses_and_dot_steps(session, person):
    person.wait(0.5)
    person.press(pygame.K_SPACE)
    assert "paused" in title()
    tick = session.playback.simulation.world.tick
    person.wait(0.5)
    assert session.playback.simulation.world.tick == tick
    person.press(pygame.K_PERIOD, ".")
    assert session.playback.simulation.world.tick == tick + 1
    assert session.frame.time == pytest.approx((tick + 1) * DT)
    for _ in range(5):
        person.press(pygame.K_LEFT)
    assert session.frame.time == pytest.approx((tick - 4) * DT)
    person.press(pygame.K_RIGHT)
    assert session.frame.time == pytest.approx((tick - 3) * DT)
    assert session.playback.simulation.world.tick == tick + 1
    person.press(pygame.K_SPACE)
    person.wait(0.5)
    assert "paused" not in title()
    assert session.frame.time == pytest.approx((tick - 3) * DT + 0.5, abs=2 * DT)


def test_dot_also_pauses(session, person):
    person.wait(0.2)
    tick = session.playback.simulation.world.tick
    person.press(pygame.K_PERIOD, ".")
    assert session.playback.paused
    assert session.playback.simulation.world.tick == tick + 1


def test_brackets_change_the_pace(session, person):
    person.press(pygame.K_LEFTBRACKET, "[")
    assert "0.5x" in title()
    for _ in range(9):
        person.press(pygame.K_RIGHTBRACKET, "]")
    assert session.playback.pace == PACES[-1]
    person.wait(0.5)
    assert session.frame.time == pytest.approx(0.5 * PACES[-1], abs=0.1)


def test_arrows_pan_what_is_seen(session, person):
    person.press(pygame.K_c)  # away from follow, which would centre again
    person.press(pygame.K_SPACE)
    person.wait(2.0)
    before, _ = session.camera.project(session.frame.root)
    person.down(pygame.K_d)
    person.wait(0.5)
    person.up(pygame.K_d)
    person.wait(1.0)
    after, _ = session.camera.project(session.frame.root)
    assert after[0, 0] - before[0, 0] == pytest.approx(-0.3 * SIZE[0], rel=0.5)
    person.down(pygame.K_w)
    person.wait(0.2)
    person.up(pygame.K_w)
    person.wait(0.2)
    higher, _ = session.camera.project(session.frame.root)
    assert higher[0, 1] > after[0, 1] + 5


def test_plus_zooms_at_the_pointer(window, session, person):
    person.press(pygame.K_SPACE)
    person.wait(2.0)
    spot = np.array([150.0, 220.0])
    place = session.camera.to_ground(spot)
    size = session.camera.pixels_per_metre(10.0)
    pygame.mouse.set_pos(spot)
    for _ in range(3):
        session.director.zoom_at(tuple(spot), 1.15, session.camera)
        window.step(0.0)
    pixel, _ = session.camera.project(place)
    assert session.camera.pixels_per_metre(10.0) == pytest.approx(size * 1.15**3)
    np.testing.assert_allclose(pixel, spot, atol=4.0)
    person.press(pygame.K_EQUALS, "+")
    assert session.camera.pixels_per_metre(10.0) > 1.1 * size * 1.15**3
    assert "zoom 1.75" in title()
    person.press(pygame.K_MINUS, "-")
    person.press(pygame.K_MINUS, "-")
    assert "zoom 1.32" in title()
    pygame.event.post(pygame.event.Event(pygame.MOUSEWHEEL, x=0, y=1))
    window.step(0.0)
    assert "zoom 1.52" in title()
    person.press(pygame.K_f)
    assert "zoom" not in title()


def test_without_the_pointer_plus_zooms_at_the_middle(session, person, monkeypatch):
    person.press(pygame.K_SPACE)
    person.wait(2.0)
    middle = np.array(SIZE) / 2
    place = session.camera.to_ground(middle)
    monkeypatch.setattr(pygame.mouse, "get_focused", lambda: False)
    person.press(pygame.K_EQUALS, "+")
    assert "zoom 1.15" in title()
    np.testing.assert_allclose(session.camera.project(place)[0], middle, atol=1.0)


def test_dragging_pans_and_does_not_choose(window, session, person):
    person.press(pygame.K_SPACE)
    person.wait(1.0)
    before, _ = session.camera.project(session.frame.root)
    start = tuple(int(v) for v in before[0])
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=start, button=1))
    at = (start[0] + 60, start[1])
    pygame.event.post(
        pygame.event.Event(pygame.MOUSEMOTION, pos=at, rel=(60, 0), buttons=(1, 0, 0))
    )
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONUP, pos=at, button=1))
    window.step(0.0)
    assert session.chosen is None
    assert session.camera.project(session.frame.root)[0][0, 0] > before[0, 0] + 20


def test_choosing_and_following(session, person):
    person.wait(0.5)
    person.press(pygame.K_TAB)
    assert session.chosen == "anna"
    person.press(pygame.K_TAB)
    assert session.chosen == "bob"
    person.press(pygame.K_f)
    assert "follow bob" in title()
    person.press(pygame.K_SPACE)
    person.wait(3.0)
    pixel, _ = session.camera.project(session.frame.root)
    neck = pixel[1] - (0, 20)
    person.click((5, 5))
    assert session.chosen is None
    person.click(tuple(int(v) for v in neck))
    assert session.chosen == "bob"


def test_camera_modes_cycle(session, person):
    modes = []
    for _ in CameraMode:
        person.press(pygame.K_c)
        modes.append(session.director.mode)
    assert sorted(modes) == sorted(CameraMode)
    assert modes[-1] is CameraMode.FOLLOW


def test_steering_is_recorded_and_replays(session, person):
    person.press(pygame.K_TAB)
    person.press(pygame.K_TAB)
    person.press(pygame.K_k)
    assert "steering bob" in title()
    person.wait(0.2)
    person.down(pygame.K_LEFT)
    person.wait(1.5)
    person.down(pygame.K_UP)
    person.wait(0.5)
    person.up(pygame.K_UP)
    person.wait(0.5)
    person.up(pygame.K_LEFT)
    person.wait(1.0)
    person.press(pygame.K_ESCAPE)
    assert session.open
    person.wait(2.0)
    events = [(event.actor, event.text) for event in session.scene.events]
    assert events == [
        ("bob", "run left"),
        ("bob", "run away"),
        ("bob", "run left"),
        ("bob", "stop"),
    ]
    assert session.scene.events[0].t == pytest.approx(0.2, abs=0.05)
    seen = session.playback.simulation.frame()
    assert seen.root[1, 0] < 0.0  # he set out from x = 2, to the left
    assert np.hypot(*seen.velocity[1, :2]) < 0.5
    person.press(pygame.K_s, mod=pygame.KMOD_LCTRL)
    (path,) = Path().glob("stride-*.json")
    replay = Simulation(load_scene(path))
    for frame in replay.frames(session.playback.simulation.world.tick):
        last = frame
    assert np.array_equal(last.root, seen.root)
    assert np.array_equal(last.joints, seen.joints)


def test_typing_a_new_scene(window, session, person):
    person.down(pygame.K_n, "n")
    person.write("n")  # the key that opens the line is not its first letter
    person.up(pygame.K_n)
    person.write("xqzt")
    person.press(pygame.K_SPACE, " ")
    assert not session.playback.paused  # keys belong to the line now
    person.press(pygame.K_BACKSPACE)
    before = session.scene
    shown = picture(window)
    person.write(" ")
    person.press(pygame.K_RETURN)
    if session.scene is before:  # refused: the reason is on the picture, the line still open
        assert np.abs(picture(window) - shown).max() > 50
        for _ in range(10):
            person.press(pygame.K_BACKSPACE)
    else:
        person.press(pygame.K_RETURN)
    person.write("two dogs walk")
    person.press(pygame.K_RETURN)
    assert title().startswith("two dogs walk")
    assert len(session.names) == 2
    person.wait(0.2)
    person.press(pygame.K_n)
    person.write("")
    person.press(pygame.K_RETURN)  # nothing typed: refused in the window, nothing stops
    assert title().startswith("two dogs walk")
    person.press(pygame.K_ESCAPE)
    assert session.open
    person.press(pygame.K_ESCAPE)
    assert not session.open


def test_screenshots_and_scenes_are_numbered(session, person):
    for _ in range(2):
        person.press(pygame.K_p)
    person.press(pygame.K_s, mod=pygame.KMOD_LCTRL)
    assert sorted(os.listdir()) == ["stride-001.json", "stride-001.png", "stride-002.png"]
    saved = pygame.image.load("stride-001.png")
    assert saved.get_size() == SIZE
    assert load_scene("stride-001.json") == session.scene


def test_help_and_hud_show_and_hide(window, session, person):
    person.press(pygame.K_SPACE)
    person.wait(5.0)  # until the camera and the first message have settled
    plain = picture(window)
    person.press(pygame.K_h)
    assert (np.abs(picture(window) - plain).max(axis=2) > 30).mean() > 0.2
    person.press(pygame.K_ESCAPE)
    assert session.open
    person.press(pygame.K_g)
    bare = np.abs(picture(window) - plain).max(axis=2) > 30
    assert 0.0005 < bare.mean() < 0.2
    person.press(pygame.K_g)
    assert (np.abs(picture(window) - plain).max(axis=2) > 30).mean() < bare.mean() / 4


def test_every_key_of_the_help_is_the_issues_and_bound_once():
    codes = [(code, binding.ctrl) for binding in BINDINGS for code in binding.codes]
    characters = [character for binding in BINDINGS for character in binding.characters]
    assert len(set(codes)) == len(codes)
    assert len(set(characters)) == len(characters)
    assert (pygame.K_r, False) in codes


def test_a_scene_holds_its_last_action_past_its_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    window = Window(Simulation(two(duration=0.5)), SIZE)
    Person(window).wait(1.5)
    assert window.session.open
    assert window.session.frame.root[0, 0] > 1.5
    pygame.display.quit()


def test_a_tiny_window_is_refused():
    with pytest.raises(ValueError, match="size: 64x64; a window needs 160 px"):
        Window(Simulation(two()), (64, 64))


class RealWindow:
    """The command in a real X window, driven by a real keyboard."""

    def __init__(self, folder: Path, display: str) -> None:
        self.folder = folder
        self.env = {**os.environ, "DISPLAY": display, "SDL_VIDEODRIVER": "x11"}
        scene = folder / "scene.json"
        scene.write_text(two(prompt="somebody runs").model_dump_json())
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "run_sim.py"), "--scene", str(scene), "--size", "640x360"],
            cwd=folder,
            env=self.env,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.id = ""
        self.id = self.until(
            lambda: self.xdotool("search", "--onlyvisible", "--class", "run_sim"), 30
        )
        self.id = self.id.split()[0]  # xdotool may list more than one
        self.xdotool("windowfocus", self.id)
        self.until(lambda: " s, " in self.title())

    def xdotool(self, *arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments], env=self.env, capture_output=True, text=True, timeout=30
        )
        return done.stdout.strip()

    def title(self) -> str:
        return self.xdotool("getwindowname", self.id)

    def time(self) -> float:
        return float(re.search(r"([\d.]+) s,", self.title()).group(1))

    def key(self, *names: str) -> None:
        for name in names:
            self.xdotool("key", name)

    def until(self, seen, seconds: float = 10.0):
        """Wait for something to become true, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := seen()):
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < deadline, self.title()
            time.sleep(0.05)
        return found

    def screenshot(self) -> np.ndarray:
        """What the P key saves."""
        known = set(self.folder.glob("*.png"))
        self.key("p")
        path = self.until(lambda: set(self.folder.glob("*.png")) - known).pop()
        self.until(lambda: path.read_bytes()[-8:-4] == b"IEND")  # it is whole
        return pygame.surfarray.array3d(pygame.image.load(path)).astype(int)


@pytest.fixture
def display():
    """A screen of its own."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed, and a real window needs it")
    read, write = os.pipe()
    # Without -noreset the server starts anew, deaf for a moment, when its last client leaves.
    screen = ["-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), *screen], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(timeout=10)


def test_a_sentence_redirects_the_chosen_actor(window, session, person):
    person.press(pygame.K_RETURN)  # nobody is chosen, and there are several
    person.write("sits down")
    assert session.scene.events == []
    person.press(pygame.K_TAB)
    person.press(pygame.K_TAB)
    person.press(pygame.K_RETURN)
    person.write("xqzt")
    shown = picture(window)
    person.press(pygame.K_RETURN)  # refused: the reason is on the picture, the line still open
    assert session.scene.events == []
    assert np.abs(picture(window) - shown).max() > 50
    for _ in range(10):
        person.press(pygame.K_BACKSPACE)
    person.write("now he sits down")
    before = session.scene
    person.press(pygame.K_RETURN)
    assert session.scene is before  # the run goes on, nothing is started anew
    (event,) = session.scene.events
    assert (event.actor, event.text) == (session.names[1], "now he sits down")
    person.wait(2.0)
    actions = [ACTIONS[i] for i in session.frame.action]
    assert actions[1] is ActionType.SIT
    assert actions[0] is not ActionType.SIT


@pytest.mark.slow
def test_a_real_window_obeys_real_keys(tmp_path, display):
    real = RealWindow(tmp_path, display)
    try:
        real.key("space")
        real.until(lambda: "paused" in real.title())
        stopped = real.time()
        time.sleep(0.3)
        assert real.time() == stopped
        first = real.screenshot()
        assert first.shape == (640, 360, 3)

        real.key("period", "period", "period")
        real.until(lambda: real.time() == pytest.approx(stopped + 3 * DT, abs=0.011))
        real.key("Left")
        real.until(lambda: real.time() == pytest.approx(stopped + 2 * DT, abs=0.011))

        before = real.screenshot()
        real.xdotool("mousemove", "--window", real.id, "320", "180")
        real.key("plus", "plus", "plus", "plus")
        real.until(lambda: "zoom 1.75" in real.title())
        time.sleep(0.2)
        zoomed = real.screenshot()
        assert (np.abs(zoomed - before).max(axis=2) > 24).mean() > 0.05

        real.key("c")
        real.until(lambda: ", fit" in real.title())
        time.sleep(1.5)
        assert (np.abs(real.screenshot() - zoomed).max(axis=2) > 24).mean() > 0.05

        real.key("space")
        real.until(lambda: "paused" not in real.title())
        real.until(lambda: real.time() > stopped + 0.3)

        real.key("n")
        real.xdotool("type", "--delay", "20", "a woman walks")
        real.key("Return")
        real.until(lambda: real.title().startswith("a woman walks - "))
        assert real.time() < stopped + 5.0

        real.key("Return")  # the only actor: told what to do while it runs
        real.xdotool("type", "--delay", "20", "now she sits down")
        real.key("Return")
        time.sleep(0.5)
        told = real.time()
        assert real.title().startswith("a woman walks - ")
        real.key("ctrl+s")
        real.until(lambda: list(tmp_path.glob("stride-*.json")))
        (saved,) = tmp_path.glob("stride-*.json")
        (event,) = load_scene(saved).events
        assert event.text == "now she sits down"
        assert event.t <= told

        real.key("Escape")
        assert real.process.wait(timeout=10) == 0
        assert real.process.stderr.read() == ""
    finally:
        real.process.kill()
        real.process.communicate()
