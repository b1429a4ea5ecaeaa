import Ayatori
import GraphIR

extension DataSet {
  /// Throws when a label is not below the size that the graph gives its classes: a `one_hot` of it
  /// would be all zeros, and the model would learn from that without a word.
  func check(_ labels: Node, in graph: Graph) throws(Diagnostic) {
    guard let classes = classes(of: labels, in: graph) else { return }
    for (split, name) in [(train, "training"), (test, "test")] {
      guard let place = split.labels.firstIndex(where: { Int($0) >= classes.count }) else {
        continue
      }
      throw Diagnostic(
        "label-out-of-range",
        "the label of \(name) image \(place) of the data set '\(self.name)' is none of the classes",
        at: classes.node.location, place: self.name,
        expected: "0 to \(classes.count - 1), for '\(classes.node.mention)'",
        got: "\(split.labels[place]), in \(source)")
    }
  }

  /// The fewest classes that a user of the labels knows, and that user.
  private func classes(of labels: Node, in graph: Graph) -> (count: Int, node: Node)? {
    let sizes = graph.sizes()
    var fewest: (count: Int, node: Node)?
    for node in graph.nodes {
      guard case .operation(let operation) = node.body else { continue }
      for (spec, operand) in zip(operation.definition.operands, node.operands)
      where operand == labels.id {
        guard let attribute = spec.below,
          let count = try? operation.attributes.dim(attribute).evaluated(sizes),
          fewest.map({ count < $0.count }) ?? true
        else { continue }
        fewest = (count, node)
      }
    }
    return fewest
  }
}
