"""How a process with a pool forks and ends, seen in processes of their own: nothing hangs, crashes or is said."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

from processes import said

START = """
import asyncio, dataclasses, os, sys, threading, time
from safecodec import Codec
from safecodec.offload import Pool, default_pool
@dataclasses.dataclass
class Rows:
    rows: list[int]
codec = Codec(Rows, subject="rows", version=1, environment="test", loop_budget=0)
value = Rows(list(range(1000)))
frame = codec.encode(value)
def slow(seconds, said=""):
    time.sleep(seconds)
    if said:
        print(said, flush=True)
    return said
async def busy(pool):
    while not pool.running:
        await asyncio.sleep(0.001)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("moment", ["before any call", "after calls", "while calls are made and wait"])
def test_forked_worker_has_a_pool_of_its_own(moment: str) -> None:
    """A forked process reads with threads of its own, whatever its parent's were doing, and both end well."""
    code = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of Python's, about forks beside threads
def fork_and_read():
    child = os.fork()
    if not child:
        assert default_pool().running == default_pool().waiting == own.running == 0
        assert asyncio.run(codec.adecode(frame)) == value
        assert asyncio.run(own.run(slow, 0, "")) == ""
        print("child", flush=True)
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert asyncio.run(codec.adecode(frame)) == value
    print("parent", flush=True)
own = Pool(2, name="own")
moment = MOMENT
if moment == "before any call":
    fork_and_read()
elif moment == "after calls":
    asyncio.run(codec.adecode(frame))
    asyncio.run(own.run(slow, 0))
    fork_and_read()
else:
    loop = threading.Thread(target=lambda: asyncio.run(many()))
    async def many():
        await asyncio.gather(*(pool.run(slow, 0.3) for pool in (own, default_pool()) for _ in range(8)))
    loop.start()
    while not (own.waiting and default_pool().waiting):
        time.sleep(0.001)
    fork_and_read()
    loop.join()
"""
    assert said(START + code.replace("MOMENT", repr(moment))) == "child\nparent\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forks_while_pools_are_made() -> None:
    """A fork at any moment leaves no lock behind that the child would wait for."""
    code = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
stop = False
def make():
    while not stop:
        asyncio.run(Pool(1).run(int))
        default_pool().close()
makers = [threading.Thread(target=make) for _ in range(2)]
for maker in makers:
    maker.start()
for _ in range(20):
    child = os.fork()
    if not child:
        assert asyncio.run(codec.adecode(frame)) == value
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop = True
for maker in makers:
    maker.join()
"""
    assert said(START + code) == ""


LOOPS = ["asyncio.new_event_loop()"] + (["__import__('uvloop').new_event_loop()"] if find_spec("uvloop") else [])


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"][: len(LOOPS)])
def test_loop_closed_over_a_call(loop: str) -> None:
    """A loop that is closed while a call is made loses the result without a word, and the thread does the next call."""
    code = f"""
pool = Pool(1)
loop = {loop}
task = loop.create_task(pool.run(slow, 0.2, "made"))
loop.run_until_complete(busy(pool))
task.cancel()
loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
loop.close()
loop = {loop}
print(loop.run_until_complete(pool.run(slow, 0, "next")))
loop.close()
"""
    assert said(START + code) == "made\nnext\nnext\n"


def test_exit_waits_for_what_is_made() -> None:
    """An interpreter that exits while calls are made and wait finishes the first, and does not make the others."""
    code = """
pool = Pool(2)
async def main():
    for said in "abcd":
        asyncio.ensure_future(pool.run(slow, 0.2, said))
    while pool.waiting < 2:
        await asyncio.sleep(0.001)
    print("exit")
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
for task in asyncio.all_tasks(loop):
    task._log_destroy_pending = False  # asyncio's complaint about whoever leaves them
loop.close()
"""
    first, *others = said(START + code).split()
    assert (first, sorted("".join(others))) == ("exit", ["a", "b"])


def test_exit_under_a_decode() -> None:
    """An interpreter that exits while large frames are read, by tasks that asyncio has cancelled, ends at once."""
    code = """
large = Codec(Rows, subject="rows", version=1, environment="test")
frame = large.encode(Rows(list(range(300_000))))
async def main():
    tasks = [asyncio.ensure_future(large.adecode(frame)) for _ in range(20)]
    await busy(default_pool())
asyncio.run(main())
print(default_pool().waiting)
"""
    assert said(START + code) == "0\n"


def test_exit_while_another_thread_waits() -> None:
    """A loop in another thread, whose calls still wait when the interpreter exits, is told, so that it can end."""
    code = """
from safecodec import OffloadError
pool = Pool(1)
async def main():
    results = await asyncio.gather(*(pool.run(slow, 0.3) for _ in range(5)), return_exceptions=True)
    print([type(result).__name__ for result in results])
    try:
        await pool.run(int)
    except OffloadError as error:
        print(error)
threading.Thread(target=lambda: asyncio.run(main())).start()
while pool.waiting < 4:
    time.sleep(0.001)
"""
    first, second = said(START + code).splitlines()
    assert first == "['str', 'OffloadError', 'OffloadError', 'OffloadError', 'OffloadError']"
    assert second.startswith("the pool 'safecodec' has no thread for the call: ")


def test_dropped_codec_and_pool_end_quietly() -> None:
    """A pool that is still there at exit, idle, keeps nobody waiting."""
    assert said(START + "asyncio.run(codec.adecode(frame)); print('done')") == "done\n"
