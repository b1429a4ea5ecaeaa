import GraphIR

extension AxisRule {
  /// A reduction: the axes that stay are carried.
  static let reduced = AxisRule { axis, context in
    let reduced = reducedAxes(context.attributes, rank: context.shape.rank)
    guard !reduced.contains(axis) else { return nil }
    return context.attributes.bool("keepdims") ? axis : axis - reduced.count { $0 < axis }
  }

  /// An op along the one axis that its attribute `axis` names: the others are carried.
  static let besidesAxis = AxisRule { axis, context in
    axis == context.attributes.axis(rank: context.shape.rank) ? nil : axis
  }
}
