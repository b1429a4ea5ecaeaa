import Ayatori
import Testing

/// SplitMix64 (Steele, Lea & Flood 2014).
struct FormulaGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Random values for every leaf that is fed: floats within ±0.9, or from 0.1 to 0.9, as uniform
  /// noise too, integers 0 and 1.
  mutating func feeds(
    _ graph: Graph, _ sizes: [String: Int], positive: Set<String> = []
  ) throws -> [String: ReferenceArray] {
    var feeds: [String: ReferenceArray] = [:]
    for node in graph.nodes where node.isInput || node.isPersistent || node.isNoise {
      let shape = try node.type.shape.evaluated(sizes)
      let isPositive = positive.contains(node.label) || node.isUniformNoise
      feeds[node.label] = ReferenceArray(
        shape: shape,
        values: (0..<shape.reduce(1, *)).map { _ in
          node.type.dtype.isFloating
            ? Double.random(in: isPositive ? 0.1...0.9 : -0.9...0.9, using: &self)
            : Double(Int.random(in: 0...1, using: &self))
        })
    }
    return feeds
  }
}

extension Node {
  fileprivate var isUniformNoise: Bool {
    if case .leaf(.noise(.uniform)) = body { true } else { false }
  }
}

/// Compares formulas with the reference interpreter, node by node.
struct FormulaCheck {
  let graph: Graph
  let sizes: [String: Int]
  let values: [NodeID: ReferenceArray]

  init(
    _ graph: Graph, sizes: [String: Int] = [:], seed: Int, positive: Set<String> = []
  ) throws {
    self.graph = graph
    self.sizes = graph.sizes(binding: sizes)
    var generator = FormulaGenerator(seed: seed)
    values = try ReferenceInterpreter(graph).evaluate(
      graph.nodes.map(\.id), feeds: try generator.feeds(graph, self.sizes, positive: positive),
      sizes: self.sizes)
  }

  /// The formulas of ∂loss/∂node for every named floating node of a source graph, each compared;
  /// what no gradient reaches has none. Gives how many there were.
  static func everyDerivative(
    of source: Graph, seed: Int, positive: Set<String> = [],
    _ look: (GradientFormulas) throws -> Void = { _ in }
  ) throws -> Int {
    let loss = try Compiler.lossName(of: source)
    let sizes = source.dimensions.contains { $0.name == "N" } ? ["N": 3] : [:]
    var checked = 0
    for node in source.nodes where node.name != nil && node.type.dtype.isFloating {
      let formulas: GradientFormulas
      do {
        formulas = try GradientFormulas(
          of: source, loss: loss, withRespectTo: [node.label], depth: nil)
      } catch let refused as Diagnostics {
        #expect(refused.all.map(\.id) == ["no-gradient"])
        continue
      }
      try FormulaCheck(formulas.graph, sizes: sizes, seed: seed, positive: positive)
        .expectEqual(formulas)
      try look(formulas)
      checked += 1
    }
    return checked
  }

  /// The formula's elements, stretched to the node's shape, next to the node's.
  func expectEqual(
    _ formula: Formula, _ node: NodeID, _ comment: String,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let expected = try #require(values[node], sourceLocation: sourceLocation)
    let got = try formula.evaluated(values, sizes: sizes)
    let stretched = try #require(
      Self.stretched(got, to: expected.shape),
      "\(comment): \(got.shape) for \(expected.shape)", sourceLocation: sourceLocation)
    let far = zip(stretched, expected.values).filter { a, b in
      !(abs(a - b) <= 1e-9 * max(1, abs(a), abs(b))) && !(a.isNaN && b.isNaN) && a != b
    }
    #expect(
      far.isEmpty, "\(comment) = \(formula.text): \(far.prefix(3))", sourceLocation: sourceLocation)
  }

  /// NumPy's broadcasting, said in another way than in the sources: by the index along each axis.
  private static func stretched(_ array: ReferenceArray, to shape: [Int]) -> [Double]? {
    let missing = shape.count - array.shape.count
    guard missing >= 0 else { return nil }
    for (axis, size) in array.shape.enumerated() where size != 1 && size != shape[axis + missing] {
      return nil
    }
    var places = [[Int]()]
    for size in shape { places = places.flatMap { place in (0..<size).map { place + [$0] } } }
    return places.map { place in
      var index = 0
      for (axis, size) in array.shape.enumerated() {
        index = index * size + (size == 1 ? 0 : place[axis + missing])
      }
      return array.values[index]
    }
  }

  /// Every formula of a report: wholes, ways added up, meanings.
  func expectEqual(_ formulas: GradientFormulas) throws {
    for derivative in formulas.derivatives {
      try expectEqual(derivative.formula, derivative.node, derivative.symbol.text)
    }
    for meaning in formulas.meanings {
      guard let formula = meaning.formula, let node = meaning.symbol.node else { continue }
      try expectEqual(formula, node, meaning.symbol.text)
    }
  }
}

/// Whether braces and `\left … \right` pair up.
func isBalanced(_ latex: String) -> Bool {
  var open: [Character] = []
  var isEscaped = false
  for character in latex {
    defer { isEscaped = character == "\\" && !isEscaped }
    if isEscaped { continue }
    if character == "{" { open.append("{") }
    if character == "}", open.popLast() != "{" { return false }
  }
  let left = latex.components("\\left") - latex.components("\\leftarrow")
  return open.isEmpty && left == latex.components("\\right")
}

extension String {
  /// How often a text occurs.
  func components(_ part: String) -> Int { ranges(of: part).count }
}
