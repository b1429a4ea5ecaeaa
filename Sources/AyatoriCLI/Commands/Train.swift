public import ArgumentParser
import Ayatori
import Foundation
import GraphIR
import GraphOps
import VAE

extension LossReduction: ExpressibleByArgument {}
extension NonFinitePolicy: ExpressibleByArgument {}

struct Train: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Trains a graph on images.",
    discussion: """
      Prints a line an epoch: the mean loss per image in nats while training, and the test set's. \
      With --out a checkpoint is written after every epoch and when SIGINT or SIGTERM stops the \
      run; --resume goes on from one, to the same bits as a run that was never stopped. The \
      newest is DIR/checkpoint.safetensors, that of the lowest test loss DIR/best.safetensors.
      """)
  static let example = "ayatori train Graphs/vae_pytorch.aya --data digits --dim D=64 --epochs 5"

  enum OptimizerName: String, CaseIterable, ExpressibleByArgument { case adam, sgd }

  @OptionGroup var graph: GraphOptions
  @OptionGroup(title: "Passes") var passes: PassOptions

  @Option(name: .long, help: "A directory of IDX files, or mnist, fashion-mnist, digits.")
  var data = "digits"

  @Option(name: .long, parsing: .unconditional, help: "Passes over the training images.")
  var epochs = 10

  @Option(name: .long, parsing: .unconditional, help: "Images a step.")
  var batchSize = 64

  @Option(name: .long, parsing: .unconditional, help: "Seed of parameters, order and noise.")
  var seed: UInt64 = 0

  @Option(name: .long, help: "adam or sgd.")
  var optimizer: OptimizerName = .adam

  @Option(name: .long, parsing: .unconditional, help: "Step size; 1e-3 for adam, 1e-2 for sgd.")
  var learningRate: Double?

  @Option(name: .long, parsing: .unconditional, help: "Momentum of sgd.")
  var momentum = 0.0

  @Option(name: .long, parsing: .unconditional, help: "Threads for matrix products.")
  var threads: Int?

  @Option(name: .long, help: "The output to minimise; by default 'loss'.")
  var loss: String?

  @Option(name: .long, help: "sum or mean over the batch; by default found out from the graph.")
  var lossReduction: LossReduction?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Draws per image when evaluating on the test set; 0 leaves it out.")
  var evalSamples = 1

  @Option(name: .long, help: "Directory for the checkpoint.", transform: filePath)
  var out: String?

  @Option(
    name: .long, help: "A run's directory, or one of its checkpoints, to go on from.",
    transform: filePath)
  var resume: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Writes a checkpoint every so many steps too, not after epochs alone.")
  var checkpointEvery: Int?

  @Option(name: .long, parsing: .unconditional, help: "Checkpoints to keep beside the best.")
  var keep = 3

  @Option(
    name: .long,
    help: "What becomes of a step whose loss or gradient is not finite: stop, skip or continue.")
  var onNonfinite: NonFinitePolicy = .stop

  @Option(
    name: .long,
    help: "Notes the gradient flow round the sampling node every so many steps; needs --out.")
  var recordGradflow: Int?

  @Option(name: .long, help: "The sampling node that --record-gradflow looks at.")
  var gradflowNode: String?

  func validate() throws {
    // A transform would keep the default out of the help.
    _ = try filePath(data)
    if let checkpointEvery, checkpointEvery < 1 {
      throw ValidationError("--checkpoint-every takes 1 or more, not \(checkpointEvery)")
    }
    if checkpointEvery != nil, out == nil, resume == nil {
      throw ValidationError("--checkpoint-every needs a directory to write to: --out DIR")
    }
    if keep < 1 { throw ValidationError("--keep takes 1 or more, not \(keep)") }
    if let recordGradflow, recordGradflow < 1 {
      throw ValidationError("--record-gradflow takes 1 or more, not \(recordGradflow)")
    }
    if recordGradflow != nil, out == nil, resume == nil {
      throw ValidationError("--record-gradflow needs a directory to write to: --out DIR")
    }
    if gradflowNode != nil, recordGradflow == nil {
      throw ValidationError("--gradflow-node goes with --record-gradflow")
    }
    if epochs < 0 { throw ValidationError("--epochs takes 0 or more, not \(epochs)") }
    if batchSize < 1 { throw ValidationError("--batch-size takes 1 or more, not \(batchSize)") }
    if evalSamples < 0 {
      throw ValidationError("--eval-samples takes 0 or more, not \(evalSamples)")
    }
    if let threads, !(1...WorkerPool.mostThreads ~= threads) {
      throw ValidationError("--threads takes 1 to \(WorkerPool.mostThreads), not \(threads)")
    }
    if let learningRate, !(learningRate > 0 && learningRate.isFinite) {
      throw ValidationError("--learning-rate takes a positive number, not \(learningRate)")
    }
    if !(momentum >= 0 && momentum < 1) {
      throw ValidationError("--momentum takes a number from 0 to below 1, not \(momentum)")
    }
    if momentum != 0, optimizer != .sgd { throw ValidationError("--momentum goes with sgd") }
  }

  func run() throws {
    let resumed = resume.map { isDirectory($0) ? $0 : directoryName(of: $0) }
    let path = out ?? resumed
    let inputs = [NamedFile("the graph", graph.file)] + NamedFile.dataSet(data)
    try passes.check(
      reading: inputs,
      writing: inputs.compactMap { input in
        guard let path, input.lies(in: path, where: RunDirectory.names) else { return nil }
        return NamedFile(out == nil ? "--resume" : "--out", input.path)
      })
    if let threads { WorkerPool.setShared(threads: threads) }
    let source = try graph.load()
    let dataSet = try DataSet.load(data, for: source)
    var options = Trainer.Options()
    options.batchSize = batchSize
    options.seed = seed
    options.loss = loss
    options.reduction = lossReduction
    options.evaluationSamples = evalSamples
    options.optimizer =
      switch optimizer {
      case .adam: .adam(learningRate: learningRate ?? 1e-3)
      case .sgd: .sgd(learningRate: learningRate ?? 1e-2, momentum: momentum)
      }
    options.onNonFinite = onNonfinite
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    let trainer = try Trainer(source, on: dataSet, options: options, compiler: compiler)
    if let resume { try trainer.resume(from: resume) }
    guard trainer.epoch < epochs else {
      announce(trainer, source, dataSet, directory: nil)
      return Console.error(
        "nothing to do: \(trainer.epoch) epochs are done, and --epochs \(epochs) counts them too")
    }
    // Before there is a directory, which a refusal would leave behind.
    let isResumed = if let path, let resumed { isSameFile(resumed, path) } else { false }
    if let recordGradflow, let path {
      trainer.recorder = try recorder(
        source, dataSet, trainer, every: recordGradflow, goingOnIn: isResumed ? path : nil)
    }
    let directory = try path.map { path in
      let directory = try RunDirectory(path, keeping: keep, isResumed: isResumed)
      if let best = trainer.best, let resumed, !isResumed {
        directory.inheritBest(best, from: resumed)
      }
      return directory
    }
    if let directory, directory.replacesEarlierRun {
      Console.error(
        "note: the checkpoints of an earlier run will be replaced: \(directory.newest)")
    }
    if let directory, directory.removesEarlierCourse {
      Console.error(
        "note: the gradient flow of an earlier run will be "
          + (recordGradflow == nil ? "removed" : "replaced")
          + ": \(FlowCourse.path(in: directory.path))")
    }
    announce(trainer, source, dataSet, directory: directory)
    try TrainingRun(self, trainer, directory).run()
  }

  /// A recorder on the first test images; of a run that goes on in its directory with what it
  /// noted before.
  private func recorder(
    _ source: Graph, _ dataSet: DataSet, _ trainer: Trainer, every: Int,
    goingOnIn directory: String?
  ) throws -> FlowRecorder {
    let probe = try DataInputs(source, for: dataSet)
      .arrays(of: dataSet.test, in: dataSet, count: min(64, dataSet.test.count))
    let recorder = try FlowRecorder(
      source, node: gradflowNode, loss: trainer.loss, inputs: probe, every: every, seed: seed,
      run: trainer.fingerprint)
    if let directory, FileManager.default.fileExists(atPath: FlowCourse.path(in: directory)) {
      let earlier = try FlowCourse(readFrom: directory)
      guard earlier.header.isContinued(by: recorder.header) else {
        throw Diagnostic(
          "course-mismatch", "the recorded gradient flow is of another kind, or of another run",
          place: FlowCourse.path(in: directory), expected: "\(earlier.header)",
          got: "\(recorder.header)",
          fix: "give the flags of the earlier part of the run, or remove the file")
      }
      recorder.resume(earlier, through: trainer.step)
    } else {
      try trainer.record(recorder)
    }
    let (steps, isHuge) = trainer.stepsPerEpoch.multipliedReportingOverflow(by: epochs)
    try recorder.course.check(count: isHuge || steps == .max ? .max : steps / every + 1)
    return recorder
  }

  private func announce(
    _ trainer: Trainer, _ source: Graph, _ dataSet: DataSet, directory: RunDirectory?
  ) {
    let parameters = trainer.arrays.reduce(0) { total, entry in
      trainer.graph.node(named: entry.name)?.isParameter == true ? total + entry.array.count : total
    }
    Console.error(
      lines: """
        \(trainer.graph.name): \(parameters) parameters, optimizer \(optimizer.rawValue)
        \(dataSet.name): \(dataSet.train.count) training and \(dataSet.test.count) test images, \
        grey levels as probabilities
        '\(trainer.loss)' \(trainer.reduction == .sum ? "sums" : "averages") over the batch \
        (\(lossReduction == nil ? "found out by doubling it" : "as declared")); below it is per \
        image, in nats where it is a log-likelihood
        """)
    for name in trainer.unclearMetrics {
      Console.error("note: '\(name)' neither sums nor averages over the batch and is not reported")
    }
    for node in source.nodes where node.operation?.estimator == .gumbelSoftmax {
      Console.error(
        "note: '\(node.mention)' is drawn smoothly, in tests as well: under gumbel_softmax the "
          + "loss bounds no likelihood of the discrete model")
    }
    if let directory {
      let often = checkpointEvery.map { "every \($0) steps and " } ?? ""
      Console.error("a checkpoint \(often)after every epoch: \(directory.newest)")
    }
    if trainer.step > 0 {
      let within = trainer.position > 0 ? ", step \(trainer.position) of the next" : ""
      Console.error("going on after epoch \(trainer.epoch)\(within)")
    }
  }
}
