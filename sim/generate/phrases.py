"""The words of generated captions: who, does what, in what manner."""

from entities.actions import ACTION_FILES, ActionType
from entities.skeleton import ActorType

T = ActorType
PEOPLE: dict[ActorType, tuple[str, ...]] = {
    T.HUMAN: ("man", "woman", "person", "stick figure", "guy", "lady", "player", "dancer"),
    T.CHILD: ("kid", "child", "boy", "girl", "toddler"),
    T.ALIEN: ("alien", "martian", "green alien"),
    T.ROBOT: ("robot", "android", "machine"),
}
SHARES: dict[ActorType, float] = {T.HUMAN: 0.78, T.CHILD: 0.11, T.ALIEN: 0.05, T.ROBOT: 0.06}
SCALES: dict[ActorType, tuple[float, float]] = {
    T.HUMAN: (0.9, 1.12),
    T.CHILD: (0.58, 0.75),
    T.ALIEN: (0.8, 1.0),
    T.ROBOT: (0.95, 1.15),
}
STYLE_ADVERBS: dict[str, tuple[str, ...]] = {  # style -> how it is said of what somebody does
    "tired": ("tiredly", "wearily", "exhaustedly", "sluggishly"),
    "happy": ("happily", "cheerfully", "joyfully", "merrily"),
    "sad": ("sadly", "gloomily", "dejectedly", "unhappily"),
    "angry": ("angrily", "furiously", "in a rage", "aggressively"),
    "scared": ("fearfully", "nervously", "in panic", "anxiously"),
    "proud": ("proudly", "confidently", "boldly", "triumphantly"),
    "old": ("like an old man", "like somebody very old"),
    "child": ("childishly", "like a child"),
    "drunk": ("drunkenly", "unsteadily", "dizzily", "clumsily"),
    "injured": ("painfully", "in pain", "as if hurt"),
    "sneaky": ("stealthily", "sneakily", "quietly", "furtively"),
    "robotic": ("robotically", "mechanically", "stiffly"),
    "zombie": ("like a zombie",),
    "graceful": ("gracefully", "elegantly", "lightly", "smoothly"),
}
TRAVEL_CAPTIONS: dict[ActionType, tuple[str, ...]] = {  # what takes an adverb of place after it
    action: file.captions for action, file in ACTION_FILES.items() if file.travels
}
SPOT_CAPTIONS: dict[ActionType, tuple[str, ...]] = {  # what is done on the spot
    action: file.captions for action, file in ACTION_FILES.items() if not file.travels
}

SHAPES: dict[str, tuple[str, ...]] = {  # a way -> how it is said after the verb
    "straight": ("straight ahead", "forward", "ahead", "in a straight line", ""),
    "circle_left": ("in a circle", "in circles to the left", "in a left-hand circle"),
    "circle_right": ("in a circle", "in circles to the right", "in a right-hand circle"),
    "eight": ("in a figure eight", "in the shape of an eight", "along a figure eight"),
    "square": ("in a square", "around a square", "along the sides of a square"),
    "diamond": ("around the bases", "around a diamond", "round the diamond"),
    "zigzag": ("in a zigzag", "zigzagging", "along a zigzag line"),
    "spiral": ("in a spiral", "spiralling outward", "along a widening spiral"),
    "curve_left": ("in a curve to the left", "curving left", "along a bend to the left"),
    "curve_right": ("in a curve to the right", "curving right", "along a bend to the right"),
    "turn_left": ("and turns left", "then takes a left turn", "and makes a left turn"),
    "turn_right": ("and turns right", "then takes a right turn", "and makes a right turn"),
    "back": ("and turns back", "then makes a U-turn", "and doubles back"),
    "weave": ("along a winding path", "weaving left and right", "around aimlessly"),
}
WORLD_WAYS: dict[str, tuple[str, ...]] = {
    "right": ("to the right", "rightward", "from left to right"),
    "away": ("away from the camera", "into the distance", "away from the viewer"),
    "left": ("to the left", "leftward", "from right to left"),
    "toward": ("toward the camera", "toward the viewer", "closer to the camera"),
}
PACES: dict[str, tuple[str, ...]] = {
    "slow": ("slowly", "at a slow pace", "leisurely"),
    "fast": ("fast", "quickly", "at a quick pace"),
    "faster": ("and speeds up", "getting faster", "faster and faster"),
    "slower": ("and slows down", "getting slower", "slower and slower"),
}
JOINS = (", then ", " and then ", ", after that ")

PROMPTS: tuple[str, ...] = (  # what takes two, or a thing, is left to the story engine
    "a {a} shakes hands with a {b}",
    "a {a} hugs a {b}",
    "a {a} gives a {b} a high five",
    "a {a} throws a ball to a {b}",
    "a {a} walks to the bench and sits down",
    "a {a} runs to the tree, then waves",
    "a {a} walks to the {b} and talks to the {b}",
    "a {a} chases a {b}",
    "a {a} follows a {b}",
    "a {a} walks around the table",
    "a {a} runs to the car, then stops and looks around",
    "a {a} picks up a box and carries it to the house",
    "a {a} kicks a ball, then celebrates",
    "a {a} sits on the chair and reads",
    "a {a} walks past a {b} and waves",
    "a {a} and a {b} dance",
    "a {a} tackles a {b}",
    "a {a} sneaks up to the {b}, then shouts",
    "a {a} pushes a box",
    "a {a} sits down at the table and eats",
)
