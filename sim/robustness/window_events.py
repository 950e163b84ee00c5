"""Whatever a viewer may do to a window: keys, clicks, drags, wheels, typing, pasting, resizing.

A seed gives an endless stream of turns, each what happens before one picture. Nothing may end the
window, and what is recorded stays.
"""

import os
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pygame

from entities.scene import Scene
from sim.loop import Simulation
from sim.robustness.campaign import Outcome
from sim.story import parse_prompt
from sim.window.controls import BINDINGS
from sim.window.entry import MAX_TEXT
from sim.window.window import Window

Draw = np.random.Generator
Event = pygame.event.Event

EVENTS = 500
"""Events of one try."""
SIZES = (
    (480, 270), (640, 360), (640, 360), (800, 450), (1280, 720), (200, 600), (900, 160), (161, 163),
    (64, 48), (16, 16), (3, 200), (1, 1),
)  # fmt: skip
PROMPTS = (
    "a man walks", "two dogs run", "a woman kicks a ball and a boy catches it", "a spaceship lands",
    "five children dance on the beach at night", "a robot sits on a bench in the rain", "xqzt", "",
    "a cat", "a man hugs a woman, then they walk away", "3 people run in the park in the snow",
)  # fmt: skip
SENTENCES = (
    "now she sits down", "walk to the left", "hug a woman", "climb the ladder", "kick the ball",
    "run away", "say hello", "stop", "wave to the dog", "xqzt", "", "says: 你好 🎉", "jump", "0",
)  # fmt: skip
ODD_TEXTS = (
    "a" * 2_500, "你好世界" * 100, "\U0001f469\u200d\U0001f467🎉😀",
    "\u200b", "\u202eabc", "e\u0301\u0308" * 40, "\x00",
    "\t", "one\u2028two", "שלום עולם", "'; DROP", "{}[]\\", " " * 300, "ﷺ" * 60, "\U0010ffff",
)  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz .,+-=[]0123456789äß中"
MODS = (0, 0, 0, pygame.KMOD_LSHIFT, pygame.KMOD_LCTRL, pygame.KMOD_LCTRL | pygame.KMOD_LSHIFT)
EDITING = (
    pygame.K_LEFT, pygame.K_RIGHT, pygame.K_HOME, pygame.K_END, pygame.K_DELETE,
    pygame.K_BACKSPACE,
)  # fmt: skip
HELD = (
    pygame.K_LEFT, pygame.K_RIGHT, pygame.K_UP, pygame.K_DOWN, pygame.K_a, pygame.K_d, pygame.K_w,
    pygame.K_s, pygame.K_z, pygame.K_F5, pygame.K_0, pygame.K_LSHIFT, pygame.K_LCTRL, *EDITING,
)  # fmt: skip
KEYS = (*dict.fromkeys(code for binding in BINDINGS for code in binding.codes), *HELD)
RARE = {
    pygame.K_p: 0.1,
    pygame.K_r: 0.3,
    pygame.K_s: 0.2,
    pygame.K_F11: 0.2,
    pygame.K_ESCAPE: 0.5,
}
"""How often keys are pressed that write files, change the screen or may close the window; 1 is as
often as the others."""


@dataclass(slots=True)
class Turn:
    """What happens before a picture."""

    events: list[Event] = field(default_factory=list)
    elapsed_s: float = 1.0 / 60.0
    mods: int = 0  # modifier keys that are down
    size: tuple[int, int] | None = None  # the window is given this size first
    clipboard: str | None = None


def random_turns(draw: Draw) -> Iterator[Turn]:
    """Turns without end. One may take several to do what it means: to drag, to type and to send."""
    while True:
        habit = HABITS[int(draw.choice(len(HABITS), p=WEIGHTS))]
        for turn in habit(draw):
            if draw.random() < 0.05:
                turn.elapsed_s = float(draw.choice([0.0, 0.001, 0.1, 0.25]))
            yield turn


def drive(window: Window, turns: Iterator[Turn], n_events: int) -> float:
    """Play turns to a window until it has had ``n_events``; the slowest picture in s.

    A window that was closed is open again for the next turn. What the window raises is raised.
    """
    done, slowest = 0, 0.0
    while done < n_events:
        turn = next(turns)
        if turn.size is not None:
            pygame.display.set_mode(turn.size, pygame.RESIZABLE)
        if turn.clipboard is not None:
            _copy(turn.clipboard)
        pygame.key.set_mods(turn.mods)
        for event in turn.events:
            pygame.event.post(event)
        start = time.perf_counter()
        window.step(turn.elapsed_s)
        slowest = max(slowest, time.perf_counter() - start)
        window.session.open = True
        done += max(1, len(turn.events))
    pygame.key.set_mods(0)
    return slowest


def random_start(draw: Draw) -> Scene:
    """What is on stage when it begins: many, one, or nobody and nothing."""
    if draw.random() < 0.15:
        return Scene(theme=str(draw.choice(["park", "space", "room"])))
    prompts = [text for text in PROMPTS if text not in ("", "xqzt")]
    return parse_prompt(str(draw.choice(prompts)), int(draw.integers(1_000)))


def attempt(seed: int, folder: Path) -> Outcome:
    """Play EVENTS random events to a window; every fourth is moved by the model."""
    os.chdir(folder)
    draw = np.random.default_rng([seed, 4])
    outcome = Outcome(runs=EVENTS)
    window = Window(
        Simulation(random_start(draw), motion=None if seed % 4 == 0 else "procedural"), (640, 360)
    )
    try:
        outcome.slowest_s = drive(window, random_turns(draw), EVENTS)
        window.close()
    except Exception:  # whatever ends a window is what is looked for
        outcome.failures.append(traceback.format_exc())
    return outcome


def _press(key: int, text: str = "", mods: int = 0) -> list[Event]:
    events = [Event(pygame.KEYDOWN, key=key, unicode=text, mod=mods)]
    if text.isprintable() and text and not mods & pygame.KMOD_CTRL:
        events.append(Event(pygame.TEXTINPUT, text=text))
    return [*events, Event(pygame.KEYUP, key=key, mod=mods)]


def _any_key(draw: Draw) -> Iterator[Turn]:
    """One key of all there are, with any modifiers; at times pressed only, or let go only."""
    key = int(draw.choice(KEYS))
    if draw.random() > RARE.get(key, 1.0):
        return
    mods = int(draw.choice(MODS))
    text = chr(key) if 32 <= key < 127 else ""
    events = _press(key, text, mods)
    if draw.random() < 0.3:
        events = [events[0]] if draw.random() < 0.6 else [events[-1]]
    yield Turn(events, mods=mods)


def _any_character(draw: Draw) -> Iterator[Turn]:
    """A key that means a character, + and - among them, often many times."""
    character = str(draw.choice(list("+-=.[]h")))
    for _ in range(int(draw.choice([1, 1, 3, 30]))):
        yield Turn(_press(ord(character), character))


def _hold(draw: Draw) -> Iterator[Turn]:
    """A key that is held for some pictures."""
    key, mods = int(draw.choice(HELD)), int(draw.choice(MODS))
    yield Turn([Event(pygame.KEYDOWN, key=key, unicode="", mod=mods)], mods=mods)
    for _ in range(int(draw.integers(1, 20))):
        again = draw.random() < 0.5
        held = [Event(pygame.KEYDOWN, key=key, unicode="", mod=mods)] if again else []
        yield Turn(held, mods=mods)
    yield Turn([Event(pygame.KEYUP, key=key, mod=mods)])


def _spot(draw: Draw) -> tuple[int, int]:
    """A pixel, mostly in the picture, at times far outside."""
    if draw.random() < 0.1:
        return tuple(draw.integers(-40_000, 40_000, 2).tolist())
    return int(draw.integers(-5, 660)), int(draw.integers(-5, 380))


def _click(draw: Draw) -> Iterator[Turn]:
    spot, button = _spot(draw), int(draw.choice([1, 1, 1, 2, 3, 4, 9]))
    kinds = [pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP]
    if draw.random() < 0.15:
        kinds = [kinds[int(draw.integers(2))]]
    yield Turn([Event(kind, pos=spot, button=button) for kind in kinds])


def _drag(draw: Draw) -> Iterator[Turn]:
    x, y = _spot(draw)
    right = draw.random() < 0.4
    button, buttons = (3, (0, 0, 1)) if right else (1, (1, 0, 0))
    yield Turn([Event(pygame.MOUSEBUTTONDOWN, pos=(x, y), button=button)])
    for _ in range(int(draw.integers(1, 12))):
        dx, dy = draw.integers(-80, 80, 2).tolist()
        x, y = x + dx, y + dy
        yield Turn([Event(pygame.MOUSEMOTION, pos=(x, y), rel=(dx, dy), buttons=buttons)])
    if draw.random() < 0.9:
        yield Turn([Event(pygame.MOUSEBUTTONUP, pos=(x, y), button=button)])


def _wheel(draw: Draw) -> Iterator[Turn]:
    way = int(draw.choice([-1, 1]))
    for _ in range(int(draw.choice([1, 3, 10, 40]))):
        yield Turn([Event(pygame.MOUSEWHEEL, x=0, y=way * int(draw.choice([1, 1, 2, 50])))])


def _typed(draw: Draw, texts: tuple[str, ...]) -> Iterator[Turn]:
    """Text into whatever is open, by letters, whole, or pasted; edited, and sent or not."""
    text = str(draw.choice(texts if draw.random() < 0.8 else ODD_TEXTS))
    way = draw.random()
    if way < 0.3:
        for letter in text[:40]:
            yield Turn(_press(ord(letter), letter))
    elif way < 0.8:
        yield Turn([Event(pygame.TEXTINPUT, text=text)])
    else:
        yield Turn(_press(pygame.K_v, "\x16", pygame.KMOD_LCTRL), clipboard=text)
    for _ in range(int(draw.choice([0, 0, 0, 5]))):
        yield Turn(_press(int(draw.choice(EDITING))))
    sends = draw.random() < 0.75
    yield Turn(_press(pygame.K_RETURN if sends else pygame.K_ESCAPE, "\r" if sends else ""))
    if sends and draw.random() < 0.6:
        yield Turn(_press(pygame.K_ESCAPE))  # it may have been refused


def _tell(draw: Draw) -> Iterator[Turn]:
    if draw.random() < 0.7:
        yield Turn(_press(pygame.K_TAB, "\t"))
    yield Turn(_press(pygame.K_RETURN, "\r"))
    yield from _typed(draw, SENTENCES)


def _new_scene(draw: Draw) -> Iterator[Turn]:
    yield Turn(_press(pygame.K_n, "n"))
    yield from _typed(draw, PROMPTS)


def _look_back(draw: Draw) -> Iterator[Turn]:
    yield Turn(_press(pygame.K_SPACE, " "))
    for _ in range(int(draw.integers(1, 30))):
        key = pygame.K_LEFT if draw.random() < 0.7 else pygame.K_RIGHT
        yield Turn(_press(key))


def _wait(draw: Draw) -> Iterator[Turn]:
    for _ in range(int(draw.integers(1, 30))):
        yield Turn()


def _resize(draw: Draw) -> Iterator[Turn]:
    yield Turn(size=SIZES[int(draw.integers(len(SIZES)))])
    yield from _any_key(draw)
    yield Turn(size=(640, 360))


def _odd(draw: Draw) -> Iterator[Turn]:
    """What a window is sent now and then."""
    kinds: list[tuple[int, dict[str, object]]] = [
        (pygame.WINDOWFOCUSLOST, {}),
        (pygame.WINDOWFOCUSGAINED, {}),
        (pygame.WINDOWLEAVE, {}),
        (pygame.WINDOWMINIMIZED, {}),
        (pygame.TEXTEDITING, {"text": "ni", "start": 0, "length": 2}),
        (pygame.DROPFILE, {"file": "/nowhere"}),
        (pygame.DROPTEXT, {"text": "dropped"}),
        (pygame.QUIT, {}),
        (pygame.USEREVENT, {}),
        (pygame.KEYDOWN, {"key": 0, "unicode": "\x00", "mod": 0}),
        (pygame.KEYDOWN, {"key": 0, "unicode": "🎉", "mod": 0}),
        (pygame.KEYUP, {"key": pygame.K_k, "mod": 0}),
        (pygame.TEXTINPUT, {"text": "a" * MAX_TEXT}),
    ]
    kind, fields = kinds[int(draw.integers(len(kinds)))]
    yield Turn([Event(kind, **fields)])


HABITS = (
    _any_key, _any_character, _hold, _click, _drag, _wheel, _tell, _new_scene, _look_back, _wait,
    _resize, _odd,
)  # fmt: skip
_SHARES = np.array([0.3, 0.08, 0.12, 0.12, 0.08, 0.05, 0.08, 0.03, 0.05, 0.05, 0.02, 0.02])
WEIGHTS = _SHARES / _SHARES.sum()
"""How often each habit is taken up."""


def _copy(text: str) -> None:
    """Put text into the clipboard, where there is one."""
    try:
        pygame.scrap.put_text(text)
    except (pygame.error, ValueError):  # no clipboard, or a text it does not take
        return
