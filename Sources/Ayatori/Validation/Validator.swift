public import GraphIR
public import Passes
import Synchronization

/// Translation validation: after each pass, that the graph still computes what it did.
///
///     var options = CompilerOptions()
///     let validator = Validator()
///     options.observers.append(validator.observer)
///
/// Both graphs are evaluated by the reference interpreter's rules on random and extreme inputs at
/// small sizes: every output, every update, and the derivatives of floating outputs with respect to
/// floating inputs and parameters. They must agree within the bounds of the weakest `FloatClass`
/// among the pass's replacements; see `Equivalence`. Otherwise the pass is run again with fewer
/// replacements, to find the first that does harm (Necula 2000 on validating a translation instead
/// of a translator; Whalley 1994 on isolating errors by bisection).
public final class Validator: Sendable {
  public let seed: UInt64
  /// What the passes were told; only for running them again.
  private let options: PassContext.Options
  private let state: Mutex<State>

  private struct State {
    var equivalence: Equivalence
    var steps = 0
    var changedSteps = 0
  }

  public init(seed: UInt64 = 0, options: PassContext.Options = PassContext.Options()) {
    self.seed = seed
    self.options = options
    state = Mutex(State(equivalence: Equivalence(seed: seed)))
  }

  /// Checks each pass of a compiler; a `ValidationFailure` ends the run.
  public var observer: PassManager.Observer {
    PassManager.Observer(didRun: { [self] step in try check(step) })
  }

  /// How much was compared so far.
  public var summary: ValidationSummary {
    state.withLock { state in
      var summary = ValidationSummary()
      summary.steps = state.steps
      summary.changedSteps = state.changedSteps
      summary.elements = state.equivalence.elements
      summary.undecided = state.equivalence.undecided
      return summary
    }
  }

  /// Throws a `ValidationFailure` when a pass changed what the graph computes, and a diagnostic
  /// when the graph cannot be evaluated.
  public func check(_ step: PassStep) throws {
    try state.withLock { state in
      guard step.pass.keepsMeaning else { return }
      state.steps += 1
      let weakest = step.replacements.weakestFloat
      let (found, isChanged) = try state.equivalence.deviation(step.before, step.after, weakest)
      if isChanged { state.changedSteps += 1 }
      if let found { throw try failure(step, found, &state.equivalence) }
      guard isChanged, weakest != .exact else { return }
      try checkStricter(step, weakest, &state.equivalence)
    }
  }

  /// The first deviation of `after` from `before`, beyond what `float` allows. Throws a diagnostic
  /// when `before` cannot be evaluated.
  public func deviation(_ before: Graph, _ after: Graph, _ float: FloatClass) throws -> Deviation? {
    try state.withLock { try $0.equivalence.deviation(before, after, float).found }
  }

  /// A rule that calls itself exact hides among others that are not: what each stricter mode lets
  /// through is held to its own bounds.
  private func checkStricter(
    _ step: PassStep, _ weakest: FloatClass, _ equivalence: inout Equivalence
  ) throws {
    for mode in [FloatMode.strict, .standard] {
      let allowed = FloatClass.allCases.filter(mode.allows)
      guard !allowed.contains(weakest),
        step.replacements.contains(where: { allowed.contains($0.float) })
      else { continue }
      var stricter = options
      stricter.float = mode
      let manager = PassManager([], options: stricter)
      let (graph, made) = manager.replay(step.pass, on: step.before, limit: .max)
      // A pass that does not ask for the mode cannot be looked at in parts.
      guard allowed.contains(made.weakestFloat), verify(graph).isEmpty else { continue }
      let found = try equivalence.deviation(
        step.before, graph, made.weakestFloat, derivatives: false
      ).found
      guard let found else { continue }
      throw try blame(step, found, made, manager, &equivalence)
    }
  }

  // MARK: Blame

  private func failure(
    _ step: PassStep, _ found: Deviation, _ equivalence: inout Equivalence
  ) throws -> ValidationFailure {
    for float in [options.float] + FloatMode.allCases {
      var options = options
      options.float = float
      let manager = PassManager([], options: options)
      let (_, made) = manager.replay(step.pass, on: step.before, limit: step.replacements.count)
      let isSame = zip(made, step.replacements).allSatisfy {
        $0.rule == $1.rule && $0.nodes == $1.nodes
      }
      // Run with no replacements, a pass in one piece makes them all the same.
      guard isSame, made.count == step.replacements.count,
        manager.replay(step.pass, on: step.before, limit: 0).1.isEmpty
      else { continue }
      return try blame(step, found, made, manager, &equivalence)
    }
    return unlocated(step, found, &equivalence)
  }

  /// The first replacement in `made` after which values differ, by bisection.
  private func blame(
    _ step: PassStep, _ found: Deviation, _ made: [Replacement], _ manager: PassManager,
    _ equivalence: inout Equivalence
  ) throws -> ValidationFailure {
    var (sound, broken, found) = (0, made.count, found)
    while broken - sound > 1 {
      let middle = (sound + broken) / 2
      let (graph, prefix) = manager.replay(step.pass, on: step.before, limit: middle)
      guard verify(graph).isEmpty else {
        broken = middle
        continue
      }
      if let earlier = try equivalence.deviation(step.before, graph, prefix.weakestFloat).found {
        (broken, found) = (middle, earlier)
      } else {
        sound = middle
      }
    }
    guard made.indices.contains(broken - 1) else { return unlocated(step, found, &equivalence) }
    let guilty = made[broken - 1]
    return ValidationFailure(
      pass: step.pass.name, rule: guilty.rule, pattern: guilty.pattern,
      node: guilty.nodes.first, location: guilty.location, deviation: found)
  }

  /// Without a replacement to blame: the first node whose value differs.
  private func unlocated(
    _ step: PassStep, _ found: Deviation, _ equivalence: inout Equivalence
  ) -> ValidationFailure {
    let (old, new) = (equivalence.numbers(step.before), equivalence.numbers(step.after))
    var nodes: [Node] = []
    var pairs: [Equivalence.Pair] = []
    for node in step.before.nodes where step.places.indices.contains(node.id.index) {
      guard let place = step.places[node.id.index], old[node.id.index] != new[place.index],
        step.after[place].type == node.type
      else { continue }
      nodes.append(node)
      pairs.append(
        Equivalence.Pair(
          subject: "node '\(node.mention)'", before: old[node.id.index], after: new[place.index]))
    }
    let node = equivalence.firstDeviation(pairs, step.replacements.weakestFloat).map { nodes[$0] }
    let rules = Set(step.replacements.map(\.rule))
    return ValidationFailure(
      pass: step.pass.name, rule: rules.count == 1 ? rules.first : nil,
      pattern: rules.count == 1 ? step.replacements.first?.pattern : nil, node: node?.mention,
      location: node?.location, deviation: found)
  }
}

extension [Replacement] {
  /// The weakest promise among them; no replacement promises everything.
  fileprivate var weakestFloat: FloatClass {
    FloatClass.allCases.last { float in contains { $0.float == float } } ?? .exact
  }
}
