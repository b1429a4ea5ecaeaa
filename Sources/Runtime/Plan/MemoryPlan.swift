public import GraphIR

/// Where every value of a program lives at given sizes, and what happens in which order.
///
/// Time is counted in moments: moment 0 is before the first step, step i is moment i + 1, and the
/// last moment is after all steps, when outputs are read.
public struct MemoryPlan: Sendable {
  /// A stretch of the arena that belongs to one value, and to those written over it, for a time.
  public struct Allocation: Sendable {
    /// The nodes that live in it, in the order of their birth.
    public var nodes: [NodeID]
    public var offset: Int
    public var bytes: Int
    /// The first and last moment in which it holds something that is needed.
    public var lifetime: ClosedRange<Int>
  }

  /// Where a node's memory is.
  public enum Place: Sendable, Equatable {
    /// In `allocations`.
    case arena(Int)
    /// In the storage of a persistent leaf.
    case persistent(NodeID)
  }

  /// A copy that keeps a value that would be overwritten, or brings an update home.
  public struct Copy: Sendable {
    public var from: Place
    /// Where the source begins in its place, in bytes.
    public var fromOffset: Int
    public var to: Place
    public var bytes: Int
  }

  /// Where an output's value begins.
  public struct OutputPlace: Sendable, Equatable {
    public var place: Place
    /// In bytes.
    public var offset: Int
  }

  public let sizes: [String: Int]
  /// Concrete shapes by node index; empty for nodes that are not needed.
  public let shapes: [[Int]]
  /// What runs, in order.
  public let steps: [Program.Step]
  /// Settable for tests of the verification.
  public package(set) var allocations: [Allocation]
  /// By node index; nil for nodes that are not needed, and for values inside a fused group that
  /// nothing outside needs: they live in blocks.
  public let places: [Place?]
  /// Where a node's value begins in its place, in bytes, by node index.
  public let offsets: [Int]
  /// The allocation that holds every constant and what is computed from constants alone; nil when
  /// there are none.
  public let constants: Int?
  /// Copies before the first step and after the last.
  public let before: [Copy]
  public let after: [Copy]
  /// Where the run leaves each output's value.
  public let outputPlaces: [OutputPlace]
  /// Bytes of the arena.
  public let arenaBytes: Int
  /// The name of the planner that found the offsets.
  public let planner: String

  /// Every allocation starts at a multiple of this many bytes: a cache line and a vector register.
  public static let alignment = 64

  /// No plan may take more: sums of sizes below it cannot overflow.
  static let byteLimit = 1 << 50

  /// The bytes of an array, rounded up to whole alignments; an empty one takes one.
  static func paddedBytes(_ shape: [Int], _ dtype: DType) -> Int {
    let raw = shape.reduce(1, *) * dtype.byteCount
    return max(alignment, (raw + alignment - 1) / alignment * alignment)
  }

  /// Plans the memory. Throws for dimensions without a size and for shapes that do not fit.
  public init(
    _ program: Program, sizes: [String: Int], keeping inputs: Set<String> = []
  ) throws(Diagnostic) {
    var planner = try Planner(program, sizes: sizes, keeping: inputs)
    planner.plan()
    self.sizes = sizes
    shapes = planner.shapes
    steps = program.steps
    places = planner.places
    offsets = planner.offsets
    constants = planner.constants
    before = planner.before
    after = planner.after
    outputPlaces = planner.outputPlaces
    var allocations = planner.allocations
    guard let found = OffsetPlanner.smallest(for: allocations.map(\.range)) else {
      throw .outOfMemory(Int.max, program.graph)
    }
    for index in allocations.indices { allocations[index].offset = found.offsets[index] }
    arenaBytes = found.arenaBytes
    self.planner = found.planner
    self.allocations = allocations
  }

  /// Whether a leaf's memory still holds the leaf's value after a run.
  func survivesRun(_ leaf: NodeID) -> Bool {
    guard case .arena(let index)? = places[leaf.index] else { return true }
    let own = allocations[index]
    return own.nodes == [leaf]
      && allocations.indices.allSatisfy { other in
        other == index || allocations[other].offset >= own.offset + own.bytes
          || allocations[other].offset + allocations[other].bytes <= own.offset
      }
  }
}
