public import Passes
import Synchronization

/// The account of every pass that a compiler ran, in order: what `opt`, `explain`, `bench` and
/// dumps show.
public final class PassJournal: Sendable {
  private struct State {
    var runs: [PassRun] = []
    var isStopped = false
  }

  private let state = Mutex(State())

  public init() {}

  public var runs: [PassRun] { state.withLock { $0.runs } }
  public var steps: [PassStep] { runs.flatMap(\.steps) }
  /// What is no error but should be known.
  public var notes: [String] { runs.flatMap(\.notes) }
  public var replacements: [Replacement] { runs.flatMap(\.replacements) }

  var isStopped: Bool { state.withLock { $0.isStopped } }
  func append(_ run: PassRun) { state.withLock { $0.runs.append(run) } }
  func stop() { state.withLock { $0.isStopped = true } }
}
