"""The error of whoever uses the program, as opposed to a bug of ours."""


class UserError(ValueError):
    """Something the user can put right; the message is one line."""
