import Ayatori
import Foundation
import GraphIR
import Passes
import Runtime

/// The same gradient by the graph as written and by the graph as it runs after all passes.
public struct FlowParity: Sendable, Encodable {
  /// A value that both graphs compute.
  public struct Row: Sendable, Encodable {
    public let name: String
    /// The largest difference, in units in the last place of the largest element.
    public let ulps: Double
    /// The largest difference itself.
    public let difference: Double
  }

  public let rows: [Row]

  /// The row with the largest difference.
  public var worst: Row? { rows.max { $0.ulps < $1.ulps } }

  /// Throws diagnostics for feeds that do not fit.
  init(_ program: SplitProgram, feeds: Feeds, optimized: [String: NDArray]) throws {
    let written = try SplitProgram(program.site, loss: program.loss, pipeline: .debug)
    let bound = try written.compiled(feeding: feeds.inputs.keys).bind(feeds, of: written.graph)
    try bound.run(step: feeds.step)
    let plain = SplitProgram.outputs(of: bound)
    var rows: [Row] = []
    for (index, target) in program.targets.enumerated() {
      for (key, name) in [
        ("value.\(index)", target.name),
        ("total.\(index)", "d_\(program.loss)/d_\(target.name)"),
      ] {
        guard let a = plain[key], let b = optimized[key] else { continue }
        rows.append(FlowParity.row(name, a, b))
      }
    }
    if let a = plain["loss"], let b = optimized["loss"] {
      rows.append(FlowParity.row(program.loss, a, b))
    }
    self.rows = rows
  }

  /// How far `b` is from `a`.
  static func row(_ name: String, _ a: NDArray, _ b: NDArray) -> Row {
    let (x, y) = (a.doubles, b.doubles)
    let largest = x.reduce(0) { max($0, abs($1)) }
    var difference = 0.0
    for (x, y) in zip(x, y) where !(x.isNaN && y.isNaN || x == y) {
      difference = (x - y).isNaN ? .infinity : max(difference, abs(x - y))
    }
    let unit = a.dtype == .f32 ? Double(Float(largest).ulp) : largest.ulp
    return Row(name: name, ulps: difference == 0 ? 0 : difference / unit, difference: difference)
  }
}
