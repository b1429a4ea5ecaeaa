/// An array of the reference interpreter: every element a Double, whatever the dtype.
///
/// Floats are not rounded to f32, integers are exact up to 2^53.
public struct ReferenceArray: Sendable, Equatable {
  public var shape: [Int]
  /// Row-major.
  public var values: [Double]

  /// Misuse traps: the count must be the shape's product.
  public init(shape: [Int], values: [Double]) {
    precondition(
      values.count == shape.reduce(1, *), "\(values.count) values for the shape \(shape)")
    self.shape = shape
    self.values = values
  }

  public init(scalar value: Double) { self.init(shape: [], values: [value]) }

  public init(_ array: NDArray) { self.init(shape: array.shape, values: array.doubles) }
}

/// The meaning of an op in plain Swift: slow, obvious, no BLAS and no C.
public struct ReferenceRule: Sendable {
  public struct Context: Sendable {
    public let operands: [ReferenceArray]
    public let operandTypes: [ValueType]
    public let attributes: Attributes
    /// The result's type and concrete shape.
    public let type: ValueType
    public let shape: [Int]
    /// The value of every dimension.
    public let sizes: [String: Int]

    public init(
      operands: [ReferenceArray], operandTypes: [ValueType], attributes: Attributes,
      type: ValueType, shape: [Int], sizes: [String: Int]
    ) {
      self.operands = operands
      self.operandTypes = operandTypes
      self.attributes = attributes
      self.type = type
      self.shape = shape
      self.sizes = sizes
    }

    public subscript(_ index: Int) -> ReferenceArray { operands[index] }
  }

  private let rule: @Sendable (Context) throws(RunError) -> ReferenceArray

  public init(_ rule: @escaping @Sendable (Context) throws(RunError) -> ReferenceArray) {
    self.rule = rule
  }

  public func callAsFunction(_ context: Context) throws(RunError) -> ReferenceArray {
    try rule(context)
  }
}

/// What can go wrong in a step on values that no type rule can see.
public struct RunError: Error, Hashable, Sendable {
  public var message: String
  public init(_ message: String) { self.message = message }
}
