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
from multiprocessing import shared_memory

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


def latency(workers, n, make_pool=make_pool):
    peer_python.latency(workers, n, make_pool)


def throughput(workers, n, in_flight, make_pool=make_pool):
    calls, elapsed = peer_python.run_streams(workers, n, in_flight, make_pool)
    report("throughput", calls / elapsed / 1e3, "k calls/s")


def map_in_chunks(workers, n, chunk, make_pool=make_pool):
    with make_pool(workers) as pool:
        started = time.perf_counter()
        total = sum(pool.map(call, range(n), chunksize=chunk))
        elapsed = time.perf_counter() - started
    assert total == sum_of_calls(n)
    report("throughput", n / elapsed / 1e3, "k calls/s")


def echo(block):
    return block


def payload(workers, n, size, make_pool=make_pool):
    measure_payload(workers, n, repeated(random.randbytes(min(size, MEBIBYTE)), size), make_pool)


def payload_text(workers, n, size, make_pool=make_pool):
    measure_payload(workers, n, repeated(random.randbytes(MEBIBYTE // 2).hex(), size), make_pool)


def repeated(pattern, size):
    return (pattern * (size // len(pattern) + 1))[:size]


def measure_payload(workers, n, original, make_pool):
    async def round_trips(pool):
        loop = asyncio.get_running_loop()
        block = original
        taken = []
        for _ in range(n + 1):
            started = time.perf_counter()
            block = await loop.run_in_executor(pool, echo, block)
            taken.append((time.perf_counter() - started) * 1e6)
            assert block == original
        return taken

    with make_pool(workers) as pool:
        first, *later = asyncio.run(round_trips(pool))
    report("payload.first", first, "us")
    report("payload.later", statistics.median(later), "us")


def write_to(name, size, step):
    """What a worker does with shared bytes; the kernel may give more of them than were asked for."""
    memory = shared_memory.SharedMemory(name)
    for i in range(0, size, step):
        memory.buf[i] = (memory.buf[i] + 1) % 256
    memory.close()


def shared(workers, n, size):
    async def hand_over(pool, name, step):
        loop = asyncio.get_running_loop()
        taken = []
        for _ in range(n + 1):
            started = time.perf_counter()
            await loop.run_in_executor(pool, write_to, name, size, step)
            taken.append((time.perf_counter() - started) * 1e6)
        return statistics.median(taken[1:])

    # The memory is there before the pool: its workers then share the process that keeps track of it.
    memory = shared_memory.SharedMemory(create=True, size=size)
    try:
        memory.buf[:size:PAGE] = bytes(len(range(0, size, PAGE)))
        with make_pool(workers) as pool:
            handed = asyncio.run(hand_over(pool, memory.name, size))
            touched = asyncio.run(hand_over(pool, memory.name, PAGE))
        assert memory.buf[0] == 2 * (n + 1) % 256
        assert bytes(memory.buf[PAGE:size:PAGE]) == bytes([(n + 1) % 256]) * len(range(PAGE, size, PAGE))
    finally:
        memory.close()
        memory.unlink()
    report("shared.handed", handed, "us")
    report("shared.touched", touched, "us")


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
    peer_python.naps(workers, n, ms, concurrent.futures.ProcessPoolExecutor)


ACTS = {
    "lat": latency,
    "thr": throughput,
    "map": map_in_chunks,
    "payload": payload,
    "payload_text": payload_text,
    "shared": shared,
    "start": start,
    "start_spawn": start_spawn,
    "start_big": start_big,
    "naps": naps,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ACTS:
        sys.exit(__doc__)
    ACTS[sys.argv[1]](*[int(number) for number in sys.argv[2:]])
