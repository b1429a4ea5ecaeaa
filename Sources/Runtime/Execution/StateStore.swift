import Foundation
public import GraphIR
import GraphOps

/// The memory of a graph's parameters and state: kept between runs, shared by every program that
/// is bound over the same graph.
public final class StateStore {
  public let graph: Graph
  public let sizes: [String: Int]
  private let memory: AlignedMemory
  private var buffers: [String: Buffer] = [:]

  /// Bytes of all parameters and state.
  public var byteCount: Int { memory.bytes }

  /// Memory for every persistent leaf, zeroed. Throws when a shape has no size.
  public init(_ graph: Graph, sizes: [String: Int]) throws(Diagnostic) {
    self.graph = graph
    self.sizes = sizes
    var offsets: [(Node, [Int], Int)] = []
    var total = 0
    var isTooLarge = false
    // Leaves that an op joins lie side by side; all others begin at an alignment.
    let joins = PersistentJoins(graph)
    let joined = Set(joins.runs.flatMap { $0 })
    let alone = graph.persistent.map(\.id).filter { !joined.contains($0) }
    for run in joins.runs + alone.map({ [$0] }) {
      for id in run {
        let node = graph[id]
        do throws(DimError) {
          let shape = try node.type.shape.evaluated(sizes)
          offsets.append((node, shape, total))
          total = StateStore.sum(
            total, shape.reduce(1, *) * node.type.dtype.byteCount, &isTooLarge)
        } catch {
          throw .unsized(node, error)
        }
      }
      let alignment = MemoryPlan.alignment
      // An empty array has an address of its own too.
      total = StateStore.sum(max(total, 1), alignment - 1, &isTooLarge) / alignment * alignment
    }
    if isTooLarge { throw .outOfMemory(Int.max, graph) }
    guard let memory = AlignedMemory(bytes: total) else { throw .outOfMemory(total, graph) }
    self.memory = memory
    for (node, shape, offset) in offsets {
      buffers[node.label] = Buffer(
        pointer: memory.base + offset, dtype: node.type.dtype, shape: shape)
    }
  }

  private static func sum(_ a: Int, _ b: Int, _ isTooLarge: inout Bool) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    if overflow { isTooLarge = true }
    return overflow ? a : sum
  }

  /// Whether the leaf lies behind the one before it where the program reads both as one array.
  func lies(_ leaf: NodeID, as joins: PersistentJoins, in graph: Graph) -> Bool {
    for run in joins.runs {
      guard let place = run.firstIndex(of: leaf), place > 0 else { continue }
      guard let own = buffers[graph[leaf].label], let last = buffers[graph[run[place - 1]].label]
      else { return false }
      return own.pointer == last.pointer + last.count * last.dtype.byteCount
    }
    return true
  }

  /// The names of all persistent leaves, in graph order.
  public var names: [String] { graph.persistent.map(\.label) }

  func buffer(_ name: String) -> Buffer? { buffers[name] }

  /// Sets every leaf to its initialiser's values; `only` picks some.
  public func initialize(seed: UInt64, only: (Node) -> Bool = { _ in true }) throws(Diagnostic) {
    for node in graph.persistent where only(node) {
      guard let buffer = buffers[node.label] else { continue }
      let initializer: Initializer
      switch node.body {
      case .leaf(.parameter(let given)), .leaf(.state(let given)): initializer = given
      default: continue
      }
      do throws(DimError) {
        try initializer.fill(buffer, name: node.label, seed: seed, sizes: sizes)
      } catch {
        throw .unsized(node, error)
      }
    }
  }

  /// Sets a leaf. Throws for an unknown name, another shape, or a dtype that would lose digits.
  public func set(_ name: String, _ array: NDArray) throws(Diagnostic) {
    let (buffer, accepted) = try accepting(name, array)
    copy(accepted, into: buffer)
  }

  /// Throws what `set` would throw, and sets nothing.
  public func check(_ name: String, _ array: NDArray) throws(Diagnostic) {
    _ = try accepting(name, array)
  }

  /// As above, of an array that has not been read.
  package func check(_ name: String, _ dtype: DType, _ shape: [Int]) throws(Diagnostic) {
    guard let node = graph.node(named: name), let buffer = buffers[node.label] else {
      throw .unknownFeed(name, graph)
    }
    guard shape == buffer.shape else {
      throw .fedShape(node, expected: buffer.shape, got: shape)
    }
    try node.check(dtype)
  }

  private func accepting(
    _ name: String, _ array: NDArray
  ) throws(Diagnostic) -> (Buffer, NDArray) {
    guard let node = graph.node(named: name), let buffer = buffers[node.label] else {
      throw .unknownFeed(name, graph)
    }
    return (buffer, try node.accepting(array, shape: buffer.shape))
  }

  /// A copy of a leaf's value; nil for an unknown name.
  public func array(_ name: String) -> NDArray? {
    buffers[name].map { NDArray(dtype: $0.dtype, shape: $0.shape, copying: $0.pointer) }
  }

  private func copy(_ array: NDArray, into buffer: Buffer) {
    array.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      buffer.pointer.copyMemory(from: base, byteCount: bytes.count)
    }
  }
}

extension Node {
  /// The array in this node's dtype. Widening is exact and done; anything else throws.
  func accepting(_ array: NDArray, shape: [Int]) throws(Diagnostic) -> NDArray {
    guard array.shape == shape else { throw .fedShape(self, expected: shape, got: array.shape) }
    try check(array.dtype)
    return array.dtype == type.dtype ? array : array.converted(to: type.dtype)
  }

  /// Throws when an array of this dtype would lose digits in this node's, or in `floats`, in which
  /// floats are computed. `stored` is what a file calls the dtype.
  package func check(
    _ dtype: DType, stored: String? = nil, floats: DType? = nil
  ) throws(Diagnostic) {
    switch (dtype, type.dtype.isFloating ? floats ?? type.dtype : type.dtype) {
    case (let own, let wanted) where own == wanted: return
    case (.f32, .f64), (.i32, .i64), (.i32, .f64): return
    default: throw .fedDType(self, got: dtype, stored: stored)
    }
  }
}
