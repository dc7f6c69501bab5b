"""What other pools of processes for Python share: the acts of measure_processes.hpp, with the same command line, by
asyncio's run_in_executor. peer_loky.py, peer_mpi4py.py and peer_pebble.py are the programs.
"""

import functools
import os
import statistics
import sys
import time

import peer_python
import peer_python_processes as processes
from peer_python import report


def ready(make_pool, workers):
    """A pool each of whose workers has answered."""
    pool = make_pool(workers)
    answered = set()
    while len(answered) < workers:
        asked = [pool.submit(os.getpid) for _ in range(workers)]
        answered.update(one.result() for one in asked)
    return pool


def start(workers, n, make_pool):
    taken = []
    for _ in range(n + 1):
        started = time.perf_counter()
        with ready(make_pool, workers):
            taken.append((time.perf_counter() - started) * 1e3)
    first, *later = taken
    report("start.first", first, "ms")
    report("start.later", statistics.median(later), "ms")


def acts_of(make_pool):
    """Those of pools that are there; start and naps are to be added where the program makes its pool itself."""
    of_ready = {
        "lat": processes.latency,
        "thr": processes.throughput,
        "map": processes.map_in_chunks,
        "payload": processes.payload,
        "payload_text": processes.payload_text,
    }
    make_ready = functools.partial(ready, make_pool)
    return {name: functools.partial(act, make_pool=make_ready) for name, act in of_ready.items()}


def start_of(make_pool):
    return functools.partial(start, make_pool=make_pool)


def naps_of(make_pool):
    return functools.partial(peer_python.naps, make_pool=make_pool)


def perform(acts, library_version):
    """What the command line asks for."""
    act, *numbers = sys.argv[1:] or [""]
    if act == "version":
        print(f"version\t{library_version}\t")
    elif act in acts:
        acts[act](*[int(number) for number in numbers])
    else:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(acts)} NUMBER...")
