import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

typealias Feeds = [String: ReferenceArray]

extension Graph {
  /// The values of the outputs by name.
  func outputValues(_ feeds: Feeds, sizes: [String: Int] = [:], seed: UInt64 = 0) throws
    -> [String: [Double]]
  {
    let values = try ReferenceInterpreter(self).evaluate(
      outputs.map(\.node), feeds: feeds, sizes: sizes, seed: seed)
    return Dictionary(
      uniqueKeysWithValues: outputs.map { ($0.name, values[$0.node]?.values ?? []) })
  }

  func count(_ op: OpDefinition) -> Int { nodes.filter { $0.definition == op }.count }
}

func near(_ a: [Double]?, _ b: [Double]?, _ tolerance: Double = 1e-13) -> Bool {
  guard let a, let b, a.count == b.count, !a.isEmpty else { return false }
  return zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($0), abs($1)) }
}

let matrix = ValueType(.f64, [.symbol("N"), 3])

let someFeeds: Feeds = [
  "mu": ReferenceArray(shape: [2, 3], values: [0.5, -1, 2, 0, 0.25, -0.75]),
  "s": ReferenceArray(shape: [2, 3], values: [0.1, 0.9, 1.4, 0.3, 0.2, 1]),
]
