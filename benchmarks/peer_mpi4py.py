"""mpi4py (https://mpi4py.github.io) on Open MPI: its MPIPoolExecutor under asyncio's run_in_executor.

Started by itself, this program becomes mpirun of itself, with a rank more than there are workers. They are there before
it can measure anything, and mpirun's to end: so there is no start here, and no naps.

Run: peer_mpi4py.py ACT NUMBER...
"""

import os
import sys

import mpi4py
from peer_python_pools import acts_of, perform


def make_pool(workers):
    from mpi4py.futures import MPIPoolExecutor  # which starts MPI: here there are ranks

    return MPIPoolExecutor(workers)


def become_mpirun(workers):
    os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))  # the workers' main program is another
    mpirun = ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
    python = [sys.executable, "-m", "mpi4py.futures"]
    os.execvp(mpirun[0], [*mpirun, "-n", str(workers + 1), *python, *sys.argv])


if __name__ == "__main__":
    if len(sys.argv) > 2 and "OMPI_COMM_WORLD_SIZE" not in os.environ:
        become_mpirun(int(sys.argv[2]))
    perform(acts_of(make_pool), mpi4py.__version__)
