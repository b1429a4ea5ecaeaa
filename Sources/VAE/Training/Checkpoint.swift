public import Ayatori
import GraphIR
import GraphOps

/// All that a training run needs to go on: one safetensors file with parameters and optimiser
/// state, and the rest as metadata.
///
/// Shuffling and noise are counter-based, so that the seed, the epoch and the step are their whole
/// state. Version 3. Version 2, which has no checksum, and version 1, which stands at the end of an
/// epoch, are read too.
public struct Checkpoint: Sendable {
  static let format = "ayatori-checkpoint"
  static let version = 3
  /// The name of the newest checkpoint inside a run's directory.
  public static let fileName = "checkpoint.safetensors"

  /// Epochs that are done.
  public var epoch: Int
  /// Steps that are done: the step at which the next noise is drawn. Beyond those of the epochs
  /// that are done, they are the position in the epoch under way.
  public var step: UInt64
  /// What the epoch under way has come to.
  public var underWay = EpochSum()
  /// The best test loss so far; nil before the first.
  public var best: BestLoss?
  public var arrays: [(name: String, array: NDArray)]
  /// What must be equal for a run to go on: names as a person knows them, with their values.
  public var identity: [(name: String, value: String)]
  /// The version of the file that it was read from.
  private let version: Int
  /// Whether that file has to hold a checksum.
  private var isSealed: Bool { version >= 3 }

  /// Reads a checkpoint: a file, or the newest one in a run's directory. Throws for files that are
  /// none.
  public init(readFrom path: String) throws(Diagnostic) {
    try self.init(readFrom: path) { _, _ in }
  }

  /// As above; `accepting` looks at the checkpoint without its arrays, and at what the file says of
  /// them, before memory is taken for them: what it throws is thrown.
  init(
    readFrom path: String,
    accepting: (_ checkpoint: Checkpoint, _ tensors: [TensorInfo]) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let path = Checkpoint.file(path)
    let file = try SafetensorsReader(path)
    try self.init(file.metadata, path: path)
    try accepting(self, file.tensors)
    // Last of all, so that what is plainly wrong is told by its name.
    try file.checkSeal(isRequired: isSealed)
    arrays = try file.arrays { _ in true }
  }

  /// What the file at `path` holds. Throws when that is no checkpoint.
  init(_ file: SafetensorsFile, path: String) throws(Diagnostic) {
    try self.init(file.metadata, path: path)
    arrays = file.tensors
    try file.checkSeal(isRequired: isSealed, place: path)
  }

  /// What the metadata of the file at `path` says. Throws when that is no checkpoint.
  private init(_ metadata: [String: String], path: String) throws(Diagnostic) {
    guard metadata["format"] == Checkpoint.format else {
      throw .notACheckpoint(path, metadata["format"] ?? "no 'format'")
    }
    guard let version = metadata["version"].flatMap({ Int($0) }), version >= 1,
      version <= Checkpoint.version
    else {
      throw .notACheckpoint(path, "version \(metadata["version"] ?? "?")")
    }
    guard let epoch = metadata["epoch"].flatMap({ Int($0) }), epoch >= 0,
      let step = metadata["step"].flatMap({ UInt64($0) })
    else { throw .notACheckpoint(path, "no epoch and step") }
    self.epoch = epoch
    self.step = step
    self.version = version
    if version >= 2 {
      guard let sum = EpochSum(metadata) else { throw .notACheckpoint(path, "no sum of losses") }
      underWay = sum
      best = BestLoss(metadata)
      if best == nil, BestLoss.keys.contains(where: { metadata[$0] != nil }) {
        throw .notACheckpoint(path, "no best loss and its epoch")
      }
    }
    arrays = []
    identity = metadata.filter { $0.key.hasPrefix(Checkpoint.runPrefix) }
      .map { (String($0.key.dropFirst(Checkpoint.runPrefix.count)), $0.value) }
      .sorted { $0.0 < $1.0 }
  }

  init(
    epoch: Int, step: UInt64, underWay: EpochSum, best: BestLoss?,
    arrays: [(name: String, array: NDArray)], identity: [(name: String, value: String)]
  ) {
    self.epoch = epoch
    self.step = step
    self.underWay = underWay
    self.best = best
    self.arrays = arrays
    self.identity = identity
    version = Checkpoint.version
  }

  private static let runPrefix = "run."

  /// The newest checkpoint of a run's directory.
  public static func path(in directory: String) -> String { directory + "/" + fileName }

  /// The file that a path means: itself, or the newest in a directory.
  static func file(_ path: String) -> String {
    isDirectory(path) || !path.hasSuffix(".safetensors") ? Checkpoint.path(in: path) : path
  }

  /// Writes atomically, in the place of a link as well: the file is always a whole checkpoint.
  /// Equal states give equal bytes.
  public func write(to path: String) throws(Diagnostic) {
    try file.write(to: path, replacingLinks: true)
  }

  var file: SafetensorsFile {
    var metadata = [
      "format": Checkpoint.format, "version": String(Checkpoint.version), "epoch": String(epoch),
      "step": String(step),
    ]
    metadata.merge(underWay.metadata) { $1 }
    if let best { metadata.merge(best.metadata) { $1 } }
    for (name, value) in identity { metadata[Checkpoint.runPrefix + name] = value }
    return SafetensorsFile(tensors: arrays, metadata: metadata).sealed()
  }

  /// Throws when a value of `expected` is another one here, saying all that differ; or when one is
  /// missing that the version wrote.
  func check(
    against expected: [(name: String, value: String)], path: String
  ) throws(Diagnostic) {
    let own = Dictionary(identity.map { ($0.name, $0.value) }) { first, _ in first }
    var differing = expected.compactMap { entry in
      own[entry.name].flatMap { $0 == entry.value ? nil : (entry.name, $0, entry.value) }
    }
    // Another optimiser has other numbers: those are missing for a reason.
    if differing.isEmpty, version >= 2 {
      differing = expected.filter { own[$0.name] == nil }.map { ($0.name, "unknown", $0.value) }
    }
    if !differing.isEmpty { throw .checkpointMismatch(path, differing) }
  }
}

/// What an epoch's steps have come to so far.
public struct EpochSum: Sendable, Equatable {
  /// The loss summed over the images, in nats.
  public var loss = 0.0
  /// Images that were learnt from: those of skipped steps are not.
  public var images = 0
  /// Steps that were skipped, since their loss or gradient was not finite.
  public var skipped = 0

  init() {}

  /// From a checkpoint's metadata; the sum by its bits, so that nothing is rounded.
  init?(_ metadata: [String: String]) {
    guard let bits = metadata["epoch.loss"].flatMap({ UInt64($0, radix: 16) }),
      let images = metadata["epoch.images"].flatMap({ Int($0) }), images >= 0,
      let skipped = metadata["epoch.skipped"].flatMap({ Int($0) }), skipped >= 0
    else { return nil }
    loss = Double(bitPattern: bits)
    self.images = images
    self.skipped = skipped
  }

  var metadata: [String: String] {
    [
      "epoch.loss": String(loss.bitPattern, radix: 16), "epoch.images": String(images),
      "epoch.skipped": String(skipped),
    ]
  }
}

/// The lowest loss that an evaluation has found.
public struct BestLoss: Sendable, Equatable {
  /// In nats per image.
  public var loss: Double
  /// After how many epochs.
  public var epoch: Int

  init(loss: Double, epoch: Int) {
    self.loss = loss
    self.epoch = epoch
  }

  init?(_ metadata: [String: String]) {
    guard
      let loss = metadata["best.loss"].flatMap({ UInt64($0, radix: 16) })
        .map(Double.init(bitPattern:)),
      let epoch = metadata["best.epoch"].flatMap({ Int($0) }), loss.isFinite, epoch >= 0
    else { return nil }
    self.loss = loss
    self.epoch = epoch
  }

  static let keys = ["best.loss", "best.epoch"]

  var metadata: [String: String] {
    ["best.loss": String(loss.bitPattern, radix: 16), "best.epoch": String(epoch)]
  }
}
