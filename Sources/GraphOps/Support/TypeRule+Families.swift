import GraphIR

extension TypeError {
  /// An operand whose dtype the op does not take.
  static func dtype(
    _ context: TypeRule.Context, _ index: Int, expected: String, fix: String? = nil
  ) -> TypeError {
    TypeError(
      "'\(context.definition.name)' does not take \(context[index].dtype) "
        + "as '\(context.name(index))'",
      expected: expected, got: "\(context[index])", operand: index, fix: fix)
  }

  /// An operand whose rank or extents the op does not take.
  static func shape(
    _ context: TypeRule.Context, _ index: Int, _ message: String, expected: String
  ) -> TypeError {
    TypeError(
      "\(message) in '\(context.definition.name)'", expected: expected, got: "\(context[index])",
      operand: index)
  }
}

/// Sets of dtypes that ops take.
enum DTypeSet {
  case floating, integer, numeric, bool, any

  func contains(_ dtype: DType) -> Bool {
    switch self {
    case .floating: dtype.isFloating
    case .integer: dtype.isInteger
    case .numeric: dtype.isNumeric
    case .bool: dtype == .bool
    case .any: true
    }
  }

  var text: String {
    switch self {
    case .floating: "f32 or f64"
    case .integer: "i32 or i64"
    case .numeric: "f32, f64, i32 or i64"
    case .bool: "bool"
    case .any: "any dtype"
    }
  }
}

extension TypeRule.Context {
  func require(_ index: Int, _ dtypes: DTypeSet) throws(TypeError) {
    guard dtypes.contains(self[index].dtype) else {
      let fix =
        dtypes == .floating && self[index].dtype != .bool || dtypes == .numeric
        ? "convert it: cast(\(name(index)), to: f32)" : nil
      throw .dtype(self, index, expected: dtypes.text, fix: fix)
    }
  }

  /// All operands in `range` have the dtype of the first of them.
  func requireEqualDTypes(_ range: Range<Int>) throws(TypeError) {
    for index in range.dropFirst() where self[index].dtype != self[range.lowerBound].dtype {
      // A number that is converted should keep its digits: floats stay what they are.
      let both = [self[range.lowerBound].dtype, self[index].dtype]
      let target = both.first(where: \.isFloating) ?? both[0]
      let other = both[0] == target ? index : range.lowerBound
      throw TypeError(
        "the operands of '\(definition.name)' differ in dtype",
        expected: "\(both[0]), as '\(name(range.lowerBound))'",
        got: "\(self[index])", operand: index,
        fix: "convert '\(name(other))': cast(…, to: \(target))")
    }
  }

  /// The broadcast of the shapes of all operands in `range`.
  func broadcastShape(_ range: Range<Int>) throws(TypeError) -> Shape {
    var shape = self[range.lowerBound].shape
    for index in range.dropFirst() {
      guard let both = shape.broadcast(with: self[index].shape) else {
        throw TypeError(
          "the shapes of '\(definition.name)' do not broadcast",
          expected: "a shape that fits \(shape)", got: "\(self[index])", operand: index)
      }
      shape = both
    }
    return shape
  }

  /// `axis` counted from the front, checked against `rank`.
  func normalized(axis: Int, rank: Int, attribute: String = "axis") throws(TypeError) -> Int {
    let positive = axis < 0 ? axis + rank : axis
    guard positive >= 0, positive < rank else {
      throw TypeError(
        "the \(attribute) \(axis) of '\(definition.name)' does not exist",
        expected: rank == 0 ? "no axis: the operand is a scalar" : "\(-rank) to \(rank - 1)",
        got: "\(axis) for \(self[0])", operand: 0)
    }
    return positive
  }
}

extension TypeRule {
  /// One operand; the result has its type.
  static func sameAsOperand(_ dtypes: DTypeSet) -> TypeRule {
    TypeRule { context throws(TypeError) in
      try context.require(0, dtypes)
      return context[0]
    }
  }

  /// Operands of one dtype that broadcast; the result has that dtype.
  static func broadcast(_ dtypes: DTypeSet) -> TypeRule {
    TypeRule { context throws(TypeError) in
      for index in context.operands.indices { try context.require(index, dtypes) }
      try context.requireEqualDTypes(context.operands.indices)
      return ValueType(context[0].dtype, try context.broadcastShape(context.operands.indices))
    }
  }

  /// Operands of one dtype that broadcast; the result is bool.
  static func comparison(_ dtypes: DTypeSet) -> TypeRule {
    TypeRule { context throws(TypeError) in
      try context.require(0, dtypes)
      try context.requireEqualDTypes(0..<2)
      return ValueType(.bool, try context.broadcastShape(0..<2))
    }
  }

  /// Axes are reduced away, or kept as 1 with `keepdims`.
  static func reduction(_ dtypes: DTypeSet, result dtype: DType? = nil) -> TypeRule {
    TypeRule { context throws(TypeError) in
      try context.require(0, dtypes)
      let axes = try context.reducedAxes()
      let keep = context.attributes.bool("keepdims")
      var dims: [Dim] = []
      for (axis, dim) in context[0].shape.dims.enumerated() {
        if !axes.contains(axis) {
          dims.append(dim)
        } else if keep {
          dims.append(1)
        }
      }
      return ValueType(dtype ?? context[0].dtype, Shape(dims))
    }
  }
}

extension TypeRule.Context {
  /// The attribute `axes` counted from the front, sorted; all axes when it is empty.
  func reducedAxes() throws(TypeError) -> [Int] {
    let rank = self[0].shape.rank
    var axes: [Int] = []
    for axis in attributes.ints("axes") {
      let positive = try normalized(axis: axis, rank: rank, attribute: "axis")
      if axes.contains(positive) {
        throw TypeError(
          "the axis \(axis) of '\(definition.name)' is named twice",
          expected: "each axis once", got: "axes: \(attributes.ints("axes"))")
      }
      axes.append(positive)
    }
    return axes.isEmpty ? Array(0..<rank) : axes.sorted()
  }
}

extension Attributes {
  /// The checked attribute `axis` counted from the front.
  func axis(rank: Int) -> Int {
    let axis = int("axis")
    return axis < 0 ? axis + rank : axis
  }
}

/// The axes that a reduction with checked attributes reduces, counted from the front and sorted.
func reducedAxes(_ attributes: Attributes, rank: Int) -> [Int] {
  let axes = attributes.ints("axes")
  return axes.isEmpty ? Array(0..<rank) : axes.map { $0 < 0 ? $0 + rank : $0 }.sorted()
}
