import GraphIR
import GraphOps

// Reductions: what is linear goes out, nested ones become one, and what was only stretched is not
// added up.

extension RewriteRule {
  static let reductions: [RewriteRule] = linear + nested + ofMovement

  private static let linear: [RewriteRule] = [
    RewriteRule(
      // An empty or cancelling sum is 0, its negation −0.
      "sum_of_neg", "sum(−x) => −sum(x), so mean  (no other use of −x)", .reassociating,
      on: [.sum, .mean]
    ) { site in
      guard site.useCount(site[0]) == 1, let x = site.operand(of: site[0], .neg) else {
        return nil
      }
      return -site.reduced(x)
    },
    RewriteRule(
      "sum_of_scaled",
      "sum(x·s) => sum(x)·s for a scalar s; also / and mean  (no other use of x·s)",
      .reassociating, on: [.sum, .mean]
    ) { site in
      guard site.isFloating, site.useCount(site[0]) == 1, site[0].shape.rank > 0 else {
        return nil
      }
      if let parts = site.operands(of: site[0], .mul) {
        if parts[1].shape.rank == 0 { return site.reduced(parts[0]) * parts[1] }
        if parts[0].shape.rank == 0 { return site.reduced(parts[1]) * parts[0] }
      } else if let parts = site.operands(of: site[0], .div), parts[1].shape.rank == 0 {
        return site.reduced(parts[0]) / parts[1]
      }
      return nil
    },
  ]

  private static let nested: [RewriteRule] = [
    RewriteRule(
      // The inner sums are rounded to their dtype.
      "sum_of_sum", "sum(sum(x)) => sum(x) over the axes of both; so mean  (no other use)",
      .reassociating, on: [.sum, .mean]
    ) { site in joined(site) },
    RewriteRule(
      "extreme_of_extreme", "max(max(x)) => max(x) over the axes of both; so min  (no other use)",
      .exact, on: [.max, .min]
    ) { site in joined(site) },
    RewriteRule(
      // A sum starts from 0, and 0 + −0 is 0.
      "sum_of_one", "sum(x), mean(x) over axes of extent 1 => reshape(x)", .reassociating,
      on: [.sum, .mean]
    ) { site in
      site.reducedDims.allSatisfy { $0 == 1 } ? site.reshaped(site[0]) : nil
    },
    RewriteRule(
      "extreme_of_one", "max(x), min(x) over axes of extent 1 => reshape(x)", .exact,
      on: [.max, .min]
    ) { site in
      site.reducedDims.allSatisfy { $0 == 1 } ? site.reshaped(site[0]) : nil
    },
    RewriteRule(
      "keep_reduced_axes",
      "reshape(sum(x)) => sum(x, keepdims: true) or the reverse; so others  "
        + "(no other use)", .exact, on: [.reshape]
    ) { site in
      guard site.useCount(site[0]) == 1, let op = site.op(of: site[0]),
        allReductions.contains(op), let x = site.operand(of: site[0], op)
      else { return nil }
      var attributes = site.attributes(of: site[0])
      attributes["keepdims"] = .bool(!attributes.bool("keepdims"))
      return site.type(of: op, [x], attributes) == site.type
        ? site.builder.make(op, [x], attributes) : nil
    },
  ]

  private static let ofMovement: [RewriteRule] = [
    RewriteRule(
      // A reduction over all axes runs over the elements in row-major order, whatever the axes.
      "reduce_all_of_reshape", "sum(reshape(x)) over all axes => sum(x); so others", .exact,
      on: allReductions
    ) { site in
      guard site.reducedAxes.count == site[0].shape.rank, site[0].shape.rank > 0,
        let x = site.operand(of: site[0], .reshape), x.shape.rank > 0
      else { return nil }
      return site.reshaped(site.builder.make(site.operation.definition, [x]))
    },
    RewriteRule(
      // The order of the addends changes.
      "sum_of_transpose",
      "sum(transpose(x)) => sum(x) over the axes as they were; so mean, logsumexp",
      .reassociating, on: [.sum, .mean, .logsumexp]
    ) { site in untransposed(site) },
    RewriteRule(
      "extreme_of_transpose", "max(transpose(x)) => max(x) over the axes as they were; so min",
      .exact, on: [.max, .min]
    ) { site in untransposed(site) },
    RewriteRule(
      "sum_of_broadcast", "sum(x stretched along reduced axes) => x·(their extents)",
      .reassociating, on: [.sum]
    ) { site in
      guard let (rest, stretched) = unstretched(site),
        let count = try? Shape(stretched).elementCount()
      else { return nil }
      return site.placed(rest * site.builder.size(count, site.type.dtype))
    },
    RewriteRule(
      "mean_of_broadcast",
      "mean(x stretched along reduced axes) => x  (extents are numbers, not 0)",
      .reassociating, on: [.mean]
    ) { site in
      unstretched(site, isNumber: true).flatMap { site.placed($0.rest) }
    },
    RewriteRule(
      // An empty mean is NaN.
      "mean_of_named_broadcast", "mean(x stretched along reduced axes) => x  (no extent is 0)",
      .finiteOnly, on: [.mean]
    ) { site in
      unstretched(site).flatMap { site.placed($0.rest) }
    },
    RewriteRule(
      // An empty maximum is −∞.
      "extreme_of_broadcast",
      "max(x stretched along reduced axes) => x; so min  (extents are numbers, not 0)",
      .exact, on: [.max, .min]
    ) { site in
      unstretched(site, isNumber: true).flatMap { site.placed($0.rest) }
    },
  ]

  private static let allReductions: [OpDefinition] = [
    .sum, .mean, .max, .min, .argmax, .logsumexp,
  ]

  /// Both of two nested reductions by one op at once.
  private static func joined(_ site: RewriteSite) -> Value? {
    let op = site.operation.definition
    guard site.useCount(site[0]) == 1, let x = site.operand(of: site[0], op) else { return nil }
    let inner = site.attributes(of: site[0])
    let first = reducedAxes(inner, rank: x.shape.rank)
    let left =
      inner.bool("keepdims")
      ? Array(x.shape.dims.indices) : x.shape.dims.indices.filter { !first.contains($0) }
    let axes = Set(first + site.reducedAxes.map { left[$0] }).sorted()
    // No axes at all would mean all of them.
    guard !axes.isEmpty else { return nil }
    return site.reshaped(site.builder.make(op, [x], ["axes": .ints(axes)]))
  }

  /// The reduction of x in place of that of a transposed x.
  private static func untransposed(_ site: RewriteSite) -> Value? {
    guard let x = site.operand(of: site[0], .transpose) else { return nil }
    let order = permutation(site.attributes(of: site[0]), rank: x.shape.rank)
    let reduced = site.reducedAxes.map { order[$0] }
    guard !reduced.isEmpty else { return nil }
    let value = site.builder.make(
      site.operation.definition, [x], ["axes": .ints(reduced.sorted())])
    // What is left of the axes may still stand in another order.
    let left = order.filter { !reduced.contains($0) }
    let moved = left.map { axis in left.filter { $0 < axis }.count }
    return site.reshaped(
      moved == Array(moved.indices) ? value : transpose(value, moved))
  }

  /// For a reduction of a stretched value: the reduction of the value itself over those axes along
  /// which it was not stretched, with keepdims, and the extents of the others.
  ///
  /// nil when no reduced axis was stretched, or `isNumber` is asked and one of those extents is
  /// not a number or 0.
  private static func unstretched(
    _ site: RewriteSite, isNumber: Bool = false
  ) -> (rest: Value, stretched: [Dim])? {
    guard let x = site.operand(of: site[0], .broadcastTo) else { return nil }
    let full = site[0].shape
    let missing = full.rank - x.shape.rank
    func isStretched(_ axis: Int) -> Bool {
      axis < missing || x.shape.dims[axis - missing] != full.dims[axis]
    }
    let stretched = site.reducedAxes.filter(isStretched).map { full.dims[$0] }
    guard !stretched.isEmpty,
      !isNumber || stretched.allSatisfy({ $0.constant.map { $0 > 0 } ?? false })
    else { return nil }
    let left = site.reducedAxes.filter { !isStretched($0) }.map { $0 - missing }
    guard !left.isEmpty else { return (x, stretched) }
    return (
      site.builder.make(
        site.operation.definition, [x], ["axes": .ints(left), "keepdims": .bool(true)]), stretched
    )
  }
}

extension RewriteSite {
  /// The axes that the site's reduction reduces, from the front.
  fileprivate var reducedAxes: [Int] {
    Passes.reducedAxes(attributes, rank: self[0].shape.rank)
  }

  fileprivate var reducedDims: [Dim] { reducedAxes.map { self[0].shape.dims[$0] } }

  /// The site's reduction of another value, of the operand's shape.
  fileprivate func reduced(_ x: Value) -> Value {
    builder.make(operation.definition, [x], attributes)
  }

  /// `value` with extents of 1 for reduced axes, brought to the site's shape.
  fileprivate func placed(_ value: Value) -> Value? {
    if let same = reshaped(value) { return same }
    var dims = self[0].shape.dims
    for axis in reducedAxes { dims[axis] = 1 }
    return reshaped(broadcast(value, to: Shape(dims)))
  }

  /// `value` in the site's shape, when it has as many elements.
  fileprivate func reshaped(_ value: Value) -> Value? {
    if value.shape == shape { return value }
    guard let count = try? value.shape.elementCount(), count == (try? shape.elementCount()) else {
      return nil
    }
    return reshape(value, shape)
  }
}

/// The axes of a reduction with checked attributes, from the front and sorted; all for none.
private func reducedAxes(_ attributes: Attributes, rank: Int) -> [Int] {
  let axes = attributes.ints("axes")
  return axes.isEmpty ? Array(0..<rank) : axes.map { $0 < 0 ? $0 + rank : $0 }.sorted()
}
