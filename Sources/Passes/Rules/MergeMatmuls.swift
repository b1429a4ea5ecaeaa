import GraphIR
import GraphOps

extension Pass {
  /// Makes one matrix product of several that read the same operand: the heads for mean and
  /// log-variance forward, and both of their backward products.
  ///
  ///     y₁ = x·W₁ᵀ + b₁;  y₂ = x·W₂ᵀ + b₂  =>  [y₁ y₂] = x·[W₁; W₂]ᵀ + [b₁ b₂]
  ///     dx = dy₁·W₁ + dy₂·W₂               =>  dx = [dy₁ dy₂]·[W₁; W₂]
  ///     dW₁ = dy₁ᵀ·x;  dW₂ = dy₂ᵀ·x        =>  [dW₁; dW₂] = [dy₁ dy₂]ᵀ·x
  ///
  /// Only weights that are parameters or state are joined: those the runtime lays side by side, so
  /// that `[W₁; W₂]` is no copy. A weight belongs to one join.
  public static let mergeMatmuls = Pass(
    "merge_matmuls", "products that share an operand => one product",
    rules: [mergeHeads, mergeProducts, mergeInputGradients, mergeWeightGradients])
}

// BLAS may add up in another order when a matrix has more rows or columns.

private let mergeHeads = RewriteRule(
  "merge_heads", "x·W₁ᵀ + b₁, x·W₂ᵀ + b₂ => x·[W₁; W₂]ᵀ + [b₁ b₂]", .reassociating, on: [.linear]
) { site in
  let heads = heads(at: site) { value in
    site.operands(of: value, .linear).map {
      Head(value: value, operand: $0[0], weight: $0[1], bias: $0[2])
    }
  }
  guard heads.count > 1 else { return nil }
  let all = linear(site[0], concat(heads.map(\.weight)), concat(heads.compactMap(\.bias)))
  return parts(
    of: all, axis: site.shape.rank - 1, heads.map { ($0.value, $0.weight.shape.dims[0]) }, site)
}

private let mergeProducts = RewriteRule(
  "merge_products", "x·W₁ᵀ, x·W₂ᵀ => x·[W₁; W₂]ᵀ", .reassociating, on: [.matmul]
) { site in
  let heads = heads(at: site) { value in
    guard let operands = site.operands(of: value, .matmul),
      site.attributes(of: value) == transposed(a: false, b: true)
    else { return nil }
    return Head(value: value, operand: operands[0], weight: operands[1], bias: nil)
  }
  guard heads.count > 1 else { return nil }
  let all = matmul(site[0], concat(heads.map(\.weight)), transposeB: true)
  return parts(
    of: all, axis: site.shape.rank - 1, heads.map { ($0.value, $0.weight.shape.dims[0]) }, site)
}

private let mergeInputGradients = RewriteRule(
  "merge_input_gradients", "g₁·W₁ + g₂·W₂ => [g₁ g₂]·[W₁; W₂]", .reassociating, on: [.add]
) { site in
  // The addends of the whole sum, in order.
  var addends: [Value] = []
  var pending = [site[1], site[0]]
  while let value = pending.popLast() {
    if addends.count + pending.count < 64, site.useCount(value) == 1,
      let operands = site.operands(of: value, .add), value.type == site.type
    {
      pending += [operands[1], operands[0]]
    } else {
      addends.append(value)
    }
  }
  struct Product {
    var place: Int
    var gradient: Value
    var weight: Value
  }
  var products: [Product] = []
  for (place, value) in addends.enumerated() {
    guard value.type == site.type, site.useCount(value) == 1,
      let operands = site.operands(of: value, .matmul),
      site.attributes(of: value) == transposed(a: false, b: false),
      operands[0].shape.rank == 2, isPersistent(operands[1]),
      operands[1].shape.rank == 2
    else { continue }
    products.append(Product(place: place, gradient: operands[0], weight: operands[1]))
  }
  guard products.count > 1, Set(products.map(\.weight.id)).count == products.count else {
    return nil
  }
  // In the order of a join that is there, else as they come.
  if let join = site.users(of: products[0].weight).first(where: { isJoin($0, site) }) {
    let leaves = site.builder.operands(of: join.id)
    products = leaves.compactMap { leaf in products.first { $0.weight.id == leaf } }
    guard products.count == leaves.count else { return nil }
  } else {
    guard products.allSatisfy({ isFree($0.weight, site) }) else { return nil }
  }
  let merged = matmul(
    concat(products.map(\.gradient), axis: 1), concat(products.map(\.weight)))
  let places = Set(products.map(\.place))
  let rest = addends.enumerated().filter { !places.contains($0.offset) }.map(\.element)
  return rest.reduce(merged) { $0 + $1 }
}

private let mergeWeightGradients = RewriteRule(
  "merge_weight_gradients", "g₁ᵀ·x, g₂ᵀ·x => [g₁ g₂]ᵀ·x", .reassociating, on: [.matmul]
) { site in
  guard site.attributes == transposed(a: true, b: false), site[0].shape.rank == 2 else {
    return nil
  }
  // Gradients that a product reads side by side already.
  for join in site.users(of: site[0]) {
    guard let gradients = site.operands(of: join, .concat), join.shape.rank == 2,
      site.attributes(of: join)["axis"] == .int(1)
    else { continue }
    let products = gradients.compactMap { gradient in
      site.users(of: gradient).first { user in
        guard let operands = site.operands(of: user, .matmul), !site.isKept(user) else {
          return false
        }
        return operands[0].id == gradient.id && operands[1].id == site[1].id
          && site.attributes(of: user) == transposed(a: true, b: false)
      }
    }
    // All of them, or what is left would be done twice.
    guard products.count == gradients.count, Set(products.map(\.id)).count == products.count else {
      continue
    }
    return parts(
      of: matmul(join, site[1], transposeA: true), axis: 0,
      zip(products, gradients).map { ($0, $1.shape.dims[1]) }, site)
  }
  return nil
}

// MARK: Heads

/// One of several products of the same operand.
private struct Head {
  var value: Value
  var operand: Value
  var weight: Value
  var bias: Value?
}

/// The uses of the op at `site` that read the same operand and whose weights can be joined, in
/// graph order; none when the site's own is not among them.
private func heads(at site: RewriteSite, _ head: (Value) -> Head?) -> [Head] {
  var found: [Head] = []
  var taken: Set<NodeID> = []
  for value in site.users(of: site[0]) {
    guard let head = head(value), head.operand.id == site[0].id, head.weight.shape.rank == 2 else {
      continue
    }
    let leaves = [head.weight] + (head.bias.map { [$0] } ?? [])
    guard leaves.allSatisfy({ isPersistent($0) && isFree($0, site) && !taken.contains($0.id) })
    else { continue }
    taken.formUnion(leaves.map(\.id))
    found.append(head)
  }
  return found.contains { $0.value.id == site.value.id } ? found : []
}

/// Replaces each value by its stretch of `all` along an axis.
private func parts(
  of all: Value, axis: Int, _ values: [(value: Value, width: Dim)], _ site: RewriteSite
) -> Value? {
  var own: Value?
  var start: Dim = 0
  for (value, width) in values {
    guard let stop = try? start.adding(width) else { return nil }
    let part = slice(all, axis: axis, from: start, to: stop)
    if value.id == site.value.id { own = part } else { site.alsoReplace(value, with: part) }
    start = stop
  }
  return own
}

private func transposed(a: Bool, b: Bool) -> Attributes {
  ["transpose_a": .bool(a), "transpose_b": .bool(b)]
}

private func isPersistent(_ value: Value) -> Bool {
  switch value.builder.body(of: value.id) {
  case .leaf(.parameter), .leaf(.state): true
  case .leaf, .operation: false
  }
}

private func isJoin(_ value: Value, _ site: RewriteSite) -> Bool {
  site.op(of: value) == .concat
    && site.builder.operands(of: value.id).allSatisfy {
      isPersistent(Value(builder: site.builder, id: $0))
    }
}

/// Whether no join has the leaf yet.
private func isFree(_ leaf: Value, _ site: RewriteSite) -> Bool {
  !site.users(of: leaf).contains { isJoin($0, site) }
}
