extension GraphDiff {
  /// The differences in the manner of a unified diff, one node a line, counts at the end.
  ///
  ///     --- vae.aya@lowered
  ///     +++ vae.aya@optimized
  ///     @@ encoder @@
  ///     − %12: f32[N, Z] = exp(mul(0.5, logvar))
  ///     ~ loss: f32[] = add(bce, kld)
  ///         operands: (bce, mul(beta, kld)) → (bce, kld)
  ///     1 removed, 0 added, 1 changed, 20 the same
  ///
  /// Nodes without a name bear the id that they have in their own graph; operands do not, so that
  /// lines compare by eye.
  public func text(oldTitle: String, newTitle: String) -> String {
    var lines = ["--- \(oldTitle)", "+++ \(newTitle)"]
    var place: [String]?
    for entry in entries {
      let (graph, id) = shown(entry)
      let here = header(graph[id])
      if here != place {
        lines.append("@@ \(here.joined(separator: ", ")) @@")
        place = here
      }
      lines.append("\(entry.kind.sign) \(line(entry))")
      for aspect in entry.aspects {
        lines.append("    \(aspect.name): \(aspect.old) → \(aspect.new)")
      }
    }
    if !declarations.isEmpty { lines.append("@@ declarations @@") }
    for declaration in declarations {
      lines.append("\(declaration.kind.sign) \(declaration.text)")
    }
    lines.append(summary)
    return lines.map(visibleLine).joined(separator: "\n") + "\n"
  }

  /// `1 removed, 0 added, 1 changed, 20 the same`.
  public var summary: String {
    let counts = Kind.allCases.map { "\(count(of: $0)) \($0.rawValue)" }
    let others =
      declarations.isEmpty
      ? "" : "; \(declarations.count) declaration\(declarations.count == 1 ? "" : "s")"
    return counts.joined(separator: ", ") + ", \(sameCount) the same" + others
  }

  /// The graph and node that an entry shows: the new one where there is one.
  public func shown(_ entry: Entry) -> (graph: Graph, id: NodeID) {
    if let id = entry.new { return (new, id) }
    return (old, entry.old ?? NodeID(0))
  }

  /// `h1: f32[N, H] = relu(linear(x, fc1.W, fc1.b))`.
  public func line(_ entry: Entry) -> String {
    let (graph, id) = shown(entry)
    let node = graph[id]
    var text = "\(node.label): \(node.type) = \(graph.call(node))"
    if entry.kind == .removed, let heir = entry.heir {
      text += "  (now another name of \(new[heir].label))"
    }
    return text
  }

  private func header(_ node: Node) -> [String] {
    let scope = node.scope.isEmpty ? "outside scopes" : node.scope.joined(separator: "/")
    switch node.role {
    case .forward: return [scope]
    case .adjoint(_, let root, _): return [scope, "gradient of \(root)"]
    case .update: return [scope, "update"]
    }
  }
}
