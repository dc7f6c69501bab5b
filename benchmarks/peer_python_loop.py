"""Python's asyncio loop by itself: the acts of measure_loop.hpp, with the same command line.

Run: peer_python_loop.py ACT NUMBER...
"""

import asyncio
import statistics
import sys
import time

from peer_python import report

MICROSECOND = 1e-6
ENOUGH = 20_000


def times(n):
    """How often n things are measured: few several times."""
    return -(-ENOUGH // n)


def delays():
    """Numbers below 1,000,000 in no order."""
    state = 1
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 33) % 1_000_000


def taken(numbers, n):
    """The first n of them: making them is not measured."""
    return [next(numbers) for _ in range(n)]


def report_each(name, n, seconds):
    report(name, seconds / n * 1e9, "ns")


def timers(n):
    loop = asyncio.new_event_loop()
    numbers = delays()

    def once():
        within = [delay * 1e-9 for delay in taken(numbers, n)]
        fired = []

        def fire(when):
            fired.append(when)
            if len(fired) == n:
                loop.stop()

        started = loop.time()
        for delay in within:
            loop.call_at(started + delay, fire, delay)
        all_set = loop.time()
        time.sleep(max(0, started + 1e-3 - loop.time()))
        all_due = loop.time()
        loop.run_forever()
        ended = loop.time()
        assert fired == sorted(within)
        return all_set - started, ended - all_due

    to_set, to_fire = zip(*[once() for _ in range(times(n))])
    report_each("timers.set", n, statistics.median(to_set))
    report_each("timers.fire", n, statistics.median(to_fire))


def timers_cancel(n):
    loop = asyncio.new_event_loop()
    more = [delay * MICROSECOND for delay in taken(delays(), n)]
    fired = []
    started = loop.time()
    pending = [loop.call_later(3600 + delay, fired.append, delay) for delay in more]
    for timer in pending:
        timer.cancel()
    loop.call_soon(loop.stop)
    loop.run_forever()
    report_each("timers.cancel", n, loop.time() - started)
    assert not fired


def lock(n):
    each = n // 2

    async def take_turns(shared, turns, who):
        for i in range(each):
            await shared.acquire()
            if i == 0:
                await asyncio.sleep(0)  # until the other waits for it
            turns.append(who)
            shared.release()

    async def both():
        shared, turns = asyncio.Lock(), []
        started = time.perf_counter()
        await asyncio.gather(take_turns(shared, turns, 1), take_turns(shared, turns, 2))
        report_each("lock", 2 * each, time.perf_counter() - started)
        assert turns == [1, 2] * each

    asyncio.run(both())


def queue(n):
    each = n // 2

    async def send_back(there, back):
        for _ in range(each):
            await back.put(await there.get() + 1)

    async def send_and_get_back():
        there, back = asyncio.Queue(), asyncio.Queue()
        started = time.perf_counter()
        other = asyncio.create_task(send_back(there, back))
        item = 0
        for _ in range(each):
            await there.put(item + 1)
            item = await back.get()
        await other
        report_each("queue", 2 * each, time.perf_counter() - started)
        assert item == 2 * each

    asyncio.run(send_and_get_back())


async def by_wait(futures):
    done, _ = await asyncio.wait(futures)
    return len(done)


async def by_gather(futures):
    return len(await asyncio.gather(*futures))


async def by_as_completed(futures):
    seen = 0
    for one in asyncio.as_completed(futures):
        seen += await one
    return seen


def waiting(name, way):
    async def time_once(n):
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(n)]

        def complete():
            for one in futures:
                one.set_result(1)

        started = time.thread_time_ns()
        waiter = asyncio.create_task(way(futures))
        loop.call_soon(complete)
        assert await waiter == n
        return (time.thread_time_ns() - started) / n

    def measure(first, last):
        n = first
        while n <= last:
            each = [asyncio.run(time_once(n)) for _ in range(times(n))]
            report(f"{name}.{n}", statistics.median(each), "ns")
            n *= 10

    return measure


ACTS = {
    "timers": timers,
    "timers_cancel": timers_cancel,
    "lock": lock,
    "queue": queue,
    "wait": waiting("wait", by_wait),
    "gather": waiting("gather", by_gather),
    "as_completed": waiting("as_completed", by_as_completed),
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ACTS:
        sys.exit(__doc__)
    ACTS[sys.argv[1]](*[int(number) for number in sys.argv[2:]])
