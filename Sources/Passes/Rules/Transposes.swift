import GraphIR
import GraphOps

// Transposes: composed, dropped, absorbed by matrix products, and moved behind pointwise ops
// towards others of their kind.

extension RewriteRule {
  static let transposes: [RewriteRule] = [
    RewriteRule(
      "transpose_identity", "transpose(x) in the old order => x", .exact, on: [.transpose]
    ) {
      site in
      let order = permutation(site.attributes, rank: site.shape.rank)
      return order == Array(order.indices) ? site[0] : nil
    },
    RewriteRule(
      "transpose_transpose", "transpose(transpose(x)) => transpose(x)", .exact, on: [.transpose]
    ) { site in
      guard let x = site.operand(of: site[0], .transpose) else { return nil }
      let inner = permutation(site.attributes(of: site[0]), rank: site.shape.rank)
      let outer = permutation(site.attributes, rank: site.shape.rank)
      return transpose(x, outer.map { inner[$0] })
    },
    RewriteRule(
      "transpose_of_ones", "transpose(x) => reshape(x) where only axes of extent 1 move", .exact,
      on: [.transpose]
    ) { site in
      let order = permutation(site.attributes, rank: site.shape.rank)
      let moved = order.filter { site[0].shape.dims[$0] != 1 }
      return moved == moved.sorted() ? reshape(site[0], site.shape) : nil
    },
    RewriteRule(
      // BLAS may sum in another order.
      "matmul_of_transpose",
      "matmul(transpose(a), b) => matmul(a, b, transpose_a: true), so b; "
        + "where the last two axes are swapped", .reassociating, on: [.matmul]
    ) { site in
      var operands = site.operands
      var attributes = site.attributes
      for (index, name) in ["transpose_a", "transpose_b"].enumerated() {
        guard let x = site.operand(of: operands[index], .transpose),
          swapsLastTwo(site.attributes(of: operands[index]), rank: x.shape.rank)
        else { continue }
        operands[index] = x
        attributes[name] = .bool(!attributes.bool(name))
      }
      return operands.map(\.id) == site.operands.map(\.id)
        ? nil : site.builder.make(.matmul, operands, attributes)
    },
    RewriteRule(
      "transpose_of_matmul",
      "transpose(matmul(a, b)) => matmul(b, a), each flag turned; where the "
        + "last two axes are swapped  (no other use)", .reassociating, on: [.transpose]
    ) { site in
      guard site.useCount(site[0]) == 1, let parts = site.operands(of: site[0], .matmul),
        swapsLastTwo(site.attributes, rank: site.shape.rank)
      else { return nil }
      let product = site.attributes(of: site[0])
      return matmul(
        parts[1], parts[0], transposeA: !product.bool("transpose_b"),
        transposeB: !product.bool("transpose_a"))
    },
    RewriteRule(
      "transpose_after_op",
      "f(transpose(x), transpose(y), s) => transpose(f(x, y, s)) for pointwise f and scalars s  "
        + "(no other uses)", .exact, on: OpDefinition.pointwise
    ) { site in
      guard site.operands.contains(where: { site.isUse($0, of: .transpose) }) else { return nil }
      let orders = Set(
        site.operands.filter { $0.shape.rank > 0 }.compactMap { operand in
          site.operands(of: operand, .transpose).map { _ in
            permutation(site.attributes(of: operand), rank: operand.shape.rank)
          }
        })
      guard orders.count == 1, let order = orders.first else { return nil }
      return site.before(.transpose).map { transpose($0, order) }
    },
  ]

  /// Whether a transpose swaps the last two axes and no others.
  private static func swapsLastTwo(_ attributes: Attributes, rank: Int) -> Bool {
    guard rank >= 2 else { return false }
    return permutation(attributes, rank: rank)
      == Array(0..<(rank - 2)) + [rank - 1, rank - 2]
  }
}

/// The old axes in their new order, from the front, as the attributes of a transpose have them.
func permutation(_ attributes: Attributes, rank: Int) -> [Int] {
  let given = attributes.ints("permutation")
  return given.isEmpty ? Array((0..<rank).reversed()) : given.map { $0 < 0 ? $0 + rank : $0 }
}

extension RewriteSite {
  /// The site's pointwise op before the movement `op` of its operands, which is then to be made of
  /// the result; nil unless every operand is a scalar or such a movement that nothing else uses,
  /// and all come from one shape to the site's.
  func before(_ op: OpDefinition) -> Value? {
    var bare = operands
    var source: Shape?
    for (index, operand) in operands.enumerated() where operand.shape.rank > 0 {
      guard isUsedOnlyHere(operand), let x = self.operand(of: operand, op), x.shape.rank > 0,
        source == nil || x.shape == source, operand.shape == shape
      else { return nil }
      source = x.shape
      bare[index] = x
    }
    guard let source,
      type(of: operation.definition, bare, attributes) == ValueType(type.dtype, source)
    else { return nil }
    return builder.make(operation.definition, bare, attributes)
  }
}
