"""Imports without the garbage collector; imported for that effect.

Imports make some sixty thousand objects and next to no garbage: to search them for it again and
again takes a twentieth of the start. `serving.run` turns the collector on.
"""

import gc

gc.disable()
