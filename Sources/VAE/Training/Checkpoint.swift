public import Ayatori
import GraphIR
import GraphOps

/// All that a training run needs to go on: one safetensors file with parameters and optimiser
/// state, and the rest as metadata. Shuffling and noise are counter-based, so that the seed, the
/// epoch and the step are their whole state.
public struct Checkpoint: Sendable {
  static let format = "ayatori-checkpoint"
  static let version = "1"
  /// The file's name inside a run's directory.
  public static let fileName = "checkpoint.safetensors"

  /// Epochs that are done.
  public var epoch: Int
  /// Steps that are done: the step at which the next noise is drawn.
  public var step: UInt64
  public var arrays: [(name: String, array: NDArray)]
  /// What must be equal for a run to go on, by name.
  public var identity: [String: String]

  /// Reads a run's checkpoint. Throws for files that are none.
  public init(readFrom directory: String) throws(Diagnostic) {
    let path = Checkpoint.path(in: directory)
    let file = try SafetensorsFile.read(path)
    guard file.metadata["format"] == Checkpoint.format else {
      throw .notACheckpoint(path, file.metadata["format"] ?? "no 'format'")
    }
    guard file.metadata["version"] == Checkpoint.version else {
      throw .notACheckpoint(path, "version \(file.metadata["version"] ?? "?")")
    }
    guard let epoch = file.metadata["epoch"].flatMap({ Int($0) }), epoch >= 0,
      let step = file.metadata["step"].flatMap({ UInt64($0) })
    else { throw .notACheckpoint(path, "no epoch and step") }
    self.epoch = epoch
    self.step = step
    arrays = file.tensors
    identity = [:]
    for (key, value) in file.metadata where key.hasPrefix("run.") {
      identity[String(key.dropFirst(4))] = value
    }
  }

  init(
    epoch: Int, step: UInt64, arrays: [(name: String, array: NDArray)], identity: [String: String]
  ) {
    self.epoch = epoch
    self.step = step
    self.arrays = arrays
    self.identity = identity
  }

  public static func path(in directory: String) -> String { directory + "/" + fileName }

  /// Writes atomically: the file in the directory is always a whole checkpoint.
  public func write(to directory: String) throws(Diagnostic) {
    var metadata = [
      "format": Checkpoint.format, "version": Checkpoint.version, "epoch": String(epoch),
      "step": String(step),
    ]
    for (key, value) in identity { metadata["run.\(key)"] = value }
    try SafetensorsFile(tensors: arrays, metadata: metadata).write(
      to: Checkpoint.path(in: directory))
  }

  /// Throws for the first entry of `expected` that the checkpoint has otherwise.
  func check(against expected: [String: String], directory: String) throws(Diagnostic) {
    for key in expected.keys.sorted() where identity[key] != expected[key] {
      throw .checkpointMismatch(
        Checkpoint.path(in: directory), key, expected: identity[key] ?? "nothing",
        got: expected[key] ?? "nothing")
    }
  }
}
