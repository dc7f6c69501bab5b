// The worker server: a process with one thread, made by exec of the program itself, that forks the workers.
//
//   program                                          worker server                        workers
//   ───────                                          ─────────────                        ───────
//   open_session() ── exec of /proc/self/exe ──────► its static constructors run,
//     │               environment: PLAIT_WORKER       main is taken over (takeover.hpp)
//     │               main socket, pidfd of the       run_server()
//     │               program (the lifeline)            │
//     ├── main socket: one end of a session ───────────►│ sessions
//     │                                                 │
//   session.start(id, name, descriptors) ── session ───►│ fork() ────────────────────────► names itself, keeps only
//     │                                                 │  forgets the descriptors         the given descriptors,
//     │◄── started(id, pid, pidfd) ─────────────────────┤                                  worker_main(descriptors)
//     │                                                 │                                    │
//     │    pidfd: its death is seen, and it is          │ its pidfd becomes readable         ▼
//     │    signalled, without the server                │  reaps it                        _exit(code)
//     │◄── ended(id, pid, status) ──────────────────────┘
//
// What happens when one dies
//   a worker         The server reaps it and tells the session. Whoever holds its pidfd sees it at the same moment.
//   a session        (a pool's end, its socket is closed) The server kills its workers and reaps them; nobody is
//                    told.
//   the program      The lifeline becomes readable, or the main socket is closed, whichever is seen first: either
//                    alone is enough (a forked child may hold the socket, an exec'd program keeps the process alive).
//                    The server kills all workers, reaps them, ends. It need not wait for a call or a lock of
//                    anybody.
//   the server       Each worker has PR_SET_PDEATHSIG(SIGKILL) towards it, so they die; each session reads `closed`
//                    (server_lost), and the next open_session() starts another server.
//
// Guarantees
//   - The program is never forked. The server is no child of it (its parent has ended), so the host's waitpid(-1),
//     SIGCHLD = SIG_IGN and its handlers don't meet it; only a program that is itself the reaper of orphans (pid 1 of
//     a container, a subreaper) gets it as a child, and reaps it when it is lost.
//   - The server never waits for anybody: what a session does not take is kept for it.
//   - Server and workers have: the directory, environment, limits, stdout and stderr that the program had when the
//     server started; /dev/null as stdin; an empty signal mask. All signals have their default action, but SIGINT,
//     SIGQUIT and SIGHUP, which a terminal sends to all processes at once: they are ignored, the program decides. The
//     server ignores SIGTERM too. What a static constructor changed of this stays, but for those signals. Where the
//     environment has no OMP_NUM_THREADS it is 1 there.
//   - Of the program's descriptors they have none but stdout, stderr and what was handed to them. (What a static
//     constructor opens in the server is the program's statics, and every worker has it.)
//   - Where the server finds threads in itself it does not fork: it execs each worker. What fork() takes along of a
//     process with threads may be locked for ever.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/descriptors.hpp>

namespace plait::inline PLAIT_ABI::detail {

/// What a worker server runs instead of main. `lifeline` is a pidfd of the program.
[[noreturn]] void run_server(private_fd main_socket, private_fd lifeline);

}  // namespace plait::inline PLAIT_ABI::detail
