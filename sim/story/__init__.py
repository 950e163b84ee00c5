"""The story engine: a sentence becomes a Scene.

In: the text of a prompt, or a later sentence and the scene it is for. Out: a Scene, or the
Redirection that a later sentence makes of a running scene. Knows no world, physics or drawing; what
cannot be understood or shown raises ValueError in one line.

language/ reads text into clauses: tokens, units, ``Parser``; what it knows is data, in its JSON
files. staging/ puts clauses on the timelines of a cast: ``Finder``, ``perform``, ``compose``.
``parse`` runs one after the other; ``planner`` has a language model make the Scene instead.
"""

from sim.story.later_sentences import parse_event
from sim.story.parse import parse_prompt
from sim.story.redirection import NotUnderstoodError, Now, Patch, Redirection
from sim.story.staging.timing import timed_path

__all__ = [
    "NotUnderstoodError",
    "Now",
    "Patch",
    "Redirection",
    "parse_event",
    "parse_prompt",
    "timed_path",
]
