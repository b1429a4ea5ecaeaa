import Foundation

/// Takes down when each thread worked on which phase. Allocates only when it is made.
final class Recorder: @unchecked Sendable {
  // Each worker writes to memory of its own; it is read after the run.
  struct Event {
    var phase: Int
    /// Nanoseconds of the monotonic clock.
    var start: UInt64
    var end: UInt64
  }

  private let capacity: Int
  private let events: [UnsafeMutablePointer<Event>]
  private let counts: UnsafeMutablePointer<Int>

  /// For runs in which each of `workers` threads comes by every phase once.
  init(phases: Int, workers: Int) {
    capacity = max(1, phases)
    let capacity = capacity
    events = (0..<workers).map { _ in .allocate(capacity: capacity) }
    counts = .allocate(capacity: workers)
    counts.initialize(repeating: 0, count: workers)
  }

  deinit {
    for memory in events { memory.deallocate() }
    counts.deallocate()
  }

  static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  func clear() { counts.update(repeating: 0, count: events.count) }

  func note(_ phase: Int, worker: Int, start: UInt64) {
    guard counts[worker] < capacity else { return }
    (events[worker] + counts[worker]).initialize(
      to: Event(phase: phase, start: start, end: Recorder.now))
    counts[worker] += 1
  }

  /// What the worker did, in order.
  func events(of worker: Int) -> [Event] {
    (0..<counts[worker]).map { events[worker][$0] }
  }
}
