import GraphOps
import Synchronization

/// Runs phases on a pool of workers, wave by wave.
///
/// Units of a phase go to whoever is free. Which thread runs a unit changes nothing in its result.
final class Executor {
  /// Where the next free unit of a phase stands, one to a cache line.
  private typealias Counter = Atomic<Int>

  let phases: [Phase]
  let waves: Waves
  private let pool: WorkerPool
  private let scratch: [AlignedMemory]
  private let counters: UnsafeMutablePointer<Counter>
  private let chunks: [Int]
  private let isAlone: Bool
  /// Set while a run is to be taken down.
  private var recorder: Recorder?
  /// Made once, so that a run allocates nothing.
  private var work: (Int) -> Void = { _ in }

  private static let countersPerLine = 8

  /// Nil when there is no memory for scratch.
  init?(_ phases: [Phase], pool: WorkerPool) {
    self.phases = phases
    waves = Waves(phases)
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
    counters = .allocate(capacity: max(1, phases.count * Executor.countersPerLine))
    for index in 0..<max(1, phases.count * Executor.countersPerLine) {
      (counters + index).initialize(to: Counter(0))
    }
    // Several shares each, so that an interrupted thread holds nobody up for long.
    chunks = phases.map { max(1, $0.units / (threads * 6)) }
    if !isAlone { work = { [unowned self] in run(as: $0) } }
  }

  deinit {
    counters.deinitialize(count: max(1, phases.count * Executor.countersPerLine))
    counters.deallocate()
  }

  /// How many threads take part.
  var workers: Int { scratch.count }

  /// A run that is taken down.
  func run(recording recorder: Recorder) {
    self.recorder = recorder
    run()
    self.recorder = nil
  }

  func run() {
    if isAlone {
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
    var index = 0
    while index < phases.count {
      counters[index * Executor.countersPerLine].store(0, ordering: .relaxed)
      index += 1
    }
    pool.run(work)
  }

  private func run(as worker: Int) {
    let memory = scratch[worker].base
    var place = 0
    var wave = 0
    while wave < waves.ends.count {
      while place < waves.ends[wave] {
        let phase = waves.order[place]
        if let recorder {
          let start = Recorder.now
          if share(phase, memory) { recorder.note(phase, worker: worker, start: start) }
        } else {
          _ = share(phase, memory)
        }
        place += 1
      }
      wave += 1
      if wave < waves.ends.count { pool.meet() }
    }
  }

  /// Runs units of the phase as long as any are left; whether there was one.
  private func share(_ phase: Int, _ memory: UnsafeMutableRawPointer) -> Bool {
    let (units, chunk) = (phases[phase].units, chunks[phase])
    var hasRun = false
    while true {
      let start = counters[phase * Executor.countersPerLine].add(chunk, ordering: .relaxed).oldValue
      if start >= units { return hasRun }
      phases[phase].run(start..<min(units, start + chunk), memory)
      hasRun = true
    }
  }
}
