import GraphIR

extension AyatoriDrawing {
  /// The longest expression that is folded.
  private static let longestFold = 24

  /// Unnamed scalars that constants and sizes alone determine, as text.
  static func fold(
    _ graph: Graph, _ annotations: DrawingAnnotations, _ isOutput: [Bool]
  ) -> [Folded?] {
    var pinned = isOutput
    for update in graph.updates {
      pinned[update.target.index] = true
      pinned[update.value.index] = true
    }
    // What a comparison marks must be seen.
    for id in annotations.marks.keys where pinned.indices.contains(id.index) {
      pinned[id.index] = true
    }
    var folded = [Folded?](repeating: nil, count: graph.nodes.count)
    for node in graph.nodes {
      guard node.name == nil, node.type.shape.rank == 0, !pinned[node.id.index] else { continue }
      switch node.body {
      case .leaf(.constant(let scalar)):
        folded[node.id.index] = Folded(text: number(scalar), sources: [], isCompound: false)
      case .leaf(.size(let dim)):
        let text = "\(dim)"
        folded[node.id.index] = Folded(
          text: text, sources: [], isCompound: !text.allSatisfy { $0.isLetter || $0.isNumber })
      case .leaf: break
      case .operation(let operation):
        let parts = node.operands.compactMap { id -> Folded? in
          if let folded = folded[id.index] { return folded }
          guard case .leaf(.constant) = graph[id].body, let name = graph[id].name else {
            return nil
          }
          return Folded(text: DOT.short(name, limit: 12), sources: [id], isCompound: false)
        }
        guard parts.count == node.operands.count else { continue }
        let drawing = operation.definition.drawing
        if parts.count == 1, drawing.family == .conversion {
          folded[node.id.index] = parts[0]
        } else if parts.count == 2, let sign = drawing.infix {
          let texts = parts.map { $0.isCompound ? "(\($0.text))" : $0.text }
          let text = texts[0] + (sign == "/" ? "/" : " \(pretty(sign)) ") + texts[1]
          guard text.count <= longestFold else { continue }
          folded[node.id.index] = Folded(
            text: text, sources: parts.flatMap(\.sources), isCompound: true)
        }
      }
    }
    return folded
  }

  /// A number as people write it: `1` for 1.0, `0.5`.
  static func number(_ scalar: Scalar) -> String {
    let text = scalar.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// The mathematical sign of an infix operator.
  static func pretty(_ sign: String) -> String {
    switch sign {
    case "*": "×"
    case "-": "−"
    case "/": "÷"
    case "<=": "≤"
    case ">=": "≥"
    case "!=": "≠"
    default: sign
    }
  }
}
