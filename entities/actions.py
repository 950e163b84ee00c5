"""Every action a stick person knows, and how fast each one travels."""

from enum import StrEnum


class ActionType(StrEnum):
    """An action; the value is its name in scene files, the order its index in a trace."""

    IDLE = "idle"
    WALK = "walk"
    JOG = "jog"
    RUN = "run"
    SPRINT = "sprint"
    RUNNING_BASES = "running_bases"
    WALK_BACKWARDS = "walk_backwards"
    STRAFE = "strafe"
    SNEAK = "sneak"
    MARCH = "march"
    SKIP = "skip"
    HOP = "hop"
    JUMP = "jump"
    CRAWL = "crawl"
    CLIMB = "climb"
    SWIM = "swim"
    FLY = "fly"
    RIDE = "ride"
    LIMP = "limp"
    ZOMBIE_WALK = "zombie_walk"
    TURN_AROUND = "turn_around"
    WAVE = "wave"
    POINT = "point"
    CLAP = "clap"
    BOW = "bow"
    NOD = "nod"
    CELEBRATE = "celebrate"
    DANCE = "dance"
    CRY = "cry"
    LAUGH = "laugh"
    TALK = "talk"
    SHOUT = "shout"
    WHISPER = "whisper"
    SING = "sing"
    LOOKING_AROUND = "looking_around"
    THINK = "think"
    SIT = "sit"
    STAND = "stand"
    KNEEL = "kneel"
    CROUCH = "crouch"
    LIE_DOWN = "lie_down"
    GET_UP = "get_up"
    EATING = "eating"
    DRINKING = "drinking"
    READING = "reading"
    TYPING = "typing"
    PHONE = "phone"
    SLEEP = "sleep"
    BATTING = "batting"
    PITCHING = "pitching"
    CATCHING = "catching"
    FIELDING = "fielding"
    THROWING = "throwing"
    KICKING = "kicking"
    DRIBBLING = "dribbling"
    SHOOTING = "shooting"
    HEADER = "header"
    GOLF_SWING = "golf_swing"
    TENNIS_SWING = "tennis_swing"
    BOWLING = "bowling"
    FIGHT_STANCE = "fight_stance"
    PUNCH = "punch"
    KICK = "kick"
    DODGE = "dodge"
    BLOCK = "block"
    PUSH = "push"
    PULL = "pull"
    FALL = "fall"
    ROLL = "roll"
    CARTWHEEL = "cartwheel"
    DIVE = "dive"
    TACKLE = "tackle"
    HANDSHAKE = "handshake"
    HUG = "hug"
    HIGH_FIVE = "high_five"
    PICK_UP = "pick_up"
    PUT_DOWN = "put_down"
    CARRY = "carry"


ACTIONS: tuple[ActionType, ...] = tuple(ActionType)
ACTION_INDEX: dict[ActionType, int] = {action: i for i, action in enumerate(ACTIONS)}

A = ActionType
# Sources: "seed" is the table this project was asked for; "pack" is the time-weighted mean over
# the mocap pack's takes of that action (index.csv); papers are named; "choice" says there is none.
ACTION_VELOCITIES: dict[ActionType, float] = {  # m/s along the heading
    A.IDLE: 0.0,  # seed
    A.WALK: 1.3,  # seed; comfortable gait of adults is 1.27-1.46, Bohannon 1997
    A.JOG: 3.0,  # seed; the pack's runs average 3.1
    A.RUN: 5.0,  # seed
    A.SPRINT: 8.0,  # seed; 12.5 s over 100 m
    A.RUNNING_BASES: 6.0,  # seed; home to first in 5.6 s from rest
    A.WALK_BACKWARDS: 0.9,  # choice: about 70 % of walk
    A.STRAFE: 0.6,  # preferred sideways walk, Handford & Srinivasan 2014 (Biology Letters 10)
    A.SNEAK: 0.6,  # choice: above the pack's 0.34, whose takes creep and pause
    A.MARCH: 1.5,  # quick time: 120 steps a minute of 30 inches (US Army TC 3-21.5)
    A.SKIP: 2.3,  # inside the 1.5-3 m/s of unilateral skipping, Minetti 1998 (Proc. R. Soc. B 265)
    A.HOP: 1.0,  # choice: one-legged hops of 0.5 m, two a second
    A.JUMP: 0.0,  # a standing jump; a running one keeps its momentum in the air
    A.CRAWL: 0.4,  # pack: 0.41
    A.CLIMB: 0.35,  # choice: ladder rungs 0.3 m apart, 70 a minute; along z on a ladder
    A.SWIM: 1.1,  # recreational front crawl, 100 m in 90 s
    A.FLY: 6.0,  # choice: faster than a run; no human has a figure
    A.RIDE: 4.5,  # choice: a city cyclist's 16 km/h
    A.LIMP: 0.7,  # choice: about half of walk
    A.ZOMBIE_WALK: 0.67,  # pack: 0.67
    A.TURN_AROUND: 0.0,
    A.WAVE: 0.0,
    A.POINT: 0.0,
    A.CLAP: 0.0,
    A.BOW: 0.0,
    A.NOD: 0.0,
    A.CELEBRATE: 0.0,
    A.DANCE: 0.0,
    A.CRY: 0.0,
    A.LAUGH: 0.0,
    A.TALK: 0.0,
    A.SHOUT: 0.0,
    A.WHISPER: 0.0,
    A.SING: 0.0,
    A.LOOKING_AROUND: 0.0,
    A.THINK: 0.0,
    A.SIT: 0.0,  # seed
    A.STAND: 0.0,  # seed
    A.KNEEL: 0.0,
    A.CROUCH: 0.0,
    A.LIE_DOWN: 0.0,
    A.GET_UP: 0.0,
    A.EATING: 0.0,
    A.DRINKING: 0.0,
    A.READING: 0.0,
    A.TYPING: 0.0,
    A.PHONE: 0.0,
    A.SLEEP: 0.0,
    A.BATTING: 0.0,
    A.PITCHING: 0.0,
    A.CATCHING: 0.0,
    A.FIELDING: 0.0,
    A.THROWING: 0.0,
    A.KICKING: 0.0,
    A.DRIBBLING: 3.0,  # choice: a jog; the pack's takes stop and turn, mean 0.99
    A.SHOOTING: 0.0,
    A.HEADER: 0.0,
    A.GOLF_SWING: 0.0,
    A.TENNIS_SWING: 0.0,
    A.BOWLING: 0.0,
    A.FIGHT_STANCE: 0.0,
    A.PUNCH: 0.0,
    A.KICK: 0.0,
    A.DODGE: 0.0,
    A.BLOCK: 0.0,
    A.PUSH: 0.8,  # choice: a loaded cart, slower than a free walk
    A.PULL: 0.6,  # choice: backwards and under load, slower than push
    A.FALL: 0.0,
    A.ROLL: 0.65,  # pack: 0.65
    A.CARTWHEEL: 0.96,  # pack: 0.96
    A.DIVE: 3.0,  # choice: the horizontal speed of a low leap
    A.TACKLE: 4.0,  # choice: between jog and run
    A.HANDSHAKE: 0.0,
    A.HUG: 0.0,
    A.HIGH_FIVE: 0.0,
    A.PICK_UP: 0.0,
    A.PUT_DOWN: 0.0,
    A.CARRY: 1.1,  # choice: 15 % below a free walk
}
del A

SEATED: frozenset[ActionType] = frozenset(
    {
        ActionType.SIT,
        ActionType.LIE_DOWN,
        ActionType.SLEEP,
        ActionType.RIDE,
        ActionType.CLIMB,
        ActionType.EATING,
        ActionType.DRINKING,
        ActionType.READING,
        ActionType.TYPING,
        ActionType.PHONE,
        ActionType.GET_UP,
    }
)
"""What is done on a seat, a bed, a bicycle or a ladder where the actor's target is one."""
