public import GraphIR

extension GradientCheck {
  /// What the check found: a mismatch a target that differs, or that nothing could be checked.
  public var findings: [Diagnostic] {
    let wrong = targets.compactMap { target -> Diagnostic? in
      guard target.verdict == .differs, let probe = target.worst else { return nil }
      return Diagnostic(
        "gradient-mismatch",
        "the gradient of '\(loss)' with respect to '\(target.name)' is not its derivative",
        at: target.location, place: "graph '\(graph)'",
        expected:
          "\(numberText(probe.numeric)) ± \(numberText(probe.tolerance)), by differences with "
          + "h = \(probe.step)",
        got: "\(numberText(probe.symbolic)) at \(place(target, probe))",
        notes: [Diagnostic.Note(sentence(target, probe))])
    }
    guard wrong.isEmpty, !passes else { return wrong }
    return [
      Diagnostic(
        "nothing-checked", "no gradient of '\(loss)' was checked: every comparison was refused",
        place: "graph '\(graph)'", expected: "a target at which the loss has a derivative",
        got: targets.isEmpty
          ? "no parameters and no floating inputs"
          : "\(targets.count) refused target\(targets.count == 1 ? "" : "s")",
        fix: targets.isEmpty ? "name one: --wrt" : nil)
    ]
  }
}
