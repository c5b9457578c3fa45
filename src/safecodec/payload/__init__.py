"""How a value becomes bytes and back: a module for each format, with the same four functions."""
