"""Python's asyncio with a concurrent.futures.ProcessPoolExecutor: the acts of measure_processes.hpp, with the same
command line.

Run: peer_python_processes.py ACT NUMBER...
"""

import asyncio
import concurrent.futures
import ctypes
import multiprocessing
import random
import signal
import statistics
import sys
import time

import peer_python
from peer_python import call, report, sum_of_calls

MEBIBYTE = 1 << 20
PAGE = 4096


def die_with_parent():
    """A worker of a parent that was killed would wait for calls for ever."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def make_pool(workers):
    """A pool of the default kind, which on Linux forks; all its workers are there."""
    pool = concurrent.futures.ProcessPoolExecutor(workers, initializer=die_with_parent)
    for f in [pool.submit(call, 0) for _ in range(workers)]:
        f.result()
    return pool


def latency(workers, n):
    peer_python.latency(workers, n, make_pool)


def throughput(workers, n, in_flight):
    calls, elapsed = peer_python.run_streams(workers, n, in_flight, make_pool)
    report("throughput", calls / elapsed / 1e3, "k calls/s")


def map_in_chunks(workers, n, chunk):
    with make_pool(workers) as pool:
        started = time.perf_counter()
        total = sum(pool.map(call, range(n), chunksize=chunk))
        elapsed = time.perf_counter() - started
    assert total == sum_of_calls(n)
    report("throughput", n / elapsed / 1e3, "k calls/s")


def echo(block):
    return block


def payload(workers, n, mib):
    async def round_trips(pool):
        loop = asyncio.get_running_loop()
        original = random.randbytes(MEBIBYTE) * mib
        block = original
        taken = []
        for _ in range(n + 1):
            started = time.perf_counter()
            block = await loop.run_in_executor(pool, echo, block)
            taken.append((time.perf_counter() - started) * 1e3)
            assert block == original
        return taken

    with make_pool(workers) as pool:
        first, *later = asyncio.run(round_trips(pool))
    report("payload.first", first, "ms")
    report("payload.later", statistics.median(later), "ms")


barrier = None


def keep_barrier(shared):
    global barrier
    barrier = shared


def meet():
    """Each worker answers once: none until all of them are there."""
    barrier.wait()


def start_pool(workers, method):
    context = multiprocessing.get_context(method)
    started = time.perf_counter()
    pool = concurrent.futures.ProcessPoolExecutor(
        workers, context, initializer=keep_barrier, initargs=(context.Barrier(workers),)
    )
    for f in [pool.submit(meet) for _ in range(workers)]:
        f.result()
    elapsed = time.perf_counter() - started
    pool.shutdown()
    return elapsed * 1e3


def start(workers, n, method="forkserver"):
    first, *later = [start_pool(workers, method) for _ in range(n + 1)]
    report("start.first", first, "ms")
    report("start.later", statistics.median(later), "ms")


def start_spawn(workers, n):
    start(workers, n, "spawn")


def start_big(workers, n, mib):
    held = bytearray(mib * MEBIBYTE)
    for i in range(0, len(held), PAGE):
        held[i] = 1
    start(workers, n)


def naps(workers, n, ms):
    async def take():
        loop = asyncio.get_running_loop()
        await asyncio.gather(*[loop.run_in_executor(pool, time.sleep, ms / 1e3) for _ in range(n)])

    started = time.perf_counter()
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        asyncio.run(take())
    report("naps", (time.perf_counter() - started) * 1e3, "ms")


ACTS = {
    "lat": latency,
    "thr": throughput,
    "map": map_in_chunks,
    "payload": payload,
    "start": start,
    "start_spawn": start_spawn,
    "start_big": start_big,
    "naps": naps,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ACTS:
        sys.exit(__doc__)
    ACTS[sys.argv[1]](*[int(number) for number in sys.argv[2:]])
