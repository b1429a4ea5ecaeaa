public import GraphIR

/// Symbolic derivatives against difference quotients, in f64, with the noise frozen.
///
///     let check = try GradientCheck(graph, seed: 1)
///     check.targets.map(\.verdict)
///
/// The symbolic side is what runs: the graph retyped to f64, lowered, stabilised, differentiated
/// and optimised. The numeric side is the same graph lowered and nothing more, so that a rewrite
/// that changes a derivative is found as well as a wrong rule. Both draw their noise at one seed
/// and step. Along each of some random directions, and at single entries, the derivative is
/// compared with a central difference (`DifferenceQuotient`).
///
/// Where the graph cuts the gradient on purpose, a value counts as a constant: the numeric side
/// holds it at what it is at the point, so that its difference quotient is the derivative that the
/// graph means (`HeldCut`).
///
/// A comparison that would say nothing is refused with the reason, neither passed nor failed:
/// across a kink; where the loss is not finite; where rounding or curvature hides the derivative;
/// where no derivative passes an op through which the value does.
public struct GradientCheck: Sendable {
  public struct Options: Sendable {
    /// Random directions a target.
    public var directions = 3
    /// Single entries a target: those with the largest gradients, and as many at random. Nil for
    /// all.
    public var entries: Int? = 12
    /// The size of dimensions that neither the graph nor an array settles.
    public var freeSize = 3

    public init() {}
  }

  /// What came of one comparison or of all of a target.
  public enum Verdict: Sendable, Equatable {
    case agrees
    case differs
    case refused(String)
  }

  /// One derivative, by both ways.
  public struct Probe: Sendable {
    public enum Place: Sendable, Equatable {
      /// Along the random direction of this number, in the units of the direction.
      case direction(Int)
      case entry([Int])
    }

    public let place: Place
    public let symbolic: Double
    public let numeric: Double
    /// The step h of the difference quotient.
    public let step: Double
    /// How far the two may lie apart: the quotient's estimated truncation and rounding error.
    public let tolerance: Double
    public let verdict: Verdict

    /// |symbolic − numeric| in units of the tolerance; NaN counts as infinite.
    public var error: Double {
      if symbolic == numeric { return 0 }
      let error = abs(symbolic - numeric) / tolerance
      return error.isNaN ? .infinity : error
    }
  }

  /// A node by which the loss is differentiated.
  public struct Target: Sendable {
    public let name: String
    public let shape: [Int]
    public let location: SourceLocation?
    /// Why nothing was compared, if so.
    public let refusal: String?
    public let probes: [Probe]

    /// One comparison that differs condemns the target, one that agrees is needed to pass.
    public var verdict: Verdict {
      if let refusal { return .refused(refusal) }
      if probes.contains(where: { $0.verdict == .differs }) { return .differs }
      if probes.contains(where: { $0.verdict == .agrees }) { return .agrees }
      for probe in probes {
        if case .refused(let reason) = probe.verdict { return .refused(reason) }
      }
      return .refused("it has no elements")
    }

    /// Comparisons that said something.
    public var decided: [Probe] {
      probes.filter { $0.verdict == .agrees || $0.verdict == .differs }
    }

    /// The decided comparison with the largest error, those that differ first.
    public var worst: Probe? {
      decided.max { a, b in
        (a.verdict == .differs ? 1 : 0, a.error) < (b.verdict == .differs ? 1 : 0, b.error)
      }
    }
  }

  /// A value on the way from a target to the loss that no derivative passes, by the graph's will.
  public struct HeldCut: Sendable, Equatable {
    /// As messages mention the node: `b`, `stop_gradient %100`.
    public let node: String
    /// The enclosing scopes, outermost first.
    public let scope: [String]
    public let location: SourceLocation?
  }

  public let graph: String
  public let loss: String
  public let lossValue: Double
  public let seed: UInt64
  /// The value of every dimension.
  public let sizes: [String: Int]
  /// Dimensions whose size nothing settled, so that one was chosen.
  public let chosenSizes: [String]
  /// Inputs that were not given, so that random values were drawn.
  public let drawnInputs: [String]
  /// What the numeric side held at its value, in the order of the graph.
  public let held: [HeldCut]
  public let targets: [Target]

  /// Everything checked agrees, and something was checked.
  public var passes: Bool {
    targets.allSatisfy { $0.verdict != .differs } && targets.contains { $0.verdict == .agrees }
  }

  /// The target and comparison with the largest error of all.
  public var worst: (target: Target, probe: Probe)? {
    targets.compactMap { target in target.worst.map { (target, $0) } }.max { a, b in
      (a.1.verdict == .differs ? 1 : 0, a.1.error) < (b.1.verdict == .differs ? 1 : 0, b.1.error)
    }
  }
}
