"""loky (https://github.com/joblib/loky), which joblib brings along: its ProcessPoolExecutor, whose workers are made by
exec, under asyncio's run_in_executor. A worker's start has the import of joblib in it.

Run: peer_loky.py ACT NUMBER...
"""

from joblib.externals import loky
from peer_python_pools import acts_of, naps_of, perform, start_of
from peer_python_processes import die_with_parent


def make_pool(workers):
    return loky.ProcessPoolExecutor(workers, initializer=die_with_parent)


if __name__ == "__main__":
    acts = acts_of(make_pool) | {"start_spawn": start_of(make_pool), "naps": naps_of(make_pool)}
    perform(acts, loky.__version__)
