import GraphIR

extension AyatoriDrawing {
  /// The scopes that the options name, as paths. Throws for a name that no scope bears.
  func scopesToCollapse() throws(Diagnostic) -> Set<[String]> {
    if options.collapsed.isEmpty { return [] }
    var known: [[String]] = []
    var seen: Set<[String]> = []
    for node in graph.nodes {
      var path: [String] = []
      for name in node.scope {
        path.append(name)
        if seen.insert(path).inserted { known.append(path) }
      }
    }
    var found: Set<[String]> = []
    for name in options.collapsed {
      let exact = known.filter { $0.joined(separator: "/") == name }
      let matching = exact.isEmpty ? known.filter { $0.last == name } : exact
      if matching.isEmpty {
        throw .unknownScope(name, known.map { $0.joined(separator: "/") }, in: graph)
      }
      found.formUnion(matching)
    }
    return found
  }

  /// A scope with its boxes, for choosing which to collapse.
  private struct ScopeNode {
    var path: [String]
    var parent: Int?
    /// Boxes in it, those of scopes inside included, by part.
    var counts: [Part: Int] = [:]

    /// How many boxes fewer there are when it becomes one a part.
    var gain: Int { counts.values.reduce(0) { $0 + max(0, $1 - 1) } }
  }

  /// The scopes whose collapse leaves at most `limit` boxes, or all when even that does not do it.
  ///
  /// Inner scopes go before outer ones, so that the coarse structure stays longest; of scopes of
  /// equal depth those with the most boxes go first.
  func scopes(toFit limit: Int, besides collapsed: Set<[String]>) -> Set<[String]> {
    var scopes: [ScopeNode] = []
    var places: [[String]: Int] = [:]
    var total = boxes.count
    for box in boxes {
      guard let first = box.members.first else { continue }
      let home = homes[first.index]
      var path = home.scope
      if case .scope(let own) = box.kind { path = Array(own.dropLast()) }
      var inner: Int?
      while !path.isEmpty {
        if let index = places[path] {
          if let inner { scopes[inner].parent = index }
          break
        }
        places[path] = scopes.count
        if let inner { scopes[inner].parent = scopes.count }
        inner = scopes.count
        scopes.append(ScopeNode(path: path, parent: nil))
        path.removeLast()
      }
      let own = if case .scope(let own) = box.kind { Array(own.dropLast()) } else { home.scope }
      if let index = places[own] { scopes[index].counts[home.part, default: 0] += 1 }
    }
    var chosen: Set<[String]> = []
    let levels = Dictionary(grouping: scopes.indices) { scopes[$0].path.count }
    for depth in levels.keys.sorted(by: >) {
      let level = (levels[depth] ?? []).sorted {
        (scopes[$1].gain, $0) < (scopes[$0].gain, $1)
      }
      for index in level {
        let isNeeded = total > limit && scopes[index].gain > 0
        if isNeeded {
          chosen.insert(scopes[index].path)
          total -= scopes[index].gain
        }
        guard let parent = scopes[index].parent else { continue }
        for (part, count) in scopes[index].counts {
          scopes[parent].counts[part, default: 0] += isNeeded ? min(count, 1) : count
        }
      }
      if total <= limit { break }
    }
    return chosen
  }

  /// Says what was collapsed to fit, and when that was not enough.
  mutating func noteCollapse(from total: Int, _ limit: Int, _ scopes: Set<[String]>) {
    let outer = scopes.filter { AyatoriDrawing.outermost($0, in: scopes) == $0 }
      .map { $0.joined(separator: "/") }.sorted()
    if scopes.isEmpty {
      notes.append(
        "\(total) boxes are more than \(limit), and there is no scope to collapse: "
          + "draw a part of the graph")
      return
    }
    let shown = outer.prefix(6).map { DOT.short($0) }.joined(separator: ", ")
    let list = shown + (outer.count > 6 ? " and \(outer.count - 6) more" : "")
    notes.append("\(total) boxes are more than \(limit): collapsed \(list)")
    if boxes.count > limit {
      notes.append("\(boxes.count) boxes are left and nothing else to collapse")
    }
  }

  /// Writes down below the title what is not all of the graph.
  mutating func caption() {
    let shown = isWanted.count { $0 }
    let count = "\(shown) of \(graph.nodes.count) nodes"
    switch options.selection {
    case .around(let names, let radius):
      captions.append(
        "around \(names.map { DOT.short($0) }.joined(separator: ", ")), radius \(radius): \(count)")
    case .paths(let from, let to):
      captions.append("paths from \(DOT.short(from)) to \(DOT.short(to)): \(count)")
    case nil: break
    }
    captions += notes
  }
}
