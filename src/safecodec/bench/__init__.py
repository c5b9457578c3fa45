"""Benchmarks of a codec: ratios to other libraries in one process, and instructions that repeat.

``import safecodec`` loads none of it.
"""
