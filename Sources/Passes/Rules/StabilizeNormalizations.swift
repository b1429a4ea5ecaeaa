import GraphIR
import GraphOps

extension RewriteSite {
  /// The axes over which `value` is the kept maximum of `x`, and whether derivatives stop at it.
  fileprivate func maximum(_ value: Value, over x: Value) -> (axes: [Int], isStopped: Bool)? {
    let stopped = operand(of: value, .stopGradient)
    guard let axes = keptAxes(of: stopped ?? value, .max, over: x) else { return nil }
    return (axes, stopped != nil)
  }

  /// `x - logsumexp(x, axes)`, as one op, which keeps the digits of shares that are nearly 1. Axes
  /// side by side are made one for it; axes apart are not.
  fileprivate func logNormalized(_ x: Value, _ axes: [Int]) -> Value {
    var dims = x.shape.dims
    let places = (axes.first ?? 0)..<(axes.last ?? -1) + 1
    guard places.count == axes.count, let merged = try? Shape(Array(dims[places])).elementCount()
    else { return x - logsumexp(x, axes: axes, keepdims: true) }
    dims.replaceSubrange(places, with: [merged])
    let axis = places.lowerBound == dims.count - 1 ? -1 : places.lowerBound
    if axes.count == 1 { return logSoftmax(x, axis: axis) }
    return reshape(logSoftmax(reshape(x, Shape(dims)), axis: axis), x.shape)
  }
}

extension Stabilization {
  /// Softmax and its logarithm, as they are written out.
  static let normalizations: [RewriteRule] = [
    RewriteRule(
      "softmax",
      "exp(x) / sum(exp(x), axes) => exp(log_softmax(x)), exp(x - logsumexp(x)) of axes apart",
      .reassociating, on: [.div]
    ) { site in
      guard let x = site.operand(of: site[0], .exp), x.type == site.type,
        let axes = site.keptAxes(of: site[1], .sum, over: site[0]), !axes.isEmpty
      else { return nil }
      return exp(site.logNormalized(x, axes))
    },

    RewriteRule(
      "log_softmax", "x - logsumexp(x, axis) => log_softmax(x, axis)", .reassociating, on: [.sub]
    ) { site in
      guard site[0].type == site.type,
        let axes = site.keptAxes(of: site[1], .logsumexp, over: site[0]), axes.count == 1
      else { return nil }
      return site.logNormalized(site[0], axes)
    },

    RewriteRule(
      "log_softmax_shift", "log_softmax(x - max(x, axis), axis) => log_softmax(x, axis)",
      .reassociating, on: [.logSoftmax]
    ) { site in
      guard let x = site.operands(of: site[0], .sub), x[0].type == site.type,
        let (axes, _) = site.maximum(x[1], over: x[0])
      else { return nil }
      let axis = site.attributes.int("axis")
      guard axes.contains(axis < 0 ? axis + site.shape.rank : axis) else { return nil }
      return logSoftmax(x[0], axis: axis)
    },

    // Derivatives must stop at both maxima or at none: else one is left over.
    RewriteRule(
      "logsumexp_shift", "logsumexp(x - max(x, axes), axes) + max(x, axes) => logsumexp(x, axes)",
      .reassociating, on: [.add]
    ) { site in
      for (total, shift) in [(site[0], site[1]), (site[1], site[0])] {
        guard let y = site.operand(of: total, .logsumexp), let x = site.operands(of: y, .sub),
          x[0].type == y.type, total.type == site.type, shift.type == site.type,
          let (axes, isStopped) = site.maximum(x[1], over: x[0]),
          axes == site.reducedAxes(of: total, rank: y.shape.rank)
        else { continue }
        let stopped = site.operand(of: shift, .stopGradient)
        var largest = stopped ?? shift
        // With or without the reduced axes the maximum has the same elements in the same order.
        if let inner = site.operand(of: largest, .reshape) { largest = inner }
        guard (stopped != nil) == isStopped, site.operand(of: largest, .max)?.id == x[0].id,
          axes == site.reducedAxes(of: largest, rank: y.shape.rank)
        else { continue }
        return site.builder.make(.logsumexp, [x[0]], site.attributes(of: total))
      }
      return nil
    },

    // As d log(sum(exp(x))) is written.
    RewriteRule(
      "softmax_gradient", "c / sum(exp(x), axes) * exp(x) => c * exp(log_softmax(x))",
      .reassociating, on: [.mul]
    ) { site in
      for (e, share) in [(site[0], site[1]), (site[1], site[0])] {
        guard let x = site.operand(of: e, .exp), x.type == site.type else { continue }
        var (moves, inner) = ([Value](), share)
        while let next = site.operand(of: inner, .broadcastTo) ?? site.operand(of: inner, .reshape)
        {
          moves.append(inner)
          inner = next
        }
        guard let quotient = site.operands(of: inner, .div), quotient[0].type == inner.type else {
          continue
        }
        // What the moves make of the sum must meet exp(x) as if the axes were kept.
        func moved(_ value: Value) -> Value {
          moves.reversed().reduce(value) {
            site.builder.make(site.op(of: $1) ?? .reshape, [$0], site.attributes(of: $1))
          }
        }
        guard quotient[1].type == inner.type,
          let axes = site.keptAxes(of: moved(quotient[1]), .sum, over: e), !axes.isEmpty
        else { continue }
        return moved(quotient[0]) * exp(site.logNormalized(x, axes))
      }
      return nil
    },
  ]
}
