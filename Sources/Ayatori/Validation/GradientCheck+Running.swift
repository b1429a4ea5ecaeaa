import Autodiff
import Foundation
public import GraphIR
import GraphOps
import Passes
import Runtime

extension GradientCheck {
  /// Checks ∂loss/∂target for each target.
  ///
  /// `loss` defaults as it does for `Compiler.stage`; where the graph has no scalar output, to a
  /// random projection of its floating outputs, and an array that is named is projected as well.
  /// `targets` are names of nodes; nil stands for
  /// all parameters and floating inputs. At a target that is no leaf the graph is cut: its value is
  /// moved, not what it is computed from. `inputs` may hold noise and, as for `CompiledGraph`, any
  /// node. Inputs that are missing are drawn uniformly from [0, 1), integers and truth values from
  /// 0 and 1; parameters and state that are missing come from their initialisers.
  ///
  /// `progress` hears how many targets of how many are done. Throws diagnostics for names, types
  /// and arrays that do not fit, and a `PassFailure` for a mistake in Ayatori.
  public init(
    _ source: Graph, loss: String? = nil, withRespectTo targets: [String]? = nil,
    inputs: [String: NDArray] = [:], parameters: [String: NDArray] = [:],
    sizes: [String: Int] = [:], seed: UInt64 = 0, step: UInt64 = 0, options: Options = Options(),
    compiler: Compiler = Compiler(), progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    let cut = try source.retyped(from: .f32, to: .f64).cut(at: Set(inputs.keys))
    let written = try compiler.lower(cut)
    let names =
      targets
      ?? (written.parameters + written.inputs.filter(\.type.dtype.isFloating)).map(\.label)
    let unknown = ((loss.map { [$0] } ?? []) + names).filter {
      written.value(named: $0)?.name == nil
    }
    guard unknown.isEmpty else { throw Diagnostics(unknown.map { .unknownNode($0, written) }) }
    let objective = try Objective(of: written, loss)
    let lowered = objective.graph
    var setting = Setting(
      lowered: lowered, root: objective.root, loss: objective.name, weights: objective.weights,
      options: options,
      point: DifferenceProgram.Point(
        inputs: [:], parameters: parameters, sizes: [:], seed: seed, step: step))
    let (chosen, drawn) = try setting.settle(inputs, sizes)
    let symbolic = try Symbolic(setting, names, compiler)
    let cuts = try setting.hold(names)

    var checked: [Target] = []
    var seen: Set<String> = []
    for name in names where seen.insert(name).inserted {
      progress(checked.count, names.count)
      guard let node = lowered.value(named: name) else { continue }
      checked.append(try setting.check(node, name, symbolic))
    }
    progress(names.count, names.count)

    self.graph = source.name
    self.loss = objective.name
    lossValue = symbolic.loss
    self.seed = seed
    self.sizes = setting.point.sizes
    chosenSizes = chosen
    drawnInputs = drawn
    held = cuts
    self.targets = checked
  }

  /// The scalar that is differentiated: a node of the graph, or a random projection of arrays.
  private struct Objective {
    private(set) var graph: Graph
    private(set) var root: Node
    private(set) var name: String
    /// Names of the inputs that weigh the elements of arrays.
    private(set) var weights: Set<String> = []

    /// Throws a diagnostic when there is nothing that could be differentiated.
    init(of lowered: Graph, _ loss: String?) throws {
      let floats = lowered.outputs.filter { lowered[$0.node].type.dtype.isFloating }
      let hasScalar = floats.contains { lowered[$0.node].type.shape.rank == 0 }
      var names = loss.map { [$0] } ?? floats.map(\.name)
      if loss == nil, hasScalar || floats.isEmpty { names = [try Compiler.lossName(of: lowered)] }
      let nodes = names.compactMap { lowered.value(named: $0) }
      graph = lowered
      root = nodes[0]
      name = names[0]
      // What is no float is left to the differentiation to refuse.
      guard nodes.allSatisfy({ $0.type.shape.rank > 0 && $0.type.dtype.isFloating }) else { return }
      let builder = GraphBuilder(continuing: lowered)
      var total: Value?
      for (name, node) in zip(names, nodes) {
        let weight = builder.freeName("weights of \(name)")
        weights.insert(weight)
        let term = sum(builder.input(weight, node.type) * Value(builder: builder, id: node.id))
        total = total.map { $0 + term } ?? term
      }
      guard let total else { return }
      name = builder.freeName("random projection of \(names.joined(separator: ", "))")
      total.named(name)
      graph = builder.build()
      root = graph[total.id]
    }
  }

  /// The graph that is checked, and the point at which.
  private struct Setting {
    let lowered: Graph
    let root: Node
    let loss: String
    /// Inputs that weigh a projection.
    let weights: Set<String>
    let options: Options
    var point: DifferenceProgram.Point
    /// What is evaluated at other points: `lowered`, with its cuts held.
    private(set) var moved: Graph

    init(
      lowered: Graph, root: Node, loss: String, weights: Set<String>, options: Options,
      point: DifferenceProgram.Point
    ) {
      self.lowered = lowered
      self.root = root
      self.loss = loss
      self.weights = weights
      self.options = options
      self.point = point
      moved = lowered
    }

    /// Holds the values at the cuts between the targets and the loss; says which. The point must
    /// be settled.
    mutating func hold(_ names: [String]) throws -> [HeldCut] {
      let targets = names.compactMap { lowered.value(named: $0)?.id }
      let held = try HeldCuts(lowered, root: root.id, targets: targets, at: point)
      moved = held.graph
      point.inputs.merge(held.values) { given, _ in given }
      return held.cuts
    }

    /// Finds a size for each dimension and a value for each input; says which it chose and drew.
    mutating func settle(
      _ given: [String: NDArray], _ sizes: [String: Int]
    ) throws -> (chosen: [String], drawn: [String]) {
      for (name, array) in given.sorted(by: { $0.key < $1.key }) {
        guard let node = lowered.node(named: name) else { continue }
        if node.isPersistent {
          point.parameters[node.label] = array
        } else if point.inputs.updateValue(array, forKey: node.label) != nil {
          throw Diagnostic.fedTwice(node.label, name)
        }
      }
      let shapes = point.inputs.merging(point.parameters) { first, _ in first }.mapValues(\.shape)
      var settled = try SizeSolver(lowered).solve(given: sizes, shapes: shapes)
      let free = lowered.dimensions.map(\.name).filter { settled[$0] == nil }
      for name in free { settled[name] = options.freeSize }
      point.sizes = settled
      let missing = lowered.inputs.filter { point.inputs[$0.label] == nil }
      for node in missing {
        let shape: [Int]
        do throws(DimError) {
          shape = try node.type.shape.evaluated(settled)
        } catch {
          throw Diagnostic.unsized(node, error)
        }
        point.inputs[node.label] = draw(node, shape)
      }
      return (free, missing.map(\.label).filter { !weights.contains($0) })
    }

    private func draw(_ node: Node, _ shape: [Int]) -> NDArray {
      var random = PointRandom(seed: point.seed, "gradcheck/\(node.label)")
      let values = (0..<shape.reduce(1, *)).map { _ in
        if weights.contains(node.label) { return random.normal() }
        let value = random.uniform()
        return node.type.dtype.isFloating ? value : (value * 2).rounded(.down)
      }
      return NDArray(converting: values, to: node.type.dtype, shape: shape)
    }

    // MARK: One target

    func check(_ node: Node, _ name: String, _ symbolic: Symbolic) throws -> Target {
      let shape: [Int]
      do throws(DimError) {
        shape = try node.type.shape.evaluated(point.sizes)
      } catch {
        throw Diagnostic.unsized(node, error)
      }
      func target(_ refusal: String?, _ probes: [Probe] = []) -> Target {
        Target(
          name: name, shape: shape, location: node.location, refusal: refusal, probes: probes)
      }
      if let refusal = symbolic.refusals[node.id] { return target(refusal) }
      guard let gradient = symbolic.gradients[node.id]?.doubles else {
        return target("its gradient was not computed")
      }
      if gradient.isEmpty { return target("it has no elements") }
      let program = try self.program(for: node, symbolic)
      guard program.origin.isFinite else {
        return target("the loss is not finite: \(program.origin.isNaN ? .nan : program.origin)")
      }
      var random = PointRandom(seed: point.seed, "gradcheck of \(name)")
      var probes: [Probe] = []
      for number in 0..<options.directions {
        probes.append(try probeDirection(number, program, gradient, &random))
      }
      for entry in entries(gradient, &random) {
        probes.append(try probeEntry(entry, program, gradient))
      }
      return target(nil, probes)
    }

    /// The loss as a function of the target: of a leaf as it is, else of an input in its place.
    private func program(for node: Node, _ symbolic: Symbolic) throws -> DifferenceProgram {
      let name = node.label
      // A leaf, or what is held, stays what it is.
      let cut = try moved.cut(at: [name])
      guard let leaf = cut.node(named: name), let end = cut.value(named: loss) else {
        throw Diagnostic.unknownNode(name, cut)
      }
      var point = point
      if leaf.isInput, point.inputs[name] == nil { point.inputs[name] = symbolic.values[node.id] }
      return try DifferenceProgram(cut, value: end.id, of: leaf.id, at: point)
    }

    /// Along u·max(1, |x|) with u normal; in many dimensions shortened, so that the way is about as
    /// long as in a hundred: longer ones cross more kinks.
    private func probeDirection(
      _ number: Int, _ program: DifferenceProgram, _ gradient: [Double],
      _ random: inout PointRandom
    ) throws -> Probe {
      let count = Double(gradient.count)
      let shortening = min(1, 10 / count.squareRoot())
      let direction = program.values.map { random.normal() * shortening * max(1, abs($0)) }
      var (projection, squares) = (0.0, 0.0)
      for (slope, way) in zip(gradient, direction) {
        projection += slope * way
        if slope.isFinite { squares += slope * slope * way * way }
      }
      let quotient = DifferenceQuotient(origin: program.origin) { t in
        try program.sample(zip(program.values, direction).map { $0 + t * $1 })
      }
      return try quotient.probe(
        DifferenceQuotient.Question(
          place: .direction(number), symbolic: projection, scale: squares.squareRoot(), unit: 1))
    }

    private func probeEntry(
      _ entry: Int, _ program: DifferenceProgram, _ gradient: [Double]
    ) throws -> Probe {
      let largest = gradient.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
      let quotient = DifferenceQuotient(origin: program.origin) { t in
        var values = program.values
        values[entry] += t
        return try program.sample(values)
      }
      return try quotient.probe(
        DifferenceQuotient.Question(
          place: .entry(program.shape.index(ofElement: entry)), symbolic: gradient[entry],
          scale: largest, unit: max(1, abs(program.values[entry]))))
    }

    /// The largest, what is not finite before all, and as many others at random; in order.
    private func entries(_ gradient: [Double], _ random: inout PointRandom) -> [Int] {
      guard let limit = options.entries, limit < gradient.count else {
        return Array(gradient.indices)
      }
      func size(_ index: Int) -> Double {
        gradient[index].isFinite ? abs(gradient[index]) : .infinity
      }
      let bySize = gradient.indices.sorted { (size($0), $1) > (size($1), $0) }
      var chosen = Set(bySize.prefix((limit + 1) / 2))
      while chosen.count < limit {
        chosen.insert(Int.random(in: 0..<gradient.count, using: &random))
      }
      return chosen.sorted()
    }
  }

  /// The derivatives as they are run, by target.
  private struct Symbolic {
    private(set) var loss = Double.nan
    private(set) var gradients: [NodeID: NDArray] = [:]
    /// The values of targets that are no leaves.
    private(set) var values: [NodeID: NDArray] = [:]
    /// Why there is nothing to compare.
    private(set) var refusals: [NodeID: String] = [:]

    init(_ setting: Setting, _ names: [String], _ compiler: Compiler) throws {
      let (lowered, loss) = (setting.lowered, setting.loss)
      let wanted = try lowered.with(outputs: [loss])
      let stable = try compiler.stabilize(wanted, keeping: names)
      var pairs: [(old: Node, new: Node)] = []
      for name in names {
        guard let old = lowered.value(named: name), let new = stable.node(named: old.label) else {
          throw Diagnostic.unknownNode(name, stable)
        }
        pairs.append((old, new))
      }
      guard let root = stable.value(named: loss) else { throw Diagnostic.unknownNode(loss, stable) }
      let result = try ReverseMode.differentiate(
        stable, root: ReverseMode.Root(root.id), withRespectTo: pairs.map(\.new.id))
      let builder = GraphBuilder(continuing: result.graph)
      for (old, new) in pairs {
        switch result.derivatives[new.id] {
        case .node(let derivative):
          builder.output("gradient \(old.id)", Value(builder: builder, id: derivative))
          if let cuts = Symbolic.cuts(before: new, stable, result.blocked) {
            refusals[old.id] = cuts
          }
        case let other: refusals[old.id] = other?.refusal ?? "it has no gradient"
        }
        builder.output("value \(old.id)", Value(builder: builder, id: new.id))
      }
      let runnable = try compiler.optimize(builder.build())
      let program = try CompiledGraph(
        optimized: runnable, feeding: runnable.fedNoise(setting.point.inputs.keys))
      let fed = setting.point.inputs.filter { program.program.fed.contains($0.key) }
      let results = try program.run(
        inputs: fed, parameters: setting.point.parameters, sizes: setting.point.sizes,
        seed: setting.point.seed, step: setting.point.step)
      self.loss = results[loss]?.doubles.first ?? .nan
      for (old, _) in pairs {
        gradients[old.id] = results["gradient \(old.id)"]
        values[old.id] = results["value \(old.id)"]
      }
    }

    /// The ways from the target to the loss that carry its value and no derivative, unless the
    /// derivative there is zero because the value goes in steps, or the op's record says that the
    /// way is cut; nil when there are none. One line: the first of them, and how many there are.
    private static func cuts(
      before target: Node, _ graph: Graph, _ blocked: [BlockedEdge]
    ) -> String? {
      let builder = GraphBuilder(continuing: graph)
      let edges = blocked.filter { edge in
        edge.hidesTarget && !edge.isCut(in: graph)
          && graph.needed(by: [edge.operand])[target.id.index]
          && builder.pieces(of: graph[edge.user])?.isStep != true
      }
      guard let first = edges.first else { return nil }
      let more = edges.count > 1 ? "; and at \(edges.count - 1) more" : ""
      return "its value passes where its gradient does not: '\(graph[first.operand].mention)' ⊣ "
        + "'\(graph[first.user].mention)': \(first.reason)\(more)"
    }
  }
}
