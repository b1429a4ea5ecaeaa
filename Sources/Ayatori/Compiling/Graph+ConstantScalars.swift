public import GraphIR
import Runtime

extension Graph {
  /// The values of `constantScalars` under `sizes`, by the reference interpreter; those that need a
  /// dimension without a value are left out. An integer literal stays one, so that drawings show it
  /// as written.
  public func constantValues(sizes: [String: Int]) -> [NodeID: Scalar] {
    var values: [NodeID: Scalar] = [:]
    let bound = self.sizes(binding: sizes)
    var known: Set<NodeID> = []
    for id in constantScalars.sorted() {
      switch self[id].body {
      case .leaf(.constant(let scalar)):
        values[id] = scalar
        known.insert(id)
      case .leaf(.size(let dim)):
        if (try? dim.evaluated(bound)) != nil { known.insert(id) }
      default:
        if self[id].operands.allSatisfy(known.contains) { known.insert(id) }
      }
    }
    let computed = known.subtracting(values.keys)
    let arrays = try? ReferenceInterpreter(self).evaluate(
      Array(computed), feeds: [:], sizes: bound)
    for id in computed {
      if let value = arrays?[id]?.values.first { values[id] = .float(value) }
    }
    return values
  }
}
