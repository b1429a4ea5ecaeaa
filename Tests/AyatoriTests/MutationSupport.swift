import Ayatori
import Testing

/// A pass that is wrong on purpose.
struct Mutant: Sendable, CustomTestStringConvertible {
  var pass: Pass
  /// The rule that does harm; nil when the pass works in one piece.
  var rule: String?

  var testDescription: String { rule ?? pass.name }

  static func rule(
    _ name: String, _ pattern: String, _ float: FloatClass, on ops: [OpDefinition],
    _ body: @escaping @Sendable (RewriteSite) -> Value?
  ) -> Mutant {
    Mutant(
      pass: Pass(
        "planted", "a wrong rule", rules: [RewriteRule(name, pattern, float, on: ops, body)]),
      rule: name)
  }

  /// What validation says of the passes; nil when it finds nothing.
  static func failure(
    _ passes: [Pass], on graph: Graph, seed: UInt64 = 0
  ) throws -> ValidationFailure? {
    do {
      _ = try PassManager.validated(passes, by: Validator(seed: seed)).run(graph)
      return nil
    } catch let failure as ValidationFailure {
      return failure
    }
  }
}

extension PassManager {
  static func validated(_ passes: [Pass], by validator: Validator) -> PassManager {
    var manager = PassManager(passes)
    manager.observers = [validator.observer]
    return manager
  }
}
