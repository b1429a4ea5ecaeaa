import Ayatori
import Foundation
import GraphIR
import GraphOps
import Runtime

extension SamplingSite {
  /// Whether the scalar `term` of a loss is −ln p(x | z), so that its expectation is part of a
  /// bound on ln p(x): by the records of the ops that it sums; or because e^−term is a density in
  /// one number that the graph is given, whatever the draw: `0.5 * square(x - z) + half_log_2pi`.
  ///
  /// Throws as binding and running do.
  func isLikelihood(_ term: String, feeds: Feeds) throws -> Bool {
    guard let node = graph.value(named: term) else { return false }
    if isSumOfLikelihoods(node.id, feeds) { return true }
    let needed = graph.needed(by: [node.id])
    let given = graph.nodes.filter { other in
      guard needed[other.id.index], other.name != nil, other.type.shape.rank == 0,
        other.type.dtype.isFloating
      else { return false }
      if case .leaf(.constant) = other.body { return true }
      return other.isInput
    }
    return try given.contains { try isDensity(node, in: $0, feeds) }
  }

  /// Whether a value is a sum of −ln p and nothing else; that of a coin is one of 0 and 1, not of
  /// grey levels.
  private func isSumOfLikelihoods(_ id: NodeID, _ feeds: Feeds) -> Bool {
    var pending: [(id: NodeID, sign: Int)] = [(id, 1)]
    var seen: Set<NodeID> = []
    while let (id, sign) = pending.popLast() {
      // Twice the same is no density.
      guard seen.insert(id).inserted, let operation = graph[id].operation else { return false }
      let (definition, operands) = (operation.definition, graph[id].operands)
      if let likelihood = definition.likelihood {
        guard sign == (likelihood == .negativeLogarithm ? 1 : -1),
          definition != .bernoulliNLL || isBinary(graph[operands[0]], feeds)
        else { return false }
      } else if case .sum(isMean: false)? = definition.fusion {
        pending.append((operands[0], sign))
      } else if case .signedSum(let signs)? = definition.linearity {
        pending += zip(operands, signs).map { ($0, sign * $1) }
      } else {
        return false
      }
    }
    return true
  }

  /// Whether what is given is 0 or 1 throughout; what is computed is taken to be.
  private func isBinary(_ node: Node, _ feeds: Feeds) -> Bool {
    if case .leaf(.constant(let scalar)) = node.body { return [0, 1].contains(scalar.doubleValue) }
    return feeds.inputs[node.label]?.doubles.allSatisfy { $0 == 0 || $0 == 1 } ?? true
  }

  /// Whether e^−term, as a function of the scalar `given`, integrates to 1 over the line or sums to
  /// 1 over 0 and 1, at two values of the draw.
  private func isDensity(_ term: Node, in given: Node, _ feeds: Feeds) throws -> Bool {
    let variable = given.label
    var fed = feeds
    fed.inputs[name] = NDArray([0.0], shape: [])
    fed.inputs[variable] = NDArray([0.0], shape: [])
    let compiler = Compiler()
    let cut = try compiler.lower(graph.cut(at: [name, variable])).with(outputs: [term.label])
    let compiled = try CompiledGraph(optimized: cut, feeding: cut.fedNoise(fed.inputs.keys))
    fed.inputs = fed.fitting(cut).inputs.filter { compiled.program.fed.contains($0.key) }
    guard fed.inputs[variable] != nil else { return false }
    let bound = try compiled.bind(fed, of: cut)
    func density(_ value: Double, at draw: Double) throws -> Double {
      for (name, array) in fed.inputs {
        let moved = name == variable ? value : name == self.name ? draw : nil
        let own = moved.map { NDArray(converting: [$0], to: array.dtype, shape: array.shape) }
        try bound.feed(name, own ?? array)
      }
      try bound.run(step: feeds.step)
      return exp(-(bound.scalar(term.label) ?? .nan))
    }
    return try [0.3, -1.1].allSatisfy { draw in
      let coin = try density(0, at: draw) + density(1, at: draw)
      if abs(coin - 1) < Self.nearOne { return isBinary(given, feeds) }
      // x = sinh t: dense round 0, and far beyond it (Takahasi & Mori 1974).
      var sum = 0.0
      for step in -Self.reach...Self.reach {
        let t = Double(step) * Self.spacing
        sum += try density(sinh(t), at: draw) * cosh(t) * Self.spacing
      }
      return abs(sum - 1) < Self.nearOne
    }
  }

  /// Points of the integral: ±sinh(7) = ±548 by steps of 0.02 at the middle.
  private static let (reach, spacing) = (350, 0.02)
  /// How far an integral of 1 may be off.
  private static let nearOne = 1e-6
}
