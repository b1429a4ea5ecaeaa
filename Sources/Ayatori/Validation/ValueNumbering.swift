import GraphIR

/// Numbers for the values of several graphs: what is computed alike from like leaves has one
/// number, in whichever graph it stands (global value numbering).
///
/// So a graph before and after a pass is evaluated once where the pass changed nothing, and outputs
/// of one number need no comparison. Leaves are known by their names.
struct ValueNumbering {
  /// What a leaf is fed with.
  enum LeafKind: Hashable {
    case input, parameter, state
    case noise(NoiseDistribution)
    /// The weight of an output in the sum that is differentiated.
    case weight
  }

  enum Body: Hashable {
    case leaf(String, LeafKind, ValueType)
    case constant(Scalar, DType)
    case size(Dim, DType)
    case operation(Operation)
  }

  struct Entry {
    var body: Body
    /// Numbers, all lower than the entry's own.
    var operands: [Int]
    var operandTypes: [ValueType]
    var type: ValueType
  }

  private struct Key: Hashable {
    var body: Body
    var operands: [Int]
  }

  private(set) var entries: [Entry] = []
  private var numbers: [Key: Int] = [:]

  /// The number of each node of `graph`. Inputs whose names are in `weights` are fed as weights.
  mutating func number(_ graph: Graph, weights: Set<String> = []) -> [Int] {
    var result: [Int] = []
    result.reserveCapacity(graph.nodes.count)
    for node in graph.nodes {
      let body: Body =
        switch node.body {
        case .leaf(.constant(let scalar)): .constant(scalar, node.type.dtype)
        case .leaf(.size(let dim)): .size(dim, node.type.dtype)
        case .leaf(.input):
          .leaf(node.label, weights.contains(node.label) ? .weight : .input, node.type)
        case .leaf(.parameter): .leaf(node.label, .parameter, node.type)
        case .leaf(.state): .leaf(node.label, .state, node.type)
        case .leaf(.noise(let distribution)): .leaf(node.label, .noise(distribution), node.type)
        case .operation(let operation): .operation(operation)
        }
      let key = Key(body: body, operands: node.operands.map { result[$0.index] })
      if let known = numbers[key] {
        result.append(known)
        continue
      }
      numbers[key] = entries.count
      result.append(entries.count)
      entries.append(
        Entry(
          body: body, operands: key.operands, operandTypes: node.operands.map { graph[$0].type },
          type: node.type))
    }
    return result
  }

  /// What any of `roots` needs, roots included, lowest first; `isKnown` cuts the search.
  func needed(by roots: [Int], isKnown: (Int) -> Bool = { _ in false }) -> [Int] {
    guard let highest = roots.max() else { return [] }
    var marks = [Bool](repeating: false, count: highest + 1)
    for root in roots { marks[root] = true }
    var found: [Int] = []
    for number in stride(from: highest, through: 0, by: -1) where marks[number] {
      if isKnown(number) { continue }
      found.append(number)
      for operand in entries[number].operands { marks[operand] = true }
    }
    return found.reversed()
  }
}
