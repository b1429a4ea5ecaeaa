import Ayatori
import Testing
import VAE

/// A draw of two latents for each of five images.
enum BatchModel {
  /// `lines` go on from the draw `z` and its parameters `m` and `lv`, to a scalar `loss`.
  static func graph(_ lines: String, _ estimator: String = "pathwise", size: String = "N") throws
    -> Graph
  {
    let draws = estimator == "score_leave_one_out" ? ", draws: 3" : ""
    return try Training.graph(
      text: """
        graph g {
          dim \(size)
          input x: f64[N, 3]
          param w: f64[3, 2] init normal(mean: 0, stddev: 1)
          const beta: f64 = 0.5
          m = matmul(x, w)
          lv = 0.3 * m
          z ~ normal(mean: m, log_variance: lv\(draws)) estimator \(estimator)
          \(lines)
          output loss
        }
        """)
  }

  static func feeds(images: Int = 5, seed: UInt64 = 4) -> Feeds {
    let x = NDArray((0..<3 * images).map { Double($0) * 0.1 - 0.6 }, shape: [images, 3])
    return Feeds(inputs: ["x": x], seed: seed)
  }
}

/// Reports of small graphs, asked for one estimator's means and variances.
enum FlowAnswers {
  /// One parameter's mean and variance under one estimator.
  struct Answer {
    var mean: Double
    var variance: Double
    var agrees: Bool
    var refusal: String?
    var z: Double?
  }

  static func flow(
    _ graph: Graph, draws: Int? = nil, _ parameters: [String: Double] = [:], seed: UInt64 = 0
  ) throws -> GradientFlow {
    var options = GradientFlow.Options()
    options.isExact = draws == nil
    options.draws = draws ?? 2
    return try GradientFlow(
      graph,
      feeds: Feeds(parameters: parameters.mapValues { NDArray([$0], shape: []) }, seed: seed),
      options: options)
  }

  /// A draw z with mean `mu` and scale `s`, and a loss that is a function of it.
  static func graph(
    _ loss: String, mu: Double, s: Double, scale: String = "stddev", more: String = ""
  ) throws -> Graph {
    try Training.graph(
      text: """
        graph g {
          param mu: f64[] init constant(\(mu))
          param s: f64[] init constant(\(s))
          z ~ normal(mean: mu, \(scale): s)
          \(more)
          loss = \(loss)
          output loss
        }
        """)
  }

  static func answers(
    _ flow: GradientFlow, _ estimator: String,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws -> [Answer] {
    let row = try #require(
      flow.comparison?.rows.first { $0.estimator == estimator }, sourceLocation: sourceLocation)
    return row.targets.map {
      Answer(
        mean: $0.mean, variance: $0.variance, agrees: $0.agrees, refusal: $0.refusal, z: $0.z)
    }
  }

  static func near(_ a: Double, _ b: Double, _ tolerance: Double = 1e-9) -> Bool {
    abs(a - b) <= tolerance * max(1, abs(a), abs(b))
  }

  /// A model of the digits, small, and a batch of them.
  static func model(_ name: String, seed: UInt64) throws -> (Graph, Feeds) {
    let graph = try Training.graph(name, dims: ["D": 64, "H": 24, "Z": 5])
    let digits = try DataSet.load("digits")
    let inputs = try DataInputs(graph, for: digits).arrays(of: digits.test, in: digits, count: 16)
    return (graph, Feeds(inputs: inputs, seed: seed))
  }
}
