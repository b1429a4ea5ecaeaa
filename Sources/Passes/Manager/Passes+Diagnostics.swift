public import GraphIR

// Messages about the names and lists of passes that a command line or an API call asks for.

extension Pass {
  /// The passes that bear `names`, in that order.
  ///
  /// Throws a diagnostic for every unknown name, and for every order constraint that the list
  /// breaks.
  public static func list(named names: [String]) throws(Diagnostics) -> [Pass] {
    let unknown = names.filter { named($0) == nil }
    guard unknown.isEmpty else { throw Diagnostics(unknown.map(Diagnostic.unknownPass)) }
    let passes = names.compactMap(named)
    let violated = PassOrder.violated(by: passes)
    guard violated.isEmpty else {
      throw Diagnostics(violated.map { .passOrder($0, names) })
    }
    return passes
  }
}

extension Diagnostic {
  /// No pass bears the name.
  public static func unknownPass(_ name: String) -> Diagnostic {
    let names = Pass.all.map(\.name)
    return Diagnostic(
      "unknown-pass", "there is no pass '\(name)'", place: "passes",
      expected: "one of " + names.joined(separator: ", "), got: "'\(name)'",
      fix: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
  }

  /// A list runs `order.second` before `order.first`.
  static func passOrder(_ order: PassOrder, _ names: [String]) -> Diagnostic {
    Diagnostic(
      "pass-order", "'\(order.second)' would run before '\(order.first)'", place: "passes",
      expected: "'\(order.first)' before '\(order.second)', since \(order.reason)",
      got: names.joined(separator: ", "))
  }
}
