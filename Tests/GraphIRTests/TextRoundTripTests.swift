import GraphIR
import Testing

/// Random graphs made by the builder, with every kind of node, name, role and result.
private struct GraphMaker {
  var generator: SeededGenerator
  let builder = GraphBuilder("random graph")
  var values: [Value] = []
  var named = 0

  init(seed: UInt64) { generator = SeededGenerator(state: seed) }

  mutating func pick<T>(_ options: [T]) -> T {
    options[Int.random(in: 0..<options.count, using: &generator)]
  }

  mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &generator) < percent
  }

  mutating func freshName() -> String {
    named += 1
    let stem = pick([
      "x", "h", "z.eps", "N", "D", "latent loss", "d_loss/d_z", "true", "nan", "input", "output",
      "あや", "a\"b", "back\\slash", "line\nbreak", "\u{202E}mark", "%3", "1st", "é", "e\u{301}", "_",
      "a.b", "a..b", "😀", "init", "", "\u{301}", "tab\t",
    ])
    return builder.value(named: stem) == nil && !stem.isEmpty ? stem : "\(stem)\(named)"
  }

  mutating func dim() -> Dim {
    let plain: [Dim] = [.symbol("N"), .symbol("D"), 1, 0, 784]
    var dim = pick(plain)
    if chance(30), let product = try? dim.multiplied(by: pick(plain)) { dim = product }
    if chance(30), let sum = try? dim.adding(pick(plain)) { dim = sum }
    return dim
  }

  mutating func type() -> ValueType {
    let rank = Int.random(in: 0...2, using: &generator)
    return ValueType(pick([.f32, .f64]), Shape((0..<rank).map { _ in dim() }))
  }

  mutating func scalar() -> Scalar {
    pick([
      .int(0), .int(-7), .int(.min), .float(0), .float(-0.0), .float(0.1), .float(1e-8),
      .float(1e300), .float(.infinity), .float(-.infinity), .float(.nan),
      .float(.leastNonzeroMagnitude),
    ])
  }

  mutating func initializer() -> Initializer {
    pick([
      .zeros, .constant(scalar()), .uniform(low: -0.5, high: .infinity),
      .normal(mean: 0, standardDeviation: 1e-3), .xavierUniform(fanIn: dim(), fanOut: dim()),
      .torchLinear(fanIn: dim()), .lecunNormal(fanIn: 5),
    ])
  }

  mutating func role() -> Role {
    let count = builder.nodeCount
    func id(_ generator: inout SeededGenerator) -> NodeID {
      NodeID(Int.random(in: 0..<count, using: &generator))
    }
    switch Int.random(in: 0..<6, using: &generator) {
    case 0 where count > 0: return .adjoint(of: id(&generator), root: "a loss", through: nil)
    case 1 where count > 0:
      return .adjoint(of: id(&generator), root: "loss", through: id(&generator))
    case 2: return .adjoint(of: nil, root: "N", through: nil)
    case 3: return .update
    default: return .forward
    }
  }

  mutating func leaf() -> Value {
    let name = freshName()
    switch Int.random(in: 0..<7, using: &generator) {
    case 0: return builder.input(name, type())
    case 1: return builder.parameter(name, type(), initializer())
    case 2: return builder.state(name, type(), initializer())
    case 3: return builder.noise(name, type(), pick(NoiseDistribution.allCases))
    case 4: return builder.constant(scalar(), pick([.f32, .f64]), name: chance(50) ? name : nil)
    case 5: return builder.constant(.bool(chance(50)), .bool, name: chance(50) ? name : nil)
    default: return builder.size(dim(), pick([.f32, .i64]), name: chance(50) ? name : nil)
    }
  }

  mutating func operation() -> Value? {
    guard let op = testDialect.ops.randomElement(using: &generator) else { return nil }
    let count = op.operands.count + (op.isVariadic ? Int.random(in: 0...2, using: &generator) : 0)
    let operands = (0..<count).map { _ in pick(values) }
    var attributes = Attributes.none
    for spec in op.attributes where spec.defaultValue == nil || chance(50) {
      switch spec.kind {
      case .bool: attributes[spec.name] = .bool(chance(50))
      case .int: attributes[spec.name] = .int(pick([0, -1, .max, .min]))
      case .scalar: attributes[spec.name] = .scalar(scalar())
      case .symbol:
        attributes[spec.name] = .symbol(
          pick(spec.choices.isEmpty ? ["zero", "true", "odd one"] : spec.choices))
      case .dtype: attributes[spec.name] = .dtype(pick(DType.allCases))
      case .ints: attributes[spec.name] = .ints(pick([[], [0], [0, -1]]))
      case .dims: attributes[spec.name] = .dims([dim(), dim()])
      case .dim: attributes[spec.name] = .dim(dim())
      }
    }
    return try? builder.apply(op, operands, attributes)
  }

  mutating func make() -> Graph {
    builder.dimension("N")
    builder.dimension("D", default: 784)
    let scopes = [[], ["a"], ["a", "b"], ["a b", "N"], ["c"]]
    var scope: [String] = []
    for _ in 0..<Int.random(in: 1...60, using: &generator) {
      if chance(30) { scope = pick(scopes) }
      let before = builder.nodeCount
      let role = role()
      var value: Value?
      let isLeaf = values.isEmpty || chance(30)
      builder.with(scope: scope, role: role) {
        value = isLeaf ? leaf() : operation()
      }
      guard let value else { continue }
      values.append(value)
      if builder.nodeCount > before, chance(40) || chance(10) { value.named(freshName()) }
      if chance(10) { value.named(freshName()) }
    }
    for value in values where chance(20) {
      builder.output(value.name ?? "out", value)
      if chance(30) { builder.output(freshName(), value) }
    }
    var updated: Set<NodeID> = []
    for target in values where chance(60) && target.type.dtype.isFloating {
      switch builder.body(of: target.id) {
      case .leaf(.parameter), .leaf(.state):
        if updated.insert(target.id).inserted,
          let value = values.filter({ $0.type == target.type }).randomElement(using: &generator)
        {
          builder.update(target, to: value)
        }
      default: break
      }
    }
    return builder.build()
  }
}

@Suite("Printing and reading back")
struct TextRoundTripTests {
  @Test("Random graphs survive their text", arguments: 0..<300 as Range<UInt64>)
  func property(seed: UInt64) {
    var maker = GraphMaker(seed: seed)
    let graph = maker.make()
    #expect(verify(graph).map { $0.rendered() } == [], "seed \(seed)")
    expectRoundTrip(graph, "seed \(seed)")
  }

  @Test("A line of text for a single node")
  func singleNode() throws {
    let graph = try body("dim N input x: f32[N] h = relu(x) @update")
    #expect(graph.text(of: graph.nodes[1]) == "h: f32[N] = relu(x) @update")
  }
}
