import Ayatori
import Testing

/// Five steps of each optimiser against torch.optim (Tools/oracle/make_adam.py).
///
/// The gradient is fed: that of Σ p·g with respect to p is g.
@Suite struct OptimizerTests {
  struct Fixture: Decodable {
    struct Values: Decodable {
      var shape: [Int]
      var values: [Double]
    }

    struct Run: Decodable {
      var optimizer: String
      var lr: Double
      var beta1: Double?
      var beta2: Double?
      var eps: Double?
      var momentum: Double?
      var steps: [Step]
    }

    struct Step: Decodable {
      var parameter: Values
      var m: Values?
      var v: Values?
    }

    var parameter: Values
    var gradients: [Values]
    var runs: [Run]
  }

  @Test(arguments: ["adam", "sgd_momentum"], [DType.f64, .f32])
  func fiveStepsMatchPyTorch(name: String, dtype: DType) throws {
    let fixture = try Oracle.json("optimizers.json", as: Fixture.self)
    let run = try #require(fixture.runs.first { $0.optimizer == name })
    let optimizer: Optimizer
    let states: [(name: String, values: (Fixture.Step) -> Fixture.Values?)]
    if name == "adam" {
      optimizer = .adam(
        learningRate: run.lr, beta1: try #require(run.beta1), beta2: try #require(run.beta2),
        epsilon: try #require(run.eps))
      states = [("p", \.parameter), ("adam.m.p", \.m), ("adam.v.p", \.v)]
    } else {
      optimizer = .sgd(learningRate: run.lr, momentum: try #require(run.momentum))
      states = [("p", \.parameter), ("sgd.v.p", \.m)]
    }
    let stepper = try Stepper(optimizer, dtype, fixture.parameter.values)
    #expect(run.steps.count == 5 && fixture.gradients.count == 5)
    for (step, gradient) in zip(run.steps, fixture.gradients) {
      try stepper.step(gradient.values)
      for state in states {
        let wanted = try #require(state.values(step)).values
        // Fed numbers are rounded to the dtype; moments of gradients of 1e-9 are small on purpose.
        let distance = Oracle.distance(
          try stepper.values(state.name), wanted, relative: dtype == .f64 ? 1e-12 : 1e-5,
          absolute: dtype == .f64 ? 1e-15 : 1e-6)
        #expect(distance <= 1, "\(state.name): \(distance) times the tolerance")
      }
    }
  }

  @Test func plainDescentIsOneSubtraction() throws {
    let stepper = try Stepper(.sgd(learningRate: 0.25), .f64, Array(repeating: 1, count: 12))
    try stepper.step((0..<12).map(Double.init))
    try stepper.step((0..<12).map(Double.init))
    #expect(try stepper.values("p") == (0..<12).map { 1 - 0.5 * Double($0) })
    #expect(stepper.state.names == ["p"])
  }

  /// Where no gradient comes any more, moments decay to 0 and are never subnormal on the way:
  /// 0.75ⁿ would end at the second smallest number and stay there.
  @Test(
    arguments: [
      Optimizer.adam(learningRate: 1e-3, beta1: 0.75, beta2: 0.75, epsilon: 1e-8),
      .sgd(learningRate: 1e-3, momentum: 0.75),
    ], [DType.f32, .f64])
  func momentsDecayToZero(optimizer: Optimizer, dtype: DType) throws {
    let stepper = try Stepper(optimizer, dtype, Array(repeating: 1, count: 12))
    let moments = stepper.state.names.filter { $0.hasSuffix(".p") }
    #expect([["adam.m.p", "adam.v.p"], ["sgd.v.p"]].contains(moments))
    try stepper.step((0..<12).map { Double($0) - 5 })
    let start = try moments.map { try stepper.values($0) }
    #expect(start.allSatisfy { $0.filter { $0 != 0 }.count == 11 })
    let least = dtype == .f32 ? Double(Float.leastNormalMagnitude) : .leastNormalMagnitude
    let nothing = [Double](repeating: 0, count: 12)
    var subnormals = 0
    // 0.75^400 < 2⁻¹⁶⁶, 0.75^2600 < 2⁻¹⁰⁷⁹.
    for _ in 0..<(dtype == .f32 ? 400 : 2600) {
      try stepper.step(nothing)
      for name in moments {
        subnormals += try stepper.values(name).count { $0 != 0 && $0.magnitude < least }
      }
    }
    #expect(subnormals == 0)
    for name in moments { #expect(try stepper.values(name) == nothing) }
  }

  /// The smallest of normal numbers stays what it is.
  @Test func dont_flushSmallGradients() throws {
    let stepper = try Stepper(
      .sgd(learningRate: 0, momentum: 0.5), .f32, .init(repeating: 1, count: 12))
    let least = Double(Float.leastNormalMagnitude)
    try stepper.step(.init(repeating: -least, count: 12))
    #expect(try stepper.values("sgd.v.p") == .init(repeating: -least, count: 12))
  }

  /// The defaults of both articles.
  @Test func defaults() {
    #expect(
      Optimizer.adam() == .adam(learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8))
    #expect(Optimizer.sgd() == .sgd(learningRate: 1e-2, momentum: 0))
  }

  @Test func nothingToTrain() throws {
    let graph = try Oracle.graph(text: "graph g { input x: f32[] loss = square(x) output loss }")
    let found = Oracle.diagnostics {
      _ = try Compiler().trainingGraph(of: graph, loss: "loss", optimizer: .adam())
    }
    #expect(found.map(\.id) == ["nothing-to-train"])
  }

  /// Every parameter must be reached, and every one that is not is named.
  @Test func unreachedParametersAreRefused() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          param p: f32[] init zeros  param q: f32[] init zeros  param r: f32[] init zeros
          loss = square(p) + cast(q > 0, to: f32)
          output loss
        }
        """)
    let found = Oracle.diagnostics {
      _ = try Compiler().trainingGraph(of: graph, loss: "loss", optimizer: .adam())
    }
    #expect(found.map(\.id) == ["no-gradient", "no-gradient"])
    #expect(found.map(\.message).map { $0.suffix(3) } == ["'q'", "'r'"])
  }

  private struct Stepper {
    let bound: BoundProgram
    let state: StateStore

    init(_ optimizer: Optimizer, _ dtype: DType, _ start: [Double]) throws {
      let graph = try Oracle.graph(
        text: """
          graph g {
            param p: \(dtype)[3, 4] init zeros
            input g: \(dtype)[3, 4]
            loss = sum(p * g)
            output loss
          }
          """)
      let training = try Compiler().trainingGraph(of: graph, loss: "loss", optimizer: optimizer)
      state = try StateStore(training, sizes: [:])
      try state.initialize(seed: 0)
      try state.set("p", NDArray(converting: start, to: dtype, shape: [3, 4]))
      bound = try BoundProgram(Program(training), state: state)
    }

    func step(_ gradient: [Double]) throws {
      let dtype = try #require(state.array("p")).dtype
      try bound.feed("g", NDArray(converting: gradient, to: dtype, shape: [3, 4]))
      try bound.run()
    }

    func values(_ name: String) throws -> [Double] { try #require(state.array(name)).doubles }
  }
}
