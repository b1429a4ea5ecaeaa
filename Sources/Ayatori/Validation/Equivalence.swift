import Autodiff
import GraphIR
import Passes

/// Decides whether graphs compute the same, within the bounds of a float class, at points that are
/// the same for all graphs it sees.
///
/// What a class allows:
/// - `exact`: the same bits, where NaN equals NaN and −0 does not equal 0. Derivatives, which are
///   built anew, may differ as under `reassociating`.
/// - `reassociating`: 8 ulp and 16 times the spread of the value before under random rounding
///   (`PointEvaluation`), and what underflows. Where that spread is not finite nothing is said:
///   there a rewrite may turn log σ(−1000) = −∞ into −1000; nor where something on the way to the
///   value before overflows or underflows, as in 1/∞ = 0. But what was finite stays so, and no NaN
///   comes in, save into an infinite derivative of a value on whose way something overflows: there
///   ∞ − ∞ depends on the order in which contributions are gathered. Of a value that is NaN before
///   there is no derivative to compare. At a zero a derivative may become what it is, or one of
///   those that it is, a little above and a little below: where kinks cancel, as in
///   relu(x) + softplus(−|x|), and at ties.
/// - `finiteOnly`: the same, at points at which every value before is finite.
struct Equivalence {
  private(set) var numbering = ValueNumbering()
  private(set) var evaluations: [PointEvaluation] = []
  private var dimensions: [Graph.Dimension]?
  let seed: UInt64
  private(set) var elements = 0
  private(set) var undecided = 0

  /// Random evaluations for a first look, and for a last one.
  private static let trials = [4, 24]
  private static let ulps = 8 * 0x1p-52
  private static let spreads = 16.0
  private static let drawsBesideZero = 12

  init(seed: UInt64) { self.seed = seed }

  /// A value that stands in both graphs, by its numbers; nil is zero.
  struct Pair {
    var subject: String
    var before: Int?
    var after: Int?
    /// The value before whose derivative this is; nil for a value itself.
    var differentiated: Int?
  }

  /// The first deviation of `after` from `before`, if there is one; `isChanged` tells whether there
  /// was anything to compare.
  ///
  /// Throws a diagnostic when no value of `before` can be computed at any size tried.
  mutating func deviation(
    _ before: Graph, _ after: Graph, _ float: FloatClass, derivatives: Bool = true
  ) throws -> (found: Deviation?, isChanged: Bool) {
    forgetWhenLarge(before.nodes.count + after.nodes.count)
    if let broken = Equivalence.signature(before, after) { return (broken, true) }
    let (old, new) = (numbering.number(before), numbering.number(after))
    var pairs: [Pair] = []
    var changed: [String] = []
    for output in before.outputs {
      guard let other = after.output(named: output.name),
        old[output.node.index] != new[other.node.index]
      else { continue }
      pairs.append(
        Pair(
          subject: "output '\(output.name)'", before: old[output.node.index],
          after: new[other.node.index]))
      if before[output.node].type.dtype.isFloating { changed.append(output.name) }
    }
    for update in before.updates {
      let label = before[update.target].label
      guard
        let other = after.updates.first(where: { after[$0.target].label == label }),
        old[update.value.index] != new[other.value.index]
      else { continue }
      pairs.append(
        Pair(
          subject: "update of '\(label)'", before: old[update.value.index],
          after: new[other.value.index]))
    }
    guard !pairs.isEmpty else { return (nil, false) }
    try choosePoints(for: before, old)
    if let found = compare(pairs, float) { return (found, true) }
    guard derivatives, !changed.isEmpty else { return (nil, true) }
    let slopes = try self.derivatives(of: changed, before, after)
    return (compare(slopes, float == .exact ? .reassociating : float), true)
  }

  /// Numbers of nodes that correspond, for finding the first that deviates.
  mutating func firstDeviation(_ pairs: [Pair], _ float: FloatClass) -> Int? {
    pairs.indices.first { compare([pairs[$0]], float) != nil }
  }

  mutating func numbers(_ graph: Graph) -> [Int] { numbering.number(graph) }

  // MARK: Signatures

  /// What can be seen to be wrong without numbers.
  private static func signature(_ before: Graph, _ after: Graph) -> Deviation? {
    for output in before.outputs {
      let subject = "output '\(output.name)'"
      guard let other = after.output(named: output.name) else {
        return Deviation(subject, complaint: "is gone")
      }
      let types = (before[output.node].type, after[other.node].type)
      if types.0 != types.1 {
        return Deviation(subject, complaint: "was a \(types.0) and became a \(types.1)")
      }
    }
    let targets = (
      before.updates.map { before[$0.target].label }, after.updates.map { after[$0.target].label }
    )
    for label in targets.0 where !targets.1.contains(label) {
      return Deviation("update of '\(label)'", complaint: "is gone")
    }
    for label in targets.1 where !targets.0.contains(label) {
      return Deviation("update of '\(label)'", complaint: "was not there before")
    }
    for output in after.outputs where before.output(named: output.name) == nil {
      return Deviation("output '\(output.name)'", complaint: "was not there before")
    }
    return nil
  }

  // MARK: Points

  /// Starts anew when most of what is known belongs to graphs of long ago.
  private mutating func forgetWhenLarge(_ nodes: Int) {
    guard numbering.entries.count > 20_000 + 20 * nodes else { return }
    numbering = ValueNumbering()
    evaluations = evaluations.map { PointEvaluation($0.point) }
  }

  private mutating func choosePoints(for graph: Graph, _ numbers: [Int]) throws {
    if dimensions == graph.dimensions { return }
    let roots =
      graph.outputs.map { numbers[$0.node.index] }
      + graph.updates.map { numbers[$0.value.index] }
    var best: (sizes: [String: Int], failures: Int, reason: String)?
    for sizes in ValidationSizes.candidates(for: graph) {
      var trial = PointEvaluation(point(.normal, sizes, 0))
      trial.evaluate(roots, numbering)
      var (failures, reason) = (0, "")
      for root in roots {
        guard case .failed(let why) = trial.outcome(root) else { continue }
        failures += 1
        reason = why
      }
      if failures < best?.failures ?? .max { best = (sizes, failures, reason) }
      if failures == 0 { break }
    }
    guard let best, best.failures < roots.count else {
      throw Diagnostic(
        "not-validated", "graph '\(graph.name)' cannot be evaluated on random inputs",
        place: "graph '\(graph.name)'", expected: "sizes and indices that fit small arrays",
        got: best?.reason)
    }
    dimensions = graph.dimensions
    evaluations = InputProfile.allCases.enumerated().map { index, profile in
      PointEvaluation(point(profile, best.sizes, index))
    }
    if let single = ValidationSizes.single(best.sizes, graph) {
      evaluations.insert(PointEvaluation(point(.normal, single, evaluations.count)), at: 1)
    }
  }

  private func point(
    _ profile: InputProfile, _ sizes: [String: Int], _ index: Int
  ) -> ValidationPoint {
    ValidationPoint(profile: profile, seed: seed &* 64 &+ UInt64(index), sizes: sizes)
  }

  // MARK: Derivatives

  private mutating func derivatives(
    of outputs: [String], _ before: Graph, _ after: Graph
  ) throws -> [Pair] {
    let targets = (before.inputs + before.parameters).filter { leaf in
      leaf.type.dtype.isFloating && after.node(named: leaf.label)?.type == leaf.type
    }.map(\.label)
    let taken = Set(before.names).union(after.names)
    let old = try OutputDerivatives(of: outputs, before, withRespectTo: targets, taken: taken)
    let new = try OutputDerivatives(of: outputs, after, withRespectTo: targets, taken: taken)
    let oldNumbers = old.graphs.map { numbering.number($0, weights: old.weights) }
    let newNumbers = new.graphs.map { numbering.number($0, weights: new.weights) }
    return zip(old.answers, new.answers).compactMap { a, b -> Pair? in
      var pair = Pair(
        subject: "derivative of \(a.root) with respect to '\(a.target)'", before: nil, after: nil)
      if case .node(let id) = a.derivative { pair.before = oldNumbers[a.graph][id.index] }
      if case .node(let id) = b.derivative { pair.after = newNumbers[b.graph][id.index] }
      pair.differentiated = oldNumbers[a.graph][a.value.index]
      // What had no derivative may have got one.
      if case .undefined = a.derivative { return nil }
      return pair.before == pair.after ? nil : pair
    }
  }

  // MARK: Comparing

  private mutating func compare(_ pairs: [Pair], _ float: FloatClass) -> Deviation? {
    let roots = pairs.flatMap { [$0.before, $0.after].compactMap { $0 } }
    for place in evaluations.indices {
      evaluations[place].evaluate(roots, numbering)
      // Where one derivative is infinite there are no others: √a √b has none at a = 0.
      let isSmooth = pairs.allSatisfy { pair in
        guard float == .finiteOnly, pair.differentiated != nil, let number = pair.before else {
          return true
        }
        return evaluations[place].isFinite(number, numbering)
      }
      for pair in pairs {
        if let found = compare(pair, float, at: place, isSmooth: isSmooth) { return found }
      }
    }
    return nil
  }

  private mutating func compare(
    _ pair: Pair, _ float: FloatClass, at place: Int, isSmooth: Bool
  ) -> Deviation? {
    let point = evaluations[place].point
    guard let before = array(pair.before, like: pair.after, place) else { return nil }
    if let number = pair.after, case .failed(let reason) = evaluations[place].outcome(number) {
      var found = Deviation(pair.subject, complaint: "can no longer be computed: \(reason)")
      found.inputs = point.description
      return found
    }
    guard let after = array(pair.after, like: pair.before, place) else { return nil }
    if before.shape != after.shape {
      return Deviation(
        pair.subject, complaint: "had the shape \(before.shape) and has \(after.shape)")
    }
    if float == .finiteOnly,
      !isSmooth || !(pair.before.map { evaluations[place].isFinite($0, numbering) } ?? true)
    {
      undecided += before.values.count
      return nil
    }
    elements += before.values.count
    let isExact = float == .exact
    if !isExact { undecided += before.values.count { !$0.isFinite } }
    var suspects = before.values.indices.filter { index in
      !Equivalence.agree(before.values[index], after.values[index], 0, isExact: isExact)
    }
    func deviation(_ index: Int, _ tolerance: Double) -> Deviation {
      Deviation(
        pair.subject, index: Equivalence.unravel(index, before.shape),
        before: before.values[index], after: after.values[index], tolerance: tolerance,
        float: float, point: point)
    }
    if isExact { return suspects.first.map { deviation($0, 0) } }
    if let value = pair.differentiated, !suspects.isEmpty {
      evaluations[place].evaluate([value], numbering)
      // What is no number has no derivative.
      if evaluations[place].array(value)?.values.contains(where: \.isNaN) ?? false {
        undecided += suspects.count
        return nil
      }
    }
    if let value = pair.differentiated, suspects.contains(where: { before.values[$0].isInfinite }) {
      let underflows = pair.before.map { evaluations[place].underflows(before: $0, numbering) }
      if underflows == true || !evaluations[place].isFinite(value, numbering) {
        suspects.removeAll { before.values[$0].isInfinite }
      }
    }
    var allowed: [Int: Double] = [:]
    for trials in Equivalence.trials where !suspects.isEmpty {
      let spreads = spreads(pair.before ?? pair.after, suspects, place, trials)
      suspects = suspects.filter { index in
        guard let spread = spreads[index], spread.isFinite else {
          undecided += 1
          return false
        }
        allowed[index] = Equivalence.tolerance(before.values[index], spread)
        return !Equivalence.agree(
          before.values[index], after.values[index], spread, isExact: false)
      }
    }
    if !suspects.isEmpty, let number = pair.before {
      let count = suspects.count
      if leavesRange(before: number, place) {
        suspects.removeAll { before.values[$0].isFinite && after.values[$0].isFinite }
      }
      undecided += count - suspects.count
      if pair.differentiated != nil { dropKinks(&suspects, number, after.values, place) }
    }
    return suspects.first.map { deviation($0, allowed[$0] ?? 0) }
  }

  /// Whether anything on the way to a number overflows or underflows.
  private func leavesRange(before number: Int, _ place: Int) -> Bool {
    evaluations[place].overflows(before: number, numbering)
      || evaluations[place].underflows(before: number, numbering)
  }

  /// Leaves out derivatives that become one of those nearby, where each zero in a leaf is a little
  /// more, and also one of those where each is a little less.
  private func dropKinks(
    _ suspects: inout [Int], _ number: Int, _ after: [Double], _ place: Int
  ) {
    guard !suspects.isEmpty else { return }
    let sides = [1e-30, -1e-30].map { zero in
      var beside = PointEvaluation(evaluations[place].point, zero: zero)
      // Which of two zeros becomes the larger is for chance to say.
      return (0..<Equivalence.drawsBesideZero).compactMap { trial in
        beside.evaluate([number], numbering, trial: trial)
        return beside.array(number, trial: trial)?.values
      }
    }
    suspects.removeAll { index in
      let margin = 1e-9 * abs(after[index])
      return sides.allSatisfy { nearby in
        let values = nearby.map { $0[index] }
        guard let low = values.min(), let high = values.max() else { return false }
        return low - margin <= after[index] && after[index] <= high + margin
      }
    }
  }

  /// The plain values of a number; zeros of the other one's shape where there is none.
  private func array(_ number: Int?, like other: Int?, _ place: Int) -> ReferenceArray? {
    if let number { return evaluations[place].array(number) }
    guard let other, let array = evaluations[place].array(other) else { return nil }
    return ReferenceArray(
      shape: array.shape, values: Array(repeating: 0, count: array.values.count))
  }

  /// How far each of the elements lies from its plain value in any trial; infinite when a trial is
  /// not finite where the plain value is, or the other way round.
  private mutating func spreads(
    _ number: Int?, _ indices: [Int], _ place: Int, _ trials: Int
  ) -> [Int: Double] {
    guard let number, let plain = evaluations[place].array(number) else { return [:] }
    var result = [Int: Double](uniqueKeysWithValues: indices.map { ($0, 0) })
    for trial in 1...trials {
      evaluations[place].evaluate([number], numbering, trial: trial)
      guard let moved = evaluations[place].array(number, trial: trial) else { return [:] }
      for index in indices {
        let (a, b) = (plain.values[index], moved.values[index])
        let distance = a == b || a.isNaN && b.isNaN ? 0 : abs(a - b)
        result[index] = max(result[index] ?? 0, distance.isNaN ? .infinity : distance)
      }
    }
    return result
  }

  /// Whether a value may become another, when rounding moves it by `spread`.
  static func agree(_ before: Double, _ after: Double, _ spread: Double, isExact: Bool) -> Bool {
    if before.isNaN { return isExact ? after.isNaN : true }
    if isExact { return before.bitPattern == after.bitPattern }
    if before == after { return true }
    if before.isInfinite { return !after.isNaN }
    return after.isFinite && abs(before - after) <= tolerance(before, spread)
  }

  /// Below the least normal number digits go one by one, and rounding is of no value's size.
  private static func tolerance(_ value: Double, _ spread: Double) -> Double {
    spreads * spread + ulps * abs(value) + .leastNormalMagnitude
  }

  private static func unravel(_ place: Int, _ shape: [Int]) -> [Int] {
    var rest = place
    var index: [Int] = []
    for extent in shape.reversed() {
      index.insert(rest % extent, at: 0)
      rest /= extent
    }
    return index
  }
}
