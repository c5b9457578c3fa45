"""A cache of checked frames in front of a source that must not be flooded."""
