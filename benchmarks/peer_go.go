// Go (https://go.dev): a goroutine sends a call through a channel to a fixed number of goroutines, the pool, and
// receives the result through its own channel. The acts of measure.hpp, with the same command line.
//
// Its workers are goroutines: the runtime moves them among as many threads as there are cores, so that a call may
// change hands without a switch of threads. It has no loops that could share a pool.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"sort"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

const warmUp = 1000

// Set before any worker exists, read by all of them.
var workNs int64
var workSteps uint64

func threadTimeNs() int64 {
	const clockThreadCPUTimeID = 3
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPUTimeID, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

//go:noinline
func compute(steps uint64) uint64 {
	x := steps
	for ; steps > 0; steps-- {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

func stepsIn(us uint64) uint64 {
	const many = 10_000_000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	started := threadTimeNs()
	compute(many)
	return many * us * 1000 / uint64(threadTimeNs()-started)
}

// Burns workNs of the thread's own CPU time, on one thread: another one's time is another clock.
func work(n uint64) uint64 {
	compute(workSteps)
	if workNs != 0 {
		runtime.LockOSThread()
		for end := threadTimeNs() + workNs; threadTimeNs() < end; {
		}
		runtime.UnlockOSThread()
	}
	return n * n
}

func nap(ms uint64) uint64 {
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return ms
}

func sumOfCalls(n uint64) (sum uint64) {
	for i := uint64(0); i < n; i++ {
		sum += i * i
	}
	return
}

func require(holds bool, what string) {
	if !holds {
		fmt.Fprintln(os.Stderr, what)
		os.Exit(1)
	}
}

// ---- the pool ----

type call struct {
	function func(uint64) uint64
	argument uint64
	result   chan<- uint64
}

type pool struct {
	calls chan call
	ended chan bool
}

// queue: how many calls may wait before a caller has to.
func newPool(workers, queue uint64) pool {
	p := pool{make(chan call, queue), make(chan bool, workers)}
	for ; workers > 0; workers-- {
		go func() {
			for c := range p.calls {
				c.result <- c.function(c.argument)
			}
			p.ended <- true
		}()
	}
	return p
}

func (p pool) shutdown() {
	close(p.calls)
	for i := 0; i < cap(p.ended); i++ {
		<-p.ended
	}
}

// ---- figures ----

func report(name string, value float64, unit string) {
	fmt.Printf("%s\t%.3f\t%s\n", name, value, unit)
}

func nsSince(started time.Time) float64 { return float64(time.Since(started).Nanoseconds()) }

// CPU time in us and context switches of all threads of this process.
func usage() (cpuUs, switches float64) {
	var r syscall.Rusage
	require(syscall.Getrusage(syscall.RUSAGE_SELF, &r) == nil, "getrusage failed")
	cpu := r.Utime.Nano() + r.Stime.Nano()
	return float64(cpu) / 1e3, float64(r.Nvcsw + r.Nivcsw)
}

func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	require(err == nil, "/proc/self/statm can't be read")
	var size, resident int
	fmt.Sscan(string(text), &size, &resident)
	return float64(resident * os.Getpagesize())
}

// ---- acts ----

func latency(a []uint64) {
	workers, n := a[0], a[1]
	p := newPool(workers, 0)
	result := make(chan uint64, 1)
	makeCall := func(i uint64) uint64 {
		p.calls <- call{work, i, result}
		return <-result
	}
	for i := uint64(0); i < warmUp; i++ {
		makeCall(i)
	}
	ns := make([]float64, n)
	cpuBefore, switchesBefore := usage()
	for i := range ns {
		started := time.Now()
		square := makeCall(uint64(i))
		ns[i] = nsSince(started)
		require(square == uint64(i*i), "wrong result")
	}
	cpu, switches := usage()
	sum := 0.0
	for _, one := range ns {
		sum += one
	}
	sort.Float64s(ns)
	quantile := func(q float64) float64 { return ns[int(math.Min(q*float64(n), float64(n-1)))] / 1e3 }
	report("latency.mean", sum/float64(n)/1e3, "us")
	report("latency.p50", quantile(0.50), "us")
	report("latency.p99", quantile(0.99), "us")
	report("latency.switches", (switches-switchesBefore)/float64(n), "switches")
	report("latency.cpu", (cpu-cpuBefore)/float64(n), "us")
}

// The streams make n calls; gives the calls made and the ns they took.
func runStreams(workers, n, streams uint64) (calls, elapsed float64) {
	each := n / streams
	p := newPool(workers, streams)
	sums := make(chan uint64, streams)
	stream := func() {
		result := make(chan uint64, 1)
		sum := uint64(0)
		for i := uint64(0); i < each; i++ {
			p.calls <- call{work, i, result}
			sum += <-result
		}
		sums <- sum
	}
	started := time.Now()
	for i := uint64(0); i < streams; i++ {
		go stream()
	}
	sum := uint64(0)
	for i := uint64(0); i < streams; i++ {
		sum += <-sums
	}
	elapsed = nsSince(started)
	require(sum == streams*sumOfCalls(each), "wrong sum")
	return float64(streams * each), elapsed
}

func throughput(a []uint64) {
	calls, elapsed := runStreams(a[0], a[1], a[2])
	report("throughput", calls*1e6/elapsed, "k calls/s")
}

func efficiency(a []uint64) {
	workNs = int64(a[3]) * 1000
	calls, elapsed := runStreams(a[0], a[1], a[2])
	cores := math.Min(float64(runtime.NumCPU()), float64(a[0]))
	report("efficiency", 100*calls*float64(workNs)/(elapsed*cores), "%")
}

// A goroutine beside the streams sleeps for a millisecond again and again.
func lateness(a []uint64) {
	workSteps = stepsIn(a[3])
	late := []float64{}
	over, ended := make(chan bool), make(chan bool)
	go func() {
		for {
			select {
			case <-over:
				ended <- true
				return
			default:
			}
			started := time.Now()
			time.Sleep(time.Millisecond)
			late = append(late, nsSince(started)/1e3-1000)
		}
	}()
	runStreams(a[0], a[1], a[2])
	over <- true
	<-ended
	const warmUpSleeps = 20
	require(len(late) >= warmUpSleeps+10, "too few sleeps")
	late = late[warmUpSleeps:]
	sort.Float64s(late)
	report("late.p50", late[len(late)/2], "us")
	report("late.p99", late[len(late)*99/100], "us")
}

func atOnce(a []uint64) {
	workers, n := a[0], a[1]
	p := newPool(workers, n)
	results := make(chan uint64, n)
	started := time.Now()
	for i := uint64(0); i < n; i++ {
		p.calls <- call{work, i, results}
	}
	sum := uint64(0)
	for i := uint64(0); i < n; i++ {
		sum += <-results
	}
	report("at_once", nsSince(started)/float64(n), "ns")
	require(sum == sumOfCalls(n), "wrong sum")
}

func naps(a []uint64) {
	workers, n, ms := a[0], a[1], a[2]
	started := time.Now()
	p := newPool(workers, n)
	results := make(chan uint64, n)
	for i := uint64(0); i < n; i++ {
		p.calls <- call{nap, ms, results}
	}
	for i := uint64(0); i < n; i++ {
		require(<-results == ms, "wrong result")
	}
	p.shutdown()
	report("naps", nsSince(started)/1e6, "ms")
}

// A goroutine for each call: it waits for the result.
func memoryOfCall(a []uint64) {
	n := a[0]
	p := newPool(1, n)
	held, gate := make(chan bool), make(chan bool)
	hold := func(i uint64) uint64 {
		held <- true
		<-gate
		return i
	}
	sums := make(chan uint64, n)
	handed := make(chan bool)
	p.calls <- call{hold, 0, make(chan uint64, 1)}
	<-held
	before := residentBytes()
	for i := uint64(0); i < n; i++ {
		go func(i uint64) {
			result := make(chan uint64, 1)
			p.calls <- call{work, i, result}
			handed <- true
			sums <- <-result
		}(i)
		<-handed
	}
	report("memory.call", (residentBytes()-before)/float64(n), "B")
	close(gate)
	sum := uint64(0)
	for i := uint64(0); i < n; i++ {
		sum += <-sums
	}
	require(sum == sumOfCalls(n), "wrong sum")
}

func memoryOfSleep(a []uint64) {
	n := a[0]
	running := make(chan bool)
	before := residentBytes()
	for i := uint64(0); i < n; i++ {
		go func() {
			running <- true
			time.Sleep(time.Hour)
		}()
		<-running
	}
	runtime.Gosched() // the last one gets to its sleep
	report("memory.sleep", (residentBytes()-before)/float64(n), "B")
}

func taskSwitch(a []uint64) {
	runtime.GOMAXPROCS(1) // as on one loop
	each := a[0] / 2
	done := make(chan bool, 2)
	handOver := func() {
		for i := uint64(0); i < each; i++ {
			runtime.Gosched()
		}
		done <- true
	}
	started := time.Now()
	go handOver()
	go handOver()
	<-done
	<-done
	report("switch", nsSince(started)/float64(2*each), "ns")
}

func version([]uint64) { fmt.Printf("version\t%s\t\n", runtime.Version()[len("go"):]) }

var acts = map[string]struct {
	count   int
	perform func([]uint64)
}{
	"lat":       {2, latency},
	"thr":       {3, throughput},
	"eff":       {4, efficiency},
	"late":      {4, lateness},
	"at_once":   {2, atOnce},
	"naps":      {3, naps},
	"mem_call":  {1, memoryOfCall},
	"mem_sleep": {1, memoryOfSleep},
	"switch":    {1, taskSwitch},
	"version":   {0, version},
}

func main() {
	require(len(os.Args) > 1, "usage: peer_go ACT NUMBER...")
	act, known := acts[os.Args[1]]
	require(known && len(os.Args) == 2+act.count, "usage: peer_go ACT NUMBER...")
	numbers := make([]uint64, act.count)
	for i := range numbers {
		n, err := strconv.ParseUint(os.Args[2+i], 10, 64)
		require(err == nil && n > 0, "numbers must be 1 or more")
		numbers[i] = n
	}
	act.perform(numbers)
}
