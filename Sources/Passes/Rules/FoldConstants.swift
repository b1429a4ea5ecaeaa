import GraphIR
import GraphOps

extension Pass {
  /// Ops on numbers alone become numbers.
  ///
  /// There is no second meaning: the op's own kernel runs, in the op's dtype, and its reference
  /// rule, in doubles. The reference's value stands. Where it is the kernel's result once it is
  /// rounded to the dtype, as constants are, nothing has changed; else the kernel had rounded on
  /// its way, and the reference's value is the nearer one to the real number.
  public static let foldConstants = Pass(
    "fold_constants", "2 * 3 => 6: ops on numbers, by their own kernels",
    rules: [
      RewriteRule(
        "fold_exact", "f(numbers) => number  (kernel and reference agree in the dtype)", .exact,
        on: foldable
      ) { site in
        guard let folding = Folding(site), folding.isExact else { return nil }
        return site.builder.constant(folding.value, site.type.dtype)
      },
      RewriteRule(
        "fold_rounded", "f(numbers) => number by the reference  (the kernel rounds on its way)",
        .reassociating, on: foldable
      ) { site in
        // A step taken elsewhere is no rounding: truth values and integers must agree.
        guard site.isFloating, let folding = Folding(site), !folding.isExact else { return nil }
        return site.builder.constant(folding.value, site.type.dtype)
      },
    ]
  ) { graph in
    // The first to be folded has nothing but numbers for operands.
    graph.nodes.contains { node in
      node.operation != nil && node.type.shape.rank == 0
        && node.operands.allSatisfy {
          if case .leaf(.constant) = graph[$0].body { true } else { false }
        }
    }
  }

  /// Ops with a kernel that computes from operands alone.
  private static let foldable = Dialect.standard.ops.filter { op in
    guard op.sampling == nil, !op.operands.contains(where: { $0.edge == .noise }) else {
      return false
    }
    switch op.kernel {
    case .none, .decomposed: return false
    default: return true
    }
  }
}

/// What an op makes of numbers.
private struct Folding {
  /// What stands for the op.
  let value: Scalar
  /// Whether runs and the reference give the same as before.
  let isExact: Bool

  /// nil when an operand or the result is no number, or the op refuses the operands.
  init?(_ site: RewriteSite) {
    guard site.shape.rank == 0, !site.operands.isEmpty else { return nil }
    var numbers: [Scalar] = []
    for operand in site.operands {
      // Kept constants are to be differentiated by.
      guard !site.isKept(operand),
        case .leaf(.constant(let number)) = site.builder.body(of: operand.id)
      else { return nil }
      numbers.append(number)
    }
    let op = site.operation.definition
    let shapes = numbers.map { _ in [Int]() }
    guard op.bindCheck?(shapes, site.attributes, [:]) == nil,
      let computed = Folding.run(op, numbers, site),
      let expected = try? op.reference(
        ReferenceRule.Context(
          operands: numbers.map { ReferenceArray(scalar: $0.doubleValue) },
          operandTypes: site.operands.map(\.type), attributes: site.attributes, type: site.type,
          shape: [], sizes: [:])
      ).values.first
    else { return nil }
    switch site.type.dtype {
    case .f32:
      value = .float(expected)
      isExact = Scalar.float(Double(Float(expected))) == computed
    case .f64:
      value = .float(expected)
      isExact = value == computed
    case .i32, .i64, .bool:
      // Doubles do not hold every i64; the kernel's number does.
      value = computed
      isExact = computed.doubleValue == expected
    }
  }

  /// The number that the kernel leaves behind; nil when it reports a failure.
  private static func run(_ op: OpDefinition, _ numbers: [Scalar], _ site: RewriteSite) -> Scalar? {
    // One place of 64 bytes, a cache line, for each operand and the result.
    let stride = 64
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: stride * (numbers.count + 1), alignment: stride)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: stride * (numbers.count + 1))
    func buffer(_ place: Int, _ dtype: DType) -> Buffer {
      Buffer(pointer: memory + stride * place, dtype: dtype, shape: [])
    }
    let operands = numbers.indices.map { buffer($0, site[$0].dtype) }
    for (operand, number) in zip(operands, numbers) { operand.store(number) }
    let result = buffer(numbers.count, site.type.dtype)
    guard
      let kernel = op.kernel.prepared(
        KernelRule.Context(
          operands: operands, result: result, attributes: site.attributes, sizes: [:]))
    else { return nil }
    return kernel.runAlone() == nil ? result.loaded : nil
  }
}

extension Buffer {
  /// Puts a number into a buffer of one element, as runs put constants.
  fileprivate func store(_ number: Scalar) {
    switch (dtype, number) {
    case (.f32, _): typed(Float.self).initialize(to: Float(number.doubleValue))
    case (.f64, _): typed(Double.self).initialize(to: number.doubleValue)
    case (.i32, _): typed(Int32.self).initialize(to: Int32(saturating: number.doubleValue))
    case (.i64, .int(let value)): typed(Int64.self).initialize(to: value)
    case (.i64, _): typed(Int64.self).initialize(to: Int64(saturating: number.doubleValue))
    case (.bool, _): typed(UInt8.self).initialize(to: number.doubleValue == 0 ? 0 : 1)
    }
  }

  /// The number in a buffer of one element.
  fileprivate var loaded: Scalar {
    switch dtype {
    case .f32: .float(Double(typed(Float.self).pointee))
    case .f64: .float(typed(Double.self).pointee)
    case .i32: .int(Int64(typed(Int32.self).pointee))
    case .i64: .int(typed(Int64.self).pointee)
    case .bool: .bool(typed(UInt8.self).pointee != 0)
    }
  }
}
