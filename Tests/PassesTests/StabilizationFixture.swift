import Autodiff
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

/// A function as people first write it, with correctly rounded values and derivatives.
struct StabilizationFixture: Decodable {
  struct Number: Decodable {
    /// 50 digits, for people.
    var exact: String
    /// The nearest number of the dtype, in hexadecimal.
    var rounded: String
  }

  struct Case: Decodable {
    var at: [String]
    var value: Number
    var derivatives: [Number]
  }

  var function: String
  var inputs: [String]
  var graph: String
  var cases: [String: [Case]]

  static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/stabilization")

  init(named name: String) throws {
    let url = Self.directory.appending(path: "\(name).json")
    self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
  }

  /// What the function is, on one line.
  var expression: String {
    graph.split(separator: "\n").filter { $0.contains("=") }.joined(separator: "; ")
  }

  /// The size of a number, by the exact result and the inputs, in whose last places the error of a
  /// result is counted if the number is larger than the result.
  struct Scale: Sendable {
    var value: @Sendable (_ wanted: Double, _ at: [Double]) -> Double = { _, _ in 0 }
    var derivative: @Sendable (_ wanted: Double, _ at: [Double]) -> Double = { _, _ in 0 }
  }

  /// The largest error and where it is.
  struct Error: CustomStringConvertible {
    var ulps = 0.0
    var at: [String] = []
    var got = 0.0
    var expected = 0.0

    var text: String { ulps.isInfinite ? "∞" : String(format: "%.0f", ulps) }
    var description: String {
      "\(text) ulp at \(at): \(got), expected \(expected)"
    }

    mutating func add(
      _ got: Double, _ expected: Number, _ at: [String], _ dtype: DType,
      _ scale: (Double, [Double]) -> Double
    ) throws {
      let wanted = try #require(Double(expected.rounded))
      let size = scale(wanted, try at.map { try #require(Double($0)) })
      let ulps = distance(got, wanted, dtype, Swift.max(size, Swift.abs(wanted)))
      if ulps > self.ulps { self = Error(ulps: ulps, at: at, got: got, expected: wanted) }
    }
  }

  /// Whether the value overflows f64 there.
  func isInfinite(at point: [String]) -> Bool {
    cases["f64"]?.first { $0.at == point }?.value.rounded.hasSuffix("inf") ?? false
  }

  /// The graph at a dtype.
  private func parsed(_ dtype: DType) throws -> Graph {
    let body = graph.replacing("dtype", with: "\(dtype)")
    let result = parse(
      SourceFile(name: "\(function).aya", text: "graph g {\n\(body)\n}\n"), dialect: .standard)
    return try #require(
      result.graph, "\(result.diagnostics.map(\.description).joined(separator: "\n"))")
  }

  /// The graph with dy/dinput for each of `inputs` as an output `d<input>`: element by element, as
  /// each element of y is a function of its own inputs.
  private func differentiated(_ graph: Graph, _ y: String, by inputs: [String]) throws -> Graph {
    let builder = GraphBuilder(continuing: graph)
    let output = try #require(graph.output(named: y)).node
    let root = sum(Value(builder: builder, id: output)).named("sum of \(y)")
    let targets = try inputs.map { try #require(builder.value(named: $0)).id }
    let result = try ReverseMode.differentiate(
      builder.build(), root: .init(root.id), withRespectTo: targets)
    let whole = GraphBuilder(continuing: result.graph)
    for (name, target) in zip(inputs, targets) {
      if case .node(let id)? = result.derivatives[target] {
        whole.output("d\(name)", Value(builder: whole, id: id))
      }
    }
    return whole.build()
  }

  /// Runs a graph at every point, by the real kernels.
  private func bound(_ graph: Graph, _ passes: [Pass], _ dtype: DType) throws -> BoundProgram {
    let points = try #require(cases["\(dtype)"])
    let program = try Program(
      try run([.forwardContributions] + passes + [.eliminateDeadNodes], on: graph))
    let bound = try BoundProgram(program, sizes: ["K": points.count])
    for (index, name) in inputs.enumerated() {
      let values = try points.map { try #require(Double($0.at[index])) }
      try bound.feed(name, NDArray(converting: values, to: dtype, shape: [points.count]))
    }
    try bound.run()
    return bound
  }

  /// ∂²y/∂a² of the stable form at every f64 point, a the first input; 0 where dy/da is constant.
  func secondDerivatives() throws -> [(at: [String], Double)] {
    let points = try #require(cases["f64"])
    let stable = try run([.stabilize, .eliminateDeadNodes], on: try parsed(.f64))
    let first = try differentiated(stable, "y", by: [inputs[0]])
    let name = "d\(inputs[0])"
    let second = try differentiated(first, name, by: [inputs[0]])
    let isConstant =
      second.output(named: name)?.node == first.output(named: name)?.node
    if isConstant { return points.map { ($0.at, 0) } }
    let values = try #require(
      try bound(second, [.stabilize], .f64).output(name)
    ).doubles
    return zip(points, values).map { ($0.at, $1) }
  }

  /// The largest errors of the value and of the derivatives, over all points.
  func errors(_ dtype: DType, stabilized: Bool, _ scale: Scale) throws -> (
    value: Error, derivative: Error
  ) {
    let points = try #require(cases["\(dtype)"])
    var graph = try parsed(dtype)
    if stabilized { graph = try run([.stabilize, .eliminateDeadNodes], on: graph) }
    let bound = try bound(
      differentiated(graph, "y", by: inputs), stabilized ? [.stabilize] : [], dtype)
    func values(_ name: String) throws -> [Double] { try #require(bound.output(name)).doubles }
    var (value, derivative) = (Error(), Error())
    for (point, got) in zip(points, try values("y")) {
      try value.add(got, point.value, point.at, dtype, scale.value)
    }
    for (index, name) in inputs.enumerated() {
      for (point, got) in zip(points, try values("d\(name)")) {
        try derivative.add(got, point.derivatives[index], point.at, dtype, scale.derivative)
      }
    }
    return (value, derivative)
  }
}

/// How far `got` is from the nearest number to the truth, in last places of a number of that size.
private func distance(
  _ got: Double, _ wanted: Double, _ dtype: DType, _ size: Double
) -> Double {
  if got == wanted { return 0 }
  guard got.isFinite, wanted.isFinite else { return .infinity }
  return Swift.abs(got - wanted) / (dtype == .f32 ? Double(Float(size).ulp) : size.ulp)
}
