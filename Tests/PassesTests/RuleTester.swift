import Autodiff
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

/// Checks one rule on one small graph: what it makes of the text, that it is counted, and that
/// values and derivatives stay what they were.
struct RuleTester {
  var pass: Pass
  var float = FloatMode.standard
  /// Sizes of named dimensions; those that a graph does not have are left out.
  var sizes: [String: Int] = [:]
  /// The range of random inputs.
  var range = -2.0...2.0
  var seed: UInt64 = 1
  /// Bound on differences of values and derivatives, relative to the larger of 1 and the value; 0
  /// asks for the same bits.
  var tolerance = 1e-12
  var derivatives = true

  /// `before` and `after` are the statements of a graph. The rule fires, and the outputs become the
  /// expressions of `after`.
  func expect(
    _ rule: String, _ before: String, becomes after: String,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let (old, new, counts, isExact) = try rewritten(before, sourceLocation)
    #expect(
      counts[rule, default: 0] > 0, "'\(rule)' did not fire, but \(counts)\n\(new.text())",
      sourceLocation: sourceLocation)
    let wanted = try graph(after, sourceLocation)
    for output in wanted.outputs {
      let found = try #require(new.output(named: output.name), sourceLocation: sourceLocation)
      #expect(
        new.expression(found.node) == wanted.expression(output.node),
        "output \(output.name)", sourceLocation: sourceLocation)
    }
    try compare(old, new, sourceLocation)
    if isExact { try compareAtExtremes(old, new, sourceLocation) }
  }

  /// The rule does not fire on `text`.
  func dont(
    _ rule: String, _ text: String, sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let (old, new, counts, isExact) = try rewritten(text, sourceLocation)
    #expect(
      counts[rule, default: 0] == 0, "'\(rule)' fired:\n\(new.text())",
      sourceLocation: sourceLocation)
    try compare(old, new, sourceLocation)
    if isExact { try compareAtExtremes(old, new, sourceLocation) }
  }

  private func graph(_ body: String, _ place: Testing.SourceLocation) throws -> Graph {
    let result = parse(
      SourceFile(name: "rule.aya", text: "graph g {\n\(body)\n}\n"), dialect: .standard)
    return try #require(
      result.graph, "\(result.diagnostics.map(\.description).joined(separator: "\n"))",
      sourceLocation: place)
  }

  private func rewritten(
    _ body: String, _ place: Testing.SourceLocation
  ) throws -> (old: Graph, new: Graph, counts: [String: Int], isExact: Bool) {
    let old = try graph(body, place)
    #expect(pass.rules.count > 0, sourceLocation: place)
    var options = PassContext.Options()
    options.float = float
    let run = try PassManager([pass, .eliminateDeadNodes], options: options).run(old)
    let counts = run.steps[0].counts.map { ($0.rule, $0.count) }
    return (
      old, run.graph, Dictionary(uniqueKeysWithValues: counts),
      run.steps[0].replacements.allSatisfy { $0.float == .exact }
    )
  }

  // MARK: Values

  private func compare(_ old: Graph, _ new: Graph, _ place: Testing.SourceLocation) throws {
    var random = SplitMix(state: seed)
    var feeds: [String: ReferenceArray] = [:]
    let bound = old.sizes(binding: bindings(old))
    for node in old.inputs + old.persistent {
      let shape = try node.type.shape.evaluated(bound)
      let values = (0..<shape.reduce(1, *)).map { _ -> Double in
        switch node.type.dtype {
        case .f32, .f64: Double.random(in: range, using: &random)
        case .i32, .i64: Double(Int.random(in: 0...2, using: &random))
        case .bool: Bool.random(using: &random) ? 1 : 0
        }
      }
      feeds[node.label] = ReferenceArray(shape: shape, values: values)
    }
    for output in old.outputs {
      let other = try #require(new.output(named: output.name), sourceLocation: place)
      try compare(
        (old, output.node), (new, other.node), feeds, "values of \(output.name)", place)
      guard derivatives, old[output.node].type.dtype.isFloating else { continue }
      let (oldRoot, newRoot) = (weighted(old, output.node), weighted(new, other.node))
      for leaf in old.inputs + old.parameters where leaf.type.dtype.isFloating {
        let a = try derivative(oldRoot, leaf.label)
        let b = try derivative(newRoot, leaf.label)
        switch (a, b) {
        case (let a?, let b?):
          try compare(a, b, feeds, "d \(output.name) / d \(leaf.label)", place)
        case (let a?, nil): try expectZero(a, feeds, "d \(output.name)/d \(leaf.label)", place)
        case (nil, let b?): try expectZero(b, feeds, "d \(output.name)/d \(leaf.label)", place)
        case (nil, nil): break
        }
      }
    }
  }

  /// The same bits, also for NaN, infinities, signed zeros, and what overflows or wraps.
  private func compareAtExtremes(
    _ old: Graph, _ new: Graph, _ place: Testing.SourceLocation
  ) throws {
    let floats = [
      0, -0.0, 1, -1, .infinity, -.infinity, .nan, Double.leastNonzeroMagnitude, 1e-200, 1e200,
      -1e308, 0.3, -40,
    ]
    let integers = [0, 1, -1, 2, 46_341, 2_147_483_647, -2_147_483_648.0]
    let bound = old.sizes(binding: bindings(old))
    // Inputs move on at different paces, so that many pairs of numbers meet.
    for round in floats.indices {
      var feeds: [String: ReferenceArray] = [:]
      for (place, node) in (old.inputs + old.persistent).enumerated() {
        let shape = try node.type.shape.evaluated(bound)
        let values = (0..<shape.reduce(1, *)).map { index -> Double in
          let step = index * (2 * place + 3) + round * (place + 1)
          return switch node.type.dtype {
          case .f32: Double(Float(floats[step % floats.count]))
          case .f64: floats[step % floats.count]
          case .i32: integers[step % integers.count]
          case .i64: integers[step % 4]
          case .bool: Double(step % 2)
          }
        }
        feeds[node.label] = ReferenceArray(shape: shape, values: values)
      }
      for output in old.outputs {
        guard let other = new.output(named: output.name),
          let x = try values((old, output.node), feeds),
          let y = try values((new, other.node), feeds)
        else { continue }
        // The reference computes in doubles: it wraps no integers that these do not hold.
        let isWide = !old[output.node].type.dtype.isFloating
        let isSame = zip(x.values, y.values).allSatisfy {
          $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN
            || isWide && max(abs($0), abs($1)) >= 0x1p53
        }
        #expect(
          isSame, "\(output.name) at \(feeds): \(x.values) became \(y.values)",
          sourceLocation: place)
        if !isSame { return }
      }
    }
  }

  private func bindings(_ graph: Graph) -> [String: Int] {
    sizes.filter { size in graph.dimensions.contains { $0.name == size.key } }
  }

  /// Σ output·w with weights that differ, so that no error cancels.
  private func weighted(_ graph: Graph, _ id: NodeID) -> (Graph, NodeID) {
    let builder = GraphBuilder(continuing: graph)
    let value = Value(builder: builder, id: id)
    let root = sum(value * sin(value * 1.7 + 0.3))
    return (builder.build(), root.id)
  }

  private func derivative(
    _ root: (Graph, NodeID), _ leaf: String
  ) throws -> (Graph, NodeID)? {
    guard let target = root.0.node(named: leaf) else { return nil }
    let result = try ReverseMode.differentiate(
      root.0, root: .init(root.1), withRespectTo: [target.id])
    guard case .node(let id)? = result.derivatives[target.id] else { return nil }
    return (result.graph, id)
  }

  private func values(
    _ of: (Graph, NodeID), _ feeds: [String: ReferenceArray]
  ) throws -> ReferenceArray? {
    let known = feeds.filter { of.0.node(named: $0.key) != nil }
    return try ReferenceInterpreter(of.0).evaluate(
      [of.1], feeds: known, sizes: bindings(of.0))[of.1]
  }

  private func compare(
    _ a: (Graph, NodeID), _ b: (Graph, NodeID), _ feeds: [String: ReferenceArray], _ what: String,
    _ place: Testing.SourceLocation
  ) throws {
    let x = try #require(try values(a, feeds), sourceLocation: place)
    let y = try #require(try values(b, feeds), sourceLocation: place)
    #expect(x.shape == y.shape, "\(what)", sourceLocation: place)
    for (u, v) in zip(x.values, y.values) {
      let isNear =
        u.bitPattern == v.bitPattern || u.isNaN && v.isNaN || u == v && tolerance > 0
        || abs(u - v) <= tolerance * max(1, abs(u), abs(v))
      #expect(isNear, "\(what): \(u) became \(v), seed \(seed)", sourceLocation: place)
      if !isNear { break }
    }
  }

  private func expectZero(
    _ a: (Graph, NodeID), _ feeds: [String: ReferenceArray], _ what: String,
    _ place: Testing.SourceLocation
  ) throws {
    let x = try #require(try values(a, feeds), sourceLocation: place)
    #expect(
      x.values.allSatisfy { abs($0) <= tolerance }, "\(what) was lost", sourceLocation: place)
  }
}

extension Graph {
  /// A value as a nested expression, the same whatever the order and the names of nodes.
  func expression(_ id: NodeID) -> String {
    let node = self[id]
    switch node.body {
    case .leaf(.constant(let scalar)):
      return "\(scalar.doubleValue):\(node.type.dtype)"
    case .leaf(.size(let dim)): return "size(\(dim))"
    case .leaf: return node.label
    case .operation(let operation):
      let operands = node.operands.map(expression)
      let attributes = operation.attributes.entries.compactMap { entry -> String? in
        let spec = operation.definition.attributes.first { $0.name == entry.name }
        return spec?.defaultValue == entry.value ? nil : "\(entry.name): \(entry.value)"
      }
      return
        "\(operation.definition.name)(\((operands + attributes).joined(separator: ", ")))"
    }
  }
}

/// SplitMix64: a seeded generator for tests.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
