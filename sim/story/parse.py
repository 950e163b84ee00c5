"""From a prompt to its Scene, start to end."""

import re
from collections import Counter

import numpy as np
from pydantic import ValidationError

from entities.scene import Scene, TimeOfDay, Weather, explain
from sim.story.language.clauses import Clause, lightened
from sim.story.language.grammar import Parser
from sim.story.language.lexicon import Theme, roles, themes
from sim.story.language.reading import EXAMPLE, Unit, check_length, tokens, units
from sim.story.staging.acts import Finder
from sim.story.staging.cast import Cast
from sim.story.staging.compose import compose
from sim.story.staging.deeds import default
from sim.story.staging.games import match
from sim.story.staging.perform import field_team, perform
from sim.story.staging.plan import Plan
from sim.story.staging.scenery import Stage
from sim.story.staging.setting import settle_in

NAMED, HINTED = 4, 1
"""What a theme scores for being named, and for a word that hints at it."""
DEFAULT_EMBEDDER = "minilm"
STRANGE_SHARE = 0.6
"""A prompt with more unknown words than this share is not understood at all."""


def parse_prompt(text: str, seed: int = 0, embedder: str | None = None) -> Scene:
    """The Scene a prompt asks for; the same for the same prompt, seed and embedder.

    embedder: the text encoder that unknown verbs are compared with; None is the bundled one.
    Raises ValueError, in one line with an example, for a prompt that is empty, longer than 2,000
    characters, wholly unintelligible, or that asks for more actors or objects than fit.
    """
    try:
        return _scene(text, seed, embedder)
    except ValidationError as error:
        raise ValueError(explain(error)) from None


def _scene(text: str, seed: int, embedder: str | None) -> Scene:
    check_length(text)
    raw = tokens(text)
    found = lightened(units(raw))
    parser = Parser(found, raw)
    clauses = parser.run()
    _check_sense(found, clauses, parser)
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
    strange = perform(plan, acts)
    notes = [f"'{word}'" for word in dict.fromkeys([*parser.unknown, *finder.strange, *strange])]
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
    """The clauses with unknown verbs taken as the nearest known ones, and what was taken."""
    if not any(clause.strange for clause in clauses):
        return clauses, []
    from sim.story.language.nearest import guess  # encoders are slow to load and seldom needed

    return guess(clauses, embedder or DEFAULT_EMBEDDER)


def choose_theme(found: list[Unit]) -> str:
    """The theme a prompt names or hints at most."""
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
    return max(order, key=lambda key: (score[key], -order.index(key))) if score else "generic"


def _is_object(found: list[Unit], k: int) -> bool:
    """ "a baseball", "kicks the football": a theme word that names a thing here."""
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
    weather, daytime = theme.weather, theme.time_of_day
    for unit in found:
        if reading := unit.get("weather"):
            weather = reading.value
        if reading := unit.get("daytime"):
            daytime = reading.value
    return weather, daytime


def _check_sense(found: list[Unit], clauses: list[Clause], parser: Parser) -> None:
    """Raises ValueError if nothing in the prompt means anything."""
    text = " ".join(unit.text for unit in found)
    said = [u for u in found if not u.any("stop", "comma")]
    known = [u for u in said if u.any("verb", "role", "group", "crowd", "thing", "theme", "pron",
                                      "place", "hint", "weather")]  # fmt: skip
    strange = [u for u in said if u.get("unknown")]
    words = [u for u in said if u.text[0].isalpha()]
    if not known or not words or len(strange) > STRANGE_SHARE * len(words):
        raise ValueError(f"not understood: {_short(text)!r}; {EXAMPLE}")


def _short(text: str) -> str:
    clean = " ".join(text.split())
    return clean if len(clean) <= 40 else clean[:37] + "..."


def _asked_length(text: str) -> float | None:
    found = re.search(r"\b(\d+(?:\.\d+)?)[ -]second (?:video|clip|scene|animation)", text.lower())
    return min(max(float(found[1]), 1.0), 3_600.0) if found else None
