import Foundation
import GraphOps
import Synchronization

/// Threads that run the parts of a step together, the caller's among them.
///
/// Between runs workers wait in a loop for a short while, then sleep; within a run they only loop:
/// the parts of a step are microseconds long. One run is under way at a time; others wait.
public final class WorkerPool: Sendable {
  /// How many threads work, the caller's included.
  public let count: Int
  private let shared: Shared
  private let turn = Mutex(())

  /// A pool of that many threads, at least one.
  public init(threads: Int) {
    count = max(1, threads)
    shared = Shared(count: count)
    for worker in 1..<max(1, count) {
      let shared = shared
      let thread = Thread { shared.work(as: worker) }
      thread.name = "ayatori-\(worker)"
      thread.start()
    }
  }

  deinit { shared.stop() }

  /// Calls `body` once on each thread, with its number; returns when all are back.
  func run(_ body: @escaping (_ worker: Int) -> Void) {
    if count == 1 { return body(0) }
    turn.withLock { _ in
      shared.begin(body)
      body(0)
      shared.end()
    }
  }

  /// Inside `run`: returns once all threads have come here.
  func meet() { shared.meet() }

  // MARK: The one that programs use unless told otherwise

  private static let standard = Mutex<WorkerPool?>(nil)

  /// The pool of the process: as many threads as there are CPUs for it, or as
  /// `OPENBLAS_NUM_THREADS` says.
  public static var shared: WorkerPool {
    standard.withLock { pool in
      if let pool { return pool }
      let made = WorkerPool(
        threads: BLASThreads.requested ?? ProcessInfo.processInfo.activeProcessorCount)
      pool = made
      return made
    }
  }

  /// Makes the pool of the process anew, for programs that are bound from now on.
  public static func setShared(threads: Int) {
    standard.withLock { $0 = WorkerPool(threads: threads) }
  }
}

/// What the threads of a pool have in common. They outlive the pool by a moment.
private final class Shared: @unchecked Sendable {
  // `body` and `isStopped` change only while no worker looks: before `generation` moves on.
  private let count: Int
  private var body: ((Int) -> Void)?
  private var isStopped = false
  /// Moves on with each run.
  private let generation = Atomic<Int>(0)
  /// How often threads have come to a meeting, ever.
  private let arrivals = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let bell = NSCondition()

  /// Rounds of a waiting loop before the thread gives its CPU away, and before it sleeps.
  private static let rounds = (spinning: 2_000, yielding: 200)

  init(count: Int) { self.count = count }

  func begin(_ body: @escaping (Int) -> Void) {
    self.body = body
    wake()
  }

  /// Waits until every worker is back.
  func end() {
    meet()
    body = nil
  }

  func stop() {
    isStopped = true
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

  func meet() {
    let ticket = arrivals.add(1, ordering: .acquiringAndReleasing).newValue
    let goal = (ticket + count - 1) / count * count
    var round = 0
    while arrivals.load(ordering: .acquiring) < goal {
      round += 1
      if round < Shared.rounds.spinning { pauseInSpinLoop() } else { sched_yield() }
    }
  }

  func work(as worker: Int) {
    var seen = 0
    while true {
      wait(past: seen)
      seen += 1
      if isStopped { return }
      body?(worker)
      meet()
    }
  }

  private func wait(past seen: Int) {
    var round = 0
    while generation.load(ordering: .acquiring) == seen {
      round += 1
      if round < Shared.rounds.spinning {
        pauseInSpinLoop()
      } else if round < Shared.rounds.spinning + Shared.rounds.yielding {
        sched_yield()
      } else {
        bell.lock()
        sleepers.add(1, ordering: .sequentiallyConsistent)
        while generation.load(ordering: .sequentiallyConsistent) == seen { bell.wait() }
        sleepers.subtract(1, ordering: .sequentiallyConsistent)
        bell.unlock()
      }
    }
  }
}
