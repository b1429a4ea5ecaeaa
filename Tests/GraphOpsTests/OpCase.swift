import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime

/// SplitMix64 (Steele et al. 2014): the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension ValueType {
  init(_ dtype: DType, sizes: [Int]) { self.init(dtype, Shape(sizes.map { Dim($0) })) }

  static func f32(_ dims: Dim...) -> ValueType { ValueType(.f32, Shape(dims)) }
  static func f64(_ dims: Dim...) -> ValueType { ValueType(.f64, Shape(dims)) }
  static func i32(_ dims: Dim...) -> ValueType { ValueType(.i32, Shape(dims)) }
  static func i64(_ dims: Dim...) -> ValueType { ValueType(.i64, Shape(dims)) }
  static func bool(_ dims: Dim...) -> ValueType { ValueType(.bool, Shape(dims)) }
}

/// The named dimensions of the examples, and what tests bind them to.
let N = Dim.symbol("N")
let D = Dim.symbol("D")
let exampleSizes = ["N": 2, "D": 3]

/// What the elements of an operand are drawn from. Integers come from −9…9 but for `index`, truth
/// values from both.
enum Domain: Sendable {
  /// U(−2, 2).
  case any
  /// U(0.1, 3).
  case positive
  /// ±U(0.1, 2): away from a kink or a pole at 0.
  case offZero
  /// U(0, 1).
  case unit
  /// A shuffled ladder: no ties.
  case distinct
  /// Integers 0..<extent.
  case index(Int)

  func draw(_ dtype: DType, count: Int, _ generator: inout SeededGenerator) -> [Double] {
    var values: [Double]
    switch (self, dtype) {
    case (.index(let extent), _):
      values = (0..<count).map { _ in Double(Int.random(in: 0..<extent, using: &generator)) }
    case (_, .bool):
      values = (0..<count).map { _ in Bool.random(using: &generator) ? 1 : 0 }
    case (_, .i32), (_, .i64):
      values = (0..<count).map { _ in Double(Int.random(in: -9...9, using: &generator)) }
    case (.any, _): values = (0..<count).map { _ in .random(in: -2...2, using: &generator) }
    case (.positive, _): values = (0..<count).map { _ in .random(in: 0.1...3, using: &generator) }
    case (.unit, _): values = (0..<count).map { _ in .random(in: 0...1, using: &generator) }
    case (.offZero, _):
      values = (0..<count).map { _ in
        (Bool.random(using: &generator) ? 1 : -1) * .random(in: 0.1...2, using: &generator)
      }
    case (.distinct, _):
      values = (0..<count).map { (Double($0) - Double(count) / 2) * 0.17 + 0.013 }
      values.shuffle(using: &generator)
    }
    return dtype == .f32 ? values.map { Double(Float($0)) } : values
  }
}

/// One use of an op: operand types and attributes.
struct OpCase: Sendable, CustomStringConvertible {
  var types: [ValueType]
  var attributes: Attributes
  /// One per operand; the last serves all further ones.
  var domains: [Domain]

  init(_ types: [ValueType], _ attributes: Attributes = .none, _ domains: [Domain] = [.any]) {
    self.types = types
    self.attributes = attributes
    self.domains = domains
  }

  var description: String {
    "(\(types.map(\.description).joined(separator: ", "))) "
      + attributes.entries.map { "\($0.name): \($0.value)" }.joined(separator: ", ")
  }

  /// Random operands that fit, under `sizes`.
  func operands(
    _ generator: inout SeededGenerator, sizes: [String: Int] = [:]
  ) throws -> [NDArray] {
    var arrays: [NDArray] = []
    for (index, type) in types.enumerated() {
      let shape = try type.shape.evaluated(sizes)
      let domain = domains[min(index, domains.count - 1)]
      arrays.append(
        NDArray(
          converting: domain.draw(type.dtype, count: shape.reduce(1, *), &generator),
          to: type.dtype, shape: shape))
    }
    return arrays
  }
}

/// A graph of one op on leaves of its own; the result is `y`.
struct OneOpGraph {
  let graph: Graph
  let operands: [NodeID]
  let result: NodeID
  let names: [String]

  /// With `keeping`, the operands are outputs too, so that nothing may be written over them.
  init(_ op: OpDefinition, _ use: OpCase, keeping: Bool = false) throws {
    let builder = GraphBuilder("one_\(op.name)")
    let attributes = try op.completed(use.attributes)
    var symbols = Set(use.types.flatMap(\.shape.symbols))
    for entry in attributes.entries {
      switch entry.value {
      case .dim(let dim): symbols.formUnion(dim.symbols)
      case .dims(let dims): symbols.formUnion(dims.flatMap(\.symbols))
      default: break
      }
    }
    for symbol in symbols.sorted() { builder.dimension(symbol) }
    let names = use.types.indices.map { index in
      op.operandSpec(at: index).name + (op.isVariadic ? "\(index)" : "")
    }
    let leaves = zip(names, use.types).enumerated().map { index, leaf in
      op.operandSpec(at: index).edge == .noise
        ? builder.noise(leaf.0, leaf.1, .normal) : builder.input(leaf.0, leaf.1)
    }
    let value = try builder.apply(op, leaves, use.attributes).named("y")
    builder.output("y", value)
    if keeping { for (name, leaf) in zip(names, leaves) { builder.output(name, leaf) } }
    graph = builder.build()
    operands = leaves.map(\.id)
    result = value.id
    self.names = names
  }

  /// The result by the reference interpreter.
  func reference(_ arrays: [NDArray], sizes: [String: Int] = [:]) throws -> ReferenceArray? {
    let feeds = Dictionary(
      uniqueKeysWithValues: zip(names, arrays.map { ReferenceArray($0) }))
    return try ReferenceInterpreter(graph).evaluate([result], feeds: feeds, sizes: sizes)[result]
  }

  /// The program bound and run once by the runtime.
  func run(_ arrays: [NDArray], sizes: [String: Int] = [:]) throws -> BoundProgram {
    let lowered = try Passes.run(Pipeline.debug.lowering, on: graph)
    let noises = Set(graph.noises.map(\.label))
    let bound = try BoundProgram(try Program(lowered, feeding: noises), sizes: sizes)
    for (name, array) in zip(names, arrays) { try bound.feed(name, array) }
    try bound.run()
    return bound
  }
}

/// How far a kernel may be from the reference: `ulps` of the result in its dtype, plus an absolute
/// distance where terms cancel.
struct Tolerance: Sendable {
  var ulps: Double
  var f32: Double
  var f64: Double

  init(ulps: Double, f32: Double = 0, f64: Double = 0) {
    self.ulps = ulps
    self.f32 = f32
    self.f64 = f64
  }

  static let exact = Tolerance(ulps: 0)

  /// What is wrong with `got`, element by element; empty when all is right.
  func complaints(_ got: NDArray, _ expected: ReferenceArray, zeroSigns: Bool = false) -> [String] {
    guard got.shape == expected.shape else { return ["shape \(got.shape), not \(expected.shape)"] }
    guard got.dtype.isFloating else {
      let wanted = NDArray(converting: expected.values, to: got.dtype, shape: got.shape)
      return zip(got.doubles, wanted.doubles).enumerated().compactMap { index, pair in
        pair.0 == pair.1 ? nil : "[\(index)] \(pair.0), not \(pair.1)"
      }
    }
    return zip(got.doubles, expected.values).enumerated().compactMap { index, pair in
      let wanted = got.dtype == .f32 ? Double(Float(pair.1)) : pair.1
      let isFine = isNear(pair.0, pair.1, rounded: wanted, got.dtype, zeroSigns: zeroSigns)
      return isFine ? nil : "[\(index)] \(pair.0), not \(wanted)"
    }
  }

  private func isNear(
    _ got: Double, _ exact: Double, rounded: Double, _ dtype: DType, zeroSigns: Bool
  ) -> Bool {
    if got.isNaN || rounded.isNaN { return got.isNaN && rounded.isNaN }
    if zeroSigns, got == 0, exact == 0 { return got.sign == exact.sign }
    if got == rounded { return true }
    let largest = dtype == .f32 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
    let finite = [got, rounded].map { Swift.min(Swift.max($0, -largest), largest) }
    let unit = dtype == .f32 ? Double(Float(finite[1]).ulp) : finite[1].ulp
    return Swift.abs(finite[0] - finite[1]) <= ulps * unit + (dtype == .f32 ? f32 : f64)
  }
}
