public import Ayatori
import GraphIR
import GraphOps
import Runtime

/// Trains a graph on a data set: one static graph a step, compiled once, bound per batch size.
///
/// Everything random comes from the seed: initial parameters, the order of the images (stream
/// `shuffle`, one step an epoch) and the noise (one step a batch).
public final class Trainer {
  public struct Options: Sendable {
    public var batchSize = 64
    public var seed: UInt64 = 0
    public var optimizer = Optimizer.adam()
    /// The output to minimise; nil for the graph's `loss`.
    public var loss: String?
    /// Nil derives it from the graph.
    public var reduction: LossReduction?
    /// Draws per image when evaluating.
    public var evaluationSamples = 1
    /// What becomes of a step whose loss or gradient is not finite.
    public var onNonFinite = NonFinitePolicy.stop

    public init() {}
  }

  public let dataSet: DataSet
  public let options: Options
  /// The training graph as it runs.
  public let graph: Graph
  public let loss: String
  public let reduction: LossReduction
  /// The scalar outputs, which evaluation reports, each with its own reduction: the loss first.
  public let metrics: [(name: String, reduction: LossReduction)]
  /// Scalar outputs that neither sum nor average over the batch, and are left out.
  public let unclearMetrics: [String]
  /// Epochs that are done.
  public internal(set) var epoch = 0
  /// Steps that are done.
  public internal(set) var step: UInt64 = 0
  /// What the epoch under way has come to.
  public internal(set) var underWay = EpochSum()
  /// What the last epoch that was done in this process came to.
  public private(set) var lastEpoch = EpochSum()
  /// The lowest test loss that `note(testLoss:)` has heard of.
  public internal(set) var best: BestLoss?
  /// Notes the gradient flow every so many steps, when set.
  public var recorder: FlowRecorder?
  /// Hears of each step that was skipped, or gone on after, since it was not finite.
  public var onFault: (NonFiniteStep) -> Void = { _ in }

  let state: StateStore
  let identity: [(name: String, value: String)]
  /// Where the last steps began: what a step that goes wrong is found from.
  var snapshot: Snapshot?
  /// Where the run goes on after steps that are not finite: whether the first was told of.
  var isFaultTold = false
  let source: Graph
  let inputs: DataInputs
  let compiler: Compiler
  private let training: Program
  private let evaluation: Program
  private let shuffle: NoiseStream
  private var trainingFeeders: [Int: BatchFeeder] = [:]
  private var evaluationFeeders: [Int: BatchFeeder] = [:]

  /// Compiles the training step and initialises the parameters.
  ///
  /// Throws diagnostics for a graph that does not fit the data, a loss that is not clear, and
  /// parameters that no gradient reaches.
  public init(
    _ source: Graph, on dataSet: DataSet, options: Options = Options(),
    compiler: Compiler = Compiler()
  ) throws {
    self.dataSet = dataSet
    self.options = options
    self.source = source
    self.compiler = compiler
    guard options.batchSize >= 1, options.batchSize <= dataSet.train.count else {
      throw Diagnostic.batchSize(options.batchSize, dataSet.train.count)
    }
    let inputs = try DataInputs(source, for: dataSet)
    self.inputs = inputs
    let lowered = try compiler.lower(source)
    let loss = try options.loss ?? Compiler.lossName(of: lowered)
    self.loss = loss
    // First of all, so that a loss that is no scalar is told as such.
    graph = try compiler.trainingGraph(of: source, loss: loss, optimizer: options.optimizer)
    if let declared = options.reduction {
      reduction = declared
    } else {
      reduction = try LossReduction.derived(from: lowered, loss: loss, batch: inputs.batch)
    }
    var metrics = [(name: loss, reduction: reduction)]
    var unclear: [String] = []
    for output in lowered.outputs where output.name != loss {
      let type = lowered[output.node].type
      guard type.shape.rank == 0, type.dtype.isFloating else { continue }
      do throws(Diagnostic) {
        let own = try LossReduction.derived(from: lowered, loss: output.name, batch: inputs.batch)
        metrics.append((output.name, own))
      } catch {
        guard error.id == "unclear-reduction" else { throw error }
        unclear.append(output.name)
      }
    }
    self.metrics = metrics
    unclearMetrics = unclear
    training = try Program(graph, outputs: [loss])
    evaluation = try Program(graph, outputs: metrics.map(\.name), updating: false)
    state = try StateStore(graph, sizes: graph.sizes())
    try state.initialize(seed: options.seed)
    shuffle = NoiseStream(seed: options.seed, name: "shuffle")
    identity = Trainer.identity(of: source, graph, dataSet, options, loss: loss, reduction)
  }

  /// Steps of one epoch; the last batch may be smaller.
  public var stepsPerEpoch: Int {
    (dataSet.train.count + options.batchSize - 1) / options.batchSize
  }

  /// Steps that are done of the epoch under way.
  public var position: Int { Int(step) - epoch * stepsPerEpoch }

  // MARK: Training

  /// One pass over the training images in a fresh order, or the rest of one; returns the mean loss
  /// per image in nats over the epoch, as it was at each step.
  ///
  /// `progress` hears of every step done, and may throw to stop: the trainer then stands after that
  /// step, and the next call does the rest of the epoch. Throws a diagnostic when a loss, a
  /// parameter or the optimiser's state is not finite, unless the options say otherwise.
  public func trainEpoch(
    progress: (_ step: Int, _ loss: Double) throws -> Void = { _, _ in }
  ) throws -> Double {
    let order = order
    let isGuarded = options.onNonFinite != .continue
    if isGuarded, snapshot == nil { try checkStart() }
    while true {
      guard position < stepsPerEpoch else {
        if isFinite { break }
        if !isGuarded {
          _ = try tellFirstFault(order)
          break
        }
        try recover(order)
        continue
      }
      if isSnapshotDue, isGuarded || !isFaultTold { try takeSnapshot(order) }
      let value = try takeStep(order)
      if !value.isFinite {
        if isGuarded {
          try recover(order)
          continue
        }
        if try tellFirstFault(order) != step - 1 {
          onFault(NonFiniteStep(epoch: epoch, step: step - 1, births: []))
        }
      }
      if let recorder, step % UInt64(recorder.header.every) == 0 {
        try record(
          recorder, epochs: Double(epoch) + Double(position) / Double(stepsPerEpoch))
      }
      try progress(position, value)
    }
    if underWay.images == 0 { throw Diagnostic.everyStepSkipped(loss, epoch: epoch + 1) }
    let mean = underWay.loss / Double(underWay.images)
    epoch += 1
    lastEpoch = underWay
    underWay = EpochSum()
    snapshot = nil
    return mean
  }

  /// The next step of an epoch whose images come in `order`; returns its loss per image. Throws as
  /// running does.
  func takeStep(_ order: [Int]) throws -> Double {
    let rows = rows(of: order)
    let feeder = try feeder(training, &trainingFeeders, dataSet.train, batch: rows.count)
    try feeder.run(rows, next: batch(of: order, from: rows.endIndex), step: step)
    let value = reduction.perImage(feeder.program.scalar(loss) ?? .nan, batch: rows.count)
    underWay.loss += value * Double(rows.count)
    underWay.images += rows.count
    step += 1
    return value
  }

  /// The order of the images in the epoch under way.
  var order: [Int] { shuffle.permutation(dataSet.train.count, step: UInt64(epoch)) }

  /// The images of the next step.
  func rows(of order: [Int]) -> ArraySlice<Int> {
    batch(of: order, from: position * options.batchSize)
  }

  /// Notes the gradient flow as it is now. Throws diagnostics.
  public func record(_ recorder: FlowRecorder) throws {
    try record(recorder, epochs: Double(epoch))
  }

  private func record(_ recorder: FlowRecorder, epochs: Double) throws {
    try recorder.record(step: step, epoch: epochs) { [state] in state.array($0) }
  }

  /// The batch that begins at `start`; empty at the end.
  private func batch(of order: [Int], from start: Int) -> ArraySlice<Int> {
    order[start..<min(start + options.batchSize, order.count)]
  }

  private func feeder(
    _ program: Program, _ cache: inout [Int: BatchFeeder], _ split: DataSet.Split, batch: Int
  ) throws -> BatchFeeder {
    if let known = cache[batch] { return known }
    let fresh = try BatchFeeder(
      program, inputs, batch: batch, of: split, in: dataSet, state: state, seed: options.seed)
    cache[batch] = fresh
    return fresh
  }

  /// The mean of every scalar output over the test images, in nats per image for a loss, each image
  /// drawn `evaluationSamples` times with fixed parameters.
  ///
  /// Draws are taken at the steps from 2^63 on, apart from those of training. `between` is called
  /// between batches, and may throw to stop. Throws a diagnostic when a mean is not finite, unless
  /// the options say to go on.
  public func evaluate(
    between: () throws -> Void = {}
  ) throws -> [(name: String, value: Double)] {
    var totals = [Double](repeating: 0, count: metrics.count)
    let count = dataSet.test.count
    let rows = Array(0..<count)
    var batchNumber: UInt64 = 0
    for start in stride(from: 0, to: count, by: options.batchSize) {
      let slice = batch(of: rows, from: start)
      let feeder = try feeder(evaluation, &evaluationFeeders, dataSet.test, batch: slice.count)
      let draws = max(1, options.evaluationSamples)
      for draw in 1...draws {
        try between()
        // The same images for each draw, then the next ones.
        let next = draw < draws ? slice : batch(of: rows, from: slice.endIndex)
        try feeder.run(slice, next: next, step: 1 << 63 | batchNumber)
        batchNumber += 1
        for (index, metric) in metrics.enumerated() {
          let value = feeder.program.scalar(metric.name) ?? .nan
          totals[index] +=
            metric.reduction.perImage(value, batch: slice.count) * Double(slice.count)
        }
      }
    }
    let draws = Double(count * max(1, options.evaluationSamples))
    if options.onNonFinite != .continue,
      let bad = zip(metrics, totals).first(where: { !$0.1.isFinite })
    {
      throw Diagnostic.evaluationNotFinite(bad.0.name, bad.1, epoch: epoch)
    }
    return zip(metrics, totals).map { ($0.name, $1 / draws) }
  }

  // MARK: State

  /// Parameters and optimiser state, copied.
  public var arrays: [(name: String, array: NDArray)] {
    state.names.compactMap { name in state.array(name).map { (name, $0) } }
  }

  /// Sets parameters by name before training. Throws for unknown names and other shapes.
  public func set(_ name: String, _ array: NDArray) throws(Diagnostic) {
    try state.set(name, array)
  }
}
