/// A memory plan as a picture: time runs to the right in steps, offsets in the arena upwards; each
/// allocation is a rectangle, filled by what its memory is held for.
///
/// Moments count as the plan does: 0 is before the first step, i is step i, and one more than the
/// number of steps is after the last.
public struct PlanPicture: Sendable {
  /// What memory is held for. The hatching says it; the colour repeats it.
  public enum Style: String, CaseIterable, Sendable {
    case input, noise, constant, forward, saved, backward, update, output, copy

    /// What the legend says.
    public var meaning: String {
      switch self {
      case .input: "input, still to be read"
      case .noise: "noise"
      case .constant: "constants"
      case .forward: "forward"
      case .saved: "saved for backward"
      case .backward: "backward"
      case .update: "update"
      case .output: "waiting as an output"
      case .copy: "kept old value"
      }
    }
  }

  /// A stretch of time, both ends included, in which memory is held for one thing.
  public struct Segment: Sendable, Equatable {
    public var first: Int
    public var last: Int
    public var style: Style

    public init(first: Int, last: Int, style: Style) {
      self.first = first
      self.last = last
      self.style = style
    }
  }

  /// A value that lives in an allocation.
  public struct Value: Sendable {
    public var label: String
    /// What a tooltip says, line by line.
    public var details: [String]
    /// One after another in time.
    public var segments: [Segment]

    public init(label: String, details: [String], segments: [Segment]) {
      self.label = label
      self.details = details
      self.segments = segments
    }
  }

  public struct Allocation: Sendable {
    public var offset: Int
    public var bytes: Int
    public var first: Int
    public var last: Int
    public var values: [Value]

    public init(offset: Int, bytes: Int, first: Int, last: Int, values: [Value]) {
      self.offset = offset
      self.bytes = bytes
      self.first = first
      self.last = last
      self.values = values
    }
  }

  public struct Step: Sendable {
    public var label: String
    public var style: Style

    public init(label: String, style: Style) {
      self.label = label
      self.style = style
    }
  }

  public var title: String
  public var subtitle: String
  public var steps: [Step]
  public var arenaBytes: Int
  /// The bytes in use at the fullest moment.
  public var lowerBound: Int
  /// By moment.
  public var liveBytes: [Int]
  public var allocations: [Allocation]

  public init(
    title: String, subtitle: String, steps: [Step], arenaBytes: Int, lowerBound: Int,
    liveBytes: [Int], allocations: [Allocation]
  ) {
    self.title = title
    self.subtitle = subtitle
    self.steps = steps
    self.arenaBytes = arenaBytes
    self.lowerBound = lowerBound
    self.liveBytes = liveBytes
    self.allocations = allocations
  }

  /// No more allocations are drawn; the picture says how many are left out.
  public static let mostAllocations = 600

  /// The picture as SVG 1.1, the same bytes for the same plan on every run.
  public func svg() -> String {
    var drawing = PlanSVG(self)
    return drawing.text()
  }
}
