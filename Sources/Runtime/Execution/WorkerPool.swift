import Foundation
import GraphOps
import Synchronization

/// Work that threads share. Each takes what is left; one that comes late finds nothing.
protocol SharedWork: AnyObject, Sendable {
  /// Works until nothing is left.
  func work(as worker: Int)
}

/// Threads that run the parts of a step together, the caller's among them.
///
/// Between runs workers wait in a loop for a short while, then sleep. One run is under way at a
/// time; others wait. Nobody waits for a worker that has no part in hand: so a busy machine, on
/// which a worker may not get a CPU for milliseconds, holds up little.
public final class WorkerPool: Sendable {
  /// The most threads that a pool has: more than any machine has use for, and no machine's end.
  public static let mostThreads = 1024

  /// How many threads work, the caller's included.
  public let count: Int
  private let shared: Shared
  private let turn = Mutex(())

  /// A pool of that many threads, at least one and `mostThreads` at most.
  public init(threads: Int) {
    count = min(max(1, threads), WorkerPool.mostThreads)
    shared = Shared()
    for worker in 1..<count {
      let shared = shared
      let thread = Thread { shared.serve(as: worker) }
      thread.name = "ayatori-\(worker)"
      thread.start()
    }
  }

  deinit { shared.stop() }

  /// Offers the work to all threads, and returns when the caller finds nothing left.
  func run(_ work: some SharedWork) {
    if count == 1 { return work.work(as: 0) }
    turn.withLock { _ in
      shared.offer(work)
      work.work(as: 0)
      shared.withdraw()
    }
  }

  // MARK: The one that programs use unless told otherwise

  // Any number of threads may ask at once. The thread sanitizer knows this lock, and does not see
  // how those that wait for a `Mutex` get it.
  private static let lock = NSLock()
  nonisolated(unsafe) private static var standard: WorkerPool?

  /// The pool of the process: as many threads as there are CPUs for it, or as
  /// `OPENBLAS_NUM_THREADS` says.
  public static var shared: WorkerPool {
    lock.withLock {
      if let standard { return standard }
      let made = WorkerPool(
        threads: BLASThreads.requested ?? ProcessInfo.processInfo.activeProcessorCount)
      standard = made
      return made
    }
  }

  /// Makes the pool of the process anew, for programs that are bound from now on.
  public static func setShared(threads: Int) {
    lock.withLock { standard = WorkerPool(threads: threads) }
  }
}

/// What the threads of a pool have in common. They outlive the pool by a moment.
private final class Shared: Sendable {
  private struct State {
    // A worker holds on to the work while it is at it.
    var work: (any SharedWork)?
    var isStopped = false
  }

  private let state = Mutex(State())
  /// Moves on with each offer.
  private let generation = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let bell = NSCondition()

  func offer(_ work: any SharedWork) {
    state.withLock { $0.work = work }
    wake()
  }

  func withdraw() { state.withLock { $0.work = nil } }

  func stop() {
    state.withLock { $0.isStopped = true }
    wake()
  }

  private func wake() {
    generation.add(1, ordering: .sequentiallyConsistent)
    // A worker counts itself as asleep before it looks at the generation for the last time.
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      bell.lock()
      bell.broadcast()
      bell.unlock()
    }
  }

  func serve(as worker: Int) {
    var seen = 0
    while true {
      seen = next(after: seen)
      let (work, isStopped) = state.withLock { ($0.work, $0.isStopped) }
      if isStopped { return }
      work?.work(as: worker)
    }
  }

  /// Waits for a generation that was not seen yet.
  private func next(after seen: Int) -> Int {
    var wait = Waiting()
    while true {
      let now = generation.load(ordering: .acquiring)
      if now != seen { return now }
      if wait.again() { continue }
      bell.lock()
      sleepers.add(1, ordering: .sequentiallyConsistent)
      while generation.load(ordering: .sequentiallyConsistent) == seen { bell.wait() }
      sleepers.subtract(1, ordering: .sequentiallyConsistent)
      bell.unlock()
    }
  }
}

/// A loop that waits for another thread: at first at full speed, then giving its CPU away.
struct Waiting {
  private var round = 0

  private static let rounds = (spinning: 2_000, yielding: 200)

  init() {}

  /// Takes a short while; false when it is time to sleep instead.
  mutating func again() -> Bool {
    round += 1
    if round < Waiting.rounds.spinning {
      pauseInSpinLoop()
      return true
    }
    sched_yield()
    return round < Waiting.rounds.spinning + Waiting.rounds.yielding
  }
}
