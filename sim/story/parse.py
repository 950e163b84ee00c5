"""A prompt to its Scene, by rules: the steps of the story engine in order."""

import re
from collections import Counter

import numpy as np
from pydantic import ValidationError

from entities.scene import Scene, TimeOfDay, Weather, explain
from sim.story.language.clauses import Clause, resolve_light_verbs
from sim.story.language.grammar import Parser
from sim.story.language.lexicon import Theme, roles, themes
from sim.story.language.reading import EXAMPLE, Unit, check_length, tokens, units
from sim.story.staging.acts import Finder
from sim.story.staging.cast import Cast
from sim.story.staging.compose import compose
from sim.story.staging.games import match
from sim.story.staging.perform import default, field_team, perform
from sim.story.staging.plan import Plan
from sim.story.staging.scenery import Stage
from sim.story.staging.setting import settle_in

NAMED, HINTED = 4, 1
"""Scores of a theme for its name in the prompt, and for a word that hints at it."""
UNKNOWN_SHARE = 0.6
"""A prompt with a larger share of unknown words than this is refused."""


def parse_prompt(text: str, seed: int = 0, embedder: str | None = None) -> Scene:
    """The Scene a prompt asks for; the same for the same prompt, seed and embedder.

    embedder: name of the text encoder that unknown verbs are compared with; None is the bundled
    one. Raises ValueError, in one line with an example, for a prompt that is empty, longer than
    2,000 characters or not understood, or that asks for more actors or objects than fit.
    """
    try:
        return _scene(text, seed, embedder)
    except ValidationError as error:
        raise ValueError(explain(error)) from None


def _scene(text: str, seed: int, embedder: str | None) -> Scene:
    check_length(text)
    raw = tokens(text)
    found = resolve_light_verbs(units(raw))
    parser = Parser(found, raw)
    clauses = parser.run()
    _check_sense(found)
    clauses, taken = known_verbs(clauses, embedder)
    key = choose_theme(found)
    theme = themes().themes[key]
    weather, daytime = _sky(found, theme)
    rng = np.random.default_rng([seed, *text.encode("utf-8")[:64]])
    cast = Cast(theme, seed % 10 * 3)
    stage = Stage(theme, rng)
    finder = Finder(cast, stage)
    acts = finder.acts(clauses)
    for noun in parser.stage:
        finder.target(noun, [])
    plan = Plan(cast, stage, rng)
    for player, item in finder.holds:
        item.holder = player
    for who, relation, targets in finder.settings:
        settle_in(plan, who, relation, targets)
    unknown = [*parser.unknown, *finder.unknown_nouns, *perform(plan, acts)]
    notes = [f"'{word}'" for word in dict.fromkeys(unknown)]
    notes += dict.fromkeys(plan.notes)
    game = re.search(r"\b(game|match|tournament|final)\b", text.lower()) is not None
    if key == "baseball" and game:
        field_team(plan)
    if key in ("soccer", "basketball") and game and not plan.stage.items:
        match(plan, key)
    for player in cast.players:
        if not player.actions:
            subject = any(player in act.who for act in acts)
            default(plan, player, named=subject or player.role.place is not None)
    seen = cast.players or stage.items or cast.nobody or cast.background or parser.stage
    seen = seen or key != "generic"
    if not seen:
        raise ValueError(f"nobody to see in {_short(text)!r}; {EXAMPLE}")
    scene = compose(plan, text, seed, theme, weather, daytime, notes, _asked_length(text))
    scene.description = "; ".join(filter(None, [*taken, scene.description]))
    return scene


def known_verbs(clauses: list[Clause], embedder: str | None) -> tuple[list[Clause], list[str]]:
    """Clauses with unknown verbs replaced by the nearest known ones, and a note for each."""
    if not any(clause.unknown_verb for clause in clauses):
        return clauses, []
    from sim.story.language.nearest import guess  # encoders are slow to load and seldom needed

    return guess(clauses, embedder)


def choose_theme(found: list[Unit]) -> str:
    """Key of the theme with the highest score; the first in the file among equals."""
    score: Counter[str] = Counter()
    for k, unit in enumerate(found):
        if (reading := unit.get("theme")) and not _is_object(found, k):
            score[reading.value] += NAMED
        if reading := unit.get("hint"):
            score[reading.value] += 2 * HINTED
        if (reading := unit.get("role")) and roles().roles[reading.value].theme:
            score[roles().roles[reading.value].theme] += HINTED + 1
        if (reading := unit.get("verb")) and reading.value.theme and not unit.any("thing", "role"):
            score[reading.value.theme] += HINTED
        if reading := unit.get("thing"):
            hint = themes().things.get(reading.value)
            if hint and unit.text not in ("stick", "club"):
                score[hint] += HINTED
    if not score:
        return "generic"
    order = list(themes().themes)
    return max(order, key=lambda key: (score[key], -order.index(key)))


def _is_object(found: list[Unit], k: int) -> bool:
    """Whether a theme word names an object here: "a baseball", "kicks the football"."""
    unit = found[k]
    before = found[k - 1] if k else None
    after = found[k + 1] if k + 1 < len(found) else None
    if unit.get("verb") and before is not None and not before.any("det", "prep"):
        return True
    thing = unit.get("thing") is not None
    led = found[k - 2] if k > 1 and before is not None and before.get("det") else before
    inside = led is not None and led.text in ("in", "inside", "at", "within")
    return thing and not inside and not (after is not None and after.any("theme", "place"))


def _sky(found: list[Unit], theme: Theme) -> tuple[Weather, TimeOfDay]:
    """Weather and time of day as the prompt says, else as the theme has them."""
    weather, daytime = theme.weather, theme.time_of_day
    for unit in found:
        if reading := unit.get("weather"):
            weather = reading.value
        if reading := unit.get("daytime"):
            daytime = reading.value
    return weather, daytime


def _check_sense(found: list[Unit]) -> None:
    """Raises ValueError for a prompt without known words, or with too many unknown ones."""
    text = " ".join(unit.text for unit in found)
    said = [u for u in found if not u.any("stop", "comma")]
    known = [u for u in said if u.any("verb", "role", "group", "crowd", "thing", "theme", "pron",
                                      "place", "hint", "weather")]  # fmt: skip
    unknown = [u for u in said if u.get("unknown")]
    words = [u for u in said if u.text[0].isalpha()]
    if not known or not words or len(unknown) > UNKNOWN_SHARE * len(words):
        raise ValueError(f"not understood: {_short(text)!r}; {EXAMPLE}")


def _short(text: str) -> str:
    """A text on one line, cut to 40 characters."""
    clean = " ".join(text.split())
    return clean if len(clean) <= 40 else clean[:37] + "..."


def _asked_length(text: str) -> float | None:
    """Seconds of "a 10 second video"; None where the prompt says nothing."""
    found = re.search(r"\b(\d+(?:\.\d+)?)[ -]second (?:video|clip|scene|animation)", text.lower())
    return min(max(float(found[1]), 1.0), 3_600.0) if found else None
