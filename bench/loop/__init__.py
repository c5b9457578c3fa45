"""What a decode in another thread does to an event loop, and what a hop to that thread costs."""
