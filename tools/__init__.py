"""Commands: each parses its flags, calls a package and prints. Nothing imports them.

No tool imports another one, nor ``run_sim``; what they share is in ``entities.command``
and ``sim.command``.
"""

import os

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # stdout is for what was asked for
