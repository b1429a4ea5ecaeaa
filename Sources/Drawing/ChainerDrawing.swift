import GraphIR

/// A graph as Chainer's `computational_graph` draws it, backward from the roots.
///
/// Sources: chainer/computational_graph.py for the shapes and the one edge per pair,
/// chainer/functions/math/basic_math.py for the labels of arithmetic with constants,
/// chainer/variable.py for the labels of variables.
///
/// Constants and what is computed from them alone are part of a function's label and no variables.
/// An operand that is noise is not drawn: Chainer's Gaussian has two inputs. An op that only hands
/// its operand on under another name draws nothing.
struct ChainerDrawing {
  private let graph: Graph
  private let roots: [NodeID]
  private let sizes: [String: Int]
  private let constants: [NodeID: Scalar]
  /// Names that a variable has from nodes that only hand it on.
  private var borrowedNames: [NodeID: String] = [:]

  init(
    _ graph: Graph, _ annotations: DrawingAnnotations, roots: [NodeID]
  ) throws(Diagnostic) {
    self.graph = graph
    sizes = graph.sizes(binding: annotations.sizes)
    var constants = annotations.constants
    for node in graph.nodes where constants[node.id] == nil {
      switch node.leaf {
      case .constant(let scalar): constants[node.id] = scalar
      case .size(let dim):
        if let size = try? dim.evaluated(sizes) { constants[node.id] = .int(Int64(size)) }
      default: break
      }
    }
    self.constants = constants
    self.roots = roots.map { ChainerDrawing.origin(of: $0, in: graph) }
    for node in graph.nodes {
      guard let name = node.name else { continue }
      let origin = ChainerDrawing.origin(of: node.id, in: graph)
      if origin != node.id, graph[origin].name == nil, borrowedNames[origin] == nil {
        borrowedNames[origin] = name
      }
    }
  }

  /// The node that a chain of views of the same type hands on. A cut of the gradient is not one.
  private static func origin(of id: NodeID, in graph: Graph) -> NodeID {
    var id = id
    while let operation = graph[id].operation,
      case .view(let place) = operation.definition.storage,
      graph[id].operands.indices.contains(place),
      operation.definition.operandSpec(at: place).edge == .differentiable,
      graph[graph[id].operands[place]].type == graph[id].type
    {
      id = graph[id].operands[place]
    }
    return id
  }

  // MARK: Text

  func text() throws(Diagnostic) -> String {
    let drawn = drawnNodes()
    try checkBound(drawn)
    var writer = DOTWriter()
    writer.open("digraph", DOT.plain(graph.name) ?? "graph")
    writer.set([("rankdir", .text("TB"))])
    for node in drawn {
      if node.operation != nil {
        writer.node(
          functionID(node),
          [
            ("label", .record(functionLabel(node))), ("shape", .text("record")),
            ("fillcolor", .text("#6495ED")), ("style", .text("filled")),
          ])
      }
      writer.node(
        DOT.id(of: node),
        [
          ("label", .text(try variableLabel(node))), ("shape", .text("octagon")),
          ("fillcolor", .text("#E0E0E0")), ("style", .text("filled")),
        ])
    }
    for node in drawn where node.operation != nil {
      for operand in variables(of: node) {
        writer.edge(.init(id: DOT.id(of: graph[operand])), .init(id: functionID(node)))
      }
      writer.edge(.init(id: functionID(node)), .init(id: DOT.id(of: node)))
    }
    writer.close()
    return writer.text
  }

  private func functionID(_ node: Node) -> String { "function " + node.id.description }

  // MARK: What is drawn

  /// The variables that the roots need, in graph order.
  private func drawnNodes() -> [Node] {
    var marks = [Bool](repeating: false, count: graph.nodes.count)
    for root in roots { marks[root.index] = true }
    for node in graph.nodes.reversed() where marks[node.id.index] {
      for operand in variables(of: node) { marks[operand.index] = true }
    }
    return graph.nodes.filter { marks[$0.id.index] }
  }

  /// The operands that are drawn, each once, in order.
  private func variables(of node: Node) -> [NodeID] {
    guard let definition = node.definition else { return [] }
    var result: [NodeID] = []
    for (place, operand) in node.operands.enumerated() {
      let origin = ChainerDrawing.origin(of: operand, in: graph)
      let isNoise = graph[origin].isNoise && definition.operandSpec(at: place).edge == .noise
      if isNoise || constants[origin] != nil || result.contains(origin) { continue }
      result.append(origin)
    }
    return result
  }

  private func checkBound(_ drawn: [Node]) throws(Diagnostic) {
    let used = Set(drawn.flatMap(\.type.shape.symbols))
    let declared = graph.dimensions.map(\.name)
    let order = declared + used.subtracting(declared).sorted()
    let free = order.filter { used.contains($0) && sizes[$0] == nil }
    if !free.isEmpty { throw .unboundForDrawing(free, in: graph) }
  }

  // MARK: Labels

  /// `z: (100, 20), float32`; a scalar is just its dtype.
  private func variableLabel(_ node: Node) throws(Diagnostic) -> String {
    var label = ""
    if let name = node.name ?? borrowedNames[node.id] {
      let shown = node.isParameter ? lastComponent(name) : name
      label = DOT.short(shown, limit: 60) + ": "
    }
    let shape: [Int]
    do {
      shape = try node.type.shape.evaluated(sizes)
    } catch {
      throw .badSize(node, error)
    }
    if !shape.isEmpty { label += "(" + shape.map(String.init).joined(separator: ", ") + "), " }
    return label + node.type.dtype.numpyName
  }

  /// `W` of `le1.W`.
  private func lastComponent(_ name: String) -> String {
    guard let dot = name.lastIndex(of: "."), name.index(after: dot) < name.endIndex else {
      return name
    }
    return String(name[name.index(after: dot)...])
  }

  /// The name of the function, or the pattern of an operator: `_ + _`, `_ * 0.5`, `1 - _`.
  private func functionLabel(_ node: Node) -> String {
    guard let definition = node.definition else { return "" }
    let name = definition.drawing.chainer ?? definition.name
    guard let sign = definition.drawing.infix, node.operands.count == 2 else { return name }
    let left = constants[ChainerDrawing.origin(of: node.operands[0], in: graph)]
    let right = constants[ChainerDrawing.origin(of: node.operands[1], in: graph)]
    switch (left, right) {
    case (nil, nil): return "_ \(sign) _"
    case (let left?, let right?): return "\(python(left)) \(sign) \(python(right))"
    case (let left?, nil):
      let commutes = sign == "+" || sign == "*"
      return commutes ? "_ \(sign) \(python(left))" : "\(python(left)) \(sign) _"
    case (nil, let right?):
      switch sign {
      // Chainer has no function for `x - c` and `x / c`: it adds -c and multiplies by 1 / c.
      case "-": return "_ + \(python(negated(right)))"
      case "/": return "_ * \(python(.float(1 / right.doubleValue)))"
      default: return "_ \(sign) \(python(right))"
      }
    }
  }

  private func negated(_ scalar: Scalar) -> Scalar {
    switch scalar {
    case .int(let value) where value != .min: .int(-value)
    case .int, .float: .float(-scalar.doubleValue)
    case .bool(let value): .int(value ? -1 : 0)
    }
  }

  /// Python's `str` of the number, negative ones in parentheses.
  private func python(_ scalar: Scalar) -> String {
    let text = pythonText(scalar)
    return scalar.doubleValue < 0 ? "(\(text))" : text
  }

  private func pythonText(_ scalar: Scalar) -> String {
    switch scalar {
    case .int(let value): return String(value)
    case .bool(let value): return value ? "True" : "False"
    case .float(let value):
      // Python writes an exponent from 1e16 on, Swift from 2^53 on.
      if value.magnitude < 1e16, value.rounded() == value, value.magnitude >= 1 {
        return "\(Int64(value)).0"
      }
      return scalar.description
    }
  }
}
