public import Ayatori
import GraphIR
import GraphOps
import Runtime

extension Trainer {
  /// What must be equal for two runs to be one. How long a run is, how many threads it has and
  /// where it writes may differ.
  static func identity(
    of source: Graph, _ graph: Graph, _ dataSet: DataSet, _ options: Options, loss: String,
    _ reduction: LossReduction
  ) -> [(name: String, value: String)] {
    func fingerprint(_ text: String) -> String { hexadecimal(NoiseStream.fnv1a(text)) }
    var entries = [
      ("data", hexadecimal(dataSet.fingerprint)), ("seed", String(options.seed)),
      ("batch-size", String(options.batchSize)), ("graph", fingerprint(source.text())),
      ("loss", loss), ("loss-reduction", reduction.rawValue),
      ("eval-samples", String(options.evaluationSamples)),
    ]
    switch options.optimizer {
    case .adam(let rate, let beta1, let beta2, let epsilon):
      entries += [
        ("optimizer", "adam"), ("learning-rate", "\(rate)"), ("beta1", "\(beta1)"),
        ("beta2", "\(beta2)"), ("epsilon", "\(epsilon)"),
      ]
    case .sgd(let rate, let momentum):
      entries += [("optimizer", "sgd"), ("learning-rate", "\(rate)"), ("momentum", "\(momentum)")]
    }
    return entries + [("compiled-graph", fingerprint(graph.text()))]
  }

  private static func hexadecimal(_ value: UInt64) -> String { String(value, radix: 16) }

  /// The run as it stands. `reopening` takes back the end of an epoch that was not evaluated yet,
  /// so that a resumed run reports and evaluates it.
  ///
  /// Throws a diagnostic when a parameter or the optimiser's state is not finite; within an epoch
  /// `settle` finds the step that made it so.
  public func checkpoint(reopening sum: EpochSum? = nil) throws(Diagnostic) -> Checkpoint {
    let arrays = arrays
    for (name, array) in arrays where array.dtype.isFloating {
      let bad = array.doubles.count { !$0.isFinite }
      if bad > 0 { throw .stateNotFinite(name, bad, epoch: epoch) }
    }
    return Checkpoint(
      epoch: sum == nil ? epoch : epoch - 1, step: step, underWay: sum ?? underWay, best: best,
      arrays: arrays, identity: identity)
  }

  /// Writes a checkpoint as the newest of an existing directory, atomically. Throws as `checkpoint`
  /// does, and when the file cannot be written: the last one stays.
  public func writeCheckpoint(to directory: String) throws(Diagnostic) {
    try checkpoint().write(to: Checkpoint.path(in: directory))
  }

  /// Takes down the loss of an evaluation after the epoch that is done; says whether it is the
  /// lowest.
  public func note(testLoss: Double) -> Bool {
    guard testLoss.isFinite else { return false }
    if let best, best.loss <= testLoss { return false }
    best = BestLoss(loss: testLoss, epoch: epoch)
    return true
  }

  /// Goes on from a checkpoint: a file, or the newest of a run's directory.
  ///
  /// Throws when it belongs to another graph, data set or set of options, saying all that differ,
  /// and when it holds numbers that are not finite, as no run writes them; what it holds is checked
  /// before anything of the trainer changes.
  public func resume(from path: String) throws(Diagnostic) {
    let path = Checkpoint.file(path)
    let checkpoint = try Checkpoint(readFrom: path) { checkpoint, tensors throws(Diagnostic) in
      do throws(Diagnostic) {
        try check(tensors, path)
      } catch {
        // Another run's has other arrays: it is told as such.
        try checkpoint.check(against: identity, path: path)
        throw error
      }
    }
    try checkpoint.check(against: identity, path: path)
    try checkPosition(of: checkpoint, path)
    for (name, array) in checkpoint.arrays {
      if let bad = array.firstNonFinite { throw .checkpointNotFinite(path, name, bad) }
    }
    if options.onNonFinite != .continue, !checkpoint.underWay.loss.isFinite {
      throw .checkpointLossNotFinite(path, checkpoint.underWay.loss)
    }
    for (name, array) in checkpoint.arrays { try state.set(name, array) }
    epoch = checkpoint.epoch
    step = checkpoint.step
    underWay = checkpoint.underWay
    best = checkpoint.best
    snapshot = nil
  }

  /// Throws when an array that the run has is missing, or one is of another kind.
  private func check(_ tensors: [TensorInfo], _ path: String) throws(Diagnostic) {
    if let name = Set(state.names).subtracting(tensors.map(\.name)).min() {
      throw .checkpointArray(path, name)
    }
    for tensor in tensors {
      do throws(Diagnostic) {
        try state.check(tensor.name, tensor.dtype, tensor.shape)
      } catch {
        var error = error
        error.place = "\(path), tensor '\(tensor.name)'"
        throw error
      }
    }
  }

  private func checkPosition(of checkpoint: Checkpoint, _ path: String) throws(Diagnostic) {
    // The steps of the epoch under way are counted too: its end must be a number.
    let (epochs, tooLate) = checkpoint.epoch.addingReportingOverflow(1)
    let (after, overflow) = epochs.multipliedReportingOverflow(by: stepsPerEpoch)
    guard !tooLate, !overflow, let step = Int(exactly: checkpoint.step),
      (after - stepsPerEpoch...after).contains(step)
    else { throw .checkpointSteps(path, checkpoint, stepsPerEpoch: stepsPerEpoch) }
    let steps = step - (after - stepsPerEpoch)
    let sum = checkpoint.underWay
    let seen = min(steps * options.batchSize, dataSet.train.count)
    guard sum.skipped == 0 ? sum.images == seen : sum.images < seen, sum.skipped <= steps
    else { throw .checkpointSteps(path, checkpoint, stepsPerEpoch: stepsPerEpoch) }
  }
}
