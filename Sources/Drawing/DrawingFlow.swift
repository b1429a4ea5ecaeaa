public import GraphIR

/// What flows back along the edges of a graph, handed in as data: a line of its own for each root,
/// from a user back to the value.
public struct DrawingFlow: Sendable {
  /// What one root sends along an edge.
  public struct Arrow: Sendable {
    public var edge: GraphDiff.Edge
    /// The root's place in `roots`.
    public var root: Int
    /// Nil where nothing was measured.
    public var norm: Double?
    /// What carries it where the graph has no such edge: `cost · ∂ln q`.
    public var way: String?

    public init(edge: GraphDiff.Edge, root: Int, norm: Double?, way: String? = nil) {
      self.edge = edge
      self.root = root
      self.norm = norm
      self.way = way
    }
  }

  /// An edge that a root's gradient comes to and does not pass.
  public struct Stop: Sendable {
    public var edge: GraphDiff.Edge
    public var root: Int
    public var reason: String

    public init(edge: GraphDiff.Edge, root: Int, reason: String) {
      self.edge = edge
      self.root = root
      self.reason = reason
    }
  }

  /// The scalars whose gradients these are.
  public var roots: [String]
  public var arrows: [Arrow]
  public var stops: [Stop]

  public init(roots: [String], arrows: [Arrow], stops: [Stop]) {
    self.roots = roots
    self.arrows = arrows
    self.stops = stops
  }

  /// log10 of the norms that are finite and not 0.
  private var range: ClosedRange<Double>? {
    let logs = arrows.compactMap(\.norm).filter { $0 > 0 && $0.isFinite }.map(DrawingFlow.log10)
    guard let low = logs.min(), let high = logs.max() else { return nil }
    // Six decades tell large from small; what is smaller is thin.
    return max(low, high - 6)...high
  }

  /// Pen widths by norm; one width where nothing was measured.
  func widths() -> (Double?) -> Double {
    let range = self.range
    return { norm in
      guard let norm else { return 1.8 }
      guard let range, norm > 0 else { return DrawingFlow.thinnest }
      guard norm.isFinite, range.lowerBound < range.upperBound else { return 4 }
      let part =
        (DrawingFlow.log10(norm) - range.lowerBound)
        / (range.upperBound - range.lowerBound)
      return DrawingFlow.thinnest + (DrawingFlow.thickest - DrawingFlow.thinnest) * max(0, part)
    }
  }

  private static let (thinnest, thickest) = (1.0, 6.0)

  /// The decimal logarithm to some four digits, by the number's own exponent and a series; this
  /// target has no other use for mathematics.
  private static func log10(_ value: Double) -> Double {
    // ln((1 + y)/(1 − y)) = 2(y + y³/3 + …), at a significand from 1 to 2.
    let y = (value.significand - 1) / (value.significand + 1)
    let logarithm = 2 * (y + y * y * y / 3 + y * y * y * y * y / 5)
    return (Double(value.exponent) * 0.693147180559945 + logarithm) / 2.302585092994046
  }

  /// A root's line: style and colour; the style alone tells up to four apart.
  static func line(_ root: Int) -> (style: String, color: String) {
    switch root % 4 {
    case 0: ("solid", Hue.blue.line)
    case 1: ("dashed", Hue.green.line)
    case 2: ("dotted", Hue.purple.line)
    // Two strokes side by side. Vermillion is left to what is blocked.
    default: ("solid", "\(Hue.yellow.line):invis:\(Hue.yellow.line)")
    }
  }

  /// Three digits: `6.13`, `0.00112`, `4.3e5`.
  static func number(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    let exponent = Int(log10(abs(value)).rounded(.down))
    guard (-4...5).contains(exponent) else {
      var scale = 1.0
      for _ in 0..<min(abs(exponent), 300) { scale *= 10 }
      let lead = exponent < 0 ? value * scale : value / scale
      return number(lead) + "e\(exponent)"
    }
    return fixed(value, decimals: max(0, 2 - exponent))
  }
}

extension AyatoriDrawing {
  /// A line of the flow, over an edge that is drawn.
  struct FlowMark {
    var root: Int
    var norm: Double?
    /// Why nothing passes; nil where something flows.
    var reason: String?
    /// What carries it, where the graph has no such edge.
    var way: String?
  }

  /// The lines of the flow: one between two boxes for each root, with the norm of all that it
  /// stands for.
  func flowEdges() -> [Edge] {
    guard let flow = annotations.flow else { return [] }
    struct Key: Hashable {
      var tail: Int
      var head: Int
      var root: Int
      var isStop: Bool
      var way: String?
    }
    var edges: [Edge] = []
    var places: [Key: Int] = [:]
    func add(_ edge: GraphDiff.Edge, _ mark: FlowMark) {
      guard let tail = boxOf[edge.tail.index], let head = boxOf[edge.head.index], tail != head
      else { return }
      let key = Key(
        tail: tail, head: head, root: mark.root, isStop: mark.reason != nil, way: mark.way)
      if let place = places[key] {
        guard let old = edges[place].flow?.norm, let new = mark.norm else { return }
        edges[place].flow?.norm = (old * old + new * new).squareRoot()
        return
      }
      places[key] = edges.count
      edges.append(
        Edge(
          tail: edge.tail, head: edge.head, look: .differentiable, label: nil, tooltip: "",
          tailPort: false, headPort: false, flow: mark))
    }
    for arrow in flow.arrows {
      add(arrow.edge, FlowMark(root: arrow.root, norm: arrow.norm, way: arrow.way))
    }
    for stop in flow.stops { add(stop.edge, FlowMark(root: stop.root, reason: stop.reason)) }
    return edges
  }

  /// What a line of the flow looks like; `tailEnd` is the attribute of the end at the value.
  func attributes(
    _ mark: FlowMark, _ edge: Edge, _ flow: DrawingFlow, valueEnd: String, dir: String
  ) -> DOTWriter.Attributes {
    let (style, color) = DrawingFlow.line(mark.root)
    let ends = "\(DOT.short(graph[edge.head].label)) → \(DOT.short(graph[edge.tail].label))"
    let root = DOT.short(flow.roots[mark.root])
    var attributes: DOTWriter.Attributes = [("dir", .text(dir)), ("weight", .text("0"))]
    if let reason = mark.reason {
      let tooltip = "∂\(root), \(ends): blocked, \(DOT.short(reason, limit: 200))"
      attributes += [
        ("style", .text(style)), ("color", .text(Hue.vermillion.line)), (valueEnd, .text("tee")),
        ("arrowsize", .text("1.3")), ("penwidth", .text("1.6")), ("tooltip", .text(tooltip)),
        ("label", .text(" \(DOT.short(DrawingFlow.short(reason), limit: 48)) ")),
        ("labeltooltip", .text(tooltip)), ("fontcolor", .text(Hue.vermillion.line)),
      ]
      return attributes
    }
    let amount = mark.norm.map(DrawingFlow.number)
    let words = [mark.way, amount].compactMap { $0 }.joined(separator: "  ")
    let tooltip =
      "∂\(root), \(ends)" + (amount.map { ": norm \($0)" } ?? "")
      + (mark.way.map { ", by \($0)" } ?? "")
    let width = flow.widths()(mark.norm)
    attributes += [
      ("style", .text(style)), ("color", .text(color)), (valueEnd, .text("normal")),
      ("penwidth", .text(fixed(width, decimals: 2))), ("tooltip", .text(tooltip)),
    ]
    if !words.isEmpty {
      attributes += [
        ("label", .text(" \(words) ")), ("labeltooltip", .text(tooltip)),
        ("fontcolor", .text(String(color.prefix { $0 != ":" }))),
      ]
    }
    return attributes
  }
}

extension DrawingFlow {
  /// A reason without where it applies and how it goes on.
  static func short(_ reason: String) -> String {
    let head = reason.split(separator: " (at '", maxSplits: 1).first.map(String.init) ?? reason
    if head.count <= 44 { return head }
    let clause = head.prefix { !":;,".contains($0) }
    return clause.count <= 44 ? String(clause) : clause.prefix(43) + "…"
  }
}
