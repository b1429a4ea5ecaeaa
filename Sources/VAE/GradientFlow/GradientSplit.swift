import Ayatori
public import GraphIR

/// The gradient at a sampling node, split by the terms of the loss.
///
/// One reverse pass per term, seeded with the term's weight in the loss. Gradients are linear in
/// their seed, so the parts sum to the whole up to rounding, and `partsError` says how far.
public struct GradientSplit: Sendable {
  /// One way of the gradient into a node.
  public struct Part: Sendable {
    /// The term of the loss.
    public let term: String
    /// The term's weight in the loss.
    public let weight: Double
    /// Nil when no gradient comes this way, with the reason.
    public let gradient: NDArray?
    public let refusal: String?
    public let statistics: ArrayStatistics?
  }

  /// A node at the sampling node, its value and its gradient.
  public struct Row: Sendable {
    /// `mean`, `log_variance` or another parameter, `draw`.
    public let role: String
    public let name: String
    /// Of a value that is drawn several times, or depends on what is, that of the first draw.
    public let array: NDArray
    /// Its values under the second and further draws, over which gradients are summed: since the
    /// loss is the mean over draws, so are they, each draw's as if there were no other.
    public let furtherArrays: [NDArray]
    public let value: ArrayStatistics
    public let parts: [Part]
    /// ∂loss/∂node in one pass; nil when no gradient reaches the node.
    public let gradient: NDArray?
    public let total: ArrayStatistics?
    /// |Σ parts − total|∞, and the same in units in the last place of the largest part.
    public let partsError: Double
    public let partsErrorUlps: Double

    /// Over how many draws of the graph the gradients are summed.
    public var draws: Int { 1 + furtherArrays.count }

    /// The finding that the parts do not sum to the whole; nil where they do but for rounding: half
    /// of the digits of the largest part are left to what was rounded on the way, since values that
    /// cancel may have been larger. What is not a number is told of where it was born.
    public func partsFault(of loss: String, at location: SourceLocation? = nil) -> Diagnostic? {
      let unit = array.dtype == .f32 ? Double(Float.ulpOfOne) : Double.ulpOfOne
      guard partsErrorUlps > 1 / unit.squareRoot() else { return nil }
      return Diagnostic(
        "parts-mismatch",
        "the parts of the gradient at '\(name)' do not add up to that of '\(loss)'", at: location,
        place: "gradflow", expected: "the same but for rounding",
        got: "a difference of \(numberText(partsError)), \(numberText(partsErrorUlps)) ulp of the "
          + "largest part")
    }

    /// The first two terms of which a gradient comes; nil where there are not two.
    public var pair: (first: Int, second: Int)? {
      let reaching = parts.indices.filter { parts[$0].gradient != nil }
      return reaching.count < 2 ? nil : (reaching[0], reaching[1])
    }

    /// The cosine of the angle between the gradients from `pair`.
    public var cosine: Double? { pair.flatMap { cosine($0.first, $0.second) } }

    /// The cosine of the angle between two parts; nil when either is missing or zero.
    public func cosine(_ a: Int, _ b: Int) -> Double? {
      guard let x = parts[a].gradient?.doubles, let y = parts[b].gradient?.doubles else {
        return nil
      }
      let dot = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
      let norms = [a, b].map { parts[$0].statistics?.norm ?? 0 }
      // What rounding leaves of a part that is 0 has no direction.
      guard min(norms[0], norms[1]) > 1e-14 * max(norms[0], norms[1]) else { return nil }
      return dot / (norms[0] * norms[1])
    }
  }

  /// A term of the loss, with its weight and whether the text writes the weight out.
  public struct Term: Sendable {
    public let name: String
    public let value: Double
    public let weight: Double
    public let isWeighted: Bool
    /// Whether the loss adds it here and takes all of it away there.
    public let cancels: Bool
  }

  /// An edge that no gradient passes.
  public struct Block: Sendable {
    public let from: String
    public let to: String
    public let reason: String
    /// Users of the same edge in further copies of a draw, which `reason` holds for too.
    public let alike: [String]
  }

  public let graph: String
  public let node: String
  public let loss: String
  public let lossValue: Double
  public let terms: [Term]
  /// What the loss adds to its terms; nil where that is nothing.
  public let constant: Double?
  public let rows: [Row]
  /// Edges in the graph that no gradient passes, with the reason.
  public let blocked: [Block]
  /// Parameters that no gradient of the loss reaches, with the reason.
  public let unreached: [(name: String, reason: String)]

  /// Splits the gradient round the sampling node `name`, or the graph's only one, at one draw.
  ///
  /// Throws diagnostics for a graph without such a node, a loss that is not clear, and feeds that
  /// do not fit. Other nodes than leaves may be fed: the graph is cut there.
  public init(_ source: Graph, node name: String? = nil, loss: String? = nil, feeds: Feeds) throws {
    let site = try SamplingSite(cutting: source, at: feeds, node: name)
    let program = try SplitProgram(site, loss: loss)
    let bound = try program.compiled(feeding: feeds.inputs.keys).bind(feeds, of: program.graph)
    try bound.run(step: feeds.step)
    self.init(program, SplitProgram.outputs(of: bound))
  }

  init(_ program: SplitProgram, _ values: [String: NDArray], errors: [[Double]]? = nil) {
    func scalar(_ key: String) -> Double { values[key]?.doubles.first ?? .nan }
    graph = program.site.graph.name
    node = program.site.name
    loss = program.loss
    lossValue = scalar("loss")
    terms = program.terms.enumerated().map { index, term in
      let weight = scalar("weight.\(index)")
      return Term(
        name: term.name, value: scalar("term.\(index)"), weight: weight,
        isWeighted: term.isWeighted, cancels: term.hasBothSigns && weight == 0)
    }
    constant = values["constant"]?.doubles.first
    let weights = terms.map(\.weight)
    rows = program.targets.enumerated().compactMap { index, target in
      guard let value = values["value.\(index)"] else { return nil }
      let parts = program.terms.enumerated().map { position, term in
        let gradient = values["part.\(position).\(index)"]
        return Part(
          term: term.name, weight: weights[position], gradient: gradient,
          refusal: program.refusals[position][index],
          statistics: gradient.map { ArrayStatistics($0) })
      }
      let total = values["total.\(index)"]
      let (error, ulps) =
        errors.map { ($0[index][0], $0[index][1]) } ?? SplitProgram.partsError(values, index)
      return Row(
        role: target.role, name: target.name, array: value,
        furtherArrays: program.copies[index].indices.dropFirst().compactMap {
          values["value.\(index).\($0)"]
        }, value: ArrayStatistics(value),
        parts: parts, gradient: total, total: total.map { ArrayStatistics($0) }, partsError: error,
        partsErrorUlps: ulps)
    }
    blocked = program.blocked
    unreached = program.unreached
  }
}
