"""The story engine: a sentence becomes a Scene.

text --tokens, units--> words --Parser--> clauses --Finder--> acts --do--> timelines --compose-->
Scene. ``planner`` has a language model do the same. What it knows is data, in the JSON files
beside this module.
"""

from sim.story.later import Patch, parse_event
from sim.story.parse import parse_prompt
from sim.story.staging.timing import timed_path

__all__ = ["Patch", "parse_event", "parse_prompt", "timed_path"]
