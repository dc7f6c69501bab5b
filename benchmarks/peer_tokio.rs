//! tokio (https://tokio.rs): a task on a current_thread runtime offloads a call by spawn_blocking to the runtime's
//! blocking threads, and awaits it. The acts of measure.hpp, with the same command line.

use std::process::exit;
use std::ptr::read_volatile;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{spawn, yield_now, JoinHandle};

const WARM_UP: u64 = 1000;

fn read_clock(clock: libc::clockid_t) -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes to t, and to nothing else.
    unsafe { libc::clock_gettime(clock, &mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// Burns `work_ns` of the thread's own CPU time: a worker that was preempted did not work in the meantime.
fn call(n: u64, work_ns: u64) -> u64 {
    if work_ns != 0 {
        let end = read_clock(libc::CLOCK_THREAD_CPUTIME_ID) + work_ns;
        while read_clock(libc::CLOCK_THREAD_CPUTIME_ID) < end {}
    }
    n * n
}

fn compute(steps: u64) {
    let mut x = steps;
    for _ in 0..steps {
        // SAFETY: x is there; volatile, so that the loop stays.
        x = unsafe { read_volatile(&x) }.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    }
}

fn steps_in(us: u64) -> u64 {
    const MANY: u64 = 10_000_000;
    let started = read_clock(libc::CLOCK_THREAD_CPUTIME_ID);
    compute(MANY);
    MANY * us * 1000 / (read_clock(libc::CLOCK_THREAD_CPUTIME_ID) - started)
}

fn nap(ms: u64) -> u64 {
    thread::sleep(Duration::from_millis(ms));
    ms
}

fn sum_of_calls(n: u64) -> u64 {
    (0..n).map(|i| i * i).sum()
}

// ---- figures ----

fn report(name: &str, value: f64, unit: &str) {
    println!("{name}\t{value:.3}\t{unit}");
}

fn ns_since(started: Instant) -> f64 {
    started.elapsed().as_nanos() as f64
}

/// CPU time in us and context switches of all threads of this process.
fn usage() -> (f64, f64) {
    // SAFETY: a rusage of zeros is a valid one, and the kernel writes to it, and to nothing else.
    let r = unsafe {
        let mut r: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &mut r), 0);
        r
    };
    let us = |t: libc::timeval| t.tv_sec as f64 * 1e6 + t.tv_usec as f64;
    (us(r.ru_utime) + us(r.ru_stime), (r.ru_nvcsw + r.ru_nivcsw) as f64)
}

fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("/proc/self/statm can't be read");
    let pages: f64 = text.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("statm has a second number");
    // SAFETY: it has no preconditions.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as f64
}

// ---- the runtime ----

fn runtime(workers: u64) -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().max_blocking_threads(workers as usize);
    builder.build().expect("a runtime")
}

async fn offload(pool: &Handle, n: u64, work_ns: u64) -> u64 {
    pool.spawn_blocking(move || call(n, work_ns)).await.expect("no panic")
}

// ---- acts ----

fn latency(a: &[u64]) {
    let (workers, n) = (a[0], a[1]);
    let sequence = async move {
        let pool = Handle::current();
        for i in 0..WARM_UP {
            offload(&pool, i, 0).await;
        }
        let mut ns = vec![1.0; n as usize]; // touched beforehand
        let before = usage();
        for i in 0..n {
            let started = Instant::now();
            let square = offload(&pool, i, 0).await;
            ns[i as usize] = ns_since(started);
            assert_eq!(square, i * i);
        }
        (ns, before, usage())
    };
    let loops = runtime(workers);
    let (mut ns, before, after) = loops.block_on(async { spawn(sequence).await.expect("no panic") });
    let count = n as f64;
    let mean = ns.iter().sum::<f64>() / count;
    ns.sort_by(f64::total_cmp);
    let quantile = |q: f64| ns[(q * count).min(count - 1.0) as usize] / 1e3;
    report("latency.mean", mean / 1e3, "us");
    report("latency.p50", quantile(0.50), "us");
    report("latency.p99", quantile(0.99), "us");
    report("latency.switches", (after.1 - before.1) / count, "switches");
    report("latency.cpu", (after.0 - before.0) / count, "us");
}

/// `streams` tasks of this runtime make `each` calls to the pool one after the other.
async fn make_calls(pool: Handle, streams: u64, each: u64, work_ns: u64) {
    let stream = |pool: Handle| async move {
        let mut sum = 0;
        for i in 0..each {
            sum += offload(&pool, i, work_ns).await;
        }
        sum
    };
    let running: Vec<JoinHandle<u64>> = (0..streams).map(|_| spawn(stream(pool.clone()))).collect();
    for one in running {
        assert_eq!(one.await.expect("no panic"), sum_of_calls(each));
    }
}

/// IN_FLIGHT streams make N calls; gives the calls made and the ns they took.
fn run_streams(a: &[u64], work_ns: u64) -> (f64, f64) {
    let (workers, n, streams) = (a[0], a[1], a[2]);
    let each = n / streams;
    let main_loop = runtime(workers);
    let started = Instant::now();
    main_loop.block_on(make_calls(main_loop.handle().clone(), streams, each, work_ns));
    ((streams * each) as f64, ns_since(started))
}

fn throughput(a: &[u64]) {
    let (calls, elapsed) = run_streams(a, 0);
    report("throughput", calls * 1e6 / elapsed, "k calls/s");
}

fn efficiency(a: &[u64]) {
    let work_ns = a[3] * 1000;
    let (calls, elapsed) = run_streams(a, work_ns);
    let allowed = thread::available_parallelism().expect("the number of cores").get() as f64;
    report("efficiency", 100.0 * calls * work_ns as f64 / (elapsed * allowed.min(a[0] as f64)), "%");
}

/// How much later than a millisecond sleeps of one end beside the streams, in us. tokio counts whole milliseconds.
async fn sleeps(over: Arc<AtomicBool>) -> Vec<f64> {
    let mut late = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let started = Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        late.push(ns_since(started) / 1e3 - 1000.0);
    }
    late
}

fn lateness(a: &[u64]) {
    const WARM_UP_SLEEPS: usize = 20;
    let (workers, n, streams, steps) = (a[0], a[1], a[2], steps_in(a[3]));
    let main_loop = runtime(workers);
    let mut late = main_loop.block_on(async move {
        let over = Arc::new(AtomicBool::new(false));
        let sleeper = spawn(sleeps(over.clone()));
        let stream = || async move {
            let pool = Handle::current();
            let mut sum = 0;
            for i in 0..n / streams {
                let computed = pool.spawn_blocking(move || {
                    compute(steps);
                    i * i
                });
                sum += computed.await.expect("no panic");
            }
            sum
        };
        let running: Vec<JoinHandle<u64>> = (0..streams).map(|_| spawn(stream())).collect();
        for one in running {
            assert_eq!(one.await.expect("no panic"), sum_of_calls(n / streams));
        }
        over.store(true, Ordering::Relaxed);
        sleeper.await.expect("no panic")
    });
    assert!(late.len() >= WARM_UP_SLEEPS + 10, "too few sleeps");
    late.drain(..WARM_UP_SLEEPS);
    late.sort_by(f64::total_cmp);
    report("late.p50", late[late.len() / 2], "us");
    report("late.p99", late[late.len() * 99 / 100], "us");
}

/// The blocking threads of one runtime are shared; each loop is a runtime of its own.
fn loops(a: &[u64]) {
    let (workers, n, number) = (a[0], a[1], a[3]);
    let streams = a[2] / number;
    let each = n / number / streams;
    let pool = runtime(workers);
    let started = Instant::now();
    thread::scope(|threads| {
        for _ in 0..number {
            let shared = pool.handle().clone();
            threads.spawn(move || runtime(1).block_on(make_calls(shared, streams, each, 0)));
        }
    });
    report("throughput", (number * streams * each) as f64 * 1e6 / ns_since(started), "k calls/s");
}

/// Hands n calls to the pool, then awaits all; gives the sum of their results.
async fn call_at_once(n: u64, function: impl Fn(u64) -> u64 + Copy + Send + 'static) -> u64 {
    let pool = Handle::current();
    let calls: Vec<_> = (0..n).map(|i| pool.spawn_blocking(move || function(i))).collect();
    let mut sum = 0;
    for one in calls {
        sum += one.await.expect("no panic");
    }
    sum
}

fn at_once(a: &[u64]) {
    let (workers, n) = (a[0], a[1]);
    let main_loop = runtime(workers);
    let started = Instant::now();
    let sum = main_loop.block_on(call_at_once(n, |i| call(i, 0)));
    report("at_once", ns_since(started) / n as f64, "ns");
    assert_eq!(sum, sum_of_calls(n));
}

fn naps(a: &[u64]) {
    let (workers, n, ms) = (a[0], a[1], a[2]);
    let started = Instant::now();
    let main_loop = runtime(workers);
    let sum = main_loop.block_on(call_at_once(n, move |_| nap(ms)));
    drop(main_loop);
    report("naps", ns_since(started) / 1e6, "ms");
    assert_eq!(sum, n * ms);
}

fn memory_of_call(a: &[u64]) {
    let n = a[0];
    let main_loop = runtime(1);
    let (tell_held, held) = channel();
    let (open_gate, gate) = channel::<()>();
    main_loop.spawn_blocking(move || {
        tell_held.send(()).expect("main waits");
        gate.recv().expect("main opens it");
    });
    held.recv().expect("the worker is held");
    let mut pending: Vec<JoinHandle<u64>> = Vec::with_capacity(n as usize);
    let before = resident_bytes();
    for i in 0..n {
        pending.push(main_loop.spawn_blocking(move || call(i, 0)));
    }
    report("memory.call", (resident_bytes() - before) / n as f64, "B");
    open_gate.send(()).expect("the worker waits");
    let sum = main_loop.block_on(async {
        let mut sum = 0;
        for one in pending {
            sum += one.await.expect("no panic");
        }
        sum
    });
    assert_eq!(sum, sum_of_calls(n));
}

fn memory_of_sleep(a: &[u64]) {
    let n = a[0];
    runtime(1).block_on(async {
        let before = resident_bytes();
        for _ in 0..n {
            spawn(tokio::time::sleep(Duration::from_secs(3600)));
        }
        yield_now().await; // each gets to its sleep
        report("memory.sleep", (resident_bytes() - before) / n as f64, "B");
        exit(0); // the sleepers end with the process
    });
}

async fn hand_over(n: u64) {
    for _ in 0..n {
        yield_now().await;
    }
}

fn task_switch(a: &[u64]) {
    let each = a[0] / 2;
    let main_loop = runtime(1);
    let started = Instant::now();
    main_loop.block_on(async {
        for one in [spawn(hand_over(each)), spawn(hand_over(each))] {
            one.await.expect("no panic");
        }
    });
    report("switch", ns_since(started) / (2 * each) as f64, "ns");
}

fn version(_: &[u64]) {
    println!("version\t{}\t", env!("TOKIO_VERSION"));
}

type Act = fn(&[u64]);
const ACTS: [(&str, usize, Act); 11] = [
    ("lat", 2, latency),
    ("thr", 3, throughput),
    ("eff", 4, efficiency),
    ("late", 4, lateness),
    ("loops", 4, loops),
    ("at_once", 2, at_once),
    ("naps", 3, naps),
    ("mem_call", 1, memory_of_call),
    ("mem_sleep", 1, memory_of_sleep),
    ("switch", 1, task_switch),
    ("version", 0, version),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = words.iter().skip(1).filter_map(|word| word.parse().ok()).filter(|&n| n > 0).collect();
    let wanted = |&&(name, count, _): &&(&str, usize, Act)| {
        words.first().map_or(false, |word| word == name) && numbers.len() == count && words.len() == count + 1
    };
    match ACTS.iter().find(wanted) {
        Some((_, _, perform)) => perform(&numbers),
        None => {
            eprintln!("usage: peer_tokio ACT NUMBER...");
            exit(2);
        }
    }
}
