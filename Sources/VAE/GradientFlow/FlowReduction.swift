import Ayatori
import GraphIR

/// How a loss treats the images of a batch: as a sum over them or as their mean; and, where it is
/// neither, each of its terms.
public struct FlowReduction: Sendable, Encodable {
  /// A scalar; `reduction` is `sum` or `mean`, nil for what is neither.
  public struct Scalar: Sendable, Encodable {
    public let name: String
    public let reduction: String?
    /// Whether its weight depends on how many images there are: then the loss does not treat them
    /// as the term does.
    public let isWeightedByBatch: Bool
  }

  public let loss: Scalar
  /// Empty where the loss is one or the other as a whole; without terms that know of no batch.
  public let terms: [Scalar]

  /// Nil for a graph without a batch: the one dimension that is bound when it runs, or that of the
  /// draw; where nothing that the loss is computed from has it; and where further dimensions have
  /// no size.
  ///
  /// Evaluates the graph at random parameters and images; see `LossReduction`.
  init?(_ program: SplitProgram) {
    let free = program.graph.dimensions.filter { $0.defaultSize == nil }
    guard let batch = free.count == 1 ? free[0].name : program.site.batchDimension,
      free.allSatisfy({ $0.name == batch })
    else { return nil }
    func scalar(_ name: String, _ root: String, weight: String? = nil) -> Scalar {
      let found = try? LossReduction.derived(from: program.graph, loss: root, batch: batch)
      return Scalar(
        name: name, reduction: found?.rawValue,
        isWeightedByBatch: weight.map(hasBatch) ?? false)
    }
    func isSize(_ node: Node) -> Bool {
      if case .leaf(.size(let dim)) = node.body { dim.symbols.contains(batch) } else { false }
    }
    func hasBatch(_ root: String) -> Bool {
      guard let output = program.graph.outputs.first(where: { $0.name == root }) else {
        return false
      }
      let needed = program.graph.needed(by: [output.node])
      return program.graph.nodes.contains { node in
        needed[node.id.index]
          && (node.type.shape.dims.contains { $0.symbols.contains(batch) } || isSize(node))
      }
    }
    guard hasBatch("loss") else { return nil }
    let whole = scalar(program.loss, "loss")
    self.loss = whole
    self.terms =
      whole.reduction == nil
      ? program.terms.enumerated().filter {
        $0.element.name != program.loss && hasBatch("term.\($0.offset)")
      }.map {
        scalar($0.element.name, "term.\($0.offset)", weight: "weight.\($0.offset)")
      } : []
  }

  /// `summed over`, `bce averaged, kld summed over`; what precedes the batch in a head line.
  var text: String {
    func word(_ scalar: Scalar) -> String {
      let word =
        switch scalar.reduction {
        case LossReduction.sum.rawValue: "summed"
        case LossReduction.mean.rawValue: "averaged"
        default: "neither summed nor averaged"
        }
      return word + (scalar.isWeightedByBatch ? " (but weighed by how many there are)" : "")
    }
    if terms.isEmpty { return "\(loss.name) \(word(loss)) over" }
    return terms.map { "\($0.name) \(word($0))" }.joined(separator: ", ") + " over"
  }
}
