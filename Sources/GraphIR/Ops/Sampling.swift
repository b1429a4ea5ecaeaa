/// How derivatives get past a draw: a choice that the text makes, `z ~ normal(…) estimator score`.
///
/// An estimator is a rewrite of the graph, not a mode of the interpreter: the pass
/// `apply_estimators` multiplies costs by `exp(ln q − stop(ln q))` or puts a sampled divergence in
/// the place of a closed one, and the draw itself is lowered by its op.
public struct Estimator: Sendable, Hashable {
  /// What is subtracted from a cost before it weighs a score.
  public enum Baseline: String, Sendable {
    case none
    /// The running mean of the cost.
    case mean
    /// E[f s²] / E[s²] for each parameter of the distribution, as running means: the constant that
    /// makes the variance least (Weaver & Tao 2001).
    case best
    /// The mean cost of the other draws (Kool, van Hoof & Welling 2019).
    case leaveOneOut = "leave_one_out"
  }

  /// What becomes of a divergence of the draw's distribution that the loss has in closed form.
  public enum Divergence: Sendable {
    case closed
    /// ln q(z) − ln p(z) at the draw.
    case sampled
    /// The same with the parameters of ln q stopped (Roeder, Wu & Duvenaud 2017).
    case sampledAlongPath
  }

  /// As the text names it.
  public let name: String
  /// One line for the op table and reports.
  public let summary: String
  /// Whether derivatives pass through the draw into its operands.
  public let passesDraw: Bool
  /// Set when costs downstream of the draw carry the derivative of its log-probability.
  public let score: Baseline?
  public let divergence: Divergence
  /// Whether its mean is another than the derivative of the expected cost.
  public let isBiased: Bool

  private init(
    _ name: String, _ summary: String, passesDraw: Bool, score: Baseline? = nil,
    divergence: Divergence = .closed, isBiased: Bool = false
  ) {
    self.name = name
    self.summary = summary
    self.passesDraw = passesDraw
    self.score = score
    self.divergence = divergence
    self.isBiased = isBiased
  }

  /// Kingma & Welling 2013, section 2.4.
  public static let pathwise = Estimator(
    "pathwise", "through the draw, the divergence in closed form", passesDraw: true)
  public static let pathwiseSampledKL = Estimator(
    "pathwise_mc_kl", "through the draw, the divergence as ln q(z) − ln p(z)", passesDraw: true,
    divergence: .sampled)
  /// Roeder, Wu & Duvenaud 2017.
  public static let stickingTheLanding = Estimator(
    "sticking_the_landing", "through the draw alone, the parameters of ln q stopped",
    passesDraw: true, divergence: .sampledAlongPath)
  /// Williams 1992; as a rewrite of the cost: Foerster et al. 2018.
  public static let score = Estimator(
    "score", "cost times the derivative of ln q", passesDraw: false, score: Baseline.none)
  public static let scoreMeanBaseline = Estimator(
    "score_mean_baseline", "the same, less the running mean of the cost", passesDraw: false,
    score: .mean)
  public static let scoreBestBaseline = Estimator(
    "score_best_baseline", "the same, less E[f s²]/E[s²] for each parameter", passesDraw: false,
    score: .best)
  public static let scoreLeaveOneOut = Estimator(
    "score_leave_one_out", "the same, less the mean cost of the other draws", passesDraw: false,
    score: .leaveOneOut)
  public static let stopped = Estimator(
    "stopped", "nothing passes the draw", passesDraw: false, isBiased: true)
  /// What `score` becomes once the costs carry it.
  public static let surrogate = Estimator(
    "surrogate", "nothing passes the draw: the costs carry the derivative", passesDraw: false)
  /// Bengio, Léonard & Courville 2013.
  public static let straightThrough = Estimator(
    "straight_through", "as if the draw were its mean", passesDraw: true, isBiased: true)
  /// Jang, Gu & Poole 2017; Maddison, Mnih & Teh 2017.
  public static let gumbelSoftmax = Estimator(
    "gumbel_softmax", "a smooth draw, the sharper the lower its temperature", passesDraw: true,
    isBiased: true)
  public static let straightThroughGumbelSoftmax = Estimator(
    "straight_through_gumbel_softmax", "the draw itself, as if it were its smooth neighbour",
    passesDraw: true, isBiased: true)

  /// For continuous draws.
  public static let continuous: [Estimator] = [
    .pathwise, .pathwiseSampledKL, .stickingTheLanding, .score, .scoreMeanBaseline,
    .scoreBestBaseline, .scoreLeaveOneOut, .stopped, .surrogate,
  ]
  /// For discrete draws, through which nothing passes as they are.
  public static let discrete: [Estimator] = [
    .score, .scoreMeanBaseline, .scoreBestBaseline, .scoreLeaveOneOut, .straightThrough,
    .gumbelSoftmax, .straightThroughGumbelSoftmax, .stopped, .surrogate,
  ]
}

/// What a sampling op adds to the language: `z ~ normal(mean: mu, log_variance: s) estimator e`.
public struct SamplingSpec: Sendable {
  /// The operand that is noise; made on its own, as `<name>.eps`, when the text leaves it out.
  public var noiseOperand: Int
  public var noise: NoiseDistribution
  /// The symbol attribute that holds the estimator.
  public var estimatorAttribute: String
  /// The integer attribute that says over how many draws the costs downstream are averaged.
  public var drawsAttribute: String
  /// The estimators that the op knows: the choices of its attribute.
  public var estimators: [Estimator]
  /// How many trailing axes of a draw are one event: 1 for a category written as 0s and one 1.
  public var eventRank: Int
  /// ln q of a value under the operands, in nats, summed over the event's axes.
  public var logProbability: @Sendable (_ value: Value, OpContext) -> Value
  /// ln q of a value, up to constants, element by element in the shape of the draw: each element as
  /// a function of the operands' elements in its own place, the event's others held as they are.
  public var elementLogProbability: @Sendable (_ value: Value, OpContext) -> Value
  /// ∂ ln q/∂operand of each event for each operand that has one, element by element in the shape
  /// of the draw; nil for the others.
  public var scores: @Sendable (_ value: Value, OpContext) -> [Value?]

  /// Events of more than one element need `elementLogProbability`: else misuse traps.
  public init(
    noiseOperand: Int, noise: NoiseDistribution, estimatorAttribute: String,
    drawsAttribute: String, estimators: [Estimator], eventRank: Int = 0,
    logProbability: @escaping @Sendable (_ value: Value, OpContext) -> Value,
    elementLogProbability: (@Sendable (_ value: Value, OpContext) -> Value)? = nil,
    scores: @escaping @Sendable (_ value: Value, OpContext) -> [Value?]
  ) {
    precondition(
      eventRank == 0 || elementLogProbability != nil, "events of rank \(eventRank) need a score")
    self.noiseOperand = noiseOperand
    self.noise = noise
    self.estimatorAttribute = estimatorAttribute
    self.drawsAttribute = drawsAttribute
    self.estimators = estimators
    self.eventRank = eventRank
    self.logProbability = logProbability
    // An event of one element has no others.
    self.elementLogProbability = elementLogProbability ?? logProbability
    self.scores = scores
  }
}

extension Operation {
  /// The estimator that a sampling op's use is set to; nil for other ops.
  public var estimator: Estimator? {
    guard let sampling = definition.sampling,
      case .symbol(let name)? = attributes[sampling.estimatorAttribute]
    else { return nil }
    return sampling.estimators.first { $0.name == name }
  }

  /// Over how many draws the costs downstream are averaged; 1 for ops that draw nothing.
  public var draws: Int {
    guard let sampling = definition.sampling,
      case .int(let count)? = attributes[sampling.drawsAttribute]
    else { return 1 }
    return count
  }
}
