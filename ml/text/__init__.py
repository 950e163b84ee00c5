"""Text encoders: sentences in, unit vectors out.

``encoders.open_encoder`` opens one by name, with a cache. ``base`` has what all of them share,
``shipped`` knows the model files that come with the package, ``gemini`` and
``transformer_encoder`` are optional ones, and the rest fits adapters between two encoders and
exports the bundled model. Nothing here knows what its texts are about; torch and clients of
services are imported only when an encoder that needs them is opened.
"""
