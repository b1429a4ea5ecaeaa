public import Ayatori
import Autodiff
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime

/// The gradient at a sampling node, split by the terms of the loss.
///
/// One reverse pass per term, seeded with the term's weight in the loss. Gradients are linear in
/// their seed, so the parts sum to the whole up to rounding, and `partsError` says how far.
public struct GradientSplit: Sendable {
  /// What is known of one array.
  public struct Statistics: Sendable {
    public let shape: [Int]
    /// √Σ g².
    public let norm: Double
    public let mean: Double
    public let standardDeviation: Double
    public let minimum: Double
    public let maximum: Double
    public let nonFinite: Int

    init(_ array: NDArray) {
      let values = array.doubles
      shape = array.shape
      let count = Double(max(values.count, 1))
      let average = values.reduce(0, +) / count
      mean = average
      norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      standardDeviation =
        (values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / count).squareRoot()
      // A NaN anywhere is what there is to see: `min` would pass over it.
      let isNumeric = !values.contains(where: \.isNaN)
      minimum = isNumeric ? values.min() ?? .nan : .nan
      maximum = isNumeric ? values.max() ?? .nan : .nan
      nonFinite = values.count { !$0.isFinite }
    }
  }

  /// One way of the gradient into a node.
  public struct Part: Sendable {
    /// The term of the loss.
    public let term: String
    /// The term's weight in the loss.
    public let weight: Double
    /// Nil when no gradient comes this way, with the reason.
    public let gradient: NDArray?
    public let refusal: String?
    public let statistics: Statistics?
  }

  /// A node at the sampling node, its value and its gradient.
  public struct Row: Sendable {
    /// `mean`, `log_variance` or another scale, `z`.
    public let role: String
    public let name: String
    public let value: Statistics
    public let parts: [Part]
    /// ∂loss/∂node in one pass; nil when no gradient reaches the node.
    public let total: Statistics?
    /// |Σ parts − total|∞, and the same in units in the last place of the largest part.
    public let partsError: Double
    public let partsErrorUlps: Double

    /// The cosine of the angle between two parts; nil when either is missing or zero.
    public func cosine(_ a: Int, _ b: Int) -> Double? {
      guard let x = parts[a].gradient?.doubles, let y = parts[b].gradient?.doubles else {
        return nil
      }
      let dot = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
      let norms = (parts[a].statistics?.norm ?? 0) * (parts[b].statistics?.norm ?? 0)
      return norms > 0 ? dot / norms : nil
    }
  }

  public let graph: String
  public let node: String
  public let distribution: String
  public let scale: String
  public let estimator: String
  public let loss: String
  public let lossValue: Double
  public let termValues: [(name: String, value: Double, weight: Double)]
  public let rows: [Row]
  /// Edges in the graph that no gradient passes, with the reason.
  public let blocked: [(from: String, to: String, reason: String)]
  /// Parameters that no gradient of the loss reaches, with the reason.
  public let unreached: [(name: String, reason: String)]
}
