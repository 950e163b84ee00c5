"""What keys and mouse do to a session. The help overlay is drawn from the table of bindings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pygame

from entities.scene import CameraMode
from sim.window.entry import Entry
from sim.window.session import Session

PAN_RATE = 0.6
"""Picture widths per second while a pan key is held."""
ZOOM_STEP = 1.15
"""Factor of one press or one notch of the wheel."""
TURN_RAD_PER_PX = 0.006
DRAG_PX = 4
"""A press that moves no further than this is a click."""
MODES = list(CameraMode)
"""Order in which C goes through the camera modes."""
PANS = {  # key -> right, up
    pygame.K_LEFT: (-1, 0),
    pygame.K_a: (-1, 0),
    pygame.K_RIGHT: (1, 0),
    pygame.K_d: (1, 0),
    pygame.K_UP: (0, 1),
    pygame.K_w: (0, 1),
    pygame.K_DOWN: (0, -1),
    pygame.K_s: (0, -1),
}
STEERING_KEYS = {pygame.K_RIGHT: 0, pygame.K_UP: 1, pygame.K_LEFT: 2, pygame.K_DOWN: 3}
"""Quarter turns from the camera's right, counter-clockwise, of the arrow keys."""
DIRECTIONS = ("right", "away", "left", "toward")
"""Quarter turns from +x, in the words of a sentence."""


class Controls:
    """Turns input events into calls on the session, its playback and its director."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.entry: Entry | None = None
        self._order = "stop"  # the last order to the steered actor
        self._held: list[int] = []  # keys, the one pressed last at the end
        self._pressed_at: tuple[int, int] | None = None
        self._dragging = False
        self._opened_by = ""  # the letter whose key opened the entry; SDL sends it again, as text
        pygame.key.set_repeat(300, 40)

    def handle(self, events: list[pygame.event.Event], elapsed_s: float) -> None:
        """Act on the events since the last picture, ``elapsed_s`` seconds ago."""
        tapped: set[int] = set()
        for event in events:
            if event.type == pygame.QUIT:
                self.session.open = False
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
                    self.entry.insert(event.text)
                self._opened_by = ""
            elif event.type == pygame.WINDOWFOCUSLOST:
                self._held.clear()
                self._steer()
            else:
                self._mouse(event)
        if self.entry is None:
            self._pan(tapped | set(self._held), elapsed_s)

    def new_scene(self) -> None:
        """Open the line in which a scene is typed."""
        self._type(Entry())

    def redirect(self) -> None:
        """Open the line in which the chosen (or only) actor is told what to do from now on."""
        session = self.session
        names = session.names
        if session.chosen is None and len(names) == 1:
            session.choose(names[0])
        if session.chosen is None:
            session.say("Tab or a click chooses who is to be told" if names else "nobody to tell")
            return
        self._stop_steering()
        self._type(Entry(session.chosen))

    def next_actor(self) -> None:
        """Choose the next actor in the cast."""
        session, names = self.session, self.session.names
        if not names:
            return
        self._stop_steering()
        after = names.index(session.chosen) + 1 if session.chosen in names else 0
        session.choose(names[after % len(names)])

    def follow(self) -> None:
        """Follow the chosen actor, else the one followed before, and undo pan, zoom and turn."""
        session = self.session
        session.director.release()
        session.choose(session.chosen)
        session.director.set_mode(CameraMode.FOLLOW)

    def next_mode(self) -> None:
        """Switch to the next camera mode."""
        director = self.session.director
        director.set_mode(MODES[(MODES.index(director.mode) + 1) % len(MODES)])

    def pause(self) -> None:
        """Pause, or go on."""
        self.session.playback.toggle_pause()

    def single_step(self) -> None:
        """Advance one tick and pause."""
        if not self.session.playback.paused:
            self.pause()
        self.session.playback.forward()

    def zoom_in(self) -> None:
        """Zoom in at the pointer."""
        self._zoom(ZOOM_STEP)

    def zoom_out(self) -> None:
        """Zoom out at the pointer."""
        self._zoom(1.0 / ZOOM_STEP)

    def slower(self) -> None:
        """Play slower."""
        self.session.playback.change_pace(-1)

    def faster(self) -> None:
        """Play faster."""
        self.session.playback.change_pace(1)

    def screenshot(self) -> None:
        """Save the next picture."""
        self.session.screenshot_wanted = True

    def record(self) -> None:
        """Begin to record, or stop."""
        self.session.toggle_recording()

    def save(self) -> None:
        """Save the scene with all its events."""
        self.session.save_scene()

    def toggle_steering(self) -> None:
        """Take over the chosen actor, or give it back."""
        session = self.session
        if session.steered is not None:
            self._stop_steering()
            return
        if not session.names:
            session.say("nobody to steer")
            return
        if session.chosen is None:
            session.choose(session.names[0])
        session.steered, self._order = session.chosen, "stop"
        session.say(f"you are {session.steered}: arrows run, Shift sprints, Ctrl walks, K lets go")

    def toggle_help(self) -> None:
        """Show or hide the list of keys."""
        self.session.help_on = not self.session.help_on

    def toggle_hud(self) -> None:
        """Show or hide names, speeds and the scale bar."""
        self.session.hud_on = not self.session.hud_on

    def full_screen(self) -> None:
        """Fill the screen, or go back to a window."""
        self.session.full_screen = not self.session.full_screen

    def leave(self) -> None:
        """End steering or close the help, whichever is on; else close the session."""
        if self.session.steered is not None:
            self._stop_steering()
        elif self.session.help_on:
            self.session.help_on = False
        else:
            self.session.open = False

    def _type(self, entry: Entry) -> None:
        self.entry = entry
        self._held.clear()
        self._steer()

    def _press(self, event: pygame.event.Event) -> None:
        repeated = event.key in self._held
        if not repeated:
            self._held.append(event.key)
        if event.key in PANS and not event.mod & pygame.KMOD_CTRL:
            playback = self.session.playback
            if (
                playback.paused
                and self.session.steered is None
                and event.key in (pygame.K_LEFT, pygame.K_RIGHT)
            ):
                if event.key == pygame.K_LEFT:
                    playback.back()
                elif playback.ticks_behind:
                    playback.forward()
        self._steer()
        binding = _BY_KEY.get((event.key, bool(event.mod & pygame.KMOD_CTRL)))
        binding = _BY_CHARACTER.get(event.unicode, binding)
        if binding is not None and (binding.repeats or not repeated):
            binding.do(self)

    def _edit(self, event: pygame.event.Event) -> None:
        """Handle a key while a line is being typed; the letters come as text events."""
        entry = self.entry
        ctrl = bool(event.mod & pygame.KMOD_CTRL)
        if event.key == pygame.K_ESCAPE:
            self.entry = None
        elif event.key in (pygame.K_RETURN, pygame.K_KP_ENTER):
            try:
                if entry.actor is None:
                    self.session.play_prompt(entry.text)
                else:
                    self.session.tell(entry.text, entry.actor)
            except ValueError as error:
                entry.error = " ".join(str(error).split())
            else:
                self.entry = None
        elif event.key == pygame.K_BACKSPACE:
            entry.backspace()
        elif event.key == pygame.K_DELETE:
            entry.delete()
        elif event.key == pygame.K_LEFT:
            entry.move(-1)
        elif event.key == pygame.K_RIGHT:
            entry.move(1)
        elif event.key == pygame.K_HOME or (ctrl and event.key == pygame.K_a):
            entry.home()
        elif event.key == pygame.K_END or (ctrl and event.key == pygame.K_e):
            entry.end()
        elif ctrl and event.key == pygame.K_v:
            try:
                entry.paste(pygame.scrap.get_text())
            except (pygame.error, UnicodeError) as error:
                entry.error = f"nothing to paste: {error}"

    def _pan(self, keys: set[int], elapsed_s: float) -> None:
        """Pan by the keys that are held or were tapped, but for those with another meaning now."""
        taken = set(STEERING_KEYS) if self.session.steered is not None else set()
        if self.session.playback.paused:
            taken |= {pygame.K_LEFT, pygame.K_RIGHT}
        if pygame.key.get_mods() & pygame.KMOD_CTRL:
            return
        pans = [PANS[key] for key in keys if key in PANS and key not in taken]
        if pans:
            right, up = np.sum(pans, axis=0)
            step = PAN_RATE * elapsed_s * self.session.width_m()
            self.session.director.pan(float(right) * step, float(up) * step)

    def _zoom(self, factor: float) -> None:
        """Zoom at the pointer, or at the middle of the picture where the pointer is elsewhere."""
        session, camera = self.session, self.session.camera
        width, height = camera.size
        pointer = pygame.mouse.get_pos() if pygame.mouse.get_focused() else (width / 2, height / 2)
        session.director.zoom_at(pointer, factor, camera)

    def _mouse(self, event: pygame.event.Event) -> None:
        session = self.session
        if event.type == pygame.MOUSEWHEEL:
            self._zoom(ZOOM_STEP**event.y)
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == pygame.BUTTON_LEFT:
            self._pressed_at, self._dragging = event.pos, False
        elif event.type == pygame.MOUSEMOTION and event.buttons[0] and self._pressed_at:
            x, y = self._pressed_at
            if abs(event.pos[0] - x) > DRAG_PX or abs(event.pos[1] - y) > DRAG_PX:
                self._dragging = True
            if self._dragging:
                per_px = session.width_m() / session.camera.size[0]
                session.director.pan(-event.rel[0] * per_px, event.rel[1] * per_px)
        elif event.type == pygame.MOUSEMOTION and event.buttons[2]:
            session.director.turn(-event.rel[0] * TURN_RAD_PER_PX)
        elif event.type == pygame.MOUSEBUTTONUP and event.button == pygame.BUTTON_LEFT:
            if self._pressed_at and not self._dragging:
                self._stop_steering()
                session.choose(session.actor_at(event.pos))
            self._pressed_at = None

    def _steer(self) -> None:
        """Send the steered actor the order that the held keys mean, if it differs from the last."""
        actor = self.session.steered
        if actor is None:
            return
        arrows = [key for key in self._held if key in STEERING_KEYS]
        order = "stop"
        if arrows:
            mods = pygame.key.get_mods()
            camera_turn = round(self.session.camera.yaw / (np.pi / 2))
            gait = "sprint" if mods & pygame.KMOD_SHIFT else "run"
            gait = "walk" if mods & pygame.KMOD_CTRL else gait
            order = f"{gait} {DIRECTIONS[(STEERING_KEYS[arrows[-1]] + camera_turn) % 4]}"
        if order != self._order:
            self._order = order
            try:
                self.session.tell(order, actor)
            except ValueError as error:  # a recording that is played again takes no orders
                self.session.say(str(error))

    def _stop_steering(self) -> None:
        if self.session.steered is None:
            return
        self._held.clear()
        self._steer()
        self.session.steered = None
        self.session.say("let go")


@dataclass(frozen=True, slots=True)
class Binding:
    """One line of the help: the names of the keys, what they do, and the events they send."""

    keys: str
    what: str
    do: Callable[[Controls], None] | None = None  # None: Controls reads the held keys
    codes: tuple[int, ...] = ()
    characters: str = ""  # of keys whose place differs between keyboards
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
