import Ayatori
import Foundation
import GraphIR
import Testing
import VAE

/// Training steps whose loss or gradient is not finite: where they come from, and what is left.
@Suite struct NonFiniteStepTests {
  /// Four images of two pixels; the third has a 0 first, of which a logarithm is not finite.
  private static let pixels: [UInt8] = [10, 20, 30, 40, 0, 60, 70, 80]

  private static func set() -> DataSet {
    let split = DataSet.Split(images: pixels, labels: [0, 1, 2, 3])
    let test = DataSet.Split(images: [10, 20], labels: [0])
    return DataSet(
      name: "four", imageShape: [1, 2], train: split, test: test, maximum: 100, source: "this test")
  }

  private static func trainer(
    _ loss: String, _ policy: NonFinitePolicy, batchSize: Int = 1, rate: Double = 0.5
  ) throws -> Trainer {
    var options = Training.options(batchSize: batchSize, optimizer: .sgd(learningRate: rate))
    options.onNonFinite = policy
    options.reduction = .sum
    let graph = try Training.graph(
      text: """
        graph g {
          dim N
          input x: f64[N, 2]
          param w: f64[2] init zeros
          \(loss)
          output loss
        }
        """)
    return try Trainer(graph, on: set(), options: options)
  }

  /// The loss is linear in w, so that the gradient of a batch is the sum of its images, and the
  /// parameters after an epoch those sums over the batches that were finite.
  private static let logarithm = """
    bad = log(x)
    loss = sum(w * x) + 0 * sum(bad)
    """

  @Test func theNodeIsNamed() throws {
    let trainer = try Self.trainer(Self.logarithm, .stop)
    let found = Training.diagnostics { _ = try trainer.trainEpoch() }
    #expect(found.map(\.id) == ["loss-not-finite"])
    let first = try #require(found.first)
    #expect(first.got?.contains("-inf at [0, 0] of bad, which is log(x)") == true, "\(first)")
    #expect(first.location?.line == 5, "\(first)")
    #expect(first.fix?.contains("--on-nonfinite skip") == true)
    // It stands before the step: parameters are finite, and a checkpoint can be taken.
    let values = try #require(trainer.arrays.first?.array.doubles)
    #expect(values == values.map { $0.isFinite ? $0 : 0 })
    _ = try trainer.checkpoint()
  }

  @Test(arguments: [1, 2]) func skippedStepsLeaveNoTrace(batchSize: Int) throws {
    let trainer = try Self.trainer(Self.logarithm, .skip, batchSize: batchSize)
    var faults: [NonFiniteStep] = []
    trainer.onFault = { faults.append($0) }
    let mean = try trainer.trainEpoch()
    #expect(mean.isFinite && faults.count == 1)
    let fault = try #require(faults.first)
    #expect(fault.births.map(\.node) == ["bad"])
    #expect(trainer.lastEpoch.skipped == 1 && trainer.lastEpoch.images == 4 - batchSize)
    // The batch of the third image, by the order that the seed gives.
    let order = NoiseStream(seed: 0, name: "shuffle").permutation(4, step: 0)
    let place = try #require(order.firstIndex(of: 2)) / batchSize
    #expect(fault.step == UInt64(place) && fault.epoch == 0)
    var wanted = [0.0, 0]
    for (index, image) in order.enumerated() where index / batchSize != place {
      for pixel in 0..<2 {
        wanted[pixel] -= 0.5 * Double(Self.pixels[image * 2 + pixel]) / 100
      }
    }
    let found = try #require(trainer.arrays.first?.array.doubles)
    for (a, b) in zip(found, wanted) { #expect(abs(a - b) < 1e-15, "\(found), \(wanted)") }
  }

  /// The loss is finite and its gradient is not: √ at 0 has none. Told by the step's own gradient,
  /// not by the next step's loss.
  @Test func gradientsAreWatchedToo() throws {
    let body = "root = sqrt(sum(square(w)))\nloss = sum(w * x) + root"
    let trainer = try Self.trainer(body, .stop)
    let found = Training.diagnostics { _ = try trainer.trainEpoch() }
    #expect(found.map(\.id) == ["gradient-not-finite"], "\(found)")
    let first = try #require(found.first)
    #expect(first.message.contains("epoch 1, step 1"))
    #expect(first.got?.contains("in the gradient at") == true, "\(first)")
  }

  /// The same when the step is the last of its epoch.
  @Test func theLastStepIsWatched() throws {
    let body = "root = sqrt(sum(square(w)))\nloss = sum(w * x) + root"
    let trainer = try Self.trainer(body, .stop, batchSize: 4)
    let found = Training.diagnostics { _ = try trainer.trainEpoch() }
    #expect(found.map(\.id) == ["gradient-not-finite"], "\(found)")
    let skipping = try Self.trainer(body, .skip, batchSize: 4)
    let none = Training.diagnostics { _ = try skipping.trainEpoch() }
    #expect(none.first?.message == "no step of epoch 1 was finite: all were skipped", "\(none)")
  }

  /// Before a checkpoint within an epoch, the step that was just done is judged, though its loss
  /// is finite: told with its node, or undone.
  @Test(arguments: [NonFinitePolicy.stop, .skip, .continue])
  func checkpointsWithinAnEpochAreSettled(policy: NonFinitePolicy) throws {
    struct Stop: Error {}
    let body = "root = sqrt(sum(square(w)))\nloss = sum(w * x) + root"
    let trainer = try Self.trainer(body, policy)
    var faults: [NonFiniteStep] = []
    trainer.onFault = { faults.append($0) }
    var taken: Checkpoint?
    var found: [Diagnostic] = []
    do {
      _ = try trainer.trainEpoch { step, loss in
        #expect(loss.isFinite && step == 1)
        try trainer.settle()
        taken = try trainer.checkpoint()
        throw Stop()
      }
    } catch let diagnostic as Diagnostic { found = [diagnostic] } catch is Stop {}
    switch policy {
    case .stop:
      #expect(found.map(\.id) == ["gradient-not-finite"], "\(found)")
      #expect(taken == nil && trainer.step == 0)
      // As it was before the step.
      #expect(try trainer.checkpoint().step == 0)
    case .skip:
      #expect(found.isEmpty, "\(found)")
      #expect(taken?.step == 1 && taken?.underWay.skipped == 1 && taken?.underWay.images == 0)
      #expect(faults.map(\.step) == [0])
    case .continue:
      #expect(found.map(\.id) == ["state-not-finite"], "\(found)")
    }
  }

  /// Settling changes nothing where everything is finite.
  @Test func dont_settleWhatIsFinite() throws {
    let plain = try Self.trainer("loss = sum(w * x)", .skip)
    let settled = try Self.trainer("loss = sum(w * x)", .skip)
    try settled.settle()
    let mean = try settled.trainEpoch { _, _ in try settled.settle() }
    try settled.settle()
    let expected = try plain.trainEpoch()
    #expect(mean == expected && settled.lastEpoch.skipped == 0)
    #expect(settled.arrays.map(\.array) == plain.arrays.map(\.array))
  }

  @Test func goingOnMakesTheUpdate() throws {
    let trainer = try Self.trainer(Self.logarithm, .continue)
    var faults: [NonFiniteStep] = []
    trainer.onFault = { faults.append($0) }
    let mean = try trainer.trainEpoch()
    #expect(!mean.isFinite && faults.count == 1 && trainer.epoch == 1)
    #expect(faults.first?.births.map(\.node) == ["bad"])
    // The gradient was finite: only the sum of losses is spoilt. Looking for the node changed
    // nothing: the parameters are what all four updates make them.
    _ = try trainer.checkpoint()
    let sums = [0, 1].map { pixel in
      stride(from: pixel, to: 8, by: 2).reduce(0.0) { $0 - 0.5 * Double(Self.pixels[$1]) / 100 }
    }
    let found = try #require(trainer.arrays.first?.array.doubles)
    for (a, b) in zip(found, sums) { #expect(abs(a - b) < 1e-15, "\(found), \(sums)") }
  }

  /// Going on: the first step is told with its node, though its loss was finite and only the next
  /// step's is not; from then on steps alone.
  @Test func goingOnNamesTheFirstNode() throws {
    let body = "root = sqrt(sum(square(w)))\nloss = sum(w * x) + root"
    let trainer = try Self.trainer(body, .continue)
    var faults: [NonFiniteStep] = []
    trainer.onFault = { faults.append($0) }
    _ = try trainer.trainEpoch()
    _ = try trainer.trainEpoch()
    #expect(faults.map(\.step) == [0, 1, 2, 3, 4, 5, 6, 7])
    #expect(faults.first?.births.isEmpty == false)
    #expect(faults.dropFirst().allSatisfy { $0.births.isEmpty })
    // The last step of an epoch has no next one.
    let single = try Self.trainer(body, .continue, batchSize: 4)
    faults = []
    single.onFault = { faults.append($0) }
    _ = try single.trainEpoch()
    #expect(faults.map(\.step) == [0] && faults.first?.births.isEmpty == false)
  }

  /// A skipped step is part of the run's history: going on from a checkpoint after it, or before
  /// it, gives the same bytes.
  @Test func skippingAndResuming() throws {
    struct Stop: Error {}
    let whole = try Self.trainer(Self.logarithm, .skip)
    let losses = try (0..<3).map { _ in try whole.trainEpoch() }
    for stop in 1...4 {
      try Training.withDirectory { directory in
        let first = try Self.trainer(Self.logarithm, .skip)
        _ = try first.trainEpoch()
        var isStopped = false
        do {
          _ = try first.trainEpoch { step, _ in if step >= stop { throw Stop() } }
        } catch is Stop { isStopped = true }
        try first.writeCheckpoint(to: directory)
        let second = try Self.trainer(Self.logarithm, .skip)
        try second.resume(from: directory)
        if isStopped { #expect(try second.trainEpoch() == losses[1], "\(stop)") }
        #expect(try second.trainEpoch() == losses[2], "\(stop)")
        #expect(second.arrays.map(\.array) == whole.arrays.map(\.array))
      }
    }
  }

  /// Parameters that were not finite to begin with: no step is to blame, and skipping helps none.
  @Test(arguments: [NonFinitePolicy.stop, .skip])
  func parametersThatCameSo(policy: NonFinitePolicy) throws {
    let trainer = try Self.trainer("loss = sum(w * x)", policy)
    try trainer.set("w", NDArray([1.0, .nan], shape: [2]))
    for _ in 0..<2 {
      let found = Training.diagnostics { _ = try trainer.trainEpoch() }
      #expect(found.map(\.id) == ["state-not-finite"])
      #expect(found.first?.place == "w" && found.first?.got == "nan at [1]", "\(found)")
      #expect(found.first?.location?.line == 4)
      #expect(trainer.step == 0)
    }
  }

  /// Going on all the same means with these too; where they come from is told.
  @Test func dont_refuseWhatIsToGoOn() throws {
    let trainer = try Self.trainer("loss = sum(w * x)", .continue)
    try trainer.set("w", NDArray([1.0, .nan], shape: [2]))
    var faults: [NonFiniteStep] = []
    trainer.onFault = { faults.append($0) }
    let mean = try trainer.trainEpoch()
    #expect(mean.isNaN && faults.count == 4)
    #expect(faults.first?.births.first?.node == "w")
  }
}
