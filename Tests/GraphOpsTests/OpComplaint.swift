import GraphIR
import GraphOps
import Testing

/// One use that a type rule must refuse, with its words.
struct Complaint: Sendable, CustomTestStringConvertible {
  var op: String
  var types: [ValueType]
  var attributes: Attributes
  var message: String
  var expected: String?
  var got: String?
  var operand: Int?

  init(
    _ op: String, _ types: [ValueType], _ message: String, expected: String?, got: String?,
    operand: Int? = nil
  ) {
    self.init(op, types, .none, message, expected: expected, got: got, operand: operand)
  }

  init(
    _ op: String, _ types: [ValueType], _ attributes: Attributes, _ message: String,
    expected: String?, got: String?, operand: Int? = nil
  ) {
    self.op = op
    self.types = types
    self.attributes = attributes
    self.message = message
    self.expected = expected
    self.got = got
    self.operand = operand
  }

  var testDescription: String { "\(op): \(message)" }

  /// The message without numbers, dtypes and dims: what kind of complaint it is.
  static func kind(_ op: String, _ message: String) -> String {
    let plain = message.replacing(/\b(f32|f64|i32|i64|bool)\b/, with: "dtype")
      .replacing(/-?\d+/, with: "#")
    return "\(op): \(plain)"
  }

  // MARK: Families

  static func dtype(
    _ op: String, _ types: [ValueType], _ index: Int, _ name: String, _ expected: String,
    _ attributes: Attributes = .none
  ) -> Complaint {
    Complaint(
      op, types, attributes, "'\(op)' does not take \(types[index].dtype) as '\(name)'",
      expected: expected,
      got: "\(types[index])", operand: index)
  }

  static func differing(
    _ op: String, _ types: [ValueType], _ name: String, at index: Int = 1, from start: Int = 0
  ) -> Complaint {
    Complaint(
      op, types, "the operands of '\(op)' differ in dtype",
      expected: "\(types[start].dtype), as '\(name)'", got: "\(types[index])", operand: index)
  }

  static func unbroadcastable(
    _ op: String, _ types: [ValueType], at index: Int = 1
  ) -> Complaint {
    Complaint(
      op, types, "the shapes of '\(op)' do not broadcast",
      expected: "a shape that fits \(types[0].shape)", got: "\(types[index])", operand: index)
  }

  static func axis(
    _ op: String, _ types: [ValueType], _ attributes: Attributes, _ axis: Int, _ expected: String
  ) -> Complaint {
    Complaint(
      op, types, attributes, "the axis \(axis) of '\(op)' does not exist", expected: expected,
      got: "\(axis) for \(types[0])", operand: 0)
  }

  static func binary(
    _ op: String, _ a: String, _ b: String, refused: [ValueType], _ good: ValueType, _ set: String
  ) -> [Complaint] {
    refused.flatMap {
      [dtype(op, [$0, good], 0, a, set), dtype(op, [good, $0], 1, b, set)]
    } + [
      unbroadcastable(op, [ValueType(good.dtype, [3]), ValueType(good.dtype, [4])]),
      unbroadcastable(op, [ValueType(good.dtype, [N]), ValueType(good.dtype, [D])]),
    ]
  }

  /// Every complaint of every type rule.
  static let all: [Complaint] =
    unary + binaries + reductions + products + movements + draws + densities
}
