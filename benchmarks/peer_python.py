"""Python's asyncio with a concurrent.futures.ThreadPoolExecutor: the acts of measure.hpp, with the same command line.

Run: peer_python.py ACT NUMBER...
"""

import asyncio
import concurrent.futures
import os
import platform
import resource
import statistics
import sys
import threading
import time

WARM_UP = 1000
WORK_NS = 0


def call(n):
    if WORK_NS:
        end = time.thread_time_ns() + WORK_NS
        while time.thread_time_ns() < end:
            pass
    return n * n


def sum_of_calls(n):
    return sum(i * i for i in range(n))


def report(name, value, unit):
    print(f"{name}\t{value:.3f}\t{unit}", flush=True)


def usage():
    """CPU time in seconds and context switches of all threads."""
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime, r.ru_nvcsw + r.ru_nivcsw


def resident_bytes():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def latency(workers, n, make_pool=concurrent.futures.ThreadPoolExecutor):
    async def sequence(pool):
        loop = asyncio.get_running_loop()
        for i in range(WARM_UP):
            await loop.run_in_executor(pool, call, i)
        samples = [0] * n
        cpu_before, switches_before = usage()
        for i in range(n):
            started = time.perf_counter_ns()
            result = await loop.run_in_executor(pool, call, i)
            samples[i] = time.perf_counter_ns() - started
            assert result == i * i
        cpu, switches = usage()
        return samples, cpu - cpu_before, switches - switches_before

    with make_pool(workers) as pool:
        samples, cpu, switches = asyncio.run(sequence(pool))
    samples.sort()
    report("latency.mean", statistics.fmean(samples) / 1e3, "us")
    report("latency.p50", samples[n // 2] / 1e3, "us")
    report("latency.p99", samples[min(n * 99 // 100, n - 1)] / 1e3, "us")
    report("latency.switches", switches / n, "switches")
    report("latency.cpu", cpu / n * 1e6, "us")


def run_streams(workers, n, in_flight, make_pool=concurrent.futures.ThreadPoolExecutor):
    """Gives the calls made and the seconds they took."""
    each = n // in_flight

    async def stream(loop, pool):
        total = 0
        for i in range(each):
            total += await loop.run_in_executor(pool, call, i)
        return total

    async def all_streams(pool):
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        totals = await asyncio.gather(*[stream(loop, pool) for _ in range(in_flight)])
        return totals, time.perf_counter() - started

    with make_pool(workers) as pool:
        totals, elapsed = asyncio.run(all_streams(pool))
    assert totals == [sum_of_calls(each)] * in_flight
    return each * in_flight, elapsed


def throughput(workers, n, in_flight):
    calls, elapsed = run_streams(workers, n, in_flight)
    report("throughput", calls / elapsed / 1e3, "k calls/s")


def throughput_of_a_full_queue(workers, n, in_flight, room):
    """The executor has no bound: a semaphore for those that wait and those that run is what its users take."""
    each = n // in_flight

    async def stream(loop, pool, bound):
        total = 0
        for i in range(each):
            async with bound:
                total += await loop.run_in_executor(pool, call, i)
        return total

    async def all_streams(pool):
        loop = asyncio.get_running_loop()
        bound = asyncio.Semaphore(room + workers)
        started = time.perf_counter()
        totals = await asyncio.gather(*[stream(loop, pool, bound) for _ in range(in_flight)])
        return totals, time.perf_counter() - started

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        totals, elapsed = asyncio.run(all_streams(pool))
    assert totals == [sum_of_calls(each)] * in_flight
    report("throughput", each * in_flight / elapsed / 1e3, "k calls/s")


def efficiency(workers, n, in_flight, work_us):
    global WORK_NS
    WORK_NS = work_us * 1000
    calls, elapsed = run_streams(workers, n, in_flight)
    cores = min(len(os.sched_getaffinity(0)), workers)
    report("efficiency", 100 * calls * WORK_NS / 1e9 / (elapsed * cores), "%")


def compute(steps, n):
    for _ in range(steps):
        pass
    return n * n


def steps_in(us):
    many = 1_000_000
    started = time.thread_time_ns()
    compute(many, 0)
    return many * us * 1000 // (time.thread_time_ns() - started)


def lateness(workers, n, in_flight, work_us):
    """How much later than a millisecond sleeps of one end beside streams of calls that compute."""
    warm_up_sleeps = 20
    steps = steps_in(work_us)
    each = n // in_flight
    late = []

    async def sleeps():
        while True:
            started = time.perf_counter_ns()
            await asyncio.sleep(0.001)
            late.append(time.perf_counter_ns() - started - 1_000_000)

    async def stream(loop, pool):
        total = 0
        for i in range(each):
            total += await loop.run_in_executor(pool, compute, steps, i)
        return total

    async def all_streams(pool):
        loop = asyncio.get_running_loop()
        sleeper = asyncio.create_task(sleeps())
        totals = await asyncio.gather(*[stream(loop, pool) for _ in range(in_flight)])
        sleeper.cancel()
        return totals

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        totals = asyncio.run(all_streams(pool))
    assert totals == [sum_of_calls(each)] * in_flight
    assert len(late) >= warm_up_sleeps + 10, "too few sleeps"
    late = sorted(late[warm_up_sleeps:])
    report("late.p50", late[len(late) // 2] / 1e3, "us")
    report("late.p99", late[len(late) * 99 // 100] / 1e3, "us")


def loops(workers, n, in_flight, number):
    """The pool is shared; each loop, on a thread of its own, has its streams."""
    streams = in_flight // number
    each = n // number // streams
    sums = []

    async def stream(loop, pool):
        total = 0
        for i in range(each):
            total += await loop.run_in_executor(pool, call, i)
        return total

    async def all_streams(pool):
        loop = asyncio.get_running_loop()
        sums.extend(await asyncio.gather(*[stream(loop, pool) for _ in range(streams)]))

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        threads = [threading.Thread(target=lambda: asyncio.run(all_streams(pool))) for _ in range(number)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - started
    assert sums == [sum_of_calls(each)] * (number * streams)
    report("throughput", len(sums) * each / elapsed / 1e3, "k calls/s")


def at_once(workers, n):
    async def all_calls(pool):
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*[loop.run_in_executor(pool, call, i) for i in range(n)])

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        started = time.perf_counter_ns()
        results = asyncio.run(all_calls(pool))
        report("at_once", (time.perf_counter_ns() - started) / n, "ns")
    assert sum(results) == sum_of_calls(n)


def naps(workers, n, ms, make_pool=concurrent.futures.ThreadPoolExecutor):
    async def take(pool):
        loop = asyncio.get_running_loop()
        await asyncio.gather(*[loop.run_in_executor(pool, time.sleep, ms / 1e3) for _ in range(n)])

    started = time.perf_counter()
    with make_pool(workers) as pool:
        asyncio.run(take(pool))
    report("naps", (time.perf_counter() - started) * 1e3, "ms")


def memory_of_call(n):
    async def pending(pool):
        loop = asyncio.get_running_loop()
        held, gate = threading.Event(), threading.Event()

        def hold():
            held.set()
            gate.wait()

        blocker = loop.run_in_executor(pool, hold)
        held.wait()
        futures = [None] * n
        before = resident_bytes()
        for i in range(n):
            futures[i] = loop.run_in_executor(pool, call, i)
        report("memory.call", (resident_bytes() - before) / n, "B")
        gate.set()
        await blocker
        assert sum(await asyncio.gather(*futures)) == sum_of_calls(n)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asyncio.run(pending(pool))


def memory_of_sleep(n):
    async def sleepers():
        tasks = [None] * n
        before = resident_bytes()
        for i in range(n):
            tasks[i] = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0)  # each gets to its sleep
        report("memory.sleep", (resident_bytes() - before) / n, "B")
        os._exit(0)  # the sleepers end with the process

    asyncio.run(sleepers())


def task_switch(n):
    async def hand_over():
        for _ in range(n // 2):
            await asyncio.sleep(0)

    async def both():
        started = time.perf_counter_ns()
        await asyncio.gather(hand_over(), hand_over())
        report("switch", (time.perf_counter_ns() - started) / (n // 2 * 2), "ns")

    asyncio.run(both())


def version():
    print(f"version\t{platform.python_version()}\t")


ACTS = {
    "lat": latency,
    "thr": throughput,
    "full": throughput_of_a_full_queue,
    "eff": efficiency,
    "late": lateness,
    "loops": loops,
    "at_once": at_once,
    "naps": naps,
    "mem_call": memory_of_call,
    "mem_sleep": memory_of_sleep,
    "switch": task_switch,
    "version": version,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ACTS:
        sys.exit(__doc__)
    ACTS[sys.argv[1]](*[int(number) for number in sys.argv[2:]])
