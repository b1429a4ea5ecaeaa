public import Ayatori
import GraphIR

/// A training run's directory, which one process at a time writes to.
///
/// `checkpoint.safetensors` is the newest checkpoint, `checkpoint-STEP.safetensors` are the last
/// few, `best.safetensors` is that of the lowest test loss. They are names of the same files where
/// both are the same; each name is at every moment that of a whole checkpoint.
public final class RunDirectory {
  public let path: String
  /// How many checkpoints are kept beside the best.
  public let kept: Int
  private let lock: DirectoryLock
  /// Whether what an earlier run left is still to be replaced.
  private var holdsEarlierRun: Bool
  /// The best so far, of the directory that the run comes from; written with the first checkpoint.
  private var inherited: Checkpoint?

  public static let bestName = "best.safetensors"

  /// Makes the directory where it is missing. `isResumed` says that what is there belongs to this
  /// run. Throws diagnostics when it cannot be made or another process writes to it.
  public init(_ path: String, keeping kept: Int = 3, isResumed: Bool) throws(Diagnostic) {
    self.path = path
    self.kept = max(1, kept)
    try makeDirectory(path)
    lock = try DirectoryLock(path)
    AtomicFile.removeLeftovers(in: path)
    holdsEarlierRun = !isResumed
  }

  /// The newest checkpoint's path.
  public var newest: String { Checkpoint.path(in: path) }

  /// Whether an earlier run has left a checkpoint that this one is going to replace.
  public var replacesEarlierRun: Bool { holdsEarlierRun && holdsCheckpoint }

  /// Whether there is a checkpoint of this run.
  public var holdsOwnCheckpoint: Bool { !holdsEarlierRun && holdsCheckpoint }

  private var holdsCheckpoint: Bool { directoryEntries(path).contains(Checkpoint.fileName) }

  /// Takes over the checkpoint of the lowest loss so far from another directory, where a run comes
  /// from that goes on here. One that is not of that loss, or cannot be read, is left.
  public func inheritBest(_ best: BestLoss, from directory: String) {
    let found = try? Checkpoint(readFrom: directory + "/" + RunDirectory.bestName)
    if found?.best == best { inherited = found }
  }

  /// Whether an earlier run has left a course that this one replaces or removes.
  public var removesEarlierCourse: Bool {
    holdsEarlierRun && directoryEntries(path).contains(FlowCourse.fileName)
  }

  /// Writes a checkpoint, and takes away those that are too many; first the course of what was
  /// noted on the way to it, so that a checkpoint never lacks a record, but not in the place of an
  /// earlier run's as long as there is no checkpoint of this one. Throws diagnostics; the
  /// checkpoints that were there are then whole, and still there.
  public func keep(
    _ checkpoint: Checkpoint, isBest: Bool = false, course: FlowCourse? = nil
  ) throws(Diagnostic) {
    if let course, !holdsEarlierRun { try course.write(to: path) }
    let own = numbered(checkpoint.step)
    try checkpoint.write(to: own)
    try AtomicFile.name(own, as: newest)
    if let course, holdsEarlierRun { try course.write(to: path) }
    let best = path + "/" + RunDirectory.bestName
    if isBest {
      try AtomicFile.name(own, as: best)
    } else if let inherited {
      try inherited.write(to: best)
    }
    let earlier = steps.filter { holdsEarlierRun ? $0 != checkpoint.step : $0 < checkpoint.step }
    for step in earlier.dropLast(holdsEarlierRun ? 0 : kept - 1) {
      AtomicFile.remove(numbered(step))
    }
    if holdsEarlierRun, !isBest, inherited == nil { AtomicFile.remove(best) }
    inherited = nil
    if holdsEarlierRun, course == nil { AtomicFile.remove(FlowCourse.path(in: path)) }
    holdsEarlierRun = false
  }

  /// The steps of the numbered checkpoints, ascending.
  private var steps: [UInt64] {
    directoryEntries(path).compactMap { name in
      guard name.hasPrefix(RunDirectory.prefix), name.hasSuffix(RunDirectory.suffix) else {
        return nil
      }
      return UInt64(name.dropFirst(RunDirectory.prefix.count).dropLast(RunDirectory.suffix.count))
    }.sorted()
  }

  /// Whether files of a run's directory have such a name.
  public static func names(_ file: String) -> Bool {
    [Checkpoint.fileName, bestName, FlowCourse.fileName].contains(file)
      || file.hasPrefix(prefix) && file.hasSuffix(suffix)
  }

  private static let prefix = "checkpoint-"
  private static let suffix = ".safetensors"

  /// As wide as steps get, so that names sort as numbers do.
  private func numbered(_ step: UInt64) -> String {
    let digits = String(step)
    let zeros = String(repeating: "0", count: max(0, 9 - digits.count))
    return path + "/" + RunDirectory.prefix + zeros + digits + RunDirectory.suffix
  }
}
