import Foundation
import GraphIR
import GraphOps
import Runtime
import Testing

/// DESIGN's checklist for every op of the registry. An op without an entry in `OpExample.table`
/// fails each of these.
@Suite("Every op of the registry")
struct OpWalkTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
  static let sources = folder.appending(path: "../../Sources/GraphOps").standardizedFileURL
  static let isBlessing = ProcessInfo.processInfo.environment["AYATORI_BLESS"] == "1"

  @Test("The table holds the registry's ops and no others")
  func table() {
    let names = Dialect.standard.ops.map(\.name)
    #expect(OpExample.table.keys.sorted() == names.sorted())
    #expect(Set(names).count == names.count)
  }

  // MARK: Text

  @Test("Golden file and text round trip", arguments: Dialect.standard.ops)
  func golden(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    let text = try OneOpGraph(op, example.typical).graph.text()
    let file = Self.folder.appending(path: "Fixtures/ops/\(op.name).aya")
    if Self.isBlessing {
      try Data(text.utf8).write(to: file)
      Issue.record("blessed \(file.lastPathComponent); run again without AYATORI_BLESS")
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == text)
    try expectRoundTrip(text)
  }

  @Test("Every case of an op survives its text", arguments: Dialect.standard.ops)
  func roundTrips(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    for use in example.cases { try expectRoundTrip(try OneOpGraph(op, use).graph.text()) }
  }

  private func expectRoundTrip(_ text: String) throws {
    let result = parse(SourceFile(name: "op.aya", text: text), dialect: .standard)
    #expect(result.diagnostics.map { $0.rendered() } == [])
    let graph = try #require(result.graph)
    #expect(graph.text() == text)
    #expect(verify(graph).map { $0.rendered() } == [])
  }

  @Test("There is no golden file without its op")
  func strays() throws {
    let files = try FileManager.default.contentsOfDirectory(
      atPath: Self.folder.appending(path: "Fixtures/ops").path)
    #expect(files.sorted() == Dialect.standard.ops.map { $0.name + ".aya" }.sorted())
  }

  // MARK: Words

  @Test("A summary, and a doc comment where the op is defined", arguments: Dialect.standard.ops)
  func documentation(_ op: OpDefinition) throws {
    #expect(!op.summary.isEmpty)
    let name = NSRegularExpression.escapedPattern(for: op.name)
    let definition = try NSRegularExpression(
      pattern: #"([^\n]*)\n *public static let \w+ =\s*\w+\(\s*"\#(name)","#)
    var found: [String] = []
    for file in try Self.swiftFiles() {
      let text = try String(contentsOf: file, encoding: .utf8)
      let whole = NSRange(text.startIndex..., in: text)
      for match in definition.matches(in: text, range: whole) {
        if let range = Range(match.range(at: 1), in: text) { found.append(String(text[range])) }
      }
    }
    #expect(found.count == 1, "the definition of '\(op.name)' was found \(found.count) times")
    #expect(found.allSatisfy { $0.trimmingPrefix(while: \.isWhitespace).hasPrefix("/// ") })
  }

  private static func swiftFiles() throws -> [URL] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: sources.path)
    return names.filter { $0.hasSuffix(".swift") }.sorted().map { sources.appending(path: $0) }
  }

  // MARK: Kernels

  @Test("Kernels agree with the reference at odd sizes", arguments: Dialect.standard.ops)
  func kernels(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    #expect(!example.cases.isEmpty)
    for (index, use) in example.cases.enumerated() {
      var generator = SeededGenerator(state: UInt64(index))
      let operands = try use.operands(&generator)
      try expectAgreement(op, use, operands, example.tolerance)
    }
  }

  @Test("Kernels agree with the reference on symbolic dims", arguments: Dialect.standard.ops)
  func symbolic(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    var generator = SeededGenerator(state: 5)
    let dimensions = try OneOpGraph(op, example.typical).graph.dimensions.map(\.name)
    let sizes = exampleSizes.filter { dimensions.contains($0.key) }
    let operands = try example.typical.operands(&generator, sizes: sizes)
    try expectAgreement(op, example.typical, operands, example.tolerance, sizes: sizes)
  }

  static let elementwise = Dialect.standard.ops.filter {
    OpExample.of($0)?.isElementwise ?? false
  }

  @Test("Kernels keep to the reference at NaN, ±∞, −0 and denormals", arguments: elementwise)
  func specials(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    let floats = op.operands.indices.filter { example.typical.types[$0].dtype != .bool }
    let attributes = op.name == "cast" ? Self.casts : [example.typical.attributes]
    for dtype in [DType.f32, .f64] where example.typical.types.contains(where: \.dtype.isFloating) {
      let values = Self.specialValues(dtype)
      let count = values.count
      for attributes in attributes {
        // All pairs, once as whole arrays and once by broadcasting.
        let shapes =
          floats.count < 2
          ? [[[count]]] : [[[count * count], [count * count]], [[count, 1], [count]]]
        for shapes in shapes {
          let arrays = Self.arrays(values, shapes, dtype)
          let condition = NDArray(
            (0..<(arrays[0].shape[0])).map { $0 % 3 == 0 },
            shape: [arrays[0].shape[0]] + arrays[0].shape.dropFirst())
          let operands = floats.count < op.operands.count ? [condition] + arrays : arrays
          let use = OpCase(operands.map { ValueType($0.dtype, sizes: $0.shape) }, attributes)
          try expectAgreement(op, use, operands, example.tolerance, zeroSigns: true)
        }
      }
    }
  }

  private static let casts = DType.allCases.map {
    Attributes(dictionaryLiteral: ("to", .dtype($0)))
  }

  private static func specialValues(_ dtype: DType) -> [Double] {
    let (tiny, least, largest) =
      dtype == .f32
      ? (
        Double(Float.leastNonzeroMagnitude), Double(Float.leastNormalMagnitude),
        Double(Float.greatestFiniteMagnitude)
      )
      : (
        Double.leastNonzeroMagnitude, Double.leastNormalMagnitude, Double.greatestFiniteMagnitude
      )
    let positive = [0, tiny, tiny * 3, least, 1e-8, 0.5, 1, 2, 3, 88, 104, 2_147_483_648, largest]
    return positive.flatMap { [$0, -$0] } + [.infinity, -.infinity, .nan]
  }

  /// Every value for one operand; every pair for two, as the shapes say.
  private static func arrays(_ values: [Double], _ shapes: [[Int]], _ dtype: DType) -> [NDArray] {
    let first = shapes.count == 2 && shapes[0].count == 1
    return shapes.enumerated().map { index, shape in
      let spread =
        !first
        ? values
        : values.indices.flatMap { a in values.indices.map { values[index == 0 ? a : $0] } }
      return NDArray(converting: spread, to: dtype, shape: shape)
    }
  }

  @Test("Work is cut into tiles without a seam", arguments: ["exp", "add", "select", "sum", "max"])
  func tiles(_ name: String) throws {
    let op = try #require(Dialect.standard.op(named: name))
    let example = try #require(OpExample.of(op))
    let shapes: [String: [[Int]]] = [
      "exp": [[33_000]], "add": [[129, 257], [257]], "select": [[129, 1], [129, 257], [257]],
      "sum": [[20_001, 2]], "max": [[3, 20_001]],
    ]
    let types = try #require(shapes[name]).enumerated().map { index, shape in
      ValueType(name == "select" && index == 0 ? .bool : .f32, sizes: shape)
    }
    let attributes: Attributes =
      name == "sum" ? ["axes": .ints([1])] : name == "max" ? ["axes": .ints([0])] : .none
    let use = OpCase(types, attributes)
    var generator = SeededGenerator(state: 3)
    try expectAgreement(op, use, try use.operands(&generator), example.tolerance)
  }

  @Test(
    "Integers wrap", arguments: ["add", "sub", "mul", "neg", "abs", "square", "div", "sum"])
  func wrapping(_ name: String) throws {
    let op = try #require(Dialect.standard.op(named: name))
    // What the reference holds exactly before it wraps: below 2^53.
    let extremes: [Double] =
      name == "square"
      ? [94_906_265, 65_536, -46_341, 46_340, 0]
      : [-2_147_483_648, 2_147_483_647, -1, 0, 46_341]
    let a = NDArray(converting: extremes, to: .i32, shape: [5])
    let b = NDArray(converting: [-1, 1, 0, 3, 46_341], to: .i32, shape: [5])
    let operands = op.operands.count == 1 ? [a] : [a, b]
    let use = OpCase(operands.map { ValueType($0.dtype, sizes: $0.shape) })
    try expectAgreement(op, use, operands, .exact)
  }

  @Test(
    "Reductions treat NaN and ∞ as the reference does",
    arguments: [
      "sum", "mean", "max", "min", "argmax", "logsumexp", "log_softmax",
    ])
  func reductionSpecials(_ name: String) throws {
    let op = try #require(Dialect.standard.op(named: name))
    let example = try #require(OpExample.of(op))
    let lines: [[Double]] = [
      [1, .nan, 3], [.infinity, 1, -.infinity], [-.infinity, -.infinity, -.infinity],
      [.infinity, .infinity, 0], [.nan, .nan, .infinity], [-0.0, 0, -0.0], [5, 7, 7],
      [1000, 1000.5, 999], [-1000, -1001, -3000],
    ]
    for dtype in [DType.f32, .f64] {
      for axis in [0, 1] {
        let rows = NDArray(converting: lines.flatMap { $0 }, to: dtype, shape: [lines.count, 3])
        let columns = NDArray(
          converting: (0..<3).flatMap { i in lines.map { $0[i] } }, to: dtype,
          shape: [3, lines.count])
        let operand = axis == 1 ? rows : columns
        let attributes: Attributes =
          name == "log_softmax" ? ["axis": .int(axis)] : ["axes": .ints([axis])]
        let use = OpCase([ValueType(dtype, sizes: operand.shape)], attributes)
        try expectAgreement(op, use, [operand], example.tolerance)
      }
    }
  }

  /// Runs the op with and without permission to write over its operands.
  private func expectAgreement(
    _ op: OpDefinition, _ use: OpCase, _ operands: [NDArray], _ tolerance: Tolerance,
    sizes: [String: Int] = [:], zeroSigns: Bool = false,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let free = try OneOpGraph(op, use)
    let expected = try #require(try free.reference(operands, sizes: sizes))
    let bound = try free.run(operands, sizes: sizes)
    #expect(bound.plan.violations() == [])
    let got = try #require(bound.output("y"))
    #expect(got.dtype == free.graph[free.result].type.dtype)
    #expect(
      tolerance.complaints(got, expected, zeroSigns: zeroSigns).prefix(3) == [],
      "\(op.name)\(use), in place where allowed", sourceLocation: sourceLocation)
    expectInPlace(op, free, bound, sourceLocation)

    let kept = try OneOpGraph(op, use, keeping: true)
    let second = try kept.run(operands, sizes: sizes)
    let again = try #require(second.output("y"))
    #expect(
      again.bytes == got.bytes, "\(op.name)\(use), in place and in memory of its own",
      sourceLocation: sourceLocation)
    for (name, operand) in zip(kept.names, operands) {
      #expect(
        second.output(name)?.bytes == operand.bytes, "\(op.name)\(use) wrote over '\(name)'",
        sourceLocation: sourceLocation)
    }
  }

  /// An op that may overwrite an operand of equal type does.
  private func expectInPlace(
    _ op: OpDefinition, _ single: OneOpGraph, _ bound: BoundProgram,
    _ sourceLocation: Testing.SourceLocation
  ) {
    guard case .over(let allowed) = op.storage else { return }
    let plan = bound.plan
    let result = single.result.index
    let fitting = allowed.filter {
      let operand = single.operands[$0]
      return plan.shapes[operand.index] == plan.shapes[result]
        && single.graph[operand].type.dtype == single.graph[single.result].type.dtype
    }
    guard !fitting.isEmpty else { return }
    #expect(
      fitting.contains { plan.places[single.operands[$0].index] == plan.places[result] },
      "\(op.name) did not run in place", sourceLocation: sourceLocation)
  }
}
