import GraphIR

extension AyatoriDrawing {
  // MARK: Boxes

  /// Name, formula, type, concrete shape, and what the node is for.
  func label(_ node: Node) -> String {
    var lines: [String] = []
    let formulas = formula(node).map(DOT.html)
    let mark = annotations.marks[node.id]
    let sign = mark.map { "<B>\($0.kind.sign)</B> " } ?? ""
    if let name = node.name {
      lines.append(sign + "<B>\(DOT.html(DOT.short(name)))</B>")
      lines += formulas.map { small($0, 11, Hue.ink) }
    } else {
      lines +=
        formulas.prefix(1).map { sign + $0 } + formulas.dropFirst().map { small($0, 11, Hue.ink) }
    }
    if case .adjoint(_, _, let through?) = node.role {
      lines.append(
        small("<I>through \(DOT.html(DOT.short(graph[through].mention)))</I>", 11, Hue.ink))
    }
    var types = [small(DOT.html(type(node)), 10, Hue.muted)]
    if let shape = concreteShape(node) { types.append(small(DOT.html(shape), 10, Hue.muted)) }
    if let mark = outputMark(node) { types[types.count - 1] += "  " + mark }
    if annotations.flow != nil, node.isNoise {
      types.append(small("<B>no gradient</B>", 10, Hue.ink))
    }
    lines += types
    for note in mark?.notes ?? [] {
      lines.append(small("<I>\(DOT.html(DOT.short(note, limit: 60)))</I>", 10, Hue.ink))
    }
    if !node.absorbed.isEmpty {
      let names = DOT.short(node.absorbed.joined(separator: ", "), limit: 48)
      lines.append(small("<I>absorbs \(DOT.html(names))</I>", 10, Hue.muted))
    }
    for target in updateTargets[node.id] ?? [] {
      let target = DOT.html(DOT.short(graph[target].label))
      lines.append(small("<B>⟲ replaces \(target)</B>", 10, Hue.ink))
    }
    return AyatoriDrawing.stacked(lines)
  }

  /// Lines one above the other; a table keeps the distance that `<BR/>` loses between sizes.
  private static func stacked(_ lines: [String]) -> String {
    "<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"1\">"
      + lines.map { "<TR><TD>\($0)</TD></TR>" }.joined() + "</TABLE>"
  }

  private func outputMark(_ node: Node) -> String? {
    guard let outputs = outputNames[node.id] else { return nil }
    let others = outputs.filter { $0 != node.name }.map { DOT.short($0, limit: 24) }
    let text = others.isEmpty ? "▸ output" : "▸ output " + others.joined(separator: ", ")
    return small("<B>\(DOT.html(text))</B>", 10, Hue.ink)
  }

  /// A layer's parameters side by side: `fc1 | W f32[128, 784] | b f32[128]`.
  func groupLabel(_ box: Box) -> String {
    guard let first = box.members.first, let layer = AyatoriDrawing.layer(of: graph[first]) else {
      return ""
    }
    var cells = ["<TD><B>\(DOT.html(DOT.short(layer, limit: 24)))</B></TD>"]
    for id in box.members {
      let node = graph[id]
      let suffix = String((node.name ?? "").dropFirst(layer.count + 1))
      let isOutput = outputMark(node).map { "<BR/>" + $0 } ?? ""
      cells.append(
        "<TD PORT=\"\(port(id))\">\(DOT.html(DOT.short(suffix, limit: 24)))<BR/>"
          + small(DOT.html(boundType(node)), 9, Hue.muted) + isOutput + "</TD>")
    }
    return AyatoriDrawing.groupTable(cells)
  }

  static func groupTable(_ cells: [String]) -> String {
    "<TABLE BORDER=\"0\" CELLBORDER=\"1\" CELLSPACING=\"0\" CELLPADDING=\"3\" "
      + "COLOR=\"\(Hue.orange.line)\" BGCOLOR=\"\(Hue.orange.fill)\">"
      + "<TR>\(cells.joined())</TR></TABLE>"
  }

  func port(_ id: NodeID) -> String { "p\(id.index)" }

  /// `encoder (7 nodes)`, what a comparison says about them, and the outputs among them.
  func scopeLabel(_ box: Box, _ path: [String]) -> String {
    let count = box.members.count
    let name = DOT.html(DOT.short(path.last ?? "", limit: 30))
    var lines = ["<B>\(name)</B> (\(count) node\(count == 1 ? "" : "s"))"]
    let kinds = box.members.compactMap { annotations.marks[$0]?.kind }
    let marks = GraphDiff.Kind.allCases.compactMap { kind -> String? in
      let count = kinds.count { $0 == kind }
      return count == 0 ? nil : "\(count) \(kind.sign)"
    }
    if !marks.isEmpty { lines.append("<B>\(marks.joined(separator: ",  "))</B>") }
    let outputs = box.members.flatMap { outputNames[$0] ?? [] }
    if !outputs.isEmpty {
      let text = "▸ output " + DOT.short(outputs.joined(separator: ", "), limit: 40)
      lines.append(small("<B>\(DOT.html(text))</B>", 10, Hue.ink))
    }
    return AyatoriDrawing.stacked(lines)
  }

  func scopeTooltip(_ box: Box, _ path: [String]) -> String {
    let names = box.members.prefix(20).map { DOT.short(graph[$0].mention) }
    let rest = box.members.count - names.count
    return "the scope \(DOT.short(path.joined(separator: " / "), limit: 200)), collapsed: "
      + names.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }

  private func small(_ markup: String, _ size: Int, _ color: String) -> String {
    "<FONT POINT-SIZE=\"\(size)\" COLOR=\"\(color)\">\(markup)</FONT>"
  }

  // MARK: Types

  private func type(_ node: Node) -> String {
    node.type.shape.rank == 0 ? "\(node.type.dtype)" : "\(node.type)"
  }

  /// The shape with its values, when the type has names and all have a value.
  private func concreteShape(_ node: Node) -> String? {
    let symbols = node.type.shape.symbols
    guard !symbols.isEmpty, symbols.allSatisfy({ sizes[$0] != nil }) else { return nil }
    return "= " + boundShape(node)
  }

  private func boundType(_ node: Node) -> String {
    node.type.shape.rank == 0 ? "\(node.type.dtype)" : "\(node.type.dtype)" + boundShape(node)
  }

  private func boundShape(_ node: Node) -> String {
    let dims = node.type.shape.dims.map { dim in
      if let size = try? dim.evaluated(sizes) { String(size) } else { dim.description }
    }
    return "[" + dims.joined(separator: ", ") + "]"
  }

  // MARK: Formulas

  /// The most operands that a formula shows.
  private static let shownOperands = 8

  /// What the node computes, in one line or two.
  func formula(_ node: Node) -> [String] {
    switch node.body {
    case .leaf(let leaf): return [formula(leaf, node)].compactMap { $0 }
    case .operation(let operation):
      let definition = operation.definition
      if let sampling = definition.sampling { return formula(node, operation, sampling) }
      if let sign = definition.drawing.infix, node.operands.count == 2 {
        return infix(node, definition.drawing.symbol ?? AyatoriDrawing.pretty(sign))
      }
      var text = definition.drawing.symbol ?? definition.name
      if node.operands.contains(where: { folded[$0.index] != nil }) {
        let shown = node.operands.prefix(AyatoriDrawing.shownOperands).map(operandText)
        let rest = node.operands.count > shown.count ? ["…"] : []
        text += "(" + (shown + rest).joined(separator: ", ") + ")"
      }
      let attributes = attributeText(operation)
      return attributes.isEmpty ? [text] : [text, attributes]
    }
  }

  private func formula(_ leaf: Leaf, _ node: Node) -> String? {
    switch leaf {
    case .input: return nil
    case .parameter, .state: return nil
    case .noise(.normal): return "ε ~ N(0, 1)"
    case .noise(.uniform): return "u ~ U[0, 1)"
    case .constant(let scalar):
      return "= " + AyatoriDrawing.number(annotations.constants[node.id] ?? scalar)
    case .size(let dim):
      let value = (try? dim.evaluated(sizes)).map { " = \($0)" } ?? ""
      return "size \(dim)" + value
    }
  }

  /// `bce + kld`, `1 − z`, `· × 0.5`; the sign alone when it would stand between two dots. A
  /// folded expression gets a line with its value.
  private func infix(_ node: Node, _ sign: String) -> [String] {
    let texts = node.operands.map { id -> String in
      let text = operandText(id)
      return folded[id.index].map { $0.isCompound ? "(\(text))" : text } ?? text
    }
    let values = node.operands.compactMap { id -> String? in
      guard let folded = folded[id.index], folded.isCompound,
        let value = annotations.constants[id]
      else { return nil }
      return "\(folded.text) = \(AyatoriDrawing.number(value))"
    }
    return [texts == ["·", "·"] ? sign : "\(texts[0]) \(sign) \(texts[1])"] + values
  }

  /// How an operand is called in a formula: its name, its folded text, its function or a dot.
  private func operandText(_ id: NodeID) -> String {
    if let folded = folded[id.index] { return folded.text }
    let node = graph[id]
    if let name = node.name { return DOT.short(name, limit: 20) }
    guard let definition = node.definition, definition.drawing.infix == nil else {
      return "·"
    }
    let text = definition.drawing.symbol ?? definition.name
    return text.count <= 10 && text.allSatisfy({ $0.isLetter || $0 == "_" }) ? text : "·"
  }

  /// `~ normal(mean, log_variance)`, its formula, and the estimator.
  private func formula(
    _ node: Node, _ operation: Operation, _ sampling: SamplingSpec
  ) -> [String] {
    let definition = operation.definition
    var isDeclaredForm = true
    var keywords: [String] = []
    for (place, id) in node.operands.enumerated() where place != sampling.noiseOperand {
      var keyword = definition.operandSpec(at: place).name
      if let choice = definition.operandSpec(at: place).choice,
        case .symbol(let chosen)? = operation.attributes[choice]
      {
        isDeclaredForm = isDeclaredForm && chosen == keyword
        keyword = chosen
      }
      keywords.append(folded[id.index].map { "\(keyword) = \($0.text)" } ?? keyword)
    }
    var lines = ["~ \(definition.name)(\(keywords.joined(separator: ", ")))"]
    if let symbol = definition.drawing.symbol, isDeclaredForm { lines.append(symbol) }
    if let estimator = operation.estimator {
      lines.append(
        "\(estimator.name) estimator" + (operation.draws > 1 ? ", \(operation.draws) draws" : ""))
    }
    return lines
  }

  /// The attributes that differ from their defaults: `axes [1]`.
  private func attributeText(_ operation: Operation) -> String {
    let choices = Set(operation.definition.operands.compactMap(\.choice))
    let parts = operation.attributes.entries.compactMap { entry -> String? in
      let spec = operation.definition.attributes.first { $0.name == entry.name }
      if spec?.defaultValue == entry.value || choices.contains(entry.name) { return nil }
      return "\(entry.name) \(entry.value)"
    }
    return parts.isEmpty ? "" : DOT.short(parts.joined(separator: ", "), limit: 48)
  }

  // MARK: Tooltips

  /// All in words, with the line of the source.
  func tooltip(_ node: Node) -> String {
    var text = "\(DOT.short(node.label, limit: 120)): \(node.type)"
    if let operation = node.operation {
      text += " = \(operation.definition.name) — \(operation.definition.summary)"
    } else {
      text += " (\(NodeLook(node).meaning))"
    }
    if !node.aliases.isEmpty {
      text += "\nalso called " + DOT.short(node.aliases.joined(separator: ", "), limit: 120)
    }
    if !node.absorbed.isEmpty {
      text += "\nabsorbs " + DOT.short(node.absorbed.joined(separator: ", "), limit: 240)
    }
    if case .adjoint(let of, let root, let through) = node.role {
      let subject = of.map { DOT.short(graph[$0].label) } ?? "a node that is gone"
      text += "\npart of ∂\(DOT.short(root))/∂(\(subject))"
      if let through { text += ", through \(DOT.short(graph[through].mention))" }
    }
    if let location = node.location {
      let line = location.line
      let source = location.file.line(line, limit: 4_096).drop { $0 == " " || $0 == "\t" }
      text += "\n\(location.file.name):\(line): \(DOT.short(String(source), limit: 160))"
    }
    return text
  }
}
