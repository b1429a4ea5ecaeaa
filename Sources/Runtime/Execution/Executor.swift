import GraphOps
import Synchronization

/// Runs phases on a pool of workers, wave by wave.
///
/// Each thread begins with its own stretch of a phase's units, the same in every run, so that its
/// caches hold what it needs; then it takes over what others have not begun. A wave is over once
/// all of its units are done, even if a thread never came by. Which thread runs a unit changes
/// nothing in its result.
final class Executor: SharedWork, @unchecked Sendable {
  // Runs do not overlap; within one, threads meet in atomic counters alone.

  /// The number of a run in the upper half, a count of units in the lower: a thread that is late
  /// by a run can tell.
  private typealias Counter = Atomic<UInt64>

  let phases: [Phase]
  let waves: Waves
  private let pool: WorkerPool
  private let scratch: [AlignedMemory]
  /// The first free unit of each thread's stretch of each phase, then the finished units of each
  /// wave.
  private let counters: UnsafeMutablePointer<Counter>
  private let counterCount: Int
  private let waveUnits: [Int]
  private let isAlone: Bool
  private let run = Counter(0)
  /// Set while a run is to be taken down.
  private let recorder = Mutex<Recorder?>(nil)

  /// One counter to a cache line.
  private static let spacing = 8

  /// Nil when there is no memory for scratch.
  init?(_ phases: [Phase], pool: WorkerPool, reversingWaves: Bool = false) {
    self.phases = phases
    waves = Waves(phases, reversed: reversingWaves)
    // Where nothing can be shared out, nobody else is called.
    isAlone = pool.count == 1 || phases.allSatisfy { $0.units == 1 }
    self.pool = pool
    let threads = isAlone ? 1 : pool.count
    let bytes = phases.map(\.scratchBytes).max() ?? 0
    var scratch: [AlignedMemory] = []
    for _ in 0..<threads {
      guard let memory = AlignedMemory(bytes: bytes) else { return nil }
      scratch.append(memory)
    }
    self.scratch = scratch
    counterCount = phases.count * threads + waves.ends.count
    counters = .allocate(capacity: max(1, counterCount * Executor.spacing))
    for index in 0..<counterCount {
      (counters + index * Executor.spacing).initialize(to: Counter(0))
    }
    var start = 0
    waveUnits = waves.ends.map { [waves] end in
      defer { start = end }
      return waves.order[start..<end].reduce(0) { $0 + phases[$1].units }
    }
  }

  deinit {
    for index in 0..<counterCount { (counters + index * Executor.spacing).deinitialize(count: 1) }
    counters.deallocate()
  }

  /// How many threads take part.
  var workers: Int { scratch.count }

  /// A run that is taken down.
  func start(recording recorder: Recorder) {
    self.recorder.withLock { $0 = recorder }
    start()
    self.recorder.withLock { $0 = nil }
  }

  func start() {
    if isAlone {
      let recorder = recorder.withLock { $0 }
      var index = 0
      while index < waves.order.count {
        let phase = waves.order[index]
        let start = recorder == nil ? 0 : Recorder.now
        phases[phase].run(0..<phases[phase].units, scratch[0].base)
        recorder?.note(phase, worker: 0, start: start)
        index += 1
      }
      return
    }
    let number = (run.load(ordering: .relaxed) &+ 1) & 0xFFFF_FFFF
    var index = 0
    while index < counterCount {
      counters[index * Executor.spacing].store(number << 32, ordering: .releasing)
      index += 1
    }
    run.store(number, ordering: .releasing)
    pool.run(self)
  }

  func work(as worker: Int) {
    let number = run.load(ordering: .acquiring)
    let memory = scratch[worker].base
    let recorder = recorder.withLock { $0 }
    var place = 0
    var wave = 0
    while wave < waves.ends.count {
      var finished = 0
      while place < waves.ends[wave] {
        let phase = waves.order[place]
        if let recorder {
          let start = Recorder.now
          let units = share(phase, worker, number, memory)
          if units > 0 { recorder.note(phase, worker: worker, start: start) }
          finished += units
        } else {
          finished += share(phase, worker, number, memory)
        }
        place += 1
      }
      guard meet(wave, number, finished) else { return }
      wave += 1
    }
  }

  /// Runs units of the phase as long as any are left, its own first, and tells how many.
  private func share(
    _ phase: Int, _ worker: Int, _ number: UInt64, _ memory: UnsafeMutableRawPointer
  ) -> Int {
    let threads = scratch.count
    let units = phases[phase].units
    if units == 1 {
      // Nobody's in particular: whoever is here first.
      return share(phase, stretch: 0, 1, number, memory)
    }
    var finished = 0
    var offset = 0
    while offset < threads {
      let stretch = (worker + offset) % threads
      let count = units * (stretch + 1) / threads - units * stretch / threads
      finished += share(phase, stretch: stretch, count, number, memory)
      offset += 1
    }
    return finished
  }

  /// Runs units of one thread's stretch.
  private func share(
    _ phase: Int, stretch: Int, _ count: Int, _ number: UInt64, _ memory: UnsafeMutableRawPointer
  ) -> Int {
    let counter = counters + (phase * scratch.count + stretch) * Executor.spacing
    let first = phases[phase].units * stretch / scratch.count
    var finished = 0
    var value = counter.pointee.load(ordering: .acquiring)
    while value >> 32 == number, Int(value & 0xFFFF_FFFF) < count {
      let start = Int(value & 0xFFFF_FFFF)
      // Large shares first; small ones make threads end at the same time.
      let end = start + max(1, (count - start) / 4)
      let (isOurs, now) = counter.pointee.compareExchange(
        expected: value, desired: number << 32 | UInt64(end), ordering: .acquiringAndReleasing)
      value = now
      if isOurs {
        phases[phase].run(first + start..<first + end, memory)
        finished += end - start
        value = counter.pointee.load(ordering: .acquiring)
      }
    }
    return finished
  }

  /// Reports finished units and waits until the wave is over; false when the run is.
  private func meet(_ wave: Int, _ number: UInt64, _ finished: Int) -> Bool {
    let place = (phases.count * scratch.count + wave) * Executor.spacing
    let goal = UInt64(waveUnits[wave])
    // Only who has done something may write: it cannot be late by a run.
    if finished > 0 { counters[place].add(UInt64(finished), ordering: .acquiringAndReleasing) }
    var wait = Waiting()
    while true {
      let value = counters[place].load(ordering: .acquiring)
      if value >> 32 != number { return false }
      if value & 0xFFFF_FFFF >= goal { return true }
      _ = wait.again()
    }
  }
}
