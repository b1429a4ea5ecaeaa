import Ayatori
import Foundation
import Testing
import VAE

@Suite struct TrainerTests {
  @Test func lossFallsOnDigits() throws {
    let trainer = try Training.digits()
    #expect(trainer.stepsPerEpoch == 24 && trainer.epoch == 0 && trainer.step == 0)
    let before = try #require(try trainer.evaluate().first)
    #expect(before.name == "loss")
    var heard: [Int] = []
    let epochs = try (0..<3).map { _ in try trainer.trainEpoch { step, _ in heard.append(step) } }
    #expect(epochs[0] > epochs[1] && epochs[1] > epochs[2])
    #expect(heard == Array(1...24) + Array(1...24) + Array(1...24))
    #expect(trainer.epoch == 3 && trainer.step == 72)
    let after = try trainer.evaluate()
    #expect(after.map(\.name) == ["loss", "bce", "kld"])
    #expect(after[0].value < 0.9 * before.value)
    #expect(abs(after[0].value - after[1].value - after[2].value) < 1e-4)
  }

  /// The same model, the loss summed in one and averaged in the other: the same nats per image.
  @Test func chainerLossFallsToo() throws {
    let trainer = try Training.digits(model: "vae_chainer", dims: ["D": 64, "H": 16, "Z": 2])
    #expect(trainer.reduction == .mean)
    let first = try trainer.trainEpoch()
    let second = try trainer.trainEpoch()
    #expect(second < first && second > 10 && first < 70)
    #expect(trainer.metrics.map(\.name) == ["loss", "reconstruction error", "latent loss"])
    #expect(trainer.unclearMetrics.isEmpty)
  }

  @Test func logisticRegressionLearnsTheDigits() throws {
    let trainer = try Trainer(
      Training.graph("logistic_regression", dims: ["D": 64]), on: DataSet.load("digits"),
      options: Training.options(optimizer: .adam(learningRate: 0.02)))
    for _ in 0..<8 { _ = try trainer.trainEpoch() }
    let accuracy = try #require(try trainer.evaluate().first { $0.name == "accuracy" }).value
    #expect(accuracy > 0.85 && accuracy <= 1, "\(accuracy)")
  }

  @Test func sameSeedSameBytes() throws {
    func parameters(_ seed: UInt64) throws -> [[UInt8]] {
      let trainer = try Training.digits(Training.options(seed: seed))
      _ = try trainer.trainEpoch()
      return trainer.arrays.map(\.array.bytes)
    }
    let one = try parameters(1)
    #expect(try one == parameters(1))
    #expect(try one != parameters(2))
  }

  // MARK: Against plain Swift

  /// Σ (x − w)² by stochastic gradient descent, batches of 4, 4 and 2: a model small enough to
  /// write out.
  @Test(arguments: [("", 1.0), (" / N", 0)])
  func epochsMatchPlainSwift(suffix: String, sums: Double) throws {
    let set = Training.tinySet()
    let graph = try Training.graph(
      text: """
        graph g {
          dim N
          input x: f64[N, 4]
          param w: f64[4] init constant(0.25)
          loss = sum(square(x - w))\(suffix)
          output loss
        }
        """)
    let rate = 0.01
    let trainer = try Trainer(
      graph, on: set,
      options: Training.options(
        batchSize: 4, seed: 9, optimizer: .sgd(learningRate: rate, momentum: 0)))
    #expect(trainer.reduction == (sums == 1 ? .sum : .mean) && trainer.stepsPerEpoch == 3)

    var w = [Double](repeating: 0.25, count: 4)
    for epoch in 0..<2 as Range<UInt64> {
      var total = 0.0
      let order = NoiseStream(seed: 9, name: "shuffle").permutation(10, step: epoch)
      #expect(order.sorted() == Array(0..<10))
      for start in stride(from: 0, to: 10, by: 4) {
        let rows = order[start..<min(start + 4, 10)]
        var slope = [Double](repeating: 0, count: 4)
        for row in rows {
          for pixel in 0..<4 {
            let difference = Double(set.train.images[row * 4 + pixel]) / 255 - w[pixel]
            total += difference * difference
            slope[pixel] -= 2 * difference
          }
        }
        let scale = sums == 1 ? rate : rate / Double(rows.count)
        for pixel in 0..<4 { w[pixel] -= scale * slope[pixel] }
      }
      #expect(abs(try trainer.trainEpoch() - total / 10) < 1e-12)
    }
    let trained = try #require(trainer.arrays.first { $0.name == "w" }).array.doubles
    for (a, b) in zip(trained, w) { #expect(abs(a - b) < 1e-12) }

    var test = 0.0
    for (index, pixel) in set.test.images.enumerated() {
      let difference = Double(pixel) / 255 - w[index % 4]
      test += difference * difference
    }
    #expect(abs(try trainer.evaluate()[0].value - test / 6) < 1e-12)
  }

  /// Three draws an image in batches of 4 and 2, averaged here from the noise stream itself.
  @Test func evaluationAveragesItsDraws() throws {
    let set = Training.tinySet()
    let graph = try Training.graph(
      text: """
        graph g {
          dim N
          input x: f64[N, 4]
          param w: f64[] init constant(0.5)
          z ~ normal(mean: x * w, stddev: exp(x))
          loss = sum(z * z)
          output loss
        }
        """)
    func evaluate(_ samples: Int) throws -> Double {
      var options = Training.options(batchSize: 4, seed: 21)
      options.evaluationSamples = samples
      return try Trainer(graph, on: set, options: options).evaluate()[0].value
    }
    let stream = NoiseStream(seed: 21, name: "z.eps")
    var total = 0.0
    var draw: UInt64 = 1 << 63
    for rows in [0..<4, 4..<6] {
      for _ in 0..<3 {
        let eps = stream.values(.normal, count: rows.count * 4, step: draw)
        draw += 1
        for (place, e) in eps.enumerated() {
          let x = Double(set.test.images[rows.lowerBound * 4 + place]) / 255
          let z = 0.5 * x + Foundation.exp(x) * e
          total += z * z
        }
      }
    }
    #expect(abs(try evaluate(3) - total / 18) < 1e-10)
    #expect(try evaluate(1) != evaluate(2))
    #expect(try evaluate(2) == evaluate(2))
  }

  /// Evaluating changes nothing: neither the parameters nor the training that follows.
  @Test func evaluationLeavesTrainingAlone() throws {
    let (a, b) = (try Training.digits(), try Training.digits())
    _ = try a.evaluate()
    _ = try a.trainEpoch()
    let once = try a.evaluate().map(\.value)
    #expect(try once == a.evaluate().map(\.value))
    _ = try b.trainEpoch()
    #expect(a.arrays.map(\.array) == b.arrays.map(\.array))
  }

  @Test func parametersCanBeSet() throws {
    let trainer = try Training.digits()
    try trainer.set("fc1.b", NDArray([Float](repeating: 2, count: 16), shape: [16]))
    let bias = try #require(trainer.arrays.first { $0.name == "fc1.b" }).array
    #expect(bias.floats == [Float](repeating: 2, count: 16))
    #expect(
      Training.diagnostics { try trainer.set("fc9.b", NDArray(zeros: .f32, shape: [16])) }
        .map(\.id) == ["unknown-feed"])
    #expect(
      Training.diagnostics { try trainer.set("fc1.b", NDArray(zeros: .f32, shape: [17])) }
        .map(\.id) == ["fed-shape"])
  }

  // MARK: Refusals

  @Test(arguments: [0, -1, 1501])
  func batchMustFit(size: Int) {
    let found = Training.diagnostics {
      _ = try Training.digits(Training.options(batchSize: size))
    }
    #expect(found.map(\.id) == ["batch-size"] && found.first?.expected == "1 to 1500")
  }

  @Test func everyParameterMustBeReached() throws {
    let graph = try Training.graph(
      text: """
        graph g {
          dim N
          input x: f32[N, 4]
          param w: f32[4] init zeros
          param spare: f32[4] init zeros
          z ~ normal(mean: x * spare, stddev: exp(x)) estimator stopped
          loss = sum(square(x - w)) + sum(z)
          output loss
        }
        """)
    let found = Training.diagnostics { _ = try Trainer(graph, on: Training.tinySet()) }
    #expect(found.map(\.id) == ["batch-size"])
    let options = Training.options(batchSize: 2)
    let refused = Training.diagnostics {
      _ = try Trainer(graph, on: Training.tinySet(), options: options)
    }
    #expect(refused.map(\.id) == ["no-gradient"])
    #expect(refused.first?.message.hasSuffix("'spare'") == true)
    #expect(refused.first?.got?.hasPrefix("not connected: ") == true)
  }

  @Test func aLossThatIsNotFiniteStops() throws {
    let trainer = try Training.digits(
      Training.options(optimizer: .adam(learningRate: 1e30)))
    let found = Training.diagnostics { _ = try trainer.trainEpoch() }
    #expect(found.map(\.id) == ["loss-not-finite"])
    let message = try #require(found.first?.message)
    #expect(message.hasPrefix("'loss' became ") && message.hasSuffix("in epoch 1, step 2"))
    #expect(!message.contains("-nan"))
    #expect(trainer.epoch == 0)
  }

  @Test func theLossCanBeChosen() throws {
    var options = Training.options(batchSize: 2)
    options.loss = "b"
    options.reduction = .sum
    let graph = try Training.graph(
      text: """
        graph g {
          dim N
          input x: f32[N, 4]
          param w: f32[4] init constant(1.0)
          a = sum(square(w))  b = sum(square(x - w))  half = a * b
          output a, b, half
        }
        """)
    let trainer = try Trainer(graph, on: Training.tinySet(), options: options)
    #expect(trainer.loss == "b" && trainer.metrics.map(\.name) == ["b", "a", "half"])
    #expect(trainer.metrics.map(\.reduction) == [.sum, .mean, .sum])
    options.loss = "c"
    #expect(
      Training.diagnostics { _ = try Trainer(graph, on: Training.tinySet(), options: options) }
        .map(\.id) == ["unknown-node"])
    options.loss = nil
    #expect(
      Training.diagnostics { _ = try Trainer(graph, on: Training.tinySet(), options: options) }
        .map(\.id) == ["no-loss"])
  }
}
