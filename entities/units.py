"""Units that every package shares: SI throughout, in a right-handed world.

x points right, y away from the viewer (depth on the ground), z up. Angles are radians,
counter-clockwise from +x when seen from above.
"""

DT = 1.0 / 60.0
"""Duration of one simulation tick in seconds; time is always ``tick * DT``."""

TICKS_PER_MOTION_FRAME = 2
"""Ticks per motion frame: motion is learned and recorded at 30 Hz."""

UNIT_M = 0.68
"""Metres in one drawing unit: a person of 1.70 m is 2.5 units tall."""

EARTH_GRAVITY = 9.81
"""m/s², standard gravity, rounded."""

MOON_GRAVITY = 1.62
"""m/s², https://nssdc.gsfc.nasa.gov/planetary/factsheet/moonfact.html"""

START_TAU_S = 1.0
"""Time constant of v(1 - e^(-t/tau)) from rest.

With 1.0 s an 8 m/s sprinter covers the first 10 m in 2.13 s, within the required 2.1-2.2 s.
"""
