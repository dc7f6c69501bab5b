// Java (https://openjdk.org): an executor of one thread, the loop, hands a call to a fixed thread pool by
// CompletableFuture.supplyAsync; what follows runs on the loop again. The acts of measure.hpp, with the same command
// line.
//
// Before anything is measured, the same code runs for a while, so that the just-in-time compiler has been at it:
// programs in Java are long-lived ones. Java 17 has no coroutines, so there is nothing here to sleep and nothing to switch to.

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.LongUnaryOperator;

final class PeerJava {
  private static final int WARM_UP = 3000;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private PeerJava() {}

  // ---- the call that is offloaded ----

  // Burns workNs of the thread's own CPU time: a worker that was preempted did not work in the meantime.
  private static long call(long n, long workNs) {
    if (workNs != 0) {
      final long end = THREADS.getCurrentThreadCpuTime() + workNs;
      while (THREADS.getCurrentThreadCpuTime() < end) continue;
    }
    return n * n;
  }

  private static long nap(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return ms;
  }

  private static long sumOfCalls(long n) {
    long sum = 0;
    for (long i = 0; i < n; ++i) sum += i * i;
    return sum;
  }

  private static void require(boolean holds, String what) {
    if (!holds) throw new IllegalStateException(what);
  }

  // ---- figures ----

  private static void report(String name, double value, String unit) {
    System.out.printf(Locale.ROOT, "%s\t%.3f\t%s%n", name, value, unit);
  }

  // CPU time in us and context switches of all threads of this process, those of the compiler and the collector too.
  private record Usage(double cpuUs, double switches) {
    static Usage now() throws IOException {
      final var os = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      long switches = 0;
      try (var threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
        for (final Path thread : threads) {
          for (final String line : Files.readAllLines(thread.resolve("status"))) {
            if (line.contains("ctxt_switches:")) switches += Long.parseLong(line.replaceAll("\\D", ""));
          }
        }
      }
      return new Usage(os.getProcessCpuTime() / 1e3, switches);
    }
  }

  // Bytes of the heap that are in use after a collection. The resident set tells nothing here: the heap is grown, and
  // emptied, as the collector sees fit.
  private static double usedBytes() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  private static void end(ExecutorService executor) throws InterruptedException {
    executor.shutdown();
    require(executor.awaitTermination(1, TimeUnit.MINUTES), "threads that do not end");
  }

  // ---- acts ----

  private interface Step {
    void run() throws Exception;
  }

  // Repeats what makes WARM_UP calls: ten times, or fewer where calls take long.
  private static void warmUp(Step calls) throws Exception {
    final long end = System.nanoTime() + 300_000_000;
    for (int i = 0; i < 10 && System.nanoTime() < end; ++i) calls.run();
  }

  // Calls one after the other; the loop's thread goes on when a result is there.
  private static final class Sequence {
    final long[] ns;
    private final ExecutorService pool;
    private final ExecutorService loop;
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private int made = 0;
    private long started;

    Sequence(ExecutorService pool, ExecutorService loop, int n) {
      this.pool = pool;
      this.loop = loop;
      ns = new long[n];
    }

    void run() {
      loop.execute(this::callNext);
      done.join();
    }

    private void callNext() {
      final long n = made;
      started = System.nanoTime();
      CompletableFuture.supplyAsync(() -> call(n, 0), pool).thenAcceptAsync(this::complete, loop);
    }

    private void complete(long square) {
      ns[made] = System.nanoTime() - started;
      if (square != (long) made * made) {
        done.completeExceptionally(new IllegalStateException("wrong result"));
      } else if (++made == ns.length) {
        done.complete(null);
      } else {
        callNext();
      }
    }
  }

  private static void latency(long[] a) throws Exception {
    final ExecutorService pool = Executors.newFixedThreadPool((int) a[0]);
    final ExecutorService loop = Executors.newSingleThreadExecutor();
    final int n = (int) a[1];
    warmUp(() -> new Sequence(pool, loop, WARM_UP).run());
    final var calls = new Sequence(pool, loop, n);
    final Usage before = Usage.now();
    calls.run();
    final Usage after = Usage.now();
    end(loop);
    end(pool);
    Arrays.sort(calls.ns);
    report("latency.mean", Arrays.stream(calls.ns).average().orElseThrow() / 1e3, "us");
    report("latency.p50", calls.ns[n / 2] / 1e3, "us");
    report("latency.p99", calls.ns[Math.min((int) (n * 99L / 100), n - 1)] / 1e3, "us");
    report("latency.switches", (after.switches - before.switches) / n, "switches");
    report("latency.cpu", (after.cpuUs - before.cpuUs) / n, "us");
  }

  // Streams that share a loop; each makes its calls one after the other.
  private static final class Streams {
    private final ExecutorService pool;
    private final ExecutorService loop = Executors.newSingleThreadExecutor();
    private final long each;
    private final long workNs;
    private final CountDownLatch running;
    private long sum = 0; // the loop's

    Streams(ExecutorService pool, long streams, long each, long workNs) {
      this.pool = pool;
      this.each = each;
      this.workNs = workNs;
      running = new CountDownLatch((int) streams);
    }

    void start() {
      loop.execute(() -> {
        for (long i = running.getCount(); i > 0; --i) callNext(0);
      });
    }

    void finish() throws InterruptedException {
      running.await();
      end(loop);
    }

    long sum() {
      return sum;
    }

    private void callNext(long n) {
      CompletableFuture.supplyAsync(() -> call(n, workNs), pool).thenAcceptAsync(square -> {
        sum += square;
        if (n + 1 < each) {
          callNext(n + 1);
        } else {
          running.countDown();
        }
      }, loop);
    }
  }

  // On each of `loops` loops `streams` streams make `each` calls; gives the ns they took.
  private static long timeStreams(ExecutorService pool, long loops, long streams, long each, long workNs)
      throws InterruptedException {
    final List<Streams> all = new ArrayList<>();
    final long started = System.nanoTime();
    for (long i = 0; i < loops; ++i) {
      all.add(new Streams(pool, streams, each, workNs));
      all.get((int) i).start();
    }
    for (final var one : all) one.finish();
    final long elapsed = System.nanoTime() - started;
    for (final var one : all) require(one.sum() == streams * sumOfCalls(each), "wrong sum");
    return elapsed;
  }

  private static void warmUpStreams(ExecutorService pool) throws Exception {
    final long streams = 100;
    warmUp(() -> timeStreams(pool, 1, streams, WARM_UP / streams, 0));
  }

  private static void throughput(long[] a) throws Exception {
    loops(new long[] {a[0], a[1], a[2], 1});
  }

  private static void efficiency(long[] a) throws Exception {
    final ExecutorService pool = Executors.newFixedThreadPool((int) a[0]);
    final long workNs = a[3] * 1000;
    final long each = a[1] / a[2];
    warmUpStreams(pool);
    final long elapsed = timeStreams(pool, 1, a[2], each, workNs);
    end(pool);
    final long cores = Math.min(Runtime.getRuntime().availableProcessors(), a[0]);
    report("efficiency", 100.0 * a[2] * each * workNs / ((double) elapsed * cores), "%");
  }

  // The pool is shared; each loop has its streams.
  private static void loops(long[] a) throws Exception {
    final ExecutorService pool = Executors.newFixedThreadPool((int) a[0]);
    final long streams = a[2] / a[3];
    final long each = a[1] / a[3] / streams;
    warmUpStreams(pool);
    final long elapsed = timeStreams(pool, a[3], streams, each, 0);
    end(pool);
    report("throughput", a[3] * streams * each * 1e6 / elapsed, "k calls/s");
  }

  // Hands n calls to the pool, then waits for all; gives the sum of their results.
  private static long callAtOnce(ExecutorService pool, int n, LongUnaryOperator function) {
    final List<CompletableFuture<Long>> calls = new ArrayList<>(n);
    for (int i = 0; i < n; ++i) {
      final long argument = i;
      calls.add(CompletableFuture.supplyAsync(() -> function.applyAsLong(argument), pool));
    }
    long sum = 0;
    for (final var one : calls) sum += one.join();
    return sum;
  }

  private static void atOnce(long[] a) throws Exception {
    final ExecutorService pool = Executors.newFixedThreadPool((int) a[0]);
    final int n = (int) a[1];
    warmUp(() -> callAtOnce(pool, WARM_UP, i -> call(i, 0)));
    final long started = System.nanoTime();
    final long sum = callAtOnce(pool, n, i -> call(i, 0));
    report("at_once", (double) (System.nanoTime() - started) / n, "ns");
    end(pool);
    require(sum == sumOfCalls(n), "wrong sum");
  }

  private static void naps(long[] a) throws Exception {
    final long started = System.nanoTime();
    final ExecutorService pool = Executors.newFixedThreadPool((int) a[0]);
    final long sum = callAtOnce(pool, (int) a[1], i -> nap(a[2]));
    end(pool);
    report("naps", (System.nanoTime() - started) / 1e6, "ms");
    require(sum == a[1] * a[2], "wrong sum");
  }

  private static void memoryOfCall(long[] a) throws Exception {
    final int n = (int) a[0];
    final ExecutorService pool = Executors.newFixedThreadPool(1);
    final var held = new CountDownLatch(1);
    final var gate = new CountDownLatch(1);
    pool.submit(() -> {
      held.countDown();
      gate.await();
      return null;
    });
    held.await();
    final List<CompletableFuture<Long>> pending = new ArrayList<>(n); // as large as it gets
    final double before = usedBytes();
    for (int i = 0; i < n; ++i) {
      final long argument = i;
      pending.add(CompletableFuture.supplyAsync(() -> call(argument, 0), pool));
    }
    report("memory.call", (usedBytes() - before) / n, "B");
    gate.countDown();
    long sum = 0;
    for (final var one : pending) sum += one.join();
    end(pool);
    require(sum == sumOfCalls(n), "wrong sum");
  }

  private static void version(long[] a) {
    System.out.printf("version\t%s\t%n", Runtime.version());
  }

  // ---- the command line ----

  private interface Perform {
    void with(long[] numbers) throws Exception;
  }

  private record Act(int count, Perform perform) {}

  private static final Map<String, Act> ACTS = Map.of(
      "lat", new Act(2, PeerJava::latency),
      "thr", new Act(3, PeerJava::throughput),
      "eff", new Act(4, PeerJava::efficiency),
      "loops", new Act(4, PeerJava::loops),
      "at_once", new Act(2, PeerJava::atOnce),
      "naps", new Act(3, PeerJava::naps),
      "mem_call", new Act(1, PeerJava::memoryOfCall),
      "version", new Act(0, PeerJava::version));

  public static void main(String[] words) throws Exception {
    final Act act = words.length == 0 ? null : ACTS.get(words[0]);
    if (act == null || act.count() != words.length - 1) {
      System.err.println("usage: peer_java ACT NUMBER...");
      System.exit(2);
    }
    final long[] numbers = Arrays.stream(words).skip(1).mapToLong(Long::parseLong).toArray();
    require(Arrays.stream(numbers).allMatch(n -> n > 0), "numbers must be 1 or more");
    act.perform().with(numbers);
  }
}
