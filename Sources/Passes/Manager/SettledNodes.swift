import GraphIR

/// Where each pass of rules has nothing left to do, so that a second run of it looks only at what
/// other passes changed in between.
struct SettledNodes {
  private var marks: [String: [Bool]] = [:]

  /// How far upwards a rule may look down to a changed node, and how far downwards the number of
  /// a node's users may matter.
  private static let upwards = 5
  private static let downwards = 2

  subscript(_ pass: Pass) -> [Bool]? { pass.rules.isEmpty ? nil : marks[pass.name] }

  /// Whether the pass would find nothing at all.
  func isDone(_ pass: Pass) -> Bool { self[pass]?.allSatisfy { $0 } ?? false }

  /// The pass came to its end.
  mutating func finish(_ pass: Pass, _ graph: Graph) {
    if !pass.rules.isEmpty { marks[pass.name] = graph.nodes.map { _ in true } }
  }

  /// Takes the marks over what a pass changed.
  mutating func move(_ step: PassStep) {
    if marks.isEmpty { return }
    let changed = SettledNodes.changed(step)
    marks = marks.mapValues { old in
      var new = [Bool](repeating: false, count: step.after.nodes.count)
      for (index, place) in step.places.enumerated() {
        if let place, old[index], !changed[place.index] { new[place.index] = true }
      }
      return new
    }
  }

  private static func isSame(_ old: Node, _ new: Node, _ places: [NodeID?]) -> Bool {
    let (before, after) = (old.operands, new.operands)
    return before.count == after.count
      && before.indices.allSatisfy { places[before[$0].index] == after[$0] }
      && old.body == new.body
  }

  /// The nodes of the new graph that are not what they were, and those round them.
  private static func changed(_ step: PassStep) -> [Bool] {
    let after = step.after
    var isKnown = [Bool](repeating: false, count: after.nodes.count)
    var distance = [Int](repeating: .max, count: after.nodes.count)
    for node in step.before.nodes {
      guard let place = step.places[node.id.index] else {
        // Whoever it read has one user less.
        for operand in node.operands {
          if let place = step.places[operand.index] { distance[place.index] = 0 }
        }
        continue
      }
      if isKnown[place.index] || !isSame(node, after[place], step.places) {
        distance[place.index] = 0
      }
      isKnown[place.index] = true
    }
    for node in after.nodes where !isKnown[node.id.index] { distance[node.id.index] = 0 }
    // A changed node changes what its operands are used by.
    var below = distance
    for node in after.nodes.reversed() where below[node.id.index] < downwards {
      for operand in node.operands {
        below[operand.index] = min(below[operand.index], below[node.id.index] + 1)
      }
    }
    var above = below.map { $0 <= downwards ? 0 : Int.max }
    for node in after.nodes {
      for operand in node.operands where above[operand.index] < upwards {
        above[node.id.index] = min(above[node.id.index], above[operand.index] + 1)
      }
    }
    return above.map { $0 <= upwards }
  }
}
