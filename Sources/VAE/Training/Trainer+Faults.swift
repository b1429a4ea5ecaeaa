import Ayatori
import GraphIR
import Runtime

/// What becomes of a training step whose loss, gradient or update is not finite.
public enum NonFinitePolicy: String, Sendable, CaseIterable {
  /// The run ends; the last good checkpoint stays.
  case stop
  /// The step's update is not made, and its images are not counted.
  case skip
  /// The update is made.
  case `continue`
}

/// A training step that was not finite.
public struct NonFiniteStep: Sendable {
  /// Epochs that were done before it.
  public let epoch: Int
  /// Steps of the run that were done before it.
  public let step: UInt64
  /// Where the values were born, in graph order; empty where that was not looked for.
  public let births: [NonFiniteBirth]
}

extension Trainer {
  /// The trainer's state before a step.
  struct Snapshot {
    var step: UInt64
    var underWay: EpochSum
    var arrays: [(name: String, array: NDArray)]
  }

  /// Throws a diagnostic when the run begins, or goes on, with numbers that are not finite: then no
  /// step is to blame.
  func checkStart() throws {
    for (name, array) in arrays {
      if let bad = array.firstNonFinite {
        throw Diagnostic.startNotFinite(graph.node(named: name), name, bad, epoch: epoch)
      }
    }
  }

  /// Steps between two snapshots: their cost is then below a hundredth of the steps'.
  private static let snapshotEvery: UInt64 = 512

  var isSnapshotDue: Bool {
    guard let snapshot else { return true }
    return step >= snapshot.step + Trainer.snapshotEvery
  }

  /// Whether parameters and the optimiser's state are all finite.
  var isFinite: Bool { arrays.allSatisfy { $0.array.isFinite } }

  /// Remembers where the run stands. A state that is not finite goes back to the snapshot before,
  /// or is told of where the options say to go on.
  func takeSnapshot(_ order: [Int]) throws {
    if snapshot != nil, !isFinite {
      if options.onNonFinite == .continue {
        _ = try tellFirstFault(order)
        return
      }
      try recover(order)
    }
    snapshot = Snapshot(step: step, underWay: underWay, arrays: arrays)
  }

  /// Makes sure, within an epoch, that parameters and the optimiser's state are finite, as before a
  /// checkpoint: a step may have a finite loss and leave what is not. The trainer may then stand
  /// earlier than it stood, after the step that was skipped.
  ///
  /// Throws a diagnostic that names where the values were born, unless steps are to be skipped;
  /// does nothing when the options say to go on.
  public func settle() throws {
    guard options.onNonFinite != .continue, snapshot != nil, !isFinite else { return }
    try recover(order)
  }

  /// Stands before the first step since the last snapshot that was not finite, and does what the
  /// options say: throws a diagnostic that names where the values were born, or skips the step.
  func recover(_ order: [Int]) throws {
    guard let snapshot else { preconditionFailure("nothing to go back to") }
    try judge(loss: try standBeforeFault(since: snapshot, order), order)
  }

  /// Where a run goes on all the same: tells of its first step that was not finite, with where the
  /// values were born, and stands where it stood. Snapshots are of no use any more then. Returns
  /// the steps before that one; nil when it was told of before.
  func tellFirstFault(_ order: [Int]) throws -> UInt64? {
    guard !isFaultTold, let snapshot else { return nil }
    isFaultTold = true
    let now = Snapshot(step: step, underWay: underWay, arrays: arrays)
    _ = try standBeforeFault(since: snapshot, order)
    let fault = NonFiniteStep(epoch: epoch, step: step, births: try births(order))
    onFault(fault)
    try restore(now)
    self.snapshot = nil
    return fault.step
  }

  /// Finds the first step since the snapshot that was not finite, by doing them all once more, to
  /// the same bits; stands before it, and returns its loss.
  private func standBeforeFault(since snapshot: Snapshot, _ order: [Int]) throws -> Double {
    var last = snapshot
    try restore(last)
    let end = UInt64((epoch + 1) * stepsPerEpoch)
    while step < end {
      let value = try takeStep(order)
      if !value.isFinite || !isFinite {
        try restore(last)
        return value
      }
      last = Snapshot(step: step, underWay: underWay, arrays: arrays)
    }
    preconditionFailure("a step that was not finite is finite when done again")
  }

  private func restore(_ snapshot: Snapshot) throws {
    step = snapshot.step
    underWay = snapshot.underWay
    for (name, array) in snapshot.arrays { try state.set(name, array) }
  }

  /// Stands before the step that is not finite.
  private func judge(loss value: Double, _ order: [Int]) throws {
    let fault = NonFiniteStep(epoch: epoch, step: step, births: try births(order))
    guard options.onNonFinite == .skip else {
      throw Diagnostic.stepNotFinite(
        fault, loss: loss, value, step: position + 1, epoch: epoch + 1)
    }
    onFault(fault)
    step += 1
    underWay.skipped += 1
    snapshot = Snapshot(step: step, underWay: underWay, arrays: arrays)
  }

  /// Where the values of the next step that are not finite are born, by the graph as written.
  private func births(_ order: [Int]) throws -> [NonFiniteBirth] {
    let rows = Array(rows(of: order))
    let images = try inputs.arrays(
      of: dataSet.train.selecting(rows, imageSize: dataSet.imageSize), in: dataSet,
      count: rows.count)
    var feeds = Feeds(inputs: images, seed: options.seed, step: step)
    for (name, array) in arrays { feeds.parameters[name] = array }
    let written = try compiler.trainingGraphAsWritten(
      of: source, loss: loss, optimizer: options.optimizer)
    return try NonFiniteBirth.find(in: written, feeds: feeds)
  }
}

extension DataSet.Split {
  /// Some of the images, with their labels, in the given order.
  fileprivate func selecting(_ rows: [Int], imageSize: Int) -> DataSet.Split {
    DataSet.Split(
      images: rows.flatMap { images[($0 * imageSize)..<(($0 + 1) * imageSize)] },
      labels: labels.isEmpty ? [] : rows.map { labels[$0] })
  }
}
