"""A cache client for values that matter: redis-py below, the codec inside, the database behind a load rate.

The cache exists for one rule: a value that cannot be read is a verdict, not a miss, and no verdict ever costs an
unbounded read of the database. `GuardedCache` is for blocking code, `AsyncGuardedCache` for coroutines; both stand on
one policy core (`core`), which has no I/O. Stores are in `safecodec.cache.stores`.
"""

from ..errors import CacheError, CacheUnavailableError, LoadRefusedError, LoadTimeoutError, StoreError
from .aio import AsyncGuardedCache
from .answers import RULES, Answer, Rule, Source, Verdict
from .policy import BreakerPolicy, GuardPolicy
from .sync import GuardedCache

__all__ = [
    "RULES",
    "Answer",
    "AsyncGuardedCache",
    "BreakerPolicy",
    "CacheError",
    "CacheUnavailableError",
    "GuardPolicy",
    "GuardedCache",
    "LoadRefusedError",
    "LoadTimeoutError",
    "Rule",
    "Source",
    "StoreError",
    "Verdict",
]
