@testable import Ayatori
@testable import GraphIR
import GraphOps
import Passes
import Runtime

/// A graph through every pass and on to numbers, held against the reference interpreter.
///
/// - What runs after all passes, in f64, against the reference's values of the graph and of its
///   derivatives before any: within 16 times their spread under random rounding and 8 ulp, as
///   `Equivalence` allows rewrites. In f32 it has to run.
/// - The same bits with one thread and with two.
/// - Where it is asked for, each pass on its own, by translation validation (`Validator`).
struct CompileCheck {
  let graph: Graph
  let sizes: [String: Int]
  let seed: UInt64
  let profile: InputProfile
  let float: FloatMode
  let isDifferentiated: Bool
  let isValidated: Bool

  init(_ generated: GeneratedGraph) {
    graph = generated.graph
    sizes = generated.sizes
    seed = generated.seed
    profile = InputProfile.allCases[generated.profile % InputProfile.allCases.count]
    float = FloatMode.allCases[generated.mode % FloatMode.allCases.count]
    isDifferentiated = generated.isDifferentiated
    isValidated = generated.isValidated
  }

  init(_ graph: Graph, sizes: [String: Int]) {
    self.graph = graph
    self.sizes = sizes
    seed = 1
    profile = .normal
    float = .standard
    isDifferentiated = true
    isValidated = false
  }

  private static let pools = [WorkerPool(threads: 1), WorkerPool(threads: 2)]

  func run() {
    FuzzTarget.expectRoundTrip(graph)
    guard let (plain, optimized) = compiled() else { return }
    FuzzTarget.expectRoundTrip(optimized)
    execute(optimized, against: plain)
  }

  // MARK: Compiling

  /// The graph with its derivatives as nobody has rewritten it, and as it runs; nil when it is
  /// refused.
  private func compiled() -> (plain: Graph, optimized: Graph)? {
    do {
      do {
        return try compiled(isValidated: isValidated)
      } catch let error as Diagnostic where error.id == "not-validated" {
        // Indices out of range, sizes that do not fit: it still has to compile.
        return try compiled(isValidated: false)
      }
    } catch let error as Diagnostic {
      expectTold([error])
    } catch let errors as Diagnostics {
      expectTold(errors.all)
    } catch {
      finding("\(error)\n\(graph.text())")
    }
    return nil
  }

  private func compiled(isValidated: Bool) throws -> (plain: Graph, optimized: Graph) {
    var options = CompilerOptions()
    options.float = float
    if isValidated {
      var passOptions = PassContext.Options()
      passOptions.float = float
      options.validator = Validator(seed: seed, options: passOptions)
    }
    let compiler = Compiler(options)
    let lowered = try compiler.lower(graph)
    guard isDifferentiated, lowered.output(named: "loss") != nil else {
      return (lowered, try compiler.optimize(lowered))
    }
    let leaves = (lowered.inputs + lowered.parameters).filter { $0.type.dtype.isFloating }
    // What no gradient reaches is refused by name, and is no reason to leave the others out.
    let targets = leaves.map(\.label).filter {
      (try? Compiler().differentiate(lowered, loss: "loss", withRespectTo: [$0])) != nil
    }
    guard !targets.isEmpty else { return (lowered, try compiler.optimize(lowered)) }
    let plain = try Compiler().differentiate(lowered, loss: "loss", withRespectTo: targets)
    let stable = try compiler.stabilize(lowered, keeping: targets)
    let gradient = try compiler.differentiate(stable, loss: "loss", withRespectTo: targets)
    return (plain, try compiler.optimize(gradient))
  }

  // MARK: Running

  private func execute(_ optimized: Graph, against plain: Graph) {
    var numbering = ValueNumbering()
    let numbers = numbering.number(plain)
    let point = ValidationPoint(profile: profile, seed: seed, sizes: sizes)
    var reference = PointEvaluation(point)
    let roots = plain.outputs.map { numbers[$0.node.index] }
    // A run computes what state becomes too.
    let computed = roots + plain.updates.map { numbers[$0.value.index] }
    reference.evaluate(computed, numbering)
    let results: [[String: NDArray]]
    do {
      results = try CompileCheck.pools.map { try run(optimized, point, $0) }
    } catch let error as Diagnostic {
      // What a run refuses, the reference has to refuse as well.
      expectTold([error])
      let isRefused = computed.contains { root in reference.array(root) == nil }
      return expect(isRefused, "\(error)\nbut the reference runs\n\(optimized.text())")
    } catch {
      finding("\(error)\n\(optimized.text())")
    }
    expect(results[0] == results[1], "other bits on two threads\n\(optimized.text())")
    // A refusal may be of a value that nothing needs any more.
    guard roots.allSatisfy({ reference.array($0) != nil }) else { return }
    guard !isBeyondReference(plain, numbers, reference) else { return }
    for (output, number) in zip(plain.outputs, roots) {
      guard let wanted = reference.array(number), let got = results[0][output.name] else {
        finding("'\(output.name)' is gone\n\(optimized.text())")
      }
      compare(output, number, wanted, got, optimized, numbering, &reference)
    }
  }

  private func run(
    _ optimized: Graph, _ point: ValidationPoint, _ pool: WorkerPool
  ) throws -> [String: NDArray] {
    let feeds = Set(optimized.noises.map(\.label))
    let program = try Program(optimized, feeding: feeds)
    let state = try StateStore(optimized, sizes: sizes)
    var fed: [(String, NDArray)] = []
    for node in optimized.inputs + optimized.noises + optimized.persistent {
      guard let kind = CompileCheck.kind(of: node) else { continue }
      let shape = try node.type.shape.evaluated(sizes)
      let values = point.values(
        node.label, kind, node.type.dtype, count: shape.reduce(1, *))
      let array = NDArray(converting: values, to: node.type.dtype, shape: shape)
      if node.isPersistent {
        try state.set(node.label, array)
      } else {
        fed.append((node.label, array))
      }
    }
    let bound = try BoundProgram(program, sizes: sizes, state: state, seed: seed, pool: pool)
    let broken = bound.plan.violations()
    expect(broken.isEmpty, "the plan: \(broken)\n\(optimized.text())")
    for (name, array) in fed { try bound.feed(name, array) }
    try bound.run(step: 1)
    var results: [String: NDArray] = [:]
    for output in optimized.outputs { results[output.name] = bound.output(output.name) }
    return results
  }

  private static func kind(of node: Node) -> ValueNumbering.LeafKind? {
    switch node.body {
    case .leaf(.input): .input
    case .leaf(.parameter): .parameter
    case .leaf(.state): .state
    case .leaf(.noise(let distribution)): .noise(distribution)
    case .leaf(.constant), .leaf(.size), .operation: nil
    }
  }

  /// Values that the reference, in which everything is a double, does not have as kernels do: f32,
  /// integers that wrap, and what overflows or nearly does.
  private func isBeyondReference(
    _ plain: Graph, _ numbers: [Int], _ reference: PointEvaluation
  ) -> Bool {
    plain.nodes.contains { node in
      if node.type.dtype == .f32 { return true }
      guard let array = reference.array(numbers[node.id.index]) else { return false }
      let bound = node.type.dtype.isFloating ? 1e290 : 0x1p31
      return array.values.contains { abs($0) >= bound }
    }
  }

  private func compare(
    _ output: Graph.Output, _ number: Int, _ wanted: ReferenceArray, _ got: NDArray,
    _ optimized: Graph, _ numbering: ValueNumbering, _ reference: inout PointEvaluation
  ) {
    expect(
      got.shape == wanted.shape, "'\(output.name)': \(got.shape), not \(wanted.shape)")
    let values = got.doubles
    var spreads = [Double](repeating: 0, count: values.count)
    func suspect() -> Int? {
      values.indices.first {
        spreads[$0].isFinite
          && !Equivalence.agree(wanted.values[$0], values[$0], spreads[$0], isExact: false)
      }
    }
    if suspect() == nil { return }
    for trial in 1...CompileCheck.trials {
      reference.evaluate([number], numbering, trial: trial)
      guard let moved = reference.array(number, trial: trial) else { return }
      for index in values.indices {
        let distance = abs(moved.values[index] - wanted.values[index])
        spreads[index] = max(spreads[index], distance.isNaN ? .infinity : distance)
      }
    }
    guard let index = suspect() else { return }
    finding(
      "'\(output.name)' element \(index): the reference has \(wanted.values[index]), spread "
        + "\(spreads[index]); the run has \(values[index]); \(reference.point.description)\n"
        + "\(graph.text())\n\(optimized.text())")
  }

  private static let trials = 40
}
