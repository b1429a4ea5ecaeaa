import GraphIR
import GraphOps

// Stretched values: ops that broadcast stretch their operands themselves, and what is computed
// before the stretch is computed once.

extension RewriteRule {
  static let broadcasts: [RewriteRule] = [
    RewriteRule("broadcast_to_same", "broadcast_to(x, shape of x) => x", .exact, on: [.broadcastTo])
    {
      site in site.fitting(site[0])
    },
    RewriteRule(
      "broadcast_broadcast", "broadcast_to(broadcast_to(x)) => broadcast_to(x)", .exact,
      on: [.broadcastTo]
    ) { site in
      site.operand(of: site[0], .broadcastTo).map { broadcast($0, to: site.shape) }
    },
    RewriteRule(
      "broadcast_of_unsqueezed",
      "broadcast_to(reshape(x)) => broadcast_to(x) where reshape only puts 1s in front", .exact,
      on: [.broadcastTo]
    ) { site in
      guard let x = site.operand(of: site[0], .reshape) else { return nil }
      let added = site[0].shape.rank - x.shape.rank
      guard added > 0, site[0].shape.dims == Array(repeating: 1, count: added) + x.shape.dims else {
        return nil
      }
      return broadcast(x, to: site.shape)
    },
    RewriteRule(
      "broadcast_into_op",
      "f(broadcast_to(x), y) => f(x, y) where f stretches x itself to the same shape", .exact,
      on: OpDefinition.pointwise + [.matmul]
    ) { site in
      guard let (bare, type) = site.unstretched(), type == site.type else { return nil }
      return site.builder.make(site.operation.definition, bare, site.attributes)
    },
    RewriteRule(
      "broadcast_after_op", "f(broadcast_to(x)) => broadcast_to(f(x)) for pointwise f", .exact,
      on: OpDefinition.pointwise
    ) { site in
      guard let (bare, type) = site.unstretched(), type != site.type else { return nil }
      return broadcast(
        site.builder.make(site.operation.definition, bare, site.attributes), to: site.shape)
    },
    RewriteRule(
      "reshape_of_broadcast", "reshape(broadcast_to(x)) => broadcast_to(x) for one element x",
      .exact, on: [.reshape]
    ) { site in
      guard let x = site.operand(of: site[0], .broadcastTo), x.shape.dims.allSatisfy({ $0 == 1 })
      else { return nil }
      let scalar = x.shape.rank == 0 ? x : reshape(x, .scalar)
      return site.shape.rank == 0 ? scalar : broadcast(scalar, to: site.shape)
    },
    RewriteRule(
      "transpose_of_broadcast", "transpose(broadcast_to(x)) => broadcast_to(transpose(x))", .exact,
      on: [.transpose]
    ) { site in
      guard let x = site.operand(of: site[0], .broadcastTo) else { return nil }
      let rank = site.shape.rank
      let missing = rank - x.shape.rank
      let order = permutation(site.attributes, rank: rank)
      if order.prefix(missing).allSatisfy({ $0 < missing }) {
        let small = transpose(x, order.dropFirst(missing).map { $0 - missing })
        return broadcast(x.shape.rank == 0 ? x : small, to: site.shape)
      }
      let full = reshape(x, Shape(Array(repeating: 1, count: missing) + x.shape.dims))
      return broadcast(transpose(full, order), to: site.shape)
    },
  ]
}

extension RewriteSite {
  /// The operands as they were before they were stretched, and the type of the site's op on them;
  /// nil when none was stretched, or when they do not fit without it.
  fileprivate func unstretched() -> (bare: [Value], type: ValueType)? {
    guard operands.contains(where: { isUse($0, of: .broadcastTo) }) else { return nil }
    let bare = operands.map { operand(of: $0, .broadcastTo) ?? $0 }
    guard let type = type(of: operation.definition, bare, attributes)
    else { return nil }
    return (bare, type)
  }
}
