"""pebble (https://github.com/noxdafox/pebble): its ProcessPool, whose workers are forked, under asyncio's
run_in_executor. It gives futures, but is no executor.

Run: peer_pebble.py ACT NUMBER...
"""

import importlib.metadata

import pebble
from peer_python_pools import acts_of, naps_of, perform, start_of
from peer_python_processes import die_with_parent


class Executor:
    """What run_in_executor and the acts need of one."""

    def __init__(self, workers):
        self._pool = pebble.ProcessPool(workers, initializer=die_with_parent)

    def submit(self, function, *arguments):
        return self._pool.schedule(function, args=arguments)

    def map(self, function, values, chunksize):
        return self._pool.map(function, values, chunksize=chunksize).result()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pool.close()
        self._pool.join()


if __name__ == "__main__":
    acts = acts_of(Executor) | {"start": start_of(Executor), "naps": naps_of(Executor)}
    perform(acts, importlib.metadata.version("pebble"))
