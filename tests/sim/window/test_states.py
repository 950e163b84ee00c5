"""The window in states in which it was not meant to be: nothing ends it, and nothing is lost."""

import logging

import numpy as np
import pygame
import pytest

from entities.scene import Scene, load_scene
from entities.units import DT
from ml.episodes import open_dataset
from sim.loop import Simulation
from sim.output.recorder import Recorder
from sim.output.replay import Recording
from sim.robustness.window_events import drive, random_turns
from sim.window.controls import BINDINGS
from sim.window.entry import MAX_TEXT, Entry
from sim.window.panels import Panels
from sim.window.window import Window
from tests.conftest import make_scene
from tests.sim.window.test_window import Person, picture, title

SIZE = (480, 270)


def two(**fields) -> Scene:
    """Anna runs, Bob stands."""
    return make_scene(
        {"id": "anna", "actions": [[0.0, "run"]]},
        {"id": "bob", "initial_position": {"x": 2.0, "y": 3.0}},
        **fields,
    )


def opened(scene: Scene, recorder: Recorder | None = None) -> Window:
    return Window(Simulation(scene, motion="procedural"), SIZE, recorder)


@pytest.fixture
def window(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = opened(two())
    yield made
    pygame.display.quit()


@pytest.fixture
def person(window):
    return Person(window)


def enter(person: Person, text: str) -> None:
    person.write(text)
    person.press(pygame.K_RETURN)


def test_a_steered_actor_is_let_go_with_its_scene(window, person):
    person.press(pygame.K_TAB)
    person.press(pygame.K_TAB)
    person.press(pygame.K_k)
    assert window.session.steered == "bob"
    person.press(pygame.K_n)
    enter(person, "a cat walks")
    assert window.session.steered is None
    assert window.session.chosen is None
    for key in (pygame.K_LEFT, pygame.K_RETURN, pygame.K_ESCAPE, pygame.K_k, pygame.K_f):
        person.press(key)
    assert window.session.steered == "cat"
    assert "steering cat" in title()


def test_a_line_keeps_to_the_one_it_was_opened_for(window, person):
    person.press(pygame.K_TAB)
    person.press(pygame.K_RETURN)
    person.click((3, 3))  # on nothing: nobody is chosen any more
    assert window.session.chosen is None
    enter(person, "now she sits down")
    (event,) = window.session.scene.events
    assert event.actor == "anna"


def test_a_line_to_somebody_who_is_not_on_stage_says_so(window):
    with pytest.raises(ValueError, match="ghost is not on stage"):
        window.session.tell("sit down", "ghost")
    assert window.session.scene.events == []


def test_somebody_who_came_later_is_chosen_by_name_while_looking_back(window, person):
    person.wait(0.3)
    window.session.tell("hug a child", "bob")
    person.wait(0.5)
    assert window.session.names[:2] == ["anna", "bob"]
    newest = window.session.names[-1]
    assert newest not in ("anna", "bob")
    window.session.choose(newest)
    person.press(pygame.K_SPACE)
    for _ in range(40):
        person.press(pygame.K_LEFT)
    assert newest not in window.session.frame.cast.actor_ids
    assert window.session.chosen_row is None
    person.press(pygame.K_f)
    person.press(pygame.K_TAB)
    assert window.session.chosen == "anna"  # after the last comes the first


@pytest.mark.parametrize("motion", ["procedural", None])
def test_nobody_on_stage(tmp_path, monkeypatch, motion):
    monkeypatch.chdir(tmp_path)
    scene = Scene(duration=DT)
    window = Window(Simulation(scene, motion=motion), SIZE)
    person = Person(window)
    for key in (pygame.K_TAB, pygame.K_k, pygame.K_RETURN, pygame.K_f, pygame.K_c, pygame.K_r):
        person.press(key)
        person.click((200, 100))
    person.wait(0.2)
    assert window.session.chosen is None
    assert window.session.steered is None
    window.close()


def test_a_recording_that_is_shown_again_takes_no_orders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recorder = Recorder(tmp_path / "set")
    with recorder.committing(60):
        simulation = recorder.watch(lambda: Simulation(two(), motion="procedural"))
        for _ in simulation.blocks(60):
            pass
    recording = Recording(tmp_path / "set", 0)
    window = Window(recording.run(recording.scene.camera), SIZE)
    person = Person(window)
    person.press(pygame.K_TAB)
    person.press(pygame.K_k)
    person.down(pygame.K_LEFT)
    person.wait(0.2)
    person.up(pygame.K_LEFT)
    person.press(pygame.K_RETURN)
    enter(person, "now she sits down")
    assert window.session.scene.events == []
    window.close()


def test_a_recording_goes_on_with_a_scene_in_which_nobody_is(window, person):
    person.press(pygame.K_r)
    assert window.session.recording
    person.wait(0.5)
    window.session.play(Scene(prompt="nothing"))
    assert title_after(window).startswith("nothing")
    assert len(open_dataset("stride-episodes")) == 2
    person.wait(0.2)
    window.close()
    assert len(open_dataset("stride-episodes")) == 2


def test_a_recording_that_cannot_go_on_does_not_keep_a_scene_away(window, person, monkeypatch):
    person.press(pygame.K_r)
    person.wait(0.2)

    def refuse(*_) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(window.session.recorder, "start", refuse)
    window.session.play(two(prompt="another"))
    assert title_after(window).startswith("another")
    assert not window.session.recording
    assert "not recorded: no space left" in window.session.message
    window.close()


def title_after(window: Window) -> str:
    window.step(0.0)
    return title()


@pytest.mark.parametrize("size", [(1, 1), (3, 300), (64, 48), (161, 160)])
def test_tiny_windows_show_whatever_is_open(window, person, size):
    pygame.display.set_mode(size, pygame.RESIZABLE)
    person.press(pygame.K_h)
    person.press(pygame.K_n)
    enter(person, "xqzt " * 50)
    person.press(pygame.K_ESCAPE)
    person.press(pygame.K_ESCAPE)
    assert picture(window).shape[:2] == size


def test_a_prompt_of_any_characters_is_a_title(window):
    window.session.play(two(prompt="a\u200bb\u2028c \u0301 你好", description="\x1b[1m" * 400))
    assert title_after(window).startswith("ab c")


class Broken:
    """A system that fails at a tick."""

    def __init__(self, tick: int) -> None:
        self.tick = tick

    def __call__(self, world, dt) -> None:
        if world.tick >= self.tick:
            raise RuntimeError("the axle broke\nin two")


def test_an_error_in_a_tick_saves_everything_and_begins_again(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.WARNING)
    recorder = Recorder(tmp_path / "set")
    simulation = recorder.watch(lambda: Simulation(two(), motion="procedural"))
    window = Window(simulation, SIZE, recorder)
    window.session.tell("now she sits down", "anna")
    simulation.systems.append(Broken(40))
    shown = []
    step = window.step

    def watched(elapsed_s: float) -> None:
        shown.append(window.session.playback.simulation)
        if len(shown) > 70:
            window.session.open = False
        step(DT)

    monkeypatch.setattr(window, "step", watched)
    assert window.run() == 0
    (line,) = [text for text in caplog.messages if text.startswith("stride: ")]
    assert "test_states.py:" in line
    assert "RuntimeError: the axle broke in two" in line
    assert "\n" not in line
    dataset = open_dataset(tmp_path / "set")
    assert len(dataset) == 2
    assert dataset.scene(0).end_reason == "error"
    assert dataset.scene(0).ticks >= 36
    saved = load_scene("stride-001.json")
    assert [event.text for event in saved.events] == ["now she sits down"]
    assert "RuntimeError" in (tmp_path / "stride-001.txt").read_text()
    again = shown[-1]
    assert again is not simulation
    assert again.scene.events == []  # as it was when it began


def test_a_scene_that_fails_twice_closes_the_window(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    window = opened(two())

    def fail(*_) -> None:
        raise RuntimeError("no paint")

    monkeypatch.setattr("sim.render.renderer.Renderer.draw", fail)
    assert window.run() == 1
    assert sum("no paint" in text for text in caplog.messages) == 2
    assert load_scene("stride-001.json") == load_scene("stride-002.json")
    assert not pygame.display.get_init()


def test_an_error_that_cannot_be_saved_is_named(window, person, monkeypatch, caplog):
    def full(*_, **__) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    try:
        raise RuntimeError("why")
    except RuntimeError as error:
        line = window.session.rescue(error)
    assert line.count("not saved, no space left") == 2


def test_a_line_is_edited_where_the_cursor_is():
    line = Entry(None)
    line.insert("man walks")
    line.home()
    line.insert("a ")
    assert line.text == "a man walks"
    line.end()
    line.move(-5)
    line.backspace()
    assert line.text == "a manwalks"
    line.insert(" ")
    line.delete()
    assert (line.text, line.cursor) == ("a man alks", 6)
    line.move(-100)
    line.backspace()
    line.move(100)
    line.delete()
    assert (line.text, line.cursor) == ("a man alks", 10)


def test_keys_move_the_cursor_of_the_open_line(window, person):
    person.press(pygame.K_n)
    person.write("cat walks")
    person.press(pygame.K_HOME)
    person.write("a ")
    person.press(pygame.K_END)
    person.press(pygame.K_LEFT)
    person.press(pygame.K_RIGHT)
    person.press(pygame.K_BACKSPACE)
    person.press(pygame.K_LEFT)
    person.press(pygame.K_DELETE)
    person.write("ks")
    person.press(pygame.K_RETURN)
    assert title().startswith("a cat walks")


@pytest.mark.parametrize(
    "clipboard",
    ["two dogs\nwalk\x00", "", "a\u2028b", "x" * 1_000_000, "\r\n\t", "👩\u200d🎉你好"],
)
def test_anything_is_pasted(window, person, monkeypatch, clipboard):
    monkeypatch.setattr(pygame.scrap, "get_text", lambda: clipboard)
    person.press(pygame.K_n)
    person.press(pygame.K_v, "\x16", pygame.KMOD_LCTRL)
    line = Entry()
    line.paste(clipboard)
    assert "\n" not in line.text
    assert len(line.text) <= MAX_TEXT
    person.press(pygame.K_ESCAPE)
    assert window.session.open


def test_without_a_clipboard_nothing_is_pasted(window, person, monkeypatch):
    def none() -> str:
        raise pygame.error("no clipboard")

    monkeypatch.setattr(pygame.scrap, "get_text", none)
    person.press(pygame.K_n)
    before = picture(window)
    person.press(pygame.K_v, "\x16", pygame.KMOD_LCTRL)
    assert np.abs(picture(window) - before).max() > 50  # the reason is shown
    person.write("a cat walks")
    person.press(pygame.K_RETURN)
    assert title().startswith("a cat walks")


@pytest.mark.parametrize("size", [(1280, 720), (480, 270), (300, 200)])
@pytest.mark.parametrize("text", ["", "a woman walks", "w" * 2_000, "你好" * 900])
def test_a_line_of_any_length_stays_in_its_place(size, text):
    surface = pygame.Surface(size, 0, 32)
    panels = Panels(size)
    top = panels.message(surface, "not recorded: " + "no space " * 40, size[1] // 2)
    panels.state(surface, "follow somebody with a long name " * 4)
    before = pygame.surfarray.array3d(surface)
    for cursor in (0, len(text) // 2, len(text)):
        entry = Entry("anna", text, cursor, error="unknown " * 60)
        panels.entry(surface, entry, top)
    changed = (pygame.surfarray.array3d(surface) != before).any(axis=2)
    rows = np.flatnonzero(changed.any(axis=0))
    columns = np.flatnonzero(changed.any(axis=1))
    assert rows[0] >= top or size[1] < 270
    assert rows[-1] < size[1] - 30
    assert columns[0] > 0
    assert columns[-1] < size[0] - 1


def test_the_help_leaves_room_for_the_message():
    panels = Panels((1280, 720))
    surface = pygame.Surface((1280, 720), 0, 32)
    area = panels.keys(surface, [(line.keys, line.what) for line in BINDINGS])
    assert surface.get_rect().contains(area)
    assert panels.message(surface, "saved " + "stride-001.json " * 60, area.top) <= area.top


def test_random_events(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    window = opened(two())
    drive(window, random_turns(np.random.default_rng(0)), 80)
    window.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 14))
def test_many_random_events(tmp_path, monkeypatch, seed):
    monkeypatch.chdir(tmp_path)
    window = opened(two())
    drive(window, random_turns(np.random.default_rng(seed)), 1_000)
    window.close()
