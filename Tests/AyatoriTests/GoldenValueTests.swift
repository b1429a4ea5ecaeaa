import Ayatori
import Testing

/// Values known in closed form: the golden instance and the formulas of Kingma & Welling.
@Suite struct GoldenValueTests {
  /// Nodes x√2 and weights w/√π of Gauss–Hermite quadrature with five points, exact for
  /// polynomials up to degree 9 under N(0, 1).
  static let quadrature: [(node: Double, weight: Double)] = [
    (-2.8569700138728056, 0.011257411327720691), (-1.355626179974266, 0.22207592200561263),
    (0, 0.5333333333333333), (1.355626179974266, 0.22207592200561263),
    (2.8569700138728056, 0.011257411327720691),
  ]

  @Test func quadratureIntegratesMoments() {
    for (power, moment) in [1.0, 0, 1, 0, 3, 0, 15].enumerated() {
      let sum = Self.quadrature.reduce(0.0) { total, point in
        total + point.weight * (0..<power).reduce(1.0) { product, _ in product * point.node }
      }
      #expect(abs(sum - moment) < 1e-12)
    }
  }

  @Test func linearGaussianByQuadrature() throws {
    let graph = try Oracle.graph("linear_gaussian", dtype: .f64)
    var means: [String: Double] = [:]
    for loss in ["recon", "kl", "loss"] {
      let targets = ["mu", "logvar"]
      let compiled = try CompiledGraph(
        graph, outputs: [loss], gradientsOf: loss, withRespectTo: targets, feeding: ["z.eps"])
      for point in Self.quadrature {
        let results = try compiled.run(inputs: ["z.eps": NDArray([point.node], shape: [])])
        for (name, array) in results {
          means[name, default: 0] += point.weight * (array.doubles.first ?? .nan)
        }
      }
    }
    let expected = [
      "recon": 2.5439385332046727, "kl": 0.125, "loss": 2.6689385332046727, "d_recon/d_mu": -1.5,
      "d_kl/d_mu": 0.5, "d_loss/d_mu": -1, "d_recon/d_logvar": 0.5, "d_kl/d_logvar": 0,
      "d_loss/d_logvar": 0.5,
    ]
    #expect(Set(means.keys) == Set(expected.keys))
    for (name, value) in expected {
      #expect(abs((means[name] ?? .nan) - value) < 1e-12, "\(name) = \(means[name] ?? .nan)")
    }
  }

  /// z = mu + sigma·eps: 1 and eps, not a bit off.
  @Test(arguments: [DType.f32, .f64])
  func localDerivativesOfTheDraw(dtype: DType) throws {
    let compiled = try CompiledGraph(
      Oracle.graph("rsample", dtype: dtype), outputs: ["z", "z.eps"], gradientsOf: "z",
      withRespectTo: ["mu", "sigma"])
    for step in 0..<20 as Range<UInt64> {
      let results = try compiled.run(seed: 3, step: step)
      #expect(results["d_z/d_mu"]?.doubles == [1])
      #expect(results["d_z/d_sigma"] == results["z.eps"])
      #expect(results["z"] == results["z.eps"])
    }
  }

  /// ∂z/∂logvar = sigma·eps/2, and ∂z/∂log_sigma = sigma·eps: a factor 2 that is easily lost.
  @Test(arguments: [("log_variance", 0.5), ("log_stddev", 1.0)])
  func scalesDifferByTwo(scale: String, factor: Double) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          param m: f64[] init zeros
          param s: f64[] init constant(0.6)
          z ~ normal(mean: m, \(scale): s)
          output z
        }
        """)
    let results = try CompiledGraph(
      graph, gradientsOf: "z", withRespectTo: ["s"], feeding: ["z.eps"]
    ).run(inputs: ["z.eps": NDArray([0.75], shape: [])])
    // exp(0.3) and exp(0.6).
    let sigma = factor == 0.5 ? 1.3498588075760032 : 1.8221188003905089
    let (z, slope) = (
      try #require(results["z"]?.doubles.first), try #require(results["d_z/d_s"]?.doubles.first)
    )
    #expect(abs(z - 0.75 * sigma) < 1e-15)
    #expect(abs(slope - factor * sigma * 0.75) < 1e-15)
  }

  /// KL(N(1, ½²), N(0, 1)) and its slopes: table O8.
  @Test func klOfTwoGaussians() throws {
    let graph = try Oracle.graph("linear_gaussian", dtype: .f64)
    let results = try CompiledGraph(
      graph, outputs: ["kl"], gradientsOf: "kl", withRespectTo: ["mu", "logvar"]
    ).run(parameters: [
      "mu": NDArray([1.0], shape: []), "logvar": NDArray([-1.3862943611198906], shape: []),
    ])
    let wanted = ["kl": 0.8181471805599453, "d_kl/d_mu": 1, "d_kl/d_logvar": -0.375]
    for (name, value) in wanted {
      #expect(abs((results[name]?.doubles.first ?? .nan) - value) < 1e-14, "\(name)")
    }
  }

  /// Posterior and prior that are nearly the same: (e^d − 1)/2 of d = 1e-6 has all of its digits.
  @Test func slopesKeepTheirDigitsNearThePrior() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          param m: f32[] init constant(1.5)
          param s: f32[] init constant(1e-6)
          param m0: f32[] init constant(1.5)
          param s0: f32[] init constant(0.0)
          kl = kl_normals(mean: m, log_variance: s, prior_mean: m0, prior_log_variance: s0)
          output kl
        }
        """)
    let results = try CompiledGraph(graph, gradientsOf: "kl", withRespectTo: ["s", "s0"]).run()
    for (name, value) in ["d_kl/d_s": 5.0000025e-7, "d_kl/d_s0": -5.0000025e-7] {
      let found = results[name]?.doubles.first ?? .nan
      #expect(abs(found / value - 1) < 1e-6, "\(name): \(found)")
    }
  }

  /// σ(x) σ(−x), where 1 − σ(20) is 0 in f32.
  @Test(arguments: FloatMode.allCases, [20.0, -20.0])
  func slopeOfASureSigmoid(float: FloatMode, x: Double) throws {
    let graph = try Oracle.graph(
      text: "graph g { param x: f32[] init constant(\(x)) y = sigmoid(x) output y }")
    var options = CompilerOptions()
    options.float = float
    let results = try CompiledGraph(
      graph, gradientsOf: "y", withRespectTo: ["x"], compiler: Compiler(options)
    ).run()
    let found = results["d_y/d_x"]?.doubles.first ?? .nan
    #expect(abs(found / 2.0611536139418493e-9 - 1) < 1e-6, "\(found)")
  }

  /// A fault in the logits is not taken for a 0, and no other draw is changed by it.
  @Test(arguments: [DType.f32, .f64])
  func aCoinOfNoNumberIsNone(dtype: DType) throws {
    let graph = try Oracle.graph(
      text: "graph g { input l: \(dtype)[5] z ~ bernoulli(logits: l) output z }")
    let compiled = try CompiledGraph(graph, feeding: ["z.eps"])
    let results = try compiled.run(inputs: [
      "l": NDArray(converting: [.nan, 1, 1, -.infinity, .infinity], to: dtype, shape: [5]),
      "z.eps": NDArray(converting: [0.5, 0.2, 0.3, 0.5, 0.5], to: dtype, shape: [5]),
    ])
    let draws = try #require(results["z"]?.doubles)
    #expect(draws[0].isNaN)
    // P(1) is σ(1) = 0.731, and the greater u are ones.
    #expect(Array(draws[1...]) == [0, 1, 0, 1])
  }

  @Test(arguments: [DType.f32, .f64], FloatMode.allCases.filter { $0 != .fast })
  func aCategoryOfNoNumbersIsNone(dtype: DType, float: FloatMode) throws {
    let graph = try Oracle.graph(
      text: "graph g { input l: \(dtype)[4, 2] z ~ categorical(logits: l) output z }")
    var options = CompilerOptions()
    options.float = float
    let compiled = try CompiledGraph(graph, feeding: ["z.eps"], compiler: Compiler(options))
    let logits: [Double] = [0, .nan, -.infinity, -.infinity, 1, -.infinity, 1, 0]
    let results = try compiled.run(inputs: [
      "l": NDArray(converting: logits, to: dtype, shape: [4, 2]),
      "z.eps": NDArray(converting: Array(repeating: 0.5, count: 8), to: dtype, shape: [4, 2]),
    ])
    let draws = try #require(results["z"]?.doubles)
    #expect(draws.prefix(4).allSatisfy(\.isNaN) && Array(draws[4...]) == [1, 0, 1, 0])
  }

  /// So does the divergence of two draws of 0 and 1 that are nearly sure, or nearly the same;
  /// values of mpmath.
  @Test(arguments: [
    (12.0, 11.0, 4.4131932384464352e-6, 6.1441368513331753e-6),
    (-12.0, -11.0, 4.4131932384464352e-6, -6.1441368513331753e-6),
    (1.5, 1.25, 0.0049094224110313944, 0.037286613017583214),
    (0.0, 0x1p-20, 1.1368683772161172e-13, -2.384185791015625e-7),
  ])
  func divergenceOfNearlySureDraws(own: Double, prior: Double, kl: Double, slope: Double) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          param l: f32[] init zeros
          param l0: f32[] init zeros
          kl = kl_bernoulli(logits: l, prior_logits: l0)
          output kl
        }
        """)
    let results = try CompiledGraph(graph, gradientsOf: "kl", withRespectTo: ["l"]).run(
      parameters: [
        "l": NDArray([Float(own)], shape: []), "l0": NDArray([Float(prior)], shape: []),
      ])
    for (name, value) in ["kl": kl, "d_kl/d_l": slope] {
      let found = results[name]?.doubles.first ?? .nan
      #expect(abs(found / value - 1) < 1e-6, "\(name): \(found)")
    }
  }

  /// Found by fuzzing: a sure category's slope is not what is left of 1 − 1; values of mpmath.
  @Test func divergenceOfSureCategories() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          param l: f32[3] init zeros
          param l0: f32[3] init zeros
          kl = kl_categorical(logits: l, prior_logits: l0)
          output kl
        }
        """)
    let results = try CompiledGraph(graph, gradientsOf: "kl", withRespectTo: ["l"]).run(
      parameters: [
        "l": NDArray([Float(20), 0, 1], shape: [3]), "l0": NDArray([Float(18), 2, 0], shape: [3]),
      ])
    let slopes = [1.384741071503977e-8, -8.2446143980262773e-9, -5.6027963170134924e-9]
    for (name, values) in ["kl": [1.062537854502317e-7], "d_kl/d_l": slopes] {
      let found = results[name]?.doubles ?? []
      #expect(found.count == values.count)
      for (found, value) in zip(found, values) {
        #expect(abs(found / value - 1) < 1e-5, "\(name): \(found), not \(value)")
      }
    }
  }
}
