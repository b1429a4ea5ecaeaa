public import Ayatori

extension ReparameterizationDrawing {
  /// The draw `node` of a source graph, or its only one, without and with the reparameterization
  /// trick: what passes in either case is asked of the derivatives, under the estimators `stopped`
  /// and `pathwise`.
  ///
  /// Throws diagnostics for a graph without such a draw, a loss that is not clear, a loss that
  /// does not depend on the draw, and a distribution that cannot be reparameterised.
  public init(_ source: Graph, node: String? = nil, loss: String? = nil) throws {
    let site = try SamplingSite(source, node: node)
    guard site.operation.definition.sampling?.estimators.contains(.pathwise) == true else {
      throw Diagnostics([.notReparameterizable(site)])
    }
    let graph = site.graph
    let draw = site.node.id
    var cost: NodeID?
    func side(_ estimator: Estimator) throws -> Side {
      let chosen = try site.choosing(estimator, draws: 1)
      let program = try FieldProgram(
        chosen, targets: (site.parameters + [site.draw]).map(\.name), loss: loss)
      // A term that the draw has a say in.
      guard
        let place = program.terms.indices.first(where: { place in
          program.passes[place].ways.keys.contains { $0.tail == draw }
        })
      else { throw Diagnostics([.costWithoutDraw(site)]) }
      if cost == nil { cost = graph.value(named: program.terms[place])?.id }
      let pass = program.passes[place]
      let operands = chosen[draw].operands
      return Side(
        reached: Set(
          operands.filter { pass.ways[GraphDiff.Edge(tail: $0, head: draw)] != nil }),
        blocked: Dictionary(
          operands.compactMap { operand in
            pass.blocked[GraphDiff.Edge(tail: operand, head: draw)].map { (operand, $0) }
          }, uniquingKeysWith: { first, _ in first }))
    }
    let random = try side(.stopped)
    let function = try side(.pathwise)
    guard let cost else { throw Diagnostics([.costWithoutDraw(site)]) }
    self.init(graph, draw: draw, cost: cost, random: random, reparameterized: function)
  }
}

extension Diagnostic {
  fileprivate static func notReparameterizable(_ site: SamplingSite) -> Diagnostic {
    Diagnostic(
      "not-reparameterizable",
      "'\(site.name)' cannot be written as a smooth function of its parameters and of noise",
      at: site.node.location, expected: "a draw that has the estimator pathwise",
      got: "a draw from \(site.operation.definition.name)",
      fix: "\(Estimator.gumbelSoftmax.name) draws another, smooth one in its place; to see it: "
        + "dot --gradflow \(site.name) --estimator \(site.name)=\(Estimator.gumbelSoftmax.name)")
  }

  fileprivate static func costWithoutDraw(_ site: SamplingSite) -> Diagnostic {
    Diagnostic(
      "cost-without-draw", "no named term of the loss depends on '\(site.name)'",
      at: site.node.location)
  }
}
