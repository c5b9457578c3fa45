"""A subject through time: its schema versions and which of them can read which."""
