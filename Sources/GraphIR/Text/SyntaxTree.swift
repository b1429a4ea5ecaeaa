/// A parsed text: three flat arrays, so that no depth of nesting costs stack.
///
/// Expressions lie in post-order, children before parents and each subtree contiguous: whoever
/// reads an expression sweeps a range of the arena from left to right and never recurses.
struct SyntaxTree {
  var graphName: Name?
  var statements: [Statement] = []
  var expressions: [Expression] = []
  var arguments: [Argument] = []

  subscript(_ id: ExpressionID) -> Expression { expressions[id.index] }

  mutating func append(_ expression: Expression) -> ExpressionID {
    expressions.append(expression)
    return ExpressionID(index: expressions.count - 1)
  }

  mutating func leaf(_ kind: Expression.Kind, _ range: Range<Int>) -> ExpressionID {
    append(Expression(kind: kind, range: range, anchor: range, first: expressions.count))
  }
}

struct ExpressionID {
  var index: Int
}

struct Expression {
  enum Kind {
    /// Where the parser gave up; it has said why.
    case missing
    case integer(UInt64)
    case float(Double)
    case bool(Bool)
    case name(Name)
    case negate(ExpressionID)
    case infix(InfixOperator, ExpressionID, ExpressionID)
    case call(Name, Range<Int>)
    case list(Range<Int>)
  }

  var kind: Kind
  var range: Range<Int>
  /// Where the caret goes when the operation itself is at fault: the operator or the callee.
  var anchor: Range<Int>
  /// Where the subtree begins in the arena.
  var first: Int
}

struct Argument {
  var keyword: Name?
  var value: ExpressionID
}

enum InfixOperator: String {
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessEqual = "<="
  case greater = ">"
  case greaterEqual = ">="
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case power = "**"

  init?(_ kind: Token.Kind) {
    switch kind {
    case .equal: self = .equal
    case .notEqual: self = .notEqual
    case .less: self = .less
    case .lessEqual: self = .lessEqual
    case .greater: self = .greater
    case .greaterEqual: self = .greaterEqual
    case .plus: self = .add
    case .minus: self = .subtract
    case .star: self = .multiply
    case .slash: self = .divide
    case .power: self = .power
    default: return nil
    }
  }

  /// How tightly the operator binds; unary minus stands between `*` and `**`.
  var precedence: Int {
    switch self {
    case .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual: 1
    case .add, .subtract: 2
    case .multiply, .divide: 3
    case .power: 5
    }
  }

  static let negationPrecedence = 4

  var isRightAssociative: Bool { self == .power }
  var isComparison: Bool { precedence == 1 }
}

/// A written type: `f32[N, D]`.
struct TypeSyntax {
  var dtype: Name
  /// A list expression; nil in `f32`, the scalar.
  var dims: ExpressionID?
  var range: Range<Int>
}

struct Statement {
  enum Kind {
    case dimension(Name, default: ExpressionID?)
    case constant(Name, TypeSyntax?, ExpressionID)
    case input(Name, TypeSyntax?)
    case parameter(Name, TypeSyntax?, initializer: ExpressionID?)
    case state(Name, TypeSyntax?, initializer: ExpressionID?)
    case noise(Name, TypeSyntax?, distribution: ExpressionID?)
    case layer(Name, ExpressionID, scheme: Name?)
    case openScope(Name)
    case closeScope
    case openGroup(Int, Range<Int>)
    case closeGroup
    case assign(Name, TypeSyntax?, ExpressionID)
    case sample(Name, TypeSyntax?, ExpressionID, estimator: Name?)
    case output(Name, ExpressionID?)
    case update(Name, ExpressionID)
  }

  var kind: Kind
  /// What follows each `@`.
  var annotations: [ExpressionID] = []

  /// The name that the statement defines, when it defines one.
  var target: Name? {
    switch kind {
    case .dimension(let name, _), .constant(let name, _, _), .input(let name, _),
      .parameter(let name, _, _), .state(let name, _, _), .noise(let name, _, _),
      .assign(let name, _, _), .sample(let name, _, _, _):
      name
    case .layer, .openScope, .closeScope, .openGroup, .closeGroup, .output, .update: nil
    }
  }
}

/// The words that open a statement. Contextual: each may also be a name.
enum StatementKeyword: String, CaseIterable {
  case dim, const, input, param, state, noise, layer, scope, fused, output, update
}
