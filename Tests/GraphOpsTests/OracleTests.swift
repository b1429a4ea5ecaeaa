import Autodiff
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

/// One case of op_values.json; the format is described at the head of Tools/oracle/make_ops.py.
struct OracleCase: Decodable, Sendable, CustomTestStringConvertible {
  struct Array: Decodable, Sendable {
    var shape: [Int]
    var values: [Double]
    var dtype: String?

    var reference: ReferenceArray { ReferenceArray(shape: shape, values: values) }

    /// Integers and truth values keep their dtype, floats take the one given.
    func ndarray(_ dtype: DType) -> NDArray {
      let own = self.dtype.flatMap { DType(rawValue: $0) } ?? dtype
      return NDArray(converting: values, to: own == .f64 ? dtype : own, shape: shape)
    }
  }

  struct Second: Decodable, Sendable {
    var tangents: [Array?]
    var gradients: [Array?]
    var cotangentGradient: Array

    enum CodingKeys: String, CodingKey {
      case tangents, gradients
      case cotangentGradient = "cotangent_gradient"
    }
  }

  struct Attributes: Decodable, Sendable {
    var axes: [Int]?
    var axis: Int?
    var keepdims: Bool?
    var transposeA: Bool?
    var transposeB: Bool?
    var shape: [Int]?
    var permutation: [Int]?
    var starts: [Int]?
    var stops: [Int]?
    var steps: [Int]?
    var depth: Int?

    enum CodingKeys: String, CodingKey, CaseIterable {
      case axes, axis, keepdims, shape, permutation, starts, stops, steps, depth
      case transposeA = "transpose_a"
      case transposeB = "transpose_b"
    }
  }

  var op: String
  var operands: [Array]
  var attributes: Attributes
  var value: Array
  var cotangent: Array?
  var gradients: [Array?]
  var second: Second?

  var testDescription: String { "\(op)(\(operands.map { "\($0.shape)" }.joined(separator: ", ")))" }

  /// The op's use by Ayatori's names; nil for an op that this table does not know.
  func build(_ x: [Value]) -> Value? {
    let a = attributes
    switch op {
    case "sum": return sum(x[0], axes: a.axes ?? [], keepdims: a.keepdims ?? false)
    case "mean": return mean(x[0], axes: a.axes ?? [], keepdims: a.keepdims ?? false)
    case "max": return max(x[0], axes: a.axes ?? [], keepdims: a.keepdims ?? false)
    case "min": return min(x[0], axes: a.axes ?? [], keepdims: a.keepdims ?? false)
    case "logsumexp": return logsumexp(x[0], axes: a.axes ?? [], keepdims: a.keepdims ?? false)
    case "log_softmax":
      // Ayatori's op takes one axis; over several it is spelled out.
      guard let axes = a.axes else { return nil }
      return axes.count == 1
        ? logSoftmax(x[0], axis: axes[0]) : x[0] - logsumexp(x[0], axes: axes, keepdims: true)
    case "matmul":
      return matmul(
        x[0], x[1], transposeA: a.transposeA ?? false, transposeB: a.transposeB ?? false)
    case "reshape": return a.shape.map { reshape(x[0], Shape($0.map { Dim($0) })) }
    case "broadcast_to": return a.shape.map { broadcast(x[0], to: Shape($0.map { Dim($0) })) }
    case "transpose": return a.permutation.map { transpose(x[0], $0) }
    case "slice":
      guard let starts = a.starts, let stops = a.stops, let steps = a.steps else { return nil }
      return starts.indices.reduce(x[0]) {
        slice($0, axis: $1, from: Dim(starts[$1]), to: Dim(stops[$1]), step: steps[$1])
      }
    case "concat": return a.axis.map { concat(x, axis: $0) }
    case "gather": return a.axis.map { gather(x[0], x[1], axis: $0) }
    case "one_hot":
      return a.depth.map { oneHot(x[0], depth: Dim($0), dtype: floating(x)) }
    case "sample": return x[0].builder.make(.normal, x)
    default:
      // The rest has Ayatori's own name and no attributes.
      let isBare = Mirror(reflecting: a).children.allSatisfy { child in
        Mirror(reflecting: child.value).children.isEmpty
      }
      guard isBare, let definition = Dialect.standard.op(named: op) else { return nil }
      return x[0].builder.make(definition, x)
    }
  }

  private func floating(_ x: [Value]) -> DType { x.first { $0.dtype.isFloating }?.dtype ?? .f64 }
}

/// Values and derivatives that PyTorch computed.
@Suite("Ops against the oracle")
struct OracleTests {
  struct File: Decodable {
    var cases: [OracleCase]
    var extremes: [OracleCase]
  }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../AyatoriTests/Fixtures/oracle").standardizedFileURL

  static let file: File? = try? JSONDecoder().decode(
    File.self, from: Data(contentsOf: folder.appending(path: "op_values.json")))
  static let cases = file?.cases ?? []
  static let extremes = file?.extremes ?? []

  @Test("The file is read whole, and covers every op but the listed ones")
  func complete() throws {
    let raw = try JSONSerialization.jsonObject(
      with: Data(contentsOf: Self.folder.appending(path: "op_values.json")))
    let object = try #require(raw as? [String: Any])
    let cases = try #require(object["cases"] as? [[String: Any]])
    #expect(cases.count == Self.cases.count)
    #expect((object["extremes"] as? [Any])?.count == Self.extremes.count)
    #expect(Self.cases.count > 150)
    let known = Set(OracleCase.Attributes.CodingKeys.allCases.map(\.rawValue))
    for name in cases.flatMap({ ($0["attributes"] as? [String: Any] ?? [:]).keys }) {
      #expect(known.contains(name), "no test reads the attribute '\(name)'")
    }
    let covered = Set(Self.cases.map { $0.op == "sample" ? "normal" : $0.op })
    let uncovered = Dialect.standard.ops.map(\.name).filter { !covered.contains($0) }
    #expect(
      uncovered == [
        "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and",
        "logical_or", "logical_xor", "logical_not", "argmax", "pad", "scatter_add", "cast",
        "stop_gradient", "contribution", "bernoulli", "categorical",
      ])
  }

  @Test("Values, gradients, second order", arguments: cases)
  func agrees(_ oracle: OracleCase) throws { try check(oracle) }

  @Test("Arguments at which a plain formula overflows or cancels", arguments: extremes)
  func extreme(_ oracle: OracleCase) throws { try check(oracle, isExtreme: true) }

  private func check(_ oracle: OracleCase, isExtreme: Bool = false) throws {
    for dtype in [DType.f64, .f32] {
      var model = try Model(oracle, dtype)
      let answers = try model.answers(oracle)
      for answer in answers {
        guard let id = answer.node else {
          // No derivative: fine where the oracle has zero, as for sign.
          #expect(answer.expected.values.allSatisfy { $0 == 0 }, "\(oracle.op): \(answer.title)")
          continue
        }
        if dtype == .f64 {
          let value = try model.reference([id])[id]
          let wrong = Self.complaints(value, answer.expected, rtol: 1e-11, atol: 1e-15)
          #expect(wrong == [], "\(oracle.op): \(answer.title) by the reference")
        }
        let value = try model.run(id)
        // f32 operands and results are rounded first: at 1000 by 3e-5, which exp hands on.
        let (rtol, atol) =
          dtype == .f64 ? (1e-10, 1e-15) : isExtreme ? (6e-5, 2e-7) : (2e-4, 2e-5)
        let wrong = Self.complaints(
          value.map { ReferenceArray($0) }, answer.expected, rtol: rtol, atol: atol)
        #expect(wrong == [], "\(oracle.op): \(answer.title) by the runtime in \(dtype)")
      }
    }
  }

  private static func complaints(
    _ got: ReferenceArray?, _ expected: OracleCase.Array, rtol: Double, atol: Double
  ) -> [String] {
    guard let got, got.shape == expected.shape else {
      return ["shape \(got?.shape ?? []), not \(expected.shape)"]
    }
    return zip(got.values, expected.values).enumerated().compactMap { index, pair in
      // PyTorch itself is right to some ulp of the largest term where terms cancel.
      let isNear = Swift.abs(pair.0 - pair.1) <= rtol * Swift.abs(pair.1) + atol
      return isNear ? nil : "[\(index)] \(pair.0), not \(pair.1)"
    }
  }
}

/// A case as a graph with its derivatives.
private struct Model {
  struct Answer {
    var title: String
    var node: NodeID?
    var expected: OracleCase.Array
  }

  private var graph: Graph
  private var feeds: [String: NDArray] = [:]
  private let leaves: [NodeID]
  private let value: NodeID
  private let dtype: DType

  init(_ oracle: OracleCase, _ dtype: DType) throws {
    self.dtype = dtype
    let builder = GraphBuilder("oracle")
    var leaves: [Value] = []
    for (index, operand) in oracle.operands.enumerated() {
      let array = operand.ndarray(dtype)
      feeds["x\(index)"] = array
      leaves.append(builder.input("x\(index)", ValueType(array.dtype, sizes: array.shape)))
    }
    let value = try #require(
      oracle.build(leaves), "no way to build '\(oracle.op)' \(oracle.attributes)")
    builder.output("value", value)
    graph = builder.build()
    self.leaves = leaves.map(\.id)
    self.value = value.id
  }

  /// Everything that the oracle knows, as nodes of the graph.
  mutating func answers(_ oracle: OracleCase) throws -> [Answer] {
    var answers = [Answer(title: "value", node: value, expected: oracle.value)]
    guard let cotangent = oracle.cotangent else {
      #expect(oracle.gradients.allSatisfy { $0 == nil })
      return answers
    }
    // s = Σ cotangent·value
    var builder = GraphBuilder(continuing: graph)
    let result = Value(builder: builder, id: value)
    let seed = builder.input("cotangent", result.type)
    feeds["cotangent"] = cotangent.ndarray(dtype)
    let s = sum(seed * result)
    let targets = leaves.indices.filter { graph[leaves[$0]].type.dtype.isFloating }
    let first = try ReverseMode.differentiate(
      builder.build(), root: .init(s.id), withRespectTo: targets.map { leaves[$0] })
    graph = first.graph
    for index in leaves.indices {
      let derivative = first.derivatives[leaves[index]]
      if let expected = oracle.gradients[index] {
        answers.append(
          Answer(title: "gradient \(index)", node: derivative?.node, expected: expected))
        if derivative?.node == nil { #expect(derivative?.refusal?.isEmpty == false) }
      } else {
        #expect(derivative?.node == nil, "a gradient where the oracle has none")
      }
    }
    guard let second = oracle.second else { return answers }
    // r = Σᵢ tangentᵢ·gradientᵢ
    builder = GraphBuilder(continuing: graph)
    var total: Value?
    for (index, tangent) in second.tangents.enumerated() {
      guard let tangent else { continue }
      // A gradient that does not exist is zero and adds nothing.
      guard let id = first.derivatives[leaves[index]]?.node else { continue }
      let gradient = Value(builder: builder, id: id)
      feeds["t\(index)"] = tangent.ndarray(dtype)
      let term = sum(builder.input("t\(index)", gradient.type) * gradient)
      total = total.map { $0 + term } ?? term
    }
    let r = try #require(total)
    let again = try ReverseMode.differentiate(
      builder.build(), root: .init(r.id), withRespectTo: targets.map { leaves[$0] } + [seed.id])
    graph = again.graph
    for (index, expected) in second.gradients.enumerated() {
      guard let expected else { continue }
      answers.append(
        Answer(
          title: "second gradient \(index)", node: again.derivatives[leaves[index]]?.node,
          expected: expected))
    }
    answers.append(
      Answer(
        title: "cotangent's gradient", node: again.derivatives[seed.id]?.node,
        expected: second.cotangentGradient))
    return answers
  }

  func reference(_ ids: [NodeID]) throws -> [NodeID: ReferenceArray] {
    try ReferenceInterpreter(graph).evaluate(ids, feeds: feeds.mapValues { ReferenceArray($0) })
  }

  /// The node's value as it runs: lowered, optimised, planned.
  func run(_ id: NodeID) throws -> NDArray? {
    let builder = GraphBuilder(continuing: graph)
    builder.removeOutputs()
    builder.output("answer", Value(builder: builder, id: id))
    let graph = try Passes.run(
      Pipeline.debug.lowering + Pipeline.debug.optimizing, on: builder.build())
    let bound = try BoundProgram(try Program(graph))
    for (name, array) in feeds { try bound.feed(name, array) }
    try bound.run()
    return bound.output("answer")
  }
}
