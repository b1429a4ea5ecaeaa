/// How an op is written in mathematics: what formulas print, and what they may simplify by.
public enum Notation: Sendable {
  /// Arithmetic on elements, by which formulas are simplified; of floats only.
  case arithmetic(Term)
  /// f(x, y).
  case function(Sign)
  /// e to the power of its operand: exp(−2·s) is exp(s)⁻².
  case exponential(Sign)
  /// The inverse of the exponential.
  case naturalLogarithm(Sign)
  /// The logarithm of shares along the axis of the attribute `axis`, log_softmax of softmax: e to
  /// its power is that function and adds up to 1. `even` is what it is of n equal elements, by n.
  case logarithm(of: Sign, Sign, even: Term)
  /// max(x, 0): above 0 where its operand is, and 0 elsewhere.
  case positivePart(Sign)
  /// 1 at the position that its operand is along a new last axis, 0 elsewhere: adds up to 1 where
  /// the position is below what the operand's spec says.
  case indicator(Sign)
  /// Its operand as a value; derivatives see more in it. Written as a function where a formula says
  /// how a graph computes, left out where it says what comes of it.
  case barrier(Sign)
  /// a < b, a ∧ b; with the sign of the opposite, when there is one.
  case infix(Sign, opposite: Sign?)
  /// ¬x.
  case prefix(Sign)
  /// |x|: the sign stands on both sides.
  case fences(Sign)
  /// 1 where its operand compares so with 0, else 0: `[x > 0]`.
  case bracket(OpDefinition)
  /// The second operand where the first holds, else the third.
  case choice
  /// Over the axes of the attribute `axes`: `Σ_N x`. A total is linear in its operand.
  case reduction(Sign, isTotal: Bool)
  /// The product of two matrices, each transposed where its attribute says so.
  case matrixProduct(transposes: [String])
  /// x·Wᵀ + b.
  case affine
  /// Its operand with two axes exchanged, when there are two: xᵀ.
  case transposition
  /// Its operand, where it broadcasts.
  case stretching
  /// The elements of its operand in another shape.
  case reshaping
  /// Its operand in another dtype: a truth value as 0 or 1 is a bracket, `[x > 0]`.
  case conversion

  /// What is written in plain text and in LaTeX's mathematics.
  public struct Sign: Hashable, Sendable {
    public var text: String
    public var latex: String

    public init(_ text: String, latex: String) {
      self.text = text
      self.latex = latex
    }

    /// A name in upright letters: `sigmoid`. Letters and digits only; `_` is escaped.
    public static func upright(_ name: String) -> Sign {
      Sign(name, latex: "\\mathrm{\(name.split(separator: "_").joined(separator: "\\_"))}")
    }
  }

  /// Arithmetic on an op's operands.
  public indirect enum Term: Sendable {
    case operand(Int)
    case number(Double)
    case sum([Term])
    case product([Term])
    /// A base and its exponent.
    case power(Term, Term)
    /// An elementwise op without attributes.
    case call(OpDefinition, [Term])

    /// The first and the second operand.
    public static let (x, y) = (Term.operand(0), Term.operand(1))

    public static func + (a: Term, b: Term) -> Term { .sum([a, b]) }
    public static func - (a: Term, b: Term) -> Term { .sum([a, -b]) }
    public static func * (a: Term, b: Term) -> Term { .product([a, b]) }
    public static func / (a: Term, b: Term) -> Term { .product([a, .power(b, .number(-1))]) }
    public static prefix func - (a: Term) -> Term { .product([.number(-1), a]) }
  }
}

extension OpDefinition {
  /// How the op is written: what it says of itself, else its name as a function.
  public var notation: Notation { drawing.notation ?? .function(.upright(name)) }

  /// Whether an element of the result depends on the operands' elements at the same place alone.
  package var isElementwise: Bool { if case .elementwise = fusion { true } else { false } }
}
