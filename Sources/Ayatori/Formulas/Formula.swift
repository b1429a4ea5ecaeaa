public import GraphIR

/// A value as mathematics: a tree of sums, products, powers and functions over named symbols.
///
/// Arithmetic is elementwise and broadcasts as NumPy's, so that a formula may be of a smaller shape
/// than the node that it came from: a gradient that is the same for all elements is one number.
/// Formulas are made by the functions of `Formula+Simplification.swift`, which simplify as they go.
public struct Formula: Hashable, Sendable {
  public indirect enum Body: Hashable, Sendable {
    case number(Double)
    case symbol(FormulaSymbol)
    /// Two addends or more.
    case sum([Formula])
    /// Two factors or more, in the order in which people write them; a number comes first.
    case product([Formula])
    /// A base and its exponent.
    case power(Formula, Formula)
    /// 1 where a condition holds (or does not, when negated), 0 elsewhere: Iverson's bracket.
    case bracket(Formula, negated: Bool)
    /// An op that is no arithmetic, of operands in the shapes that it takes.
    case call(Operation, [Formula])
    /// A formula stretched to the shape of the type, where an op needs that shape.
    case stretched(Formula)
  }

  public let body: Body
  public let type: ValueType
  /// How many symbols, numbers and functions there are in it.
  public let size: Int
  /// The last of several draws that it depends on, 2 for `z#2`; 1 when there is one.
  let draw: Int

  init(_ body: Body, _ type: ValueType) {
    self.body = body
    self.type = type
    draw =
      switch body {
      case .number: 1
      case .symbol(let symbol): DrawName(symbol.name).number ?? 1
      case .sum(let parts), .product(let parts), .call(_, let parts):
        parts.reduce(1) { Swift.max($0, $1.draw) }
      case .power(let base, let exponent): Swift.max(base.draw, exponent.draw)
      case .bracket(let inner, _), .stretched(let inner): inner.draw
      }
    size =
      switch body {
      case .number, .symbol: 1
      case .sum(let parts), .product(let parts): Formula.size(of: parts)
      case .power(let base, let exponent): base.size + exponent.size
      case .bracket(let condition, _): condition.size + 1
      case .call(_, let operands): Formula.size(of: operands) + 1
      case .stretched(let inner): inner.size + 1
      }
  }

  private static func size(of parts: [Formula]) -> Int { parts.reduce(0) { $0 + $1.size } }

  public var shape: Shape { type.shape }
  public var isScalar: Bool { type.shape.rank == 0 }

  /// The number that the formula is, when it is one.
  public var number: Double? { if case .number(let value) = body { value } else { nil } }

  public var symbol: FormulaSymbol? { if case .symbol(let symbol) = body { symbol } else { nil } }

  /// The symbols of the formula, each once, in reading order.
  public var symbols: [FormulaSymbol] {
    var found: [FormulaSymbol] = []
    var seen: Set<FormulaSymbol> = []
    collect(&found, &seen)
    return found
  }

  private func collect(_ found: inout [FormulaSymbol], _ seen: inout Set<FormulaSymbol>) {
    if case .symbol(let symbol) = body, seen.insert(symbol).inserted { found.append(symbol) }
    for part in parts { part.collect(&found, &seen) }
  }

  /// The formulas directly inside, in reading order.
  public var parts: [Formula] {
    switch body {
    case .number, .symbol: []
    case .sum(let parts), .product(let parts), .call(_, let parts): parts
    case .power(let base, let exponent): [base, exponent]
    case .bracket(let inner, _), .stretched(let inner): [inner]
    }
  }
}
