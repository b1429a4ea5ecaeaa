import GraphIR
import GraphOps
import Testing

@Suite("What type rules refuse")
struct OpComplaintTests {
  @Test("Words, expectation and finding", arguments: Complaint.all)
  func words(_ complaint: Complaint) throws {
    let op = try #require(Dialect.standard.op(named: complaint.op))
    let error = try #require(Self.refusal(op, complaint.types, complaint.attributes))
    #expect(error.message == complaint.message)
    #expect(error.expected == complaint.expected)
    #expect(error.got == complaint.got)
    #expect(error.operand == complaint.operand)
  }

  private static func refusal(
    _ op: OpDefinition, _ types: [ValueType], _ attributes: Attributes
  ) -> TypeError? {
    // As the builder asks, but for operands too: it makes no leaf of a size that cannot be.
    do {
      let complete = try op.completed(attributes)
      try op.checkOperandCount(types.count)
      _ = try op.type(
        TypeRule.Context(definition: op, operands: types, attributes: complete))
      return nil
    } catch {
      return error
    }
  }

  /// Random operands and attributes: whatever a rule says must stand in the table above, so that a
  /// new complaint needs its test.
  @Test("No complaint is without a test, and no rule traps", arguments: Dialect.standard.ops)
  func completeness(_ op: OpDefinition) throws {
    let known = Set(
      Complaint.all.filter { $0.op == op.name }.map { Complaint.kind($0.op, $0.message) })
    var generator = SeededGenerator(state: 11)
    var accepted = 0
    for _ in 0..<(op.sampling == nil ? 1500 : 8000) {
      let variadic = op.isVariadic ? Int.random(in: 0...2, using: &generator) : 0
      let types = (0..<(op.operands.count + variadic)).map { _ in Self.randomType(&generator) }
      let entries = op.attributes.map { ($0.name, Self.value($0, &generator)) }
      var attributes = Attributes.none
      for (name, value) in entries { attributes[name] = value }
      guard let error = Self.refusal(op, types, attributes) else {
        accepted += 1
        continue
      }
      #expect(error.expected != "" && error.got != "")
      // The builder's own complaints have their tests among the guards.
      if error.message.hasPrefix("the result of '") || error.message.contains("too large") {
        continue
      }
      let kind = Complaint.kind(op.name, error.message)
      #expect(
        known.contains(kind), "untested: \(error.message), for \(types) \(attributes.entries)")
    }
    #expect(accepted > 0, "the pool never fits '\(op.name)'")
  }

  private static func randomType(_ generator: inout SeededGenerator) -> ValueType {
    // Half of the draws are f32 and square, so that shapes get past the dtype checks.
    let dtypes: [DType] = [.f32, .f32, .f32, .f32, .f64, .i32, .i64, .i64, .bool, .bool]
    let shapes: [Shape] = [
      [], [], [3], [3], [4], [3, 3], [3, 3], [3, 4], [2, 3, 3], [N], [N], [N, 3], [D, N],
      [1, 1, 1, 1, 1, 1, 1, 1], [Dim(Int.max)], [0],
    ]
    return ValueType(
      dtypes[Int.random(in: 0..<dtypes.count, using: &generator)],
      shapes[Int.random(in: 0..<shapes.count, using: &generator)])
  }

  private static func value(
    _ spec: AttributeSpec, _ generator: inout SeededGenerator
  ) -> AttributeValue {
    func pick<T>(_ options: [T]) -> T {
      options[Int.random(in: 0..<options.count, using: &generator)]
    }
    let dim: [Dim] = [0, 0, 1, 3, 4, -1, N, Dim(Int.max), Dim(Int.min)]
    return switch spec.kind {
    case .bool: .bool(pick([true, false]))
    case .int: .int(pick([0, 0, 1, 1, 2, -1, -7, 9, .max, .min]))
    case .scalar: .scalar(.float(1))
    case .symbol: .symbol(pick(spec.choices))
    case .dtype: .dtype(pick(DType.allCases))
    case .ints: .ints(pick([[], [0], [1], [1, 0], [0, 0], [-1], [7], [.min], [.max, 0]]))
    case .dims:
      .dims(
        pick([[], [3], [4, 3], [2, 3, 3], [N, 3], [-1], [3, -1], [-1, -1], [Dim(Int.max), 2]]))
    case .dim: .dim(pick(dim))
    }
  }

  // MARK: What holds for every op

  @Test("Operand counts and attributes are checked", arguments: Dialect.standard.ops)
  func framework(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    let (types, attributes) = (example.typical.types, example.typical.attributes)
    let none = try #require(Self.refusal(op, [], attributes))
    #expect(none.message.hasPrefix("'\(op.name)' takes ") && none.got == "0 operands")
    if !op.isVariadic {
      let more = try #require(Self.refusal(op, types + [.f32()], attributes))
      #expect(more.message.hasPrefix("'\(op.name)' takes \(op.operands.count) operand"))
      #expect(more.expected == op.operands.map(\.name).joined(separator: ", "))
    }
    var unknown = attributes
    unknown["nonsense"] = .int(1)
    let stray = try #require(Self.refusal(op, types, unknown))
    #expect(stray.message == "'\(op.name)' has no attribute 'nonsense'")
    #expect(stray.got == "nonsense: 1")
    for spec in op.attributes {
      var wrong = attributes
      wrong[spec.name] = spec.kind == .scalar ? .bool(true) : .scalar(.float(0.5))
      let kind = try #require(Self.refusal(op, types, wrong))
      #expect(kind.message == "the attribute '\(spec.name)' of '\(op.name)' is of the wrong kind")
      #expect(kind.expected == spec.kind.rawValue)
      if !spec.choices.isEmpty {
        wrong[spec.name] = .symbol("nonsense")
        let choice = try #require(Self.refusal(op, types, wrong))
        #expect(choice.message == "'nonsense' is no \(spec.name) of '\(op.name)'")
        #expect(choice.expected == "one of " + spec.choices.joined(separator: ", "))
      }
      if spec.defaultValue == nil {
        wrong[spec.name] = nil
        let missing = try #require(Self.refusal(op, types, wrong))
        #expect(missing.message == "'\(op.name)' needs the attribute '\(spec.name)'")
      }
      #expect(!spec.summary.isEmpty)
    }
  }
}
