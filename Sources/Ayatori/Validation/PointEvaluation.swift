import GraphIR
import GraphOps

/// The values of numbered computations at one point, by the ops' reference rules, each computed
/// once.
///
/// Trial 0 is the plain evaluation. In every other trial each leaf and each result of arithmetic is
/// moved by a random relative amount of at most 2⁻⁵², as in Monte Carlo arithmetic (Parker 1997):
/// how far trials spread is how uncertain rounding makes a value.
struct PointEvaluation {
  enum Outcome {
    case value(ReferenceArray)
    /// What no value comes from: an index out of range, a size that does not fit.
    case failed(String)
  }

  let point: ValidationPoint
  /// What stands for zero in floating leaves: each another number of this size, up to twice it.
  private let zero: Double
  private var trials: [[Outcome?]] = []

  init(_ point: ValidationPoint, zero: Double = 0) {
    self.point = point
    self.zero = zero
  }

  /// The value of a number that was evaluated.
  func outcome(_ number: Int, trial: Int = 0) -> Outcome {
    trials.indices.contains(trial) && trials[trial].indices.contains(number)
      ? trials[trial][number] ?? .failed("not evaluated") : .failed("not evaluated")
  }

  func array(_ number: Int, trial: Int = 0) -> ReferenceArray? {
    if case .value(let array) = outcome(number, trial: trial) { array } else { nil }
  }

  mutating func evaluate(_ roots: [Int], _ numbering: ValueNumbering, trial: Int = 0) {
    while trials.count <= trial { trials.append([]) }
    let missing = numbering.entries.count - trials[trial].count
    if missing > 0 { trials[trial] += [Outcome?](repeating: nil, count: missing) }
    let known = trials[trial]
    for number in numbering.needed(by: roots, isKnown: { known[$0] != nil }) {
      trials[trial][number] = outcome(of: number, numbering, trial)
    }
  }

  /// Whether every value that `root` needs is finite.
  func isFinite(_ root: Int, _ numbering: ValueNumbering) -> Bool {
    numbering.needed(by: [root]).allSatisfy { number in
      array(number)?.values.allSatisfy(\.isFinite) ?? false
    }
  }

  /// Whether a value that `root` is computed from is infinite somewhere.
  func overflows(before root: Int, _ numbering: ValueNumbering) -> Bool {
    numbering.needed(by: [root]).contains { number in
      number != root && (array(number)?.values.contains(where: \.isInfinite) ?? false)
    }
  }

  /// Whether a value that `root` is computed from is somewhere below the least normal number since
  /// it was rounded.
  func underflows(before root: Int, _ numbering: ValueNumbering) -> Bool {
    numbering.needed(by: [root]).contains { $0 != root && underflows($0, numbering) }
  }

  private func underflows(_ number: Int, _ numbering: ValueNumbering) -> Bool {
    let entry = numbering.entries[number]
    guard case .operation(let operation) = entry.body,
      PointEvaluation.canUnderflow.contains(operation.definition),
      array(number)?.values.contains(where: { abs($0) < .leastNormalMagnitude }) ?? false
    else { return false }
    // Zero times anything is exact.
    return !entry.operands.contains { array($0)?.values.contains(0) ?? true }
  }

  private static let canUnderflow: [OpDefinition] = [
    .mul, .div, .reciprocal, .square, .pow, .exp, .sigmoid, .softplus,
  ]

  private func outcome(of number: Int, _ numbering: ValueNumbering, _ trial: Int) -> Outcome {
    let entry = numbering.entries[number]
    do {
      var array: ReferenceArray
      switch entry.body {
      case .constant(let scalar, _): return .value(ReferenceArray(scalar: scalar.doubleValue))
      case .size(let dim, _):
        return .value(ReferenceArray(scalar: Double(try dim.evaluated(point.sizes))))
      case .leaf(let name, let kind, let type):
        let shape = try type.shape.evaluated(point.sizes)
        array = ReferenceArray(
          shape: shape,
          values: point.values(name, kind, type.dtype, count: shape.reduce(1, *)))
        if zero != 0, type.dtype.isFloating {
          var random = random(number, trial)
          for index in array.values.indices where array.values[index] == 0 {
            array.values[index] = zero * (1 + random.uniform())
          }
        }
      case .operation(let operation):
        var operands: [ReferenceArray] = []
        for operand in entry.operands {
          switch outcome(operand, trial: trial) {
          case .value(let array): operands.append(array)
          case .failed(let reason): return .failed(reason)
          }
        }
        let shape = try shape(of: entry, number)
        if let complaint = operation.definition.bindCheck?(
          operands.map(\.shape), operation.attributes, point.sizes)
        {
          return .failed("\(operation.definition.name): \(complaint.message)")
        }
        array = try operation.definition.reference(
          ReferenceRule.Context(
            operands: operands, operandTypes: entry.operandTypes,
            attributes: operation.attributes, type: entry.type, shape: shape, sizes: point.sizes))
        if !PointEvaluation.rounds(operation.definition) { return .value(array) }
      }
      if trial > 0, entry.type.dtype.isFloating {
        perturb(&array, number, trial)
      }
      return .value(array)
    } catch {
      return .failed("\(error)")
    }
  }

  private func shape(of entry: ValueNumbering.Entry, _ number: Int) throws -> [Int] {
    // Trial 0 comes first, and shapes are the same in all.
    if let known = array(number) { return known.shape }
    return try entry.type.shape.evaluated(point.sizes)
  }

  // MARK: Perturbing

  /// Whether an op computes new floats; what only moves or marks them is exact.
  private static func rounds(_ op: OpDefinition) -> Bool {
    switch op.drawing.family {
    case .movement, .barrier, .comparison, .conversion: false
    case .elementwise, .reduction, .matmul, .sampling, .loss: true
    }
  }

  private func perturb(_ array: inout ReferenceArray, _ number: Int, _ trial: Int) {
    var random = random(number, trial)
    for index in array.values.indices {
      let value = array.values[index]
      let moved = value * (1 + (random.uniform() * 2 - 1) * 0x1p-52)
      // Near the largest double a move could leave the finite numbers.
      if moved.isFinite { array.values[index] = moved }
    }
  }

  /// The same for a number in whichever graph it stands.
  private func random(_ number: Int, _ trial: Int) -> PointRandom {
    PointRandom(
      seed: point.seed &+ UInt64(number) &* 0xD134_2543_DE82_EF95 &+ UInt64(trial) << 48)
  }
}
