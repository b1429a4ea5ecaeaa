@testable import GraphIR
import GraphOps

/// A small sound graph that bytes describe: leaves of every kind, then one operation after another
/// on what is there, any op of the dialect with any attributes. What the type rules refuse is left
/// out.
struct GeneratedGraph {
  let graph: Graph
  /// The value of every dimension.
  let sizes: [String: Int]
  /// What numbers are drawn from.
  let seed: UInt64
  /// Which of the profiles of inputs; see `CompileCheck`.
  let profile: Int
  /// Which mode of floats the passes are allowed.
  let mode: Int
  /// Whether derivatives are asked for.
  let isDifferentiated: Bool
  /// Whether each pass is validated, which takes ten times as long as all else.
  let isValidated: Bool

  private static let mostNodes = 40
  private static let mostElements = 600

  init(_ bytes: [UInt8]) {
    var choices = ByteChoices(bytes)
    let sizes = ["N": choices.pick([3, 1, 2, 5, 9, 0, 17, 33])]
    self.sizes = sizes
    seed = UInt64(choices.below(256))
    profile = choices.below(256)
    mode = choices.below(256)
    isDifferentiated = choices.isSo()
    isValidated = choices.below(16) == 15
    let dtype: DType = choices.pick([.f64, .f64, .f64, .f32])

    let builder = GraphBuilder("fuzz")
    let n = builder.dimension("N")
    func type(_ dims: [Dim], _ own: DType? = nil) -> ValueType {
      ValueType(own ?? dtype, Shape(dims))
    }
    var pool = [
      builder.input("x", type([n, 3])), builder.input("y", type([3])),
      builder.parameter("p", type([3]), .uniform(low: -1, high: 1)),
      builder.parameter("w", type([3, 4]), .torchLinear(fanIn: 3)),
      builder.parameter("b", type([4]), .zeros), builder.state("s", type([3]), .zeros),
      builder.state("t", type([]), .constant(.float(0.5))),
      builder.noise("e", type([n, 3]), .normal), builder.noise("u", type([n]), .uniform),
      builder.input("i", type([n], .i64)), builder.input("c", type([n, 3], .bool)),
      builder.size(n, dtype),
    ]
    while !choices.isEmpty, builder.nodeCount < GeneratedGraph.mostNodes {
      guard let value = GeneratedGraph.step(builder, pool, dtype, &choices) else { continue }
      let shape = try? value.shape.evaluated(sizes)
      // What is too large stays unused.
      if (shape?.reduce(1, *) ?? .max) <= GeneratedGraph.mostElements { pool.append(value) }
    }

    // The last values, which hang on most of the others.
    for (index, value) in pool.suffix(3).enumerated() { builder.output("o\(index)", value) }
    if let last = pool.last(where: { $0.dtype.isFloating }) {
      builder.output("loss", sum(last))
    }
    for name in ["s", "t"] {
      guard let target = builder.value(named: name),
        let value = pool.last(where: { $0.type == target.type }), value.id != target.id
      else { continue }
      builder.update(target, to: value)
    }
    graph = builder.build()
  }

  private static func step(
    _ builder: GraphBuilder, _ pool: [Value], _ dtype: DType, _ choices: inout ByteChoices
  ) -> Value? {
    let ops = Dialect.standard.ops
    let number = choices.below(ops.count + 3)
    guard number < ops.count else {
      let scalars: [Scalar] = [
        .float(1), .float(0), .float(-1), .float(2), .float(0.5), .float(-0.0), .float(3),
        .float(1e-3), .float(1e30), .float(.infinity), .float(.nan), .float(-2),
      ]
      return builder.constant(choices.pick(scalars), dtype)
    }
    let op = ops[number]
    if let sampling = op.sampling { return draw(op, sampling, builder, pool, &choices) }
    let count = op.isVariadic ? 1 + choices.below(3) : op.operands.count
    // Late values more often, so that graphs get deep.
    let operands = (0..<count).map { _ in
      choices.isSo() ? pool[pool.count - 1 - choices.below(min(4, pool.count))] : choices.pick(pool)
    }
    return try? builder.apply(op, operands, attributes(of: op, &choices))
  }

  /// A draw with a noise leaf of its own, of the shape that its first operands broadcast to.
  private static func draw(
    _ op: OpDefinition, _ sampling: SamplingSpec, _ builder: GraphBuilder, _ pool: [Value],
    _ choices: inout ByteChoices
  ) -> Value? {
    let floats = pool.filter(\.dtype.isFloating)
    var operands = (0..<sampling.noiseOperand).map { _ in choices.pick(floats) }
    guard let first = operands.first,
      let shape = operands.dropFirst().reduce(
        first.shape,
        { (shape: Shape?, value: Value) in
          shape?.broadcast(with: value.shape)
        })
    else { return nil }
    let name = "z\(builder.nodeCount)"
    operands.append(
      builder.noise("\(name).eps", ValueType(first.dtype, shape), sampling.noise))
    guard let value = try? builder.apply(op, operands, attributes(of: op, &choices)),
      builder.name(of: value.id) == nil
    else { return nil }
    return value.named(name)
  }

  private static func attributes(
    of op: OpDefinition, _ choices: inout ByteChoices
  ) -> Attributes {
    var result = Attributes.none
    for spec in op.attributes {
      if spec.defaultValue != nil, choices.isSo() { continue }
      result[spec.name] = value(for: spec, &choices)
    }
    return result
  }

  private static func value(
    for spec: AttributeSpec, _ choices: inout ByteChoices
  ) -> AttributeValue {
    let dims: [Dim] = [1, 3, "N", 4, 2, 6, 0]
    switch spec.kind {
    case .bool: return .bool(choices.isSo())
    case .int: return .int(choices.pick([0, 1, -1, 2, -2, 3, 4, 7]))
    case .scalar: return .scalar(.float(choices.pick([1, 0.5, 2, 0.1, 0, -1])))
    case .symbol: return .symbol(spec.choices.isEmpty ? "a" : choices.pick(spec.choices))
    case .dtype: return .dtype(choices.pick([.f64, .f32, .i64, .i32, .bool]))
    case .ints: return .ints((0..<choices.below(4)).map { _ in choices.pick([0, 1, -1, 2, 3]) })
    case .dims: return .dims((0..<choices.below(4)).map { _ in choices.pick(dims) })
    case .dim: return .dim(choices.pick(dims))
    }
  }
}
