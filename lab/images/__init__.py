"""Where images come from: what determines one, which source serves it, how it is built."""
