import Ayatori
import Foundation
public import GraphIR
import GraphOps

/// Elements of a draw's standard deviation that are not positive.
///
/// m + σ·ε is a number all the same, a mirrored draw for σ < 0 and none for σ = 0; but there is no
/// such distribution: ln q and every estimator that takes it are undefined.
public struct ScaleFault: Sendable, Encodable {
  /// What gives the scale, and what is drawn with it.
  public let node: String
  public let draw: String
  /// How many elements are at fault, of how many.
  public let count: Int
  public let of: Int
  /// The least value, and where it stands first.
  public let least: Double
  public let index: [Int]
  /// The text's line, for people: `Graphs/x.aya:12`.
  public let place: String?
  public let location: SourceLocation?

  private enum CodingKeys: String, CodingKey { case node, draw, count, of, least, index, place }

  /// Nil where every element is positive, and where the scale is given by its logarithm. What is
  /// not a number was born elsewhere and is told of there.
  ///
  /// `known` are the values of the draw's parameters, in the order of `site.parameters`.
  init?(_ site: SamplingSite, known: [NDArray]) {
    let scale = zip(site.parameters, known).first {
      NormalScale(rawValue: $0.0.role) == .standardDeviation
    }
    guard let (parameter, array) = scale else { return nil }
    let values = array.doubles
    let wrong = values.indices.filter { values[$0] <= 0 }
    guard let worst = wrong.min(by: { values[$0] < values[$1] }) else { return nil }
    node = parameter.name
    draw = site.name
    count = wrong.count
    of = values.count
    least = values[worst]
    index = array.shape.index(ofElement: worst)
    location = site.graph.node(named: parameter.name)?.location
    place = location.map { "\($0.file.name):\($0.line)" }
  }

  /// `1 of 20 elements of 's', the standard deviation of 'z', is not positive`.
  public var sentence: String {
    let share = of == 1 ? "" : "\(count) of \(of) elements of "
    return "\(share)'\(node)', the standard deviation of '\(draw)', "
      + "\(count == 1 ? "is" : "are") not positive"
  }

  /// Why an estimator that takes ln q has no numbers.
  var reason: String { "ln q is undefined: '\(node)' is not positive" }

  /// The finding, with the mend.
  public var diagnostic: Diagnostic {
    Diagnostic(
      "scale-not-positive", sentence, at: location, place: "gradflow", expected: "σ > 0",
      got: String(format: "%g", least) + (index.isEmpty ? "" : " at \(index)"),
      notes: [Diagnostic.Note("ln q and what takes it, the score functions, are undefined there")],
      fix: "keep it positive: softplus(…) + 1e-6; or give its logarithm: log_variance:")
  }
}
