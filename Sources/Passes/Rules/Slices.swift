import GraphIR
import GraphOps

// Slices, pads and concatenations that undo or continue one another.
//
// Bounds of named dimensions can be wrong at a binding, which then is refused. No rule drops a
// bound that might be: it asks for bounds that are right whatever the sizes.

extension RewriteRule {
  static let slices: [RewriteRule] = [
    RewriteRule("slice_of_all", "slice(x) of a whole axis => x", .exact, on: [.slice]) { site in
      let cut = Cut(site.value, site)
      guard cut.start == 0, cut.step == 1 || cut.extent == 1 else { return nil }
      return site.fitting(site[0])
    },
    RewriteRule(
      "slice_of_slice", "slice(slice(x)) => slice(x) along one axis  (the inner bounds hold)",
      .exact, on: [.slice]
    ) { site in
      guard let x = site.operand(of: site[0], .slice) else { return nil }
      let (outer, inner) = (Cut(site.value, site), Cut(site[0], site))
      guard outer.axis == inner.axis, inner.alwaysHolds,
        let start = try? inner.start.adding(outer.start.multiplied(by: Dim(inner.step)))
      else { return nil }
      // The position after the last one taken.
      let taken = site.shape.dims[outer.axis]
      let step = inner.step.multipliedReportingOverflow(by: outer.step)
      guard !step.overflow,
        let stop = taken == 0
          ? start
          : try? start.adding(taken.subtracting(1).multiplied(by: Dim(step.partialValue)))
            .adding(1)
      else { return nil }
      return site.applied(
        .slice, x,
        [
          "axis": .int(outer.axis), "start": .dim(start), "stop": .dim(stop),
          "step": .int(step.partialValue),
        ])
    },
    RewriteRule(
      "slice_of_concat", "slice(concat(a, b, …)) => slice(b) where it stays within b", .exact,
      on: [.slice]
    ) { site in
      guard let parts = site.operands(of: site[0], .concat) else { return nil }
      let cut = Cut(site.value, site)
      guard
        cut.axis == axis(site.attributes(of: site[0]), rank: site.shape.rank)
      else { return nil }
      var begin: Dim = 0
      for part in parts {
        guard let end = try? begin.adding(part.shape.dims[cut.axis]) else { return nil }
        if let value = inside(part, begin, end, cut, site) { return value }
        begin = end
      }
      return nil
    },
    RewriteRule(
      "slice_of_pad", "slice(pad(x)) => x, slice(x) or 0 where it stays within one part", .exact,
      on: [.slice]
    ) { site in
      guard let x = site.operand(of: site[0], .pad) else { return nil }
      let attributes = site.attributes(of: site[0])
      let (low, high) = (attributes.dim("low"), attributes.dim("high"))
      let interior = attributes.int("interior")
      let cut = Cut(site.value, site)
      guard cut.axis == axis(attributes, rank: site.shape.rank), low.isNeverNegative,
        high.isNeverNegative, interior == 0 || (x.shape.dims[cut.axis].constant ?? 0) > 0
      else { return nil }
      if cut.start == low, cut.step == interior + 1, x.type == site.type { return x }
      guard let end = try? cut.extent.subtracting(high), cut.alwaysHolds else { return nil }
      let isBefore = (try? low.subtracting(cut.stop))?.isNeverNegative ?? false
      let isAfter = (try? cut.start.subtracting(end))?.isNeverNegative ?? false
      if isBefore || isAfter { return site.filled(with: 0) }
      return interior == 0 ? inside(x, low, end, cut, site) : nil
    },
    RewriteRule("pad_with_nothing", "pad(x) with no zeros => x", .exact, on: [.pad]) { site in
      let attributes = site.attributes
      guard attributes.dim("low") == 0, attributes.dim("high") == 0,
        attributes.int("interior") == 0
          || site.shape.dims[axis(attributes, rank: site.shape.rank)] == 1
      else { return nil }
      return site.fitting(site[0])
    },
    RewriteRule(
      "pad_of_pad", "pad(pad(x)) => pad(x) along one axis, none between the elements", .exact,
      on: [.pad]
    ) { site in
      guard let x = site.operand(of: site[0], .pad) else { return nil }
      let (outer, inner) = (site.attributes, site.attributes(of: site[0]))
      let along = axis(outer, rank: site.shape.rank)
      let counts = [outer, inner].flatMap { [$0.dim("low"), $0.dim("high")] }
      guard along == axis(inner, rank: site.shape.rank), outer.int("interior") == 0,
        inner.int("interior") == 0, counts.allSatisfy(\.isNeverNegative),
        let low = try? counts[0].adding(counts[2]), let high = try? counts[1].adding(counts[3])
      else { return nil }
      return pad(x, axis: along, low: low, high: high)
    },
    RewriteRule("concat_of_one", "concat(x) => x", .exact, on: [.concat]) { site in
      site.operands.count == 1 ? site[0] : nil
    },
    RewriteRule(
      "concat_of_slices",
      "concat(…, slice(x, a..<b), slice(x, b..<c), …) => concat(…, slice(x, a..<c), …)  "
        + "(the bounds hold)", .exact, on: [.concat]
    ) { site in
      let along = axis(site.attributes, rank: site.shape.rank)
      var parts: [Value] = []
      for operand in site.operands {
        if let last = parts.last, let both = continued(last, by: operand, along, site) {
          parts[parts.count - 1] = both
        } else {
          parts.append(operand)
        }
      }
      guard parts.count < site.operands.count else { return nil }
      return parts.count == 1 ? parts[0] : concat(parts, axis: along)
    },
  ]

  /// The part of an operand that lies at begin..<end of what is cut, if the cut stays within.
  private static func inside(
    _ part: Value, _ begin: Dim, _ end: Dim, _ cut: Cut, _ site: RewriteSite
  ) -> Value? {
    if cut.start == begin, cut.stop == end, cut.step == 1 { return site.fitting(part) }
    guard let start = try? cut.start.subtracting(begin), start.isNeverNegative,
      (try? end.subtracting(cut.stop))?.isNeverNegative ?? false,
      let stop = try? cut.stop.subtracting(begin)
    else { return nil }
    return site.applied(
      .slice, part,
      [
        "axis": .int(cut.axis), "start": .dim(start), "stop": .dim(stop), "step": .int(cut.step),
      ])
  }

  /// One slice in place of two adjacent ones along `axis`.
  private static func continued(
    _ first: Value, by second: Value, _ axis: Int, _ site: RewriteSite
  ) -> Value? {
    guard let x = site.operand(of: first, .slice),
      site.operand(of: second, .slice)?.id == x.id
    else { return nil }
    let (a, b) = (Cut(first, site), Cut(second, site))
    guard a.axis == axis, b.axis == axis, a.step == 1, b.step == 1, a.stop == b.start,
      a.alwaysHolds, b.alwaysHolds
    else { return nil }
    if a.start == 0, b.stop == b.extent { return x }
    return slice(x, axis: axis, from: a.start, to: b.stop)
  }
}

/// A slice's bounds.
private struct Cut {
  var axis: Int
  var start: Dim
  var stop: Dim
  var step: Int
  /// The extent of the axis that is cut.
  var extent: Dim

  init(_ slice: Value, _ site: RewriteSite) {
    let attributes = site.attributes(of: slice)
    axis = Passes.axis(attributes, rank: slice.shape.rank)
    start = attributes.dim("start")
    stop = attributes.dim("stop")
    step = attributes.int("step")
    let source = slice.builder.operands(of: slice.id)[0]
    extent = slice.builder.type(of: source).shape.dims[axis]
  }

  /// Whether 0 ≤ start ≤ stop ≤ extent whatever the sizes.
  var alwaysHolds: Bool {
    start.isNeverNegative
      && (try? stop.subtracting(start))?.isNeverNegative ?? false
      && (try? extent.subtracting(stop))?.isNeverNegative ?? false
  }
}

extension Dim {
  /// Whether the value is 0 or more whatever the sizes: a number, or one term without a minus. Of
  /// sums of terms it is not known.
  fileprivate var isNeverNegative: Bool {
    var rest = self
    while let name = rest.symbols.first {
      guard let quotient = rest.dividedExactly(by: .symbol(name)) else { return false }
      rest = quotient
    }
    return (rest.constant ?? -1) >= 0
  }
}

extension RewriteSite {
  /// The op on x if it fits and gives the site's type.
  fileprivate func applied(_ op: OpDefinition, _ x: Value, _ attributes: Attributes) -> Value? {
    type(of: op, [x], attributes) == type ? builder.make(op, [x], attributes) : nil
  }
}

/// The attribute `axis` from the front.
func axis(_ attributes: Attributes, rank: Int) -> Int {
  let axis = attributes.int("axis")
  return axis < 0 ? axis + rank : axis
}
