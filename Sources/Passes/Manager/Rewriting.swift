import GraphIR
import GraphOps

/// Drives rules over a graph until none applies: a worklist of nodes whose operands or users
/// changed, rules found by op, and a budget that no sound set of rules exhausts.
func rewrite(_ graph: Graph, rules: RuleTable, _ context: PassContext) -> PassResult {
  // Most passes find nothing in most graphs: then none is copied.
  let isOfUse = graph.nodes.contains { node in
    guard let op = node.definition, rules.isAny(for: op) else { return false }
    return context.settled?[node.id.index] != true
  }
  guard isOfUse else { return .unchanged(graph) }
  var driver = RewriteDriver(graph, rules, context)
  driver.run()
  return driver.finish()
}

/// Rules by the op at whose uses they are tried, in the order given.
struct RuleTable: Sendable {
  private let rulesByOp: [OpDefinition: [RewriteRule]]

  init(_ rules: [RewriteRule]) {
    var rulesByOp: [OpDefinition: [RewriteRule]] = [:]
    for rule in rules {
      for op in rule.ops { rulesByOp[op, default: []].append(rule) }
    }
    self.rulesByOp = rulesByOp
  }

  func isAny(for op: OpDefinition) -> Bool { rulesByOp[op] != nil }

  subscript(_ op: OpDefinition) -> [RewriteRule]? { rulesByOp[op] }
}

private struct RewriteDriver {
  let context: PassContext
  let onTry: ((RewriteRule) -> Void)?
  let float: FloatMode
  let editor: GraphEditor
  let rules: RuleTable
  let queue = Queue()
  var site: RewriteSite?
  /// Which replacement made a node of the editor.
  var makers: [NodeID: [Int]] = [:]
  var budget: Int
  var isChanged = false

  /// Nodes to look at, each at most once, first come first served.
  final class Queue {
    // By one owner, and asked for every node of every pass.
    @exclusivity(unchecked) private var items: [NodeID] = []
    @exclusivity(unchecked) private var head = 0
    @exclusivity(unchecked) private var isIn: [Bool] = []
    /// What is touched while a rule is tried, which counts only if it applies: else two rules that
    /// build and throw away would call each other for ever.
    @exclusivity(unchecked) private var touched: [NodeID] = []
    @exclusivity(unchecked) private var isTrial = false

    func beginTrial() { isTrial = true }

    func endTrial(success: Bool) {
      isTrial = false
      if touched.isEmpty { return }
      if success { for id in touched { push(id) } }
      touched.removeAll(keepingCapacity: true)
    }

    func push(_ id: NodeID) {
      if isTrial {
        touched.append(id)
        return
      }
      while isIn.count <= id.index { isIn.append(false) }
      if isIn[id.index] { return }
      isIn[id.index] = true
      items.append(id)
    }

    func pop() -> NodeID? {
      guard head < items.count else { return nil }
      let id = items[head]
      head += 1
      isIn[id.index] = false
      return id
    }
  }

  init(_ graph: Graph, _ rules: RuleTable, _ context: PassContext) {
    self.context = context
    self.rules = rules
    onTry = context.onTry
    float = context.options.float
    editor = GraphEditor(graph)
    // Each replacement makes a handful of nodes at most, and each node simplifies a few times.
    budget = 1_000 + 50 * graph.nodes.count
    for node in graph.nodes {
      if context.settled?[node.id.index] != true { queue.push(node.id) }
    }
    if !context.options.kept.isEmpty {
      for node in graph.nodes {
        if let name = node.name, context.options.kept.contains(name) { editor.pin(node.id) }
      }
    }
    editor.touched = { [queue] in queue.push($0) }
  }

  mutating func run() {
    while let id = queue.pop() {
      guard editor.isAlive(id), context.permitsMore else { continue }
      guard let definition = editor.builder.definition(of: id), let rules = rules[definition],
        case .operation(let operation) = editor.builder.body(of: id)
      else { continue }
      let site = moveSite(to: id, operation)
      if site.isKept(site.value) { continue }
      editor.builder.build(like: id)
      for rule in rules where float.allows(rule.float) && tryRule(rule, site) {
        budget -= 1
        break
      }
      if budget == 0 {
        context.note(
          "the rewriting budget ran out in '\(context.pass)': some nodes are not simplified")
        return
      }
    }
  }

  private mutating func moveSite(to id: NodeID, _ operation: Operation) -> RewriteSite {
    if let site {
      site.move(to: id, operation)
      return site
    }
    let site = RewriteSite(editor, context, id, operation)
    self.site = site
    return site
  }

  /// Whether the rule applied.
  private mutating func tryRule(_ rule: RewriteRule, _ site: RewriteSite) -> Bool {
    let builder = editor.builder
    let id = site.value.id
    if !site.others.isEmpty { site.others.removeAll() }
    onTry?(rule)
    let firstNew = NodeID(builder.nodeCount)
    queue.beginTrial()
    guard let found = rule.body(site), found.id != id, !editor.depends(found.id, on: id) else {
      if builder.nodeCount > firstNew.index { editor.dropUnused(from: firstNew) }
      queue.endTrial(success: false)
      return false
    }
    queue.endTrial(success: true)
    let replaced = [(old: id, new: found.id)] + site.others
    let index = context.record(
      rule: rule.name, pattern: rule.pattern, float: rule.float,
      nodes: replaced.map { builder.mention(of: $0.old) }, result: builder.phrase(of: found.id),
      location: builder.location(of: id))
    for (old, new) in replaced {
      if old != id, new >= firstNew { editor.adopt(new, from: old) }
      editor.replace(old, with: new)
    }
    editor.dropUnused(from: firstNew)
    isChanged = true
    makers[found.id, default: []].append(index)
    for new in firstNew.index..<max(firstNew.index, builder.nodeCount)
    where NodeID(new) != found.id {
      makers[NodeID(new), default: []].append(index)
    }
    return true
  }

  func finish() -> PassResult {
    if !isChanged { return .unchanged(editor.old) }
    let (graph, places) = editor.finish()
    var final: [NodeID: [Int]] = [:]
    for (id, indices) in makers {
      if let place = places[id.index] { final[place, default: []] += indices }
    }
    return PassResult(
      graph: graph, places: Array(places.prefix(editor.old.nodes.count)),
      makers: final.mapValues { $0.sorted() })
  }
}

extension GraphBuilder {
  /// The node as messages mention it.
  func mention(of id: NodeID) -> String {
    if let name = name(of: id) { return name }
    guard case .operation(let operation) = body(of: id) else { return id.description }
    return "\(operation.definition.name) \(id)"
  }

  /// A node with its operands: `add(x, %3)`.
  func phrase(of id: NodeID) -> String {
    guard case .operation(let operation) = body(of: id) else {
      if case .leaf(.constant(let scalar)) = body(of: id) { return scalar.description }
      return mention(of: id)
    }
    let operands = operands(of: id).map { operand -> String in
      if case .leaf(.constant(let scalar)) = body(of: operand) { return scalar.description }
      return name(of: operand) ?? operand.description
    }
    let call = "\(operation.definition.name)(\(operands.joined(separator: ", ")))"
    return name(of: id).map { "\($0) = \(call)" } ?? call
  }
}
