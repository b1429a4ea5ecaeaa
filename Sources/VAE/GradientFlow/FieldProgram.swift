import Ayatori
import Autodiff
import GraphIR
import GraphOps
import Passes
import Runtime

/// The graphs that compute a `FlowField`: one a root, with the gradient at every node and every
/// contribution to it as outputs.
struct FieldProgram {
  /// One reverse pass.
  struct Pass {
    /// Outputs `value.i` and `gradient.i` by the index of a source node, and the contributions.
    var graph: Graph
    var refusals: [NodeID: String] = [:]
    /// By edge of the source graph: the outputs that sum up to what comes along.
    var ways: [GraphDiff.Edge: [String]] = [:]
    /// By source node: the outputs that come on no edge of the source graph.
    var besides: [NodeID: [String]] = [:]
    var blocked: [GraphDiff.Edge: String] = [:]
  }

  /// What was analysed.
  let source: Graph
  /// Its edges, each pair once, in graph order.
  let edges: [GraphDiff.Edge]
  /// By term, then of the whole loss.
  let passes: [Pass]
  /// Names of the terms.
  let terms: [String]
  private let lowered: Graph
  private let targets: [String]
  private let loss: String
  private let keys: [NodeID: String]
  /// How often a node of the source is computed where draws are written out.
  private(set) var draws: [NodeID: Int] = [:]

  /// `targets` are the draw and its parameters; `known` are the names of the terms where somebody
  /// has found them before. Throws diagnostics for a loss that is not clear.
  init(
    _ source: Graph, targets: [String], loss: String? = nil, known: [String] = []
  ) throws {
    self.source = source
    self.targets = targets
    let (named, keys, unseen) = FieldProgram.namingAll(source)
    self.keys = keys
    var options = CompilerOptions()
    options.unseen = unseen
    let compiler = Compiler(options)
    let lowered = try compiler.lower(named)
    self.lowered = lowered
    draws = keys.mapValues { lowered.copies(of: $0, in: named).count }
    let loss = try loss ?? Compiler.lossName(of: lowered)
    self.loss = loss
    guard let root = lowered.value(named: loss) else {
      throw Diagnostics([.unknownLoss(loss, lowered)])
    }
    // As `SplitProgram` finds them.
    let own = Set(targets.compactMap { lowered.node(named: $0)?.id })
    let terms =
      own.contains(root.id)
      ? [FoundTerm(id: root.id, name: loss)]
      : lossTerms(of: lowered, loss: root.id, known: known, in: source, unseen: unseen)
    // Stabilising may leave other terms; then these have their own names.
    self.terms = terms.map { term in
      if let name = term.name { return name }
      let own = source.nodes.first { keys[$0.id] == lowered[term.id].name }
      return own.map { source.expression($0.id) } ?? lowered.expression(term.id)
    }
    let weighing = GraphBuilder(continuing: lowered)
    let roots = weighedTerms(lowered, loss: root.id, terms: terms.map(\.id), in: weighing).terms
    let titled = zip(roots, self.terms).map {
      ReverseMode.Root($0.root, seed: $0.weight, title: $1)
    }
    let weighed = weighing.build()
    var edges: [GraphDiff.Edge] = []
    for node in source.nodes {
      var seen: Set<NodeID> = []
      for operand in node.operands where seen.insert(operand).inserted {
        edges.append(GraphDiff.Edge(tail: operand, head: node.id))
      }
    }
    self.edges = edges
    let map = FieldMap(source, lowered, keys)
    passes = try (titled + [ReverseMode.Root(root.id)]).map {
      try FieldProgram.pass($0, weighed, map)
    }
  }

  /// The graph that compiling differentiates, with the pass of the whole loss; some nodes of the
  /// source are gone from it.
  func compiled() throws -> (stable: Graph, gradients: Graph) {
    let stable = try Compiler().stabilize(lowered, keeping: targets)
    guard let root = stable.value(named: loss) else {
      throw Diagnostics([.unknownLoss(loss, stable)])
    }
    let pass = try FieldProgram.pass(
      ReverseMode.Root(root.id), stable, FieldMap(source, stable, keys))
    return (stable, pass.graph)
  }

  /// Ids change when sampling is lowered, names do not: every operation gets one. Gives the names
  /// by node, and those that are new.
  private static func namingAll(
    _ graph: Graph
  ) -> (Graph, keys: [NodeID: String], unseen: Set<String>) {
    let builder = GraphBuilder(continuing: graph)
    var keys: [NodeID: String] = [:]
    var unseen: Set<String> = []
    for node in graph.nodes {
      if let name = node.name {
        keys[node.id] = name
      } else if node.operation != nil {
        let name = builder.freeName("node \(node.id)")
        Value(builder: builder, id: node.id).named(name)
        keys[node.id] = name
        unseen.insert(name)
      }
    }
    return (builder.build(), keys, unseen)
  }

  // MARK: Passes

  private static func pass(
    _ root: ReverseMode.Root, _ graph: Graph, _ map: FieldMap
  ) throws -> Pass {
    let result: ReverseMode.Result
    do throws(Diagnostic) {
      result = try ReverseMode.differentiate(
        graph, root: root,
        withRespectTo: Set(map.places.compactMap { $0 })
          .filter { graph[$0].type.dtype.isFloating }.sorted())
    } catch {
      throw Diagnostics([error])
    }
    var adjoints: [NodeID: NodeID] = [:]
    for case (let target, .node(let id)) in result.derivatives { adjoints[target] = id }
    let ways = Ways(graph, root.node, result)
    let builder = GraphBuilder(continuing: result.graph)
    builder.removeOutputs()
    builder.removeUpdates()
    var pass = Pass(graph: graph)
    for node in map.source.nodes {
      guard let place = map.places[node.id.index], node.type.dtype.isFloating else { continue }
      builder.output("value.\(node.id.index)", Value(builder: builder, id: place))
      pass.refusals[node.id] = result.derivatives[place]?.refusal
      guard let adjoint = adjoints[place] else { continue }
      builder.output("gradient.\(node.id.index)", Value(builder: builder, id: adjoint))
      for (user, parts) in ways.into(place, adjoint) {
        let keys = parts.enumerated().map { "way.\(node.id.index).\(user.index).\($0.offset)" }
        for (key, part) in zip(keys, parts) {
          builder.output(key, Value(builder: builder, id: part))
        }
        if let head = map.head(of: user, using: node.id) {
          pass.ways[GraphDiff.Edge(tail: node.id, head: head), default: []] += keys
        } else {
          pass.besides[node.id, default: []] += keys
        }
      }
    }
    for edge in result.blocked {
      for tail in map.written[edge.operand] ?? [] {
        guard let head = map.head(of: edge.user, using: tail) else { continue }
        let place = GraphDiff.Edge(tail: tail, head: head)
        if pass.ways[place] == nil, pass.blocked[place] == nil {
          pass.blocked[place] = edge.reason
        }
      }
      // What a draw's decomposition cuts inside stands at the edges of the draw.
      if map.written[edge.operand] == nil, let head = map.owner(of: edge.user) {
        for tail in map.tails(behind: edge.operand, of: head)
        where pass.ways[GraphDiff.Edge(tail: tail, head: head)] == nil {
          let place = GraphDiff.Edge(tail: tail, head: head)
          var reason = edge.reason
          if map.source[tail].isNoise, let noise = map.places[tail.index],
            case .notConnected(let own)? = result.derivatives[noise]
          {
            reason = own
          }
          if pass.blocked[place] == nil { pass.blocked[place] = reason }
        }
      }
    }
    pass.graph = builder.build()
    return pass
  }

  // MARK: Running

  static func run(
    _ graph: Graph, _ pipeline: Pipeline, _ feeds: Feeds, feeding names: some Sequence<String>
  ) throws -> [String: NDArray] {
    var options = CompilerOptions()
    options.pipeline = pipeline
    let runnable = try Compiler(options).optimize(graph)
    let bound = try CompiledGraph(optimized: runnable, feeding: runnable.fedNoise(names))
      .bind(feeds, of: graph)
    try bound.run(step: feeds.step)
    return SplitProgram.outputs(of: bound)
  }

  /// The fused group of each source node in the gradient of all parameters, as training runs it.
  func groups(_ flow: GradientFlow, _ stable: Graph) throws -> [NodeID: Int] {
    let unreached = Set(flow.split.unreached.map(\.name))
    let parameters = stable.parameters.map(\.label).filter { !unreached.contains($0) }
    let reached = flow.split.rows.filter { $0.gradient != nil }.map(\.name)
    var targets = parameters
    for name in reached where !targets.contains(name) { targets.append(name) }
    let compiler = Compiler()
    let graph = try compiler.differentiate(
      stable, loss: flow.split.loss, withRespectTo: targets)
    let optimized = try compiler.optimize(graph)
    var numbers: [String: Int] = [:]
    for node in optimized.nodes {
      guard let group = node.group else { continue }
      for name in (node.name.map { [$0] } ?? []) + node.aliases + node.absorbed {
        numbers[name] = group
      }
    }
    return keys.compactMapValues { numbers[$0] }
  }
}

/// Where the nodes of a source graph went when it was lowered, by their names.
struct FieldMap {
  let source: Graph
  let graph: Graph
  /// By source node; nil for what is gone.
  let places: [NodeID?]
  /// The source nodes that a node stands for.
  let written: [NodeID: [NodeID]]
  /// The one source node that a node without a place belongs to, if there is one.
  private let owners: [NodeID: NodeID]

  init(_ source: Graph, _ graph: Graph, _ keys: [NodeID: String]) {
    self.source = source
    self.graph = graph
    places = source.nodes.map { node in keys[node.id].flatMap { graph.node(named: $0)?.id } }
    var written: [NodeID: [NodeID]] = [:]
    for (index, place) in places.enumerated() {
      if let place { written[place, default: []].append(NodeID(index)) }
    }
    // The second and further draws, and what is computed from them, go by the names of the first.
    let sources = Dictionary(
      keys.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
    for node in graph.nodes where written[node.id] == nil {
      guard let name = node.name.map(DrawName.init), name.number != nil,
        let original = sources[name.base]
      else { continue }
      written[node.id] = [original]
    }
    self.written = written
    var owners: [NodeID: NodeID] = [:]
    let users = graph.users()
    for node in graph.nodes.reversed() where written[node.id] == nil {
      let found = Set(users[node.id.index].compactMap { written[$0]?.first ?? owners[$0] })
      if found.count == 1 { owners[node.id] = found.first }
    }
    self.owners = owners
  }

  /// The source node that `user` is, or whose decomposition it belongs to.
  func owner(of user: NodeID) -> NodeID? { written[user]?.first ?? owners[user] }

  /// The source node at the end of an edge from `tail` by way of `user`; nil when the source has
  /// no such edge.
  func head(of user: NodeID, using tail: NodeID) -> NodeID? {
    let candidates = written[user] ?? owners[user].map { [$0] } ?? []
    return candidates.first { source[$0].operands.contains(tail) }
  }

  /// Operands of the source node `head` that a node inside its decomposition is computed from.
  func tails(behind inner: NodeID, of head: NodeID) -> [NodeID] {
    let needed = graph.needed(by: [inner])
    return source[head].operands.filter { operand in
      places[operand.index].map { needed[$0.index] } ?? false
    }
  }
}

/// The contributions to each adjoint of one reverse pass.
private struct Ways {
  private let graph: Graph
  private let users: [[NodeID]]
  private let blocked: Set<GraphDiff.Edge>
  /// Nodes that an adjoint came to.
  private var carries: [Bool]
  /// Nodes of their own that a contribution has, by value and user.
  private var parts: [GraphDiff.Edge: [NodeID]] = [:]

  init(_ graph: Graph, _ root: NodeID, _ result: ReverseMode.Result) {
    self.graph = graph
    users = graph.users()
    blocked = Set(result.blocked.map { GraphDiff.Edge(tail: $0.operand, head: $0.user) })
    carries = [Bool](repeating: false, count: graph.nodes.count)
    for node in result.graph.nodes.dropFirst(graph.nodes.count) {
      guard case .adjoint(let of?, _, let through?) = node.role else { continue }
      parts[GraphDiff.Edge(tail: of, head: through), default: []].append(node.id)
    }
    for node in graph.nodes.reversed() where node.type.dtype.isFloating {
      carries[node.id.index] = node.id == root || passing(node.id).contains { _ in true }
    }
  }

  private func passing(_ id: NodeID) -> [NodeID] {
    users[id.index].filter { user in
      let edge = GraphDiff.Edge(tail: id, head: user)
      return carries[user.index] && (!blocked.contains(edge) || parts[edge] != nil)
    }
  }

  /// What comes to `id` by each of its users, as nodes to sum; one user brings all of it.
  func into(_ id: NodeID, _ adjoint: NodeID) -> [(user: NodeID, parts: [NodeID])] {
    let users = passing(id)
    if users.count == 1 { return [(users[0], [adjoint])] }
    return users.compactMap { user in
      parts[GraphDiff.Edge(tail: id, head: user)].map { (user, $0) }
    }
  }
}
