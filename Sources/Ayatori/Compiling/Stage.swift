/// The stages of a graph between its file and the plan; each prints as text and draws as DOT.
public enum Stage: String, CaseIterable, Sendable {
  /// As written, one node a line.
  case source
  /// Sampling nodes replaced by what their estimators compute.
  case lowered
  /// With adjoints.
  case gradient
  /// After all passes: what runs.
  case optimized
}
