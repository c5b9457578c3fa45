"""Types, commits on them and values, generated; and what a reader of one type makes of a value of another.

The meaning of a pair of types is stated in docs/reference/type-pairs.md. `oracle` computes it on abstract types and
plain values, and imports nothing of this project; `checks` compares the library with it.
"""
