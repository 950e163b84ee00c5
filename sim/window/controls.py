"""What keys and mouse do to a window; the help overlay is this same table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pygame

from entities.scene import CameraMode
from sim.window.panels import Entry

if TYPE_CHECKING:
    from sim.window.window import Window

PAN_RATE = 0.6
"""Picture widths a second while a pan key is held."""
ZOOM_STEP = 1.15
TURN_RAD_PER_PX = 0.006
DRAG_PX = 4
"""A press that moves no further than this is a click."""
MAX_TEXT = 2_000
MODES = list(CameraMode)
PANS = {
    pygame.K_LEFT: (-1, 0),
    pygame.K_a: (-1, 0),
    pygame.K_RIGHT: (1, 0),
    pygame.K_d: (1, 0),
    pygame.K_UP: (0, 1),
    pygame.K_w: (0, 1),
    pygame.K_DOWN: (0, -1),
    pygame.K_s: (0, -1),
}
QUARTERS = {pygame.K_RIGHT: 0, pygame.K_UP: 1, pygame.K_LEFT: 2, pygame.K_DOWN: 3}
WAYS = ("right", "away", "left", "toward")
"""Quarter turns from +x, as a sentence says them."""


class Controls:
    """Turns what the person does into calls on the window, its playback and its director."""

    def __init__(self, window: "Window") -> None:
        self.window = window
        self.entry: Entry | None = None
        self.steering = False
        self._order = "stop"  # what the steered actor was last told
        self._held: list[int] = []  # keys, the one pressed last at the end
        self._pressed_at: tuple[int, int] | None = None
        self._dragging = False
        self._opened_by = ""  # the letter that opened the entry comes once more, as text
        pygame.key.set_repeat(300, 40)

    def handle(self, events: list[pygame.event.Event], elapsed_s: float) -> None:
        """Everything that happened since the last picture."""
        tapped: set[int] = set()
        for event in events:
            if event.type == pygame.QUIT:
                self.window.open = False
            elif event.type == pygame.KEYDOWN:
                self._opened_by = ""
                if self.entry is not None:
                    self._edit(event)
                else:
                    tapped.add(event.key)
                    self._press(event)
                    self._opened_by = event.unicode
            elif event.type == pygame.KEYUP:
                if event.key in self._held:
                    self._held.remove(event.key)
                self._steer()
            elif event.type == pygame.TEXTINPUT and self.entry is not None:
                if event.text != self._opened_by:
                    self.entry.text = (self.entry.text + event.text)[:MAX_TEXT]
                self._opened_by = ""
            elif event.type == pygame.WINDOWFOCUSLOST:
                self._held.clear()
                self._steer()
            else:
                self._mouse(event)
        if self.entry is None:
            self._pan(tapped | set(self._held), elapsed_s)

    def new_scene(self) -> None:
        """Open the line to type a scene in."""
        self._type(Entry())

    def redirect(self) -> None:
        """Open the line that tells the chosen actor, or the only one, what to do from now on."""
        window = self.window
        names = window.cast.actor_ids
        if window.chosen is None and len(names) == 1:
            window.choose(0)
        if window.chosen is None:
            window.say("Tab or a click chooses who is to be told" if names else "nobody to tell")
            return
        self._let_go()
        self._type(Entry(names[window.chosen]))

    def next_actor(self) -> None:
        """Choose the next actor in the cast."""
        window, names = self.window, self.window.cast.actor_ids
        if not names:
            return
        self._let_go()
        window.choose(0 if window.chosen is None else (window.chosen + 1) % len(names))

    def follow(self) -> None:
        """Follow the chosen actor, or whom the camera had, with nothing added by hand."""
        window = self.window
        window.director.release()
        if window.chosen is not None:
            window.director.follow(window.cast.actor_ids[window.chosen])
        window.director.set_mode(CameraMode.FOLLOW)

    def next_mode(self) -> None:
        """The next camera mode."""
        director = self.window.director
        director.set_mode(MODES[(MODES.index(director.mode) + 1) % len(MODES)])

    def pause(self) -> None:
        """Stop, or go on."""
        self.window.playback.toggle_pause()

    def single_step(self) -> None:
        """One tick, then stand still."""
        if not self.window.playback.paused:
            self.pause()
        self.window.playback.forward()

    def zoom_in(self) -> None:
        """Nearer, at the pointer."""
        self._zoom(ZOOM_STEP)

    def zoom_out(self) -> None:
        """Wider, at the pointer."""
        self._zoom(1.0 / ZOOM_STEP)

    def slower(self) -> None:
        """A slower pace."""
        self.window.playback.change_pace(-1)

    def faster(self) -> None:
        """A faster pace."""
        self.window.playback.change_pace(1)

    def screenshot(self) -> None:
        """Save the next picture."""
        self.window.screenshot_wanted = True

    def record(self) -> None:
        """Begin to record, or stop."""
        self.window.toggle_recording()

    def save(self) -> None:
        """Save the scene with all its events."""
        self.window.save_scene()

    def toggle_steering(self) -> None:
        """Take the chosen actor over, or let him go."""
        if self.steering:
            self._let_go()
            return
        window = self.window
        if not window.cast.actor_ids:
            window.say("nobody to steer")
            return
        if window.chosen is None:
            window.choose(0)
        self.steering, self._order = True, "stop"
        name = window.cast.actor_ids[window.chosen]
        window.say(f"you are {name}: arrows run, Shift sprints, Ctrl walks, K lets go")

    def toggle_help(self) -> None:
        """Show or hide the keys."""
        self.window.help_on = not self.window.help_on

    def toggle_hud(self) -> None:
        """Show or hide names, speeds and the scale bar."""
        self.window.hud_on = not self.window.hud_on

    def full_screen(self) -> None:
        """Fill the screen, or go back."""
        self.window.toggle_full_screen()

    def leave(self) -> None:
        """Out of what is open; out of the window if nothing is."""
        if self.steering:
            self._let_go()
        elif self.window.help_on:
            self.window.help_on = False
        else:
            self.window.open = False

    def _type(self, entry: Entry) -> None:
        self.entry = entry
        self._held.clear()
        self._steer()

    def _press(self, event: pygame.event.Event) -> None:
        repeated = event.key in self._held
        if not repeated:
            self._held.append(event.key)
        if event.key in PANS and not event.mod & pygame.KMOD_CTRL:
            playback = self.window.playback
            if (
                playback.paused
                and not self.steering
                and event.key in (pygame.K_LEFT, pygame.K_RIGHT)
            ):
                if event.key == pygame.K_LEFT:
                    playback.back()
                elif playback.behind:
                    playback.forward()
        self._steer()
        binding = _BY_KEY.get((event.key, bool(event.mod & pygame.KMOD_CTRL)))
        binding = _BY_CHARACTER.get(event.unicode, binding)
        if binding is not None and (binding.repeats or not repeated):
            binding.do(self)

    def _edit(self, event: pygame.event.Event) -> None:
        """A key while a line is being typed; its letters come as text events."""
        entry = self.entry
        if event.key == pygame.K_ESCAPE:
            self.entry = None
        elif event.key in (pygame.K_RETURN, pygame.K_KP_ENTER):
            try:
                if entry.whom is None:
                    self.window.play_prompt(entry.text)
                else:
                    self.window.tell(entry.text)
            except ValueError as error:
                entry.trouble = " ".join(str(error).split())
            else:
                self.entry = None
        elif event.key == pygame.K_BACKSPACE:
            entry.text = entry.text[:-1]
        elif event.key == pygame.K_v and event.mod & pygame.KMOD_CTRL:
            pasted = " ".join(pygame.scrap.get_text().split())
            entry.text = (entry.text + pasted)[:MAX_TEXT]

    def _pan(self, keys: set[int], elapsed_s: float) -> None:
        taken = set(QUARTERS) if self.steering else set()
        if self.window.playback.paused:
            taken |= {pygame.K_LEFT, pygame.K_RIGHT}
        if pygame.key.get_mods() & pygame.KMOD_CTRL:
            return
        ways = [PANS[key] for key in keys if key in PANS and key not in taken]
        if ways:
            right, up = np.sum(ways, axis=0)
            step = PAN_RATE * elapsed_s * self.window.width_m()
            self.window.director.pan(float(right) * step, float(up) * step)

    def _zoom(self, factor: float) -> None:
        window = self.window
        pointer = pygame.mouse.get_pos() if pygame.mouse.get_focused() else window.middle()
        window.director.zoom_at(pointer, factor, window.camera)

    def _mouse(self, event: pygame.event.Event) -> None:
        window = self.window
        if event.type == pygame.MOUSEWHEEL:
            self._zoom(ZOOM_STEP**event.y)
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == pygame.BUTTON_LEFT:
            self._pressed_at, self._dragging = event.pos, False
        elif event.type == pygame.MOUSEMOTION and event.buttons[0] and self._pressed_at:
            x, y = self._pressed_at
            if abs(event.pos[0] - x) > DRAG_PX or abs(event.pos[1] - y) > DRAG_PX:
                self._dragging = True
            if self._dragging:
                per_px = window.width_m() / window.camera.size[0]
                window.director.pan(-event.rel[0] * per_px, event.rel[1] * per_px)
        elif event.type == pygame.MOUSEMOTION and event.buttons[2]:
            window.director.turn(-event.rel[0] * TURN_RAD_PER_PX)
        elif event.type == pygame.MOUSEBUTTONUP and event.button == pygame.BUTTON_LEFT:
            if self._pressed_at and not self._dragging:
                self._let_go()
                window.choose(window.actor_at(event.pos))
            self._pressed_at = None

    def _steer(self) -> None:
        """Tell the steered actor what the keys say, when they say something new."""
        if not self.steering:
            return
        arrows = [key for key in self._held if key in QUARTERS]
        order = "stop"
        if arrows:
            mods = pygame.key.get_mods()
            turned = round(self.window.camera.yaw / (np.pi / 2))
            gait = "sprint" if mods & pygame.KMOD_SHIFT else "run"
            gait = "walk" if mods & pygame.KMOD_CTRL else gait
            order = f"{gait} {WAYS[(QUARTERS[arrows[-1]] + turned) % 4]}"
        if order != self._order:
            self._order = order
            try:
                self.window.tell(order)
            except ValueError as error:  # a recording that is played again takes no orders
                self.window.say(str(error))

    def _let_go(self) -> None:
        if not self.steering:
            return
        self._held.clear()
        self._steer()
        self.steering = False
        self.window.say("let go")


@dataclass(frozen=True, slots=True)
class Binding:
    """One line of the help: the keys as they are called, what they do, and how they arrive."""

    keys: str
    what: str
    do: Callable[[Controls], None] | None = None  # None: done in Controls while it is held
    codes: tuple[int, ...] = ()
    characters: str = ""  # keys that sit elsewhere on other keyboards go by what they type
    ctrl: bool = False
    repeats: bool = False


C = Controls
BINDINGS: tuple[Binding, ...] = (
    Binding("arrows, W A S D", "pan the camera; so does dragging, and the right button turns it"),
    Binding("+, wheel", "zoom in", C.zoom_in, (pygame.K_KP_PLUS,), characters="+=", repeats=True),
    Binding("-, wheel", "zoom out", C.zoom_out, (pygame.K_KP_MINUS,), characters="-", repeats=True),
    Binding("C", "next camera mode", C.next_mode, (pygame.K_c,)),
    Binding("Tab, click", "choose an actor", C.next_actor, (pygame.K_TAB,)),
    Binding("F", "follow him, and undo pan, zoom and turn", C.follow, (pygame.K_f,)),
    Binding(
        "K",
        "take him over: arrows run, Shift sprints, Ctrl walks",
        C.toggle_steering,
        (pygame.K_k,),
    ),
    Binding(
        "Enter",
        "type what he does from now on: now she sits down",
        C.redirect,
        (pygame.K_RETURN, pygame.K_KP_ENTER),
    ),
    Binding("N", "type a new scene", C.new_scene, (pygame.K_n,)),
    Binding("Space", "pause", C.pause, (pygame.K_SPACE,)),
    Binding(".", "one tick on", C.single_step, characters=".", repeats=True),
    Binding("Left, Right", "while paused: through the last 30 s"),
    Binding("[, PgDn", "slower", C.slower, (pygame.K_PAGEDOWN,), characters="["),
    Binding("], PgUp", "faster", C.faster, (pygame.K_PAGEUP,), characters="]"),
    Binding("P", "save a screenshot", C.screenshot, (pygame.K_p,)),
    Binding("R", "record episodes, or stop", C.record, (pygame.K_r,)),
    Binding("Ctrl+S", "save the scene", C.save, (pygame.K_s,), ctrl=True),
    Binding("G", "names, speeds and scale bar", C.toggle_hud, (pygame.K_g,)),
    Binding("H", "these keys", C.toggle_help, (pygame.K_h,)),
    Binding("F11", "full screen", C.full_screen, (pygame.K_F11,)),
    Binding("Esc", "leave", C.leave, (pygame.K_ESCAPE,)),
)
del C
_BY_KEY = {(code, binding.ctrl): binding for binding in BINDINGS for code in binding.codes}
_BY_CHARACTER = {character: binding for binding in BINDINGS for character in binding.characters}
